"""A small pattern file under review, with something of every kind in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.pattern_files import pattern_id
from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.datagen.review.examples import ExampleMaker
from spacy_convner.datagen.review.reviewed_file import ReviewedFile
from spacy_convner.datagen.review.session import ReviewSession
from spacy_convner.datagen.ty import Pattern
from spacy_convner.ty import CatalogEntry
from tests.conftest import CATALOG, write_jsonl

HOSTILE = "play <script>alert(1)</script> by <Artist>"
PATTERNS: list[dict[str, Any]] = [
    {"text": "play <Song> by <Artist>", "lang": "en", "cluster": 0, "seeds": ["Play hello by  adele"], "frequency": 7},
    {"text": "put on some <Artist> will you", "lang": "en", "cluster": 0, "seeds": ["put on some adele will you"]},
    {"text": HOSTILE, "lang": "en", "cluster": -1, "seeds": ["play <img src=x onerror=alert(2)> by adele"]},
    {"text": "¿quién canta <Song>?", "lang": "es", "cluster": 1, "seeds": []},
    {"text": "is <Movie> any good", "lang": "en", "cluster": None, "seeds": ["is dune any good"]},
    {"text": "play", "lang": "en", "status": "rejected", "reviewer": "validate", "reason": "no placeholder"},
]


def identity(text: str, lang: str = "en") -> str:
    return pattern_id(Pattern(text=text, lang=lang))


@pytest.fixture
def patterns_path(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "patterns.jsonl", PATTERNS)


@pytest.fixture
def open_session(patterns_path: Path) -> Iterator[Callable[..., ReviewSession]]:
    """Open the file for a reviewer; closes the session before."""
    opened: list[ReviewedFile] = []

    def start(reviewer: str = "ana", **settings: Any) -> ReviewSession:
        while opened:
            opened.pop().close()
        opened.append(ReviewedFile(patterns_path).__enter__())
        return ReviewSession(opened[-1], reviewer, **settings)

    yield start
    for file in opened:
        file.close()


@pytest.fixture
def session(open_session: Callable[..., ReviewSession]) -> ReviewSession:
    return open_session()


@pytest.fixture
def examples() -> ExampleMaker:
    entries = [CatalogEntry(e["text"], e["label"], e["id"], e["popularity"]) for e in CATALOG]
    return ExampleMaker(lambda: entries, make_popularity_sampler)
