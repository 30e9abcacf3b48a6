"""What is fitted on rows of evidence and their rivals."""

from __future__ import annotations

import numpy as np
import pytest

from spacy_convner.filtering.filters.candidate_scorer import CandidateScorer, fit_scorer
from spacy_convner.filtering.filters.evidence import FEATURES
from spacy_convner.filtering.filters.rivalry import ONE_LABEL, Span
from spacy_convner.ty import Floats

RIVALS: list[Span] = [(0, 4), (0, 4)]


def rows_of(n: int) -> Floats:
    """Pairs of rivals; the first number says which of two is the likelier."""
    return np.random.default_rng(0).normal(size=(2 * n, len(FEATURES)))


def fit(spans: list[list[Span]]) -> CandidateScorer:
    """On pairs of which the likelier one is always meant."""
    rows = rows_of(600)
    first = rows[:, 0].reshape(-1, 2)
    answers = (first == first.max(axis=1, keepdims=True)).astype(np.int64).ravel()
    made = fit_scorer(rows, answers, spans, n_exemplars=600, rounds=5, regularization=1.0, seed=0)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def scorer() -> CandidateScorer:
    return fit([RIVALS] * 600)


def test_the_regression_is_fitted_on_what_competes(scorer: CandidateScorer) -> None:
    """One of two is always meant: between rivals only the difference counts, and it alone says which."""
    other = fit([[(0, 4)]] * 1200)
    assert scorer.weights[0] > 1.5 * other.weights[0]
    assert scorer.bias > other.bias + 1.0  # by itself each is as often refused as meant
    assert scorer.together == ONE_LABEL


def test_rivals_share_what_one_would_have(scorer: CandidateScorer) -> None:
    row = rows_of(1)[:1]
    (alone,) = scorer.probabilities(row, [[(0, 4)]])
    both = scorer.probabilities(np.repeat(row, 2, axis=0), [RIVALS])
    assert both[0] == both[1]
    assert both[0] < alone
    apart = scorer.probabilities(np.repeat(row, 2, axis=0), [[(0, 4)], [(0, 4)]])
    assert apart.tolist() == [alone, alone]


def test_it_is_saved_whole(scorer: CandidateScorer) -> None:
    again = CandidateScorer.from_arrays(scorer.to_arrays())
    rows = rows_of(5)
    expected = scorer.probabilities(rows, [RIVALS] * 5)
    assert again.probabilities(rows, [RIVALS] * 5) == pytest.approx(expected, abs=1e-6)
    assert again.together == scorer.together
