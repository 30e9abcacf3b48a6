"""Test sets of a language, with nothing of training in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language

from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.datagen.population.surface_noise import SurfaceNoise
from spacy_convner.datagen.testsets.audit import find_leaks, find_shared
from spacy_convner.datagen.testsets.building import Built, Plan, build_testsets
from spacy_convner.datagen.testsets.training import read_training
from spacy_convner.datagen.testsets.unseen import all_keys
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import DataError
from spacy_convner.records import unique_texts
from spacy_convner.ty import CatalogEntry, Normalizer

from .conftest import ENTRIES

SONGS = [f"{adjective} {noun}" for adjective in ("Blue", "Red", "Old", "Loud") for noun in ("Moon", "Road", "Rain")]
CATALOG = [*ENTRIES, *(CatalogEntry(song, "Song", f"song:{song}", 2.0) for song in SONGS)]
PATTERNS = [
    Pattern("play <Song> by <Artist>", "en", "accepted"),  # its form is an exemplar's
    Pattern("hey, do you know <Song>, the one by <Artist>", "en", "accepted", cluster=1),
    Pattern("my sister is mad about <Artist>", "en", "accepted", cluster=2),
    Pattern("is there anything sadder than <Song> in the evening", "en", "edited", cluster=3),
    Pattern("<Artist> and <Song> and nothing else today", "en", "accepted", cluster=4),
    Pattern("play <Song>", "en", "accepted", style="command", frequency=7),
    Pattern("is <Artist> on tour", "en", "accepted", style="command", frequency=2),
    Pattern("no <Thing> no", "en", "rejected"),
    Pattern("<Song> en español", "es", "accepted"),
]


@pytest.fixture
def build(exemplars: Path, nlp: Language, normalizer: Normalizer) -> Any:
    seen = read_training([exemplars], set(all_keys(CATALOG, normalizer)))

    def make(patterns: list[Pattern] = PATTERNS, lang: str = "en", **settings: Any) -> Built:
        sizes = {"size": 60, "head_size": 20, "unseen_size": 40, **settings}
        return build_testsets(
            lang, {Path("p.jsonl"): list(enumerate(patterns, 1))}, CATALOG, seen, Plan(**sizes),
            make_sampler=make_popularity_sampler, normalizer=normalizer, nlp=nlp,
        )  # fmt: skip

    return make


def test_three_sets(build: Any, exemplars: Path) -> None:
    built = build(labels=["Artist", "Song", "Dish"], noise=SurfaceNoise(0.3))
    assert {name: len(found) for name, found in built.sets.items()} == {
        "conversational.en": 60, "head.en": 20, "unseen.en": 40,
    }  # fmt: skip
    assert find_leaks(built.sets, [exemplars]) == []
    assert {e.meta["style"] for e in built.sets["conversational.en"]} == {"conversational"}
    assert {e.meta["style"] for e in built.sets["head.en"]} == {"command"}
    assert Counter(e.meta["style"] for e in built.sets["unseen.en"])["conversational"] >= 20
    assert {e.meta["style"] for e in built.sets["unseen.en"]} == {"conversational", "command"}
    assert not any("noise" in e.meta for e in built.sets["head.en"])
    assert [p.text for p in built.patterns] == [p.text for p in PATTERNS[1:5]]
    assert [note for note in built.notes if "1 of 5 patterns have a form that training has" in note]
    assert "unseen.en has no Dish" in built.notes
    used = {i for e in built.sets["unseen.en"] for i in e.meta["entries"]}
    assert {row.meta["id"] for row in built.unseen_names} == used
    assert not {"song:hello", "artist:adele", "artist:sia", "song:stay"} & used
    assert build(labels=["Artist", "Song", "Dish"], noise=SurfaceNoise(0.3)) == built


def test_sets_can_be_left_out(build: Any) -> None:
    assert list(build(size=0, unseen_size=0).sets) == ["head.en"]
    assert list(build(head_size=0, unseen_size=0).sets) == ["conversational.en"]


@pytest.mark.parametrize("disjoint", ["entities", "patterns"])
def test_disjoint_parts(build: Any, disjoint: str) -> None:
    built = build(head_size=0, unseen_size=0, dev_share=0.4, disjoint=frozenset([disjoint]))
    dev, test = built.sets["conversational-dev.en"], built.sets["conversational.en"]
    assert len(dev) + len(test) <= 60
    assert not find_shared("test", test, "dev", dev, "names" if disjoint == "entities" else "forms")
    assert find_shared("test", test, "dev", dev, "forms" if disjoint == "entities" else "names")
    assert not unique_texts(dev) & unique_texts(test)


def test_parts_without_more(build: Any) -> None:
    built = build(head_size=0, unseen_size=0, dev_share=0.25)
    assert (len(built.sets["conversational-dev.en"]), len(built.sets["conversational.en"])) == (15, 45)
    assert not unique_texts(built.sets["conversational-dev.en"]) & unique_texts(built.sets["conversational.en"])


def test_too_few(build: Any) -> None:
    built = build(size=9999, head_size=0, unseen_size=0)
    assert 60 < len(built.sets["conversational.en"]) < 999
    assert any("of 9,999 utterances" in note for note in built.notes)


def test_no_patterns_for_a_set(build: Any) -> None:
    with pytest.raises(DataError, match="style 'command'"):
        build(PATTERNS[:5])
    with pytest.raises(DataError, match="style 'conversational'"):
        build(PATTERNS[5:7])
    with pytest.raises(DataError, match=r"p.jsonl:1.*<Dish>"):
        build([Pattern("eat <Dish>", "en", "accepted")])
    with pytest.raises(DataError, match=r"nothing is left for conversational\.en: 1 of 1 patterns"):
        build(PATTERNS[:1], head_size=0, unseen_size=0)
