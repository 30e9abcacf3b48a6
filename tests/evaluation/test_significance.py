from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.errors import DataError
from spacy_convner.evaluation.scoring import Counts, Judged, strict
from spacy_convner.evaluation.significance import compare, compare_counts
from spacy_convner.ty import LabelledSpan

from .strategies import TEXT, Spans, any_spans

triples = st.lists(st.tuples(any_spans, any_spans, any_spans), min_size=1, max_size=12)
Triples = list[tuple[Spans, Spans, Spans]]


def systems(found: Triples) -> tuple[list[Judged], list[Judged]]:
    return [Judged(TEXT, gold, a) for gold, a, _ in found], [Judged(TEXT, gold, b) for gold, _, b in found]


def random_counts(n: int, right_a: float, right_b: float, seed: int = 0) -> tuple[Counts, Counts]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 4, n)
    sides = [rng.binomial(gold, share) for share in (right_a, right_b)]
    a, b = (np.column_stack([right, right + rng.binomial(1, 0.2, n), gold]) for right in sides)
    return a, b


@settings(max_examples=60)
@given(triples, st.randoms())
def test_swapping_systems_flips_the_sign(found: Triples, random) -> None:  # type: ignore[no-untyped-def]
    a, b = systems(found)
    one, other = compare(a, b, n_resamples=200), compare(b, a, n_resamples=200)
    assert one.difference == -other.difference
    assert one.ci95 == [-other.ci95[1], -other.ci95[0]]
    assert (one.p_bootstrap, one.p_randomization) == (other.p_bootstrap, other.p_randomization)
    assert (one.f_a, one.f_b) == (other.f_b, other.f_a)
    assert one.f_a == pytest.approx(strict(((item.gold, item.pred) for item in a), n_bootstrap=0)["f"])
    assert one.ci95[0] <= one.ci95[1]
    assert 0 < one.p_bootstrap <= 1
    assert 0 < one.p_randomization <= 1
    order = list(range(len(a)))
    random.shuffle(order)
    assert compare([a[i] for i in order], [b[i] for i in order], n_resamples=200) == one


@given(triples)
def test_a_system_is_no_better_than_itself(found: Triples) -> None:
    a, _ = systems(found)
    same = compare(a, a, n_resamples=100)
    assert (same.difference, same.ci95, same.p_bootstrap, same.p_randomization) == (0.0, [0.0, 0.0], 1.0, 1.0)


def test_same_as_swapping_utterance_by_utterance() -> None:
    a, b = random_counts(40, 0.7, 0.8)
    found = compare_counts(a, b, n_resamples=20_000)

    def f(counts: Counts) -> float:
        right, predicted, gold = counts.sum(axis=0)
        return float(2 * right / (predicted + gold))

    rng = np.random.default_rng(5)
    hits_swapped = hits_drawn = 0
    differences = []
    for _ in range(4000):
        swap = rng.random(len(a)) < 0.5
        x, y = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
        hits_swapped += abs(f(y) - f(x)) >= abs(found.difference) - 1e-12
        drawn = rng.integers(0, len(a), len(a))
        differences.append(f(b[drawn]) - f(a[drawn]))
        hits_drawn += abs(differences[-1] - found.difference) >= abs(found.difference) - 1e-12
    assert found.difference == pytest.approx(f(b) - f(a))
    assert found.p_randomization == pytest.approx(hits_swapped / 4000, abs=0.03)
    assert found.p_bootstrap == pytest.approx(hits_drawn / 4000, abs=0.03)
    assert found.ci95 == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=0.01)


def test_p_tells_luck_from_skill() -> None:
    better = compare_counts(*random_counts(2000, 0.7, 0.8))
    assert better.ci95[0] > 0
    assert max(better.p_bootstrap, better.p_randomization) < 0.001
    # With no true difference, p is below 0.05 in about one of twenty.
    alike = [compare_counts(*random_counts(150, 0.7, 0.7, seed), n_resamples=300) for seed in range(200)]
    for name in ("p_bootstrap", "p_randomization"):
        assert 2 <= sum(getattr(found, name) < 0.05 for found in alike) <= 20, name


def test_utterances_without_entities_say_nothing() -> None:
    nothing = np.zeros((5, 3), dtype=np.int64)
    found = compare_counts(nothing, nothing, n_resamples=50)
    assert (found.f_a, found.difference, found.p_randomization, found.n, found.docs) == (0.0, 0.0, 1.0, 0, 5)


def test_only_the_same_utterances_are_compared() -> None:
    none, song = frozenset[LabelledSpan](), frozenset({LabelledSpan(5, 9, "Song")})
    a = [Judged("play dune", none, none), Judged("play hello", none, none)]
    with pytest.raises(DataError, match="2 and 1 utterances"):
        compare(a, a[:1])
    with pytest.raises(DataError, match="utterance 2 differs: 'play hello' and 'stop'"):
        compare(a, [a[0], Judged("stop", none, none)])
    with pytest.raises(DataError, match="the gold of utterance 1 differs: 'play dune'"):
        compare(a, [Judged("play dune", song, none), a[1]])
    ones = np.ones((3, 3), dtype=np.int64)
    for wrong, message in ((ones[:2], "3 and 2 utterances"), (ones * [1, 1, 2], "gold of utterance 1 differs")):
        with pytest.raises(DataError, match=message):
            compare_counts(ones, wrong)
    with pytest.raises(DataError, match="and some"):
        compare_counts(ones[:0], ones[:0])


def test_ten_thousand_utterances_take_no_time() -> None:
    a, b = random_counts(10_000, 0.7, 0.71)
    start = time.perf_counter()
    compare_counts(a, b)
    assert time.perf_counter() - start < 5
