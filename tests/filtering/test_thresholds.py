"""Thresholds chosen from scored exemplars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.filtering.filters.thresholds import (
    GRID,
    NO_SECOND,
    best_second_threshold,
    best_threshold,
    can_choose,
)
from spacy_convner.ty import Candidate, Exemplar, Floats

Scored = list[tuple[Exemplar, Floats]]


def scored(*answers: tuple[float, bool], n: int = 1) -> Scored:
    """Utterances of one candidate: its probability and whether it is meant."""
    candidate = Candidate(0, 5, "Song")
    return [
        (Exemplar("hello", (candidate.key,) if meant else (), candidates=(candidate,)), np.array([p]))
        for p, meant in answers
    ] * n


def test_what_tells_right_from_wrong() -> None:
    # From 0.60 to 0.80 all are right; the nearest of them to half the best F1 is taken.
    assert best_threshold(scored((0.82, True), (0.57, False), n=9)) == 0.6
    assert best_threshold(scored((0.3, True), (0.17, False), n=9)) == 0.3
    assert best_threshold(scored((0.9, True), (0.16, False), n=9)) == 0.5


def test_standard_errors_let_near_ones_count_as_equal() -> None:
    # F1 2/3 up to 0.20, where all are taken; 0.5 from there to 0.90. Few exemplars can't tell the two apart.
    few = scored((0.86, True), (0.22, True), (0.23, False), (0.86, False))
    best = best_threshold(few)
    assert best <= 0.2
    assert best_threshold(few, standard_errors=1.0) > best
    assert best_threshold(few * 100, standard_errors=1.0) == best


def test_a_margin_lowers_the_threshold() -> None:
    all_are_right = scored((0.95, True), (0.05, False), n=5)
    assert best_threshold(all_are_right) == 0.5
    assert best_threshold(all_are_right, margin=0.2) == 0.4
    assert best_threshold(all_are_right, margin=2.0) == GRID[0]


def test_nothing_to_choose_from() -> None:
    assert not can_choose([])
    assert not can_choose(scored((0.9, False), n=30))
    assert can_choose(scored((0.9, False), (0.2, True)))
    missed = Exemplar("hello", (Candidate(0, 2, "Song").key,), candidates=(Candidate(0, 5, "Song"),))
    assert not can_choose([(missed, np.array([0.9]))])
    # What only the annotation knows is no candidate when asked.
    told = Exemplar("hello", (Candidate(0, 5, "Song").key,), candidates=(Candidate(0, 5, "Song", step="exemplar"),))
    assert not can_choose([(told, np.array([]))])
    assert best_second_threshold([], 0.5) == NO_SECOND


def both(p_first: float, p_second: float, gold: tuple[str, ...]) -> tuple[Exemplar, Floats]:
    candidates = (Candidate(0, 5, "Book"), Candidate(0, 5, "Movie"))
    spans = tuple(c.key for c in candidates if c.label in gold)
    return Exemplar("hello", spans, candidates=candidates), np.array([p_first, p_second])


def test_second_labels() -> None:
    two, one = both(0.9, 0.71, ("Book", "Movie")), both(0.9, 0.52, ("Book",))
    assert best_second_threshold([one] * 9, 0.5) == NO_SECOND  # no span has two
    assert best_second_threshold([two] * 9 + [one] * 9, 0.5) == 0.7
    # Never below the threshold of the first, and none where it would cost more than it gives.
    assert best_second_threshold([two] * 9 + [one] * 9, 0.8) == NO_SECOND
    assert best_second_threshold([two, *[both(0.9, 0.8, ("Book",))] * 30], 0.5) == NO_SECOND


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30),
    st.floats(0, 2),
    st.floats(0, 0.5),
)
def test_always_one_of_the_grid(answers: list[tuple[float, bool]], errors: float, margin: float) -> None:
    made = scored(*answers)
    first = best_threshold(made, errors, margin)
    assert first in GRID
    second = best_second_threshold(made, first)
    assert second == pytest.approx(NO_SECOND)  # no span has two labels


def test_a_second_label_that_hardly_anybody_gave_stays_out() -> None:
    """Rivals of which either may be meant: both together gain a little recall, which is no second label."""
    unsure = [both(0.5, 0.45, ("Book",)), both(0.5, 0.45, ("Movie",))] * 20
    generous = [both(0.5, 0.45, ("Book", "Movie"))]
    assert best_second_threshold([*unsure, *generous], 0.4) == NO_SECOND
    assert best_second_threshold([*unsure, *generous * 40], 0.4) <= 0.45
