"""Candidates that compete, against every selection written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.filtering.filters.rivalry import (
    ONE_LABEL,
    Span,
    components,
    labels_by_span,
    marginal_log_odds,
    selections,
    spans_of,
)
from spacy_convner.ty import Candidate

spans = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 5)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6
)


def apart(a: Span, b: Span) -> bool:
    return a[1] <= b[0] or b[1] <= a[0] or a[0] == a[1] or b[0] == b[1]


def every_selection(own: list[Span]) -> list[list[int]]:
    """Labels of one span go together."""
    subsets = [[i for i in range(len(own)) if bits >> i & 1] for bits in range(1 << len(own))]
    return [one for one in subsets if all(own[i] == own[j] or apart(own[i], own[j]) for i in one for j in one)]


def further(own: list[Span], one: list[int]) -> int:
    """RETURNS (int): Labels after the first of their span; empty spans have one each."""
    held = [own[i] for i in one if own[i][0] < own[i][1]]
    return len(held) - len(set(held))


@given(own=spans, together=st.sampled_from([ONE_LABEL, -3.0, 0.0, 1.5]), data=st.data())
def test_probabilities_are_sums_over_all_selections(own: list[Span], together: float, data: st.DataObject) -> None:
    potentials = [data.draw(st.floats(-6, 6)) for _ in own]
    total, selected = 0.0, [0.0] * len(own)
    for one in every_selection(own):
        weight = math.exp(sum(potentials[i] for i in one) + together * further(own, one))
        total += weight
        for i in one:
            selected[i] += weight
    found = marginal_log_odds(own, np.array(potentials), together)
    expected = [math.log(p / (total - p)) for p in selected]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


@given(own=spans)
def test_components_keep_every_span_and_never_touch(own: list[Span]) -> None:
    distinct = sorted(set(own))
    found = components(distinct)
    assert sorted(i for component in found for i in component) == list(range(len(distinct)))
    assert all(
        apart(distinct[i], distinct[j]) for a in found for b in found if a is not b for i in a for j in b
    )  # what overlaps is together
    made = [selections(distinct, component, 1000) for component in found]
    assert math.prod(len(one or ()) for one in made) == len(every_selection(distinct))
    assert all(one is not None and () in one and len(set(one)) == len(one) for one in made)


@given(own=spans)
def test_labels_by_span_keep_every_candidate(own: list[Span]) -> None:
    found = labels_by_span(own)
    assert sorted(i for places in found for i in places) == list(range(len(own)))
    assert [own[places[0]] for places in found] == sorted(own[places[0]] for places in found)
    assert all(len({own[i] for i in places}) == 1 for places in found)


def test_an_uncontested_candidate_keeps_its_odds() -> None:
    assert marginal_log_odds([(0, 3), (3, 5), (6, 9)], np.array([0.3, -40.0, 50.0])).tolist() == [0.3, -40.0, 50.0]
    assert marginal_log_odds([], np.zeros(0)).shape == (0,)


def test_labels_of_one_span_share_its_probability() -> None:
    first, second = marginal_log_odds([(0, 4), (0, 4)], np.array([2.0, 2.0])).tolist()
    assert first == second == pytest.approx(math.log(math.e**2 / (1 + math.e**2)))


def test_labels_that_go_together_are_as_likely_as_each_alone() -> None:
    """Where a further label costs nothing and the span is there anyway."""
    found = marginal_log_odds([(0, 4), (0, 4), (0, 4)], np.array([9.0, 1.0, -1.0]), together=0.0)
    assert found.tolist() == pytest.approx([9.0, 1.0, -1.0], abs=0.01)


def test_an_empty_span_competes_with_nothing() -> None:
    found = marginal_log_odds([(0, 5), (3, 3), (3, 3)], np.array([0.7, -0.2, 0.1]))
    assert found.tolist() == [0.7, -0.2, 0.1]


def test_what_is_no_number_is_refused_and_harms_no_other() -> None:
    found = marginal_log_odds([(0, 4), (0, 2), (2, 4), (5, 6)], np.array([math.nan, 1.0, 1.0, -math.inf]))
    assert found[0] < -50
    assert found[3] < -50
    assert found[1:3].tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("size", [30.0, 800.0])
def test_certainty_of_any_size_stays_a_number(size: float) -> None:
    found = marginal_log_odds([(0, 9), (0, 4), (2, 6), (5, 9)], np.array([size, -size, size, -size]))
    assert np.isfinite(found).all()
    assert found[0] > found[1]


def test_a_long_chain_takes_no_more_than_its_length() -> None:
    """A document full of names that overlap by turns: its selections are more than could be written out."""
    own = [(i, i + 2) for i in range(3000)]
    found = marginal_log_odds(own, np.zeros(len(own)))
    assert selections(own, components(own)[0], 256) is None
    # In the middle p is 1 / (1 + golden ratio ** 2), of pairs of which no two may be neighbours.
    assert found[1500] == pytest.approx(-2 * math.log((1 + math.sqrt(5)) / 2))


def test_spans_of() -> None:
    assert spans_of([Candidate(3, 7, "Song"), Candidate(3, 7, "Artist")]) == [(3, 7), (3, 7)]
