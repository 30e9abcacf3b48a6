"""A regression over evidence, fitted on what was selected of candidates that compete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ty import Floats
from .rivalry import Span, components, selections

# A component with more ways to select isn't summed over in fitting: its candidates are learned one by one.
MOST_SELECTIONS = 64


def fit_regression(
    rows: Floats, answers: NDArray[np.int64], spans: Sequence[Sequence[Span]], regularization: float
) -> tuple[Floats, float]:
    """Maximise the likelihood of the accepted among all selections without overlaps, less an L2 penalty (L-BFGS).

    rows: Shape (n, features), standardised. answers: Shape (n,), 0 or 1. spans: Of the candidates of each utterance, n
    together, in the order of the rows. regularization (float): Inverse strength of the penalty.
    RETURNS (tuple): Weights, shape (features,), and bias.
    """
    from scipy.optimize import minimize

    chosen, start_of, gold = _selections_of(answers, spans)
    transposed = chosen.T.tocsr()
    sizes = np.diff(np.append(start_of, chosen.shape[0]))
    group = np.repeat(np.arange(len(start_of)), sizes)
    accepted = np.asarray(chosen[gold].sum(axis=0)).ravel()

    def objective(weights: Floats) -> tuple[float, Floats]:
        scores = chosen @ (rows @ weights[:-1] + weights[-1])
        highest = np.maximum.reduceat(scores, start_of)
        powers = np.exp(scores - highest[group])
        sums = np.add.reduceat(powers, start_of)
        surplus = transposed @ (powers / sums[group]) - accepted
        penalty = np.append(weights[:-1], 0.0) / regularization
        loss = float((np.log(sums) + highest).sum() - scores[gold].sum() + 0.5 * penalty @ weights)
        return loss, np.append(rows.T @ surplus, surplus.sum()) + penalty

    start = np.zeros(rows.shape[1] + 1)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    return found.x[:-1], float(found.x[-1])


def _selections_of(
    answers: NDArray[np.int64], spans: Sequence[Sequence[Span]]
) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """RETURNS (tuple): Which candidates (columns) each selection (rows) has, a sparse matrix; the first selection of
    each group that one is made from; the one of each group that was accepted.
    """
    from scipy.sparse import csr_matrix

    at_row: list[int] = []
    at_column: list[int] = []
    start_of: list[int] = []
    gold: list[int] = []
    n, first = 0, 0
    for own in spans:
        for component in components(own):
            accepted = tuple(i for i in component if answers[first + i])
            ways = selections(own, component, MOST_SELECTIONS)
            groups = [(ways or [], accepted)]
            if ways is None or accepted not in ways:
                groups = [([(), (i,)], (i,) if answers[first + i] else ()) for i in component]
            for group, selected in groups:
                start_of.append(n)
                gold.append(n + group.index(selected))
                for one in group:
                    at_row.extend([n] * len(one))
                    at_column.extend(first + i for i in one)
                    n += 1
        first += len(own)
    matrix = csr_matrix((np.ones(len(at_row)), (at_row, at_column)), shape=(n, len(answers)))
    return matrix, np.array(start_of), np.array(gold)
