from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language

from spacy_convner.silver.labelling import MANIFEST, label_file

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


def label(nlp: Language, source: Path | str, output: Path | str, **settings: Any) -> dict[str, Any]:
    defaults = {"shard_size": 10, "n_process": 1, "batch_size": 4, "keep_exemplars": False}
    return label_file(nlp, source, output, **{**defaults, **settings})


def manifest(folder: Path) -> dict[str, Any]:
    """Of a run."""
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf8")))


def shards(folder: Path) -> dict[str, int]:
    """Name and time of writing, to see which are made again."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("part-*"))}
