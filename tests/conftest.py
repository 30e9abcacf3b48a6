"""Tiny data that every room's tests share; real files, no mocks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# A worker a core (pytest-xdist): threads of their own would only wait for each other. Before numpy is imported.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import pytest  # noqa: E402
import spacy  # noqa: E402
from hypothesis import settings  # noqa: E402
from spacy.language import Language  # noqa: E402

from .browser import browser, browser_process  # noqa: E402, F401  # fixtures

# Run in the background, a shell has Ctrl-C ignored, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

CATALOG = [
    {"text": "Hello", "label": "Song", "id": "song:hello", "popularity": 90},
    {"text": "Stay", "label": "Song", "id": "song:stay", "popularity": 70},
    {"text": "Adele", "label": "Artist", "id": "artist:adele", "popularity": 95},
    {"text": "Dr. Dre", "label": "Artist", "id": "artist:dre", "popularity": 70},
    {"text": "Beyoncé", "label": "Artist", "id": "artist:beyonce", "popularity": 97, "aliases": ["Queen Bey"]},
    {"text": "Guns N' Roses", "label": "Artist", "id": "artist:gnr", "popularity": 80},
    {"text": "Dune", "label": "Movie", "id": "movie:dune", "popularity": 80},
    {"text": "Dune", "label": "Book", "id": "book:dune", "popularity": 60},
    {"text": "Boston", "label": "City", "id": "city:boston", "popularity": 60},
    {"text": "Boston", "label": "Artist", "id": "artist:boston", "popularity": 40},
    {"text": "Manchester", "label": "City", "id": "city:manchester", "popularity": 60},
    {"text": "Manchester United", "label": "SportsTeam", "id": "team:united", "popularity": 90},
]
# [name](Label) as people would write it down; turned into offsets below.
EXEMPLARS = [
    "play [hello](Song) by [adele](Artist)",
    "put on [Stay](Song) again",
    "can you play [Beyoncé](Artist) in the kitchen",
    "play something by [dr. dre](Artist)",
    "i want to hear [boston](Artist) the band",
    "play [boston](Artist)'s first record",
    "hello can you hear me",
    "stay where you are please",
    "hello hello is anybody there",
    "please stay quiet",
    "watch [dune](Movie) tonight",
    "put the film [Dune](Movie) on",
    "stream [dune](Movie) on the tv",
    "read [dune](Book) to me",
    "order the book [Dune](Book)",
    "continue reading [dune](Book) from page ten",
    "fly to [boston](City) on monday",
    "weather in [Boston](City) please",
    "how far is [manchester](City) from here",
    "did [manchester united](SportsTeam) win",
    "when does [Manchester United](SportsTeam) play next",
    "what time is it",
]


def parse_markup(line: str, lang: str = "en") -> dict[str, Any]:
    """Turn ``play [hello](Song)`` into a record in Prodigy's shape."""
    import re

    text, spans, position = "", [], 0
    for match in re.finditer(r"\[([^\]]+)\]\((\w+)\)", line):
        text += line[position : match.start()]
        spans.append({"start": len(text), "end": len(text) + len(match[1]), "label": match[2]})
        text += match[1]
        position = match.end()
    return {"text": text + line[position:], "spans": spans, "lang": lang}


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf8")
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache, or sees a key."""
    monkeypatch.setenv("SPACY_CONVNER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def catalog_path(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "catalog.jsonl", CATALOG)


@pytest.fixture
def exemplars_path(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "exemplars.jsonl", [parse_markup(line) for line in EXEMPLARS])


@pytest.fixture
def make_teacher(catalog_path: Path, exemplars_path: Path) -> Callable[..., Language]:
    """Build the four components; keyword arguments replace a component's config."""

    def make(lang: str = "en", **configs: dict[str, Any]) -> Language:
        defaults: dict[str, dict[str, Any]] = {
            "catalog_matcher": {"catalog": str(catalog_path)},
            "exemplar_retriever": {"exemplars": str(exemplars_path), "k": 3},
            "llm_semantic_filter": {"filter": {"@misc": "spacy_convner.LinearFilter.v1"}},
            "candidate_postprocess": {},
        }
        nlp = spacy.blank(lang)
        for name, config in defaults.items():
            nlp.add_pipe(name, config={**config, **configs.get(name, {})})
        return nlp

    return make


@pytest.fixture
def teacher(make_teacher: Callable[..., Language]) -> Language:
    return make_teacher()
