"""The regression on candidates that compete."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spacy_convner.filtering.filters import joint_regression
from spacy_convner.filtering.filters.joint_regression import fit_regression
from spacy_convner.filtering.filters.rivalry import ONE_LABEL, Span, marginal_log_odds
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
    found = fit_regression(rows, answers, [[(0, 1), (2, 3)]] * 200, 0.3)
    expected = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000).fit(rows, answers)
    assert found.weights == pytest.approx(expected.coef_[0], abs=1e-3)
    assert found.bias == pytest.approx(float(expected.intercept_[0]), abs=1e-3)
    assert found.together == ONE_LABEL


OWN: list[Span] = [(0, 9), (0, 4), (5, 9), (5, 9)]
TRUE = np.array([1.0, -2.0])


def drawn(n: int, seed: int, together: float = ONE_LABEL) -> tuple[Floats, NDArray[np.int64], list[list[Span]]]:
    """Utterances with a long name, two names within it, and one of these with a second label; a selection each, drawn
    with the probability of the model whose weights are ``TRUE`` and whose bias is -0.5.
    """
    rng = np.random.default_rng(seed)
    ways = [(), (0,), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)]
    rows, answers = rng.normal(size=(n, 4, 2)), np.zeros((n, 4), dtype=np.int64)
    for row, answer in zip(rows, answers, strict=True):
        potentials = row @ TRUE - 0.5
        weights = np.exp([sum(potentials[i] for i in way) + together * ({2, 3} <= set(way)) for way in ways])
        answer[list(ways[rng.choice(len(ways), p=weights / weights.sum())])] = 1
    return rows.reshape(-1, 2), answers.ravel(), [OWN] * n


@pytest.mark.parametrize("together", [ONE_LABEL, -2.0, 0.5])
def test_it_finds_the_weights_that_made_the_selections(together: float) -> None:
    found = fit_regression(*drawn(4000, 1, together), regularization=100.0)
    assert found.weights == pytest.approx(TRUE, abs=0.1)
    assert found.bias == pytest.approx(-0.5, abs=0.1)
    assert found.together == pytest.approx(together, abs=0.3)


@pytest.mark.parametrize("together", [ONE_LABEL, -1.0])
def test_its_probabilities_are_right_as_often_as_they_say(together: float) -> None:
    rows, answers, spans = drawn(4000, 2, together)
    found = fit_regression(*drawn(4000, 3, together), regularization=100.0)
    potentials = (rows @ found.weights + found.bias).reshape(-1, 4)
    log_odds = [marginal_log_odds(own, part, found.together) for own, part in zip(spans, potentials, strict=True)]
    p = 1 / (1 + np.exp(-np.concatenate(log_odds)))
    for low in np.arange(0.0, 0.9, 0.1):
        within = (p >= low) & (p < low + 0.1)
        assert answers[within].mean() == pytest.approx(p[within].mean(), abs=0.05)


def test_many_ways_to_select_are_summed_all_the_same() -> None:
    """Every part of five words is a name with two labels; one is meant, at random."""
    own = [(a, b) for a in range(5) for b in range(a + 1, 6) for _ in range(2)]
    rng = np.random.default_rng(0)
    answers = np.zeros((300, len(own)), dtype=np.int64)
    answers[np.arange(300), rng.integers(len(own), size=300)] = 1
    rows = rng.normal(size=(answers.size, 2))
    found = fit_regression(rows, answers.ravel(), [own] * 300, 0.3)
    log_odds = marginal_log_odds(own, np.full(len(own), found.bias))
    assert (1 / (1 + np.exp(-log_odds))).sum() == pytest.approx(1.0, abs=0.2)


def test_what_it_can_not_learn_from_is_left_out(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, answers = data
    expected = fit_regression(rows, answers, [[(0, 1)]] * 400, 0.3)
    overlapping = np.concatenate([answers, [1, 1]])  # names within each other, both accepted
    more = np.concatenate([rows, rows[:2]])
    found = fit_regression(more, overlapping, [*[[(0, 1)]] * 400, [(0, 9), (0, 4)]], 0.3)
    assert found.weights == pytest.approx(expected.weights)
    monkeypatch.setattr(joint_regression, "MOST_SELECTIONS", 1)
    nothing = fit_regression(rows, answers, [[(0, 1)]] * 400, 0.3)
    assert not nothing.weights.any()
    assert nothing.bias == 0.0
