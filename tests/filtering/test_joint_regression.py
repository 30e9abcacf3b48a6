"""The regression on candidates that compete."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spacy_convner.filtering.filters import joint_regression
from spacy_convner.filtering.filters.joint_regression import fit_regression
from spacy_convner.filtering.filters.rivalry import Span, marginal_log_odds
from spacy_convner.ty import Floats

Data = tuple[Floats, NDArray[np.int64]]


@pytest.fixture
def data() -> Data:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 4))
    noise = rng.logistic(size=400)
    return rows, (rows @ np.array([2.0, -1.0, 0.5, 0.0]) - 0.7 + noise > 0).astype(np.int64)


def test_without_rivals_it_is_a_logistic_regression(data: Data) -> None:
    rows, answers = data
    weights, bias = fit_regression(rows, answers, [[(0, 1), (2, 3)]] * 200, 0.3)
    expected = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000).fit(rows, answers)
    assert weights == pytest.approx(expected.coef_[0], abs=1e-3)
    assert bias == pytest.approx(float(expected.intercept_[0]), abs=1e-3)


def rivals(n: int, seed: int) -> tuple[Floats, NDArray[np.int64], list[list[Span]]]:
    """Utterances with a long name, two names within it, and one of these with a second label; one selection each,
    drawn with the probability of the model whose weights are 1 and -2, bias -0.5.
    """
    rng = np.random.default_rng(seed)
    own: list[Span] = [(0, 9), (0, 4), (5, 9), (5, 9)]
    ways = [(), (0,), (1,), (2,), (3,), (1, 2), (1, 3)]
    rows, answers = rng.normal(size=(n, 4, 2)), np.zeros((n, 4), dtype=np.int64)
    for row, answer in zip(rows, answers, strict=True):
        potentials = row @ np.array([1.0, -2.0]) - 0.5
        weights = np.exp([sum(potentials[i] for i in way) for way in ways])
        answer[list(ways[rng.choice(len(ways), p=weights / weights.sum())])] = 1
    return rows.reshape(-1, 2), answers.ravel(), [own] * n


def test_it_finds_the_weights_that_made_the_selections() -> None:
    weights, bias = fit_regression(*rivals(4000, seed=1), regularization=100.0)
    assert weights == pytest.approx([1.0, -2.0], abs=0.1)
    assert bias == pytest.approx(-0.5, abs=0.1)


def test_its_probabilities_are_right_as_often_as_they_say() -> None:
    rows, answers, spans = rivals(4000, seed=2)
    weights, bias = fit_regression(*rivals(4000, seed=3), regularization=100.0)
    potentials = (rows @ weights + bias).reshape(-1, 4)
    log_odds = np.concatenate([marginal_log_odds(own, part) for own, part in zip(spans, potentials, strict=True)])
    p = 1 / (1 + np.exp(-log_odds))
    for low in np.arange(0.0, 0.9, 0.1):
        within = (p >= low) & (p < low + 0.1)
        assert answers[within].mean() == pytest.approx(p[within].mean(), abs=0.05)


def test_more_selections_than_can_be_summed_are_learned_one_by_one(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, answers = data
    expected, _ = fit_regression(rows, answers, [[(0, 1)]] * 400, 0.3)
    monkeypatch.setattr(joint_regression, "MOST_SELECTIONS", 2)
    found, _ = fit_regression(rows, answers, [[(0, 2), (0, 2)]] * 200, 0.3)
    assert found == pytest.approx(expected, abs=1e-6)


def test_labels_accepted_together_are_learned_one_by_one(data: Data) -> None:
    rows, _ = data
    answers = (rows[:, 0] > 0).astype(np.int64)
    weights, _ = fit_regression(rows, answers, [[(0, 2), (0, 2)]] * 200, 0.3)
    assert weights[0] > 1
