from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from ..conftest import write_jsonl

NAMES = ["hello", "stay", "adele", "boston", "manchester united", "nothing", "Beyoncé", "x"]


@pytest.fixture
def traffic(tmp_path: Path) -> Path:
    """103 utterances, among them blank ones and some in another language."""
    texts = [f"{verb} {name} {i}" for i in range(5) for verb in ("play", "tell me about") for name in NAMES]
    records = [{"text": text} for text in [*texts, "", " ", "🎧\n"]]
    records += [{"text": f"pon {name}", "lang": "es"} for name in NAMES for _ in range(2)]
    records += [{"text": "end of it"}, *[{"text": f"more {i}"} for i in range(3)]]
    assert len(records) == 103
    return write_jsonl(tmp_path / "traffic.jsonl", records)


@pytest.fixture
def make_ruler() -> Callable[..., Language]:
    """A teacher of spaCy's own parts: quick, and not ours."""

    def make(label: str = "Song") -> Language:
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": name} for name in NAMES])  # type: ignore[attr-defined]
        return nlp

    return make
