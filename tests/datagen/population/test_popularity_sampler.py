"""What is drawn how often."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.population.names import clashes, first_rare, group_names, rare_names
from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.errors import ConfigError

from .conftest import NAMES, entry

FOUR = [entry("a", "X", 80), entry("b", "X", 15), entry("c", "X", 4), entry("d", "X", 1)]


def shares(n: int = 20_000, **settings: float) -> dict[str, float]:
    sampler = make_popularity_sampler(**settings)
    sampler.fit(FOUR, "en")
    rng = random.Random(0)
    counts = Counter(found.text for _ in range(n) if (found := sampler.draw("X", (), rng)))
    return {name: round(counts[name] / n, 2) for name in "abcd"}


def test_by_popularity() -> None:
    assert shares(rare_share=0) == pytest.approx({"a": 0.8, "b": 0.15, "c": 0.04, "d": 0.01}, abs=0.011)


def test_temperature() -> None:
    assert shares(rare_share=0, temperature=math.inf) == pytest.approx(dict.fromkeys("abcd", 0.25), abs=0.015)
    assert shares(rare_share=0, temperature=0.01)["a"] == 1
    warm = shares(rare_share=0, temperature=2)
    total = sum(math.sqrt(name.popularity) for name in FOUR)
    assert warm["a"] == pytest.approx(math.sqrt(80) / total, abs=0.015)


def test_quota_of_rare_names() -> None:
    found = shares(rare_share=0.5)
    assert found["d"] == pytest.approx(0.25 + 0.5 * 0.01, abs=0.015)
    assert found["c"] + found["d"] == pytest.approx(0.5 + 0.5 * 0.05, abs=0.015)
    assert shares(rare_share=1) == pytest.approx({"a": 0, "b": 0, "c": 0.5, "d": 0.5}, abs=0.015)


@pytest.mark.parametrize(
    ("weights", "start"),
    [([], 0), ([3.0], 1), ([2.0, 2.0], 2), ([2.0, 1.0], 1), ([9, 1, 1, 1], 1), ([9, 8, 2, 1], 2), ([9, 8, 2, 1, 1], 3)],
)
def test_which_are_rare(weights: list[float], start: int) -> None:
    assert first_rare(weights) == start


def test_names_of_a_language() -> None:
    english, spanish = group_names(NAMES, "en"), group_names(NAMES, "es")
    assert "Bad Bunny" not in [name.entry.text for name in english["Artist"]]
    assert spanish["Artist"][0].entry.text == "Bad Bunny"
    foreign = {name.entry.text: name.weight for name in group_names(NAMES, "en", 0.5)["Artist"]}
    assert foreign["Bad Bunny"] == 99 / 2
    # one name, two entries: the popular one stands for both
    assert [(n.entry.id, n.weight) for n in english["Song"] if n.entry.text == "Stay"] == [("Song:Stay", 63)]
    assert rare_names(english) == {
        ("Song", "Song:Sheep"), ("Artist", "Artist:Dr. Dre"), ("Artist", "Artist:Guns N' Roses"),
        ("SportsTeam", "SportsTeam:Manchester"),
    }  # fmt: skip


def test_popularity_of_nothing() -> None:
    grouped = group_names([entry("a", "X", 0), entry("b", "X", 4), entry("c", "Y", 0)], "en")
    assert [n.weight for n in grouped["X"]] == [4, 2]
    assert [n.weight for n in grouped["Y"]] == [1]


def test_taken_names_are_not_drawn() -> None:
    sampler = make_popularity_sampler()
    sampler.fit(NAMES, "en")
    rng = random.Random(1)
    for _ in range(50):
        found = sampler.draw("SportsTeam", {"manchester"}, rng)
        assert found is None  # "Manchester United" has it as a word inside
    taken: set[str] = set()
    while (found := sampler.draw("Artist", taken, rng)) is not None:
        assert found.text.casefold() not in taken
        taken.add(found.text.casefold())
    assert taken == {"adele", "dr. dre", "beyoncé", "guns n' roses"}
    assert sampler.draw("Nothing", (), rng) is None
    assert clashes("manchester", {"manchester united"})
    assert not clashes("man", {"manchester"})


def test_aliases() -> None:
    sampler = make_popularity_sampler(alias_share=1)
    sampler.fit(NAMES, "en")
    rng = random.Random(0)
    found = {(e.text, e.id) for _ in range(200) if (e := sampler.draw("Artist", (), rng))}
    assert ("Queen Bey", "Artist:Beyoncé") in found
    assert not [text for text, _ in found if text == "Beyoncé"]


def test_fit_replaces() -> None:
    sampler = make_popularity_sampler()
    assert sampler.labels == []
    sampler.fit(NAMES, "en")
    assert sampler.labels == ["Artist", "City", "Song", "SportsTeam"]
    sampler.fit(FOUR, "en")
    assert sampler.labels == ["X"]


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=30), st.floats(0.01, 100), st.integers(0, 10))
def test_any_catalog_gives_names(popularity: list[float], temperature: float, seed: int) -> None:
    sampler = make_popularity_sampler(temperature)
    sampler.fit([entry(str(i), "X", p) for i, p in enumerate(popularity)], "en")
    assert sampler.draw("X", (), random.Random(seed)) is not None


@pytest.mark.parametrize(
    "settings", [{"temperature": 0}, {"temperature": -1}, {"temperature": math.nan}, {"rare_share": 1.1},
                 {"foreign_share": -0.1}, {"alias_share": 2}],
)  # fmt: skip
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        make_popularity_sampler(**settings)
