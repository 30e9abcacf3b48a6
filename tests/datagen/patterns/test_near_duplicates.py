from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.datagen.patterns.near_duplicates import content_words, find_near_duplicates

WORDS = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "lang"),
    [
        ("play <Song>", "Play the <Song>!", "en"),
        ("play <Song>", "can you play me <Artist>", "en"),
        ("pon <Song:1> y otra vez <Song:1>", "Pon <Song> y otra vez <Artist>.", "es"),
        ("¿Dónde está el <Landmark>?", "donde esta <City>", "es"),
        ("what's on at <Landmark>", "whats on at <Landmark>", "en"),
    ],
)
def test_the_same_up_to_tags_and_small_words(one: str, other: str, lang: str) -> None:
    assert content_words(one, lang) == content_words(other, lang)


def test_tags_may_matter() -> None:
    assert content_words("play <Song:2>", "en", ignore_tags=False) == ("play", "<Song>")
    assert content_words("play <Song>", "en", ignore_tags=False) != content_words(
        "play <Artist>", "en", ignore_tags=False
    )


def test_a_pattern_of_small_words_keeps_them() -> None:
    assert content_words("who is <Artist>", "en") == ("who", "is", "<>")
    assert content_words("who is <Artist>", "en") != content_words("is it <Artist>", "en")


@settings(deadline=None)
@given(WORDS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_finds_what_comparing_all_with_all_finds(items: list[list[str]], threshold: float) -> None:
    def share(one: list[str], other: list[str]) -> float:
        a, b = Counter(one), Counter(other)
        return sum((a & b).values()) / sum((a | b).values())

    found = find_near_duplicates(items, threshold)
    kept: list[int] = []
    for index, item in enumerate(items):
        shares = [share(item, items[other]) for other in kept]
        assert (index in found) == any(s >= threshold - 1e-9 for s in shares)
        if index in found:
            other, value = found[index]
            assert value == pytest.approx(max(shares))
            assert other in kept
        else:
            kept.append(index)


def test_five_thousand_patterns_are_quick() -> None:
    rng = random.Random(0)
    words = [f"word{i}" for i in range(2000)]
    items = [["<>", *rng.choices(words, weights=[1 / (i + 1) for i in range(2000)], k=8)] for _ in range(5_000)]
    started = time.perf_counter()
    find_near_duplicates(items, 0.8)
    assert time.perf_counter() - started < 10
