"""A catalog and exemplars small enough to see through."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.datagen.population.filling import Frame, make_frames
from spacy_convner.datagen.ty import Pattern
from spacy_convner.ty import CatalogEntry, Normalizer

from ...conftest import parse_markup, write_jsonl

_NAMES = {
    "Song": "Hello:90 Stay:60 Sheep:10 Rolling:5 Nightcall:4 Fireflies:3",
    "Artist": "Adele:95 Sia:70 Moby:40 The_Beatles:99 Kavinsky:9 Beyoncé:97",
}
ENTRIES = [
    CatalogEntry(
        text=(text := item.split(":")[0].replace("_", " ")),
        label=label,
        id=f"{label.lower()}:{text.lower()}",
        popularity=float(item.split(":")[1]),
        aliases=("Queen Bey",) if text == "Beyoncé" else (),
    )
    for label, items in _NAMES.items()
    for item in items.split()
]
EXEMPLARS = ["play [hello](Song) by [Adele](Artist)", "is [Sia](Artist) on tour", "stay where you are", "what now"]


@pytest.fixture
def exemplars(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "exemplars.jsonl", [parse_markup(line) for line in EXEMPLARS])


@pytest.fixture(scope="session")
def normalizer() -> Normalizer:
    return make_normalizer()


@pytest.fixture(scope="session")
def nlp() -> Language:
    return spacy.blank("xx")


def frames_of(*patterns: Pattern) -> list[Frame]:
    return make_frames(enumerate(patterns, 1), {"Song", "Artist", "City"})
