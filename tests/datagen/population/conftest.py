"""Names and patterns small enough to count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language

from spacy_convner.datagen.population.filling import Frame, make_frames
from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.datagen.ty import NameSampler, Pattern
from spacy_convner.ty import CatalogEntry


def entry(text: str, label: str, popularity: float = 1.0, **more: Any) -> CatalogEntry:
    return CatalogEntry(text, label, f"{label}:{text}", popularity, **more)


NAMES = [
    entry("Hello", "Song", 90),
    entry("Stay", "Song", 60),
    entry("Sheep", "Song", 10),
    entry("Adele", "Artist", 95, aliases=("Adele Adkins",)),
    entry("Dr. Dre", "Artist", 70),
    entry("Beyoncé", "Artist", 97, aliases=("Queen Bey",)),
    entry("Guns N' Roses", "Artist", 40),
    entry("Manchester", "City", 60),
    entry("Manchester", "SportsTeam", 1),
    entry("Manchester United", "SportsTeam", 90),
    entry("Bad Bunny", "Artist", 99, lang="es"),
    entry("Stay", "Song", 3, lang="en"),
]


@pytest.fixture(scope="session")
def nlp() -> Language:
    return spacy.blank("xx")


@pytest.fixture
def sampler() -> NameSampler:
    made = make_popularity_sampler()
    made.fit(NAMES, "en")
    return made


def frames_of(*texts: str, lang: str = "en", **more: Any) -> list[Frame]:
    patterns = [Pattern(text, lang, "accepted", **more) for text in texts]
    return make_frames(enumerate(patterns, 1), {"Song", "Artist", "City", "SportsTeam", "Dish"}, path=Path("p.jsonl"))


@pytest.fixture(scope="session")
def make() -> Callable[..., list[Frame]]:
    return frames_of
