"""A regression over evidence, fitted on what was selected of candidates that compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ty import Floats
from .rivalry import ONE_LABEL, Span, components, labels_by_span, selections

# A component with more ways to select spans is left out: what is asked jointly can't be learned one by one.
MOST_SELECTIONS = 1000
# Of the price of a further label, in log-odds.
_LOWEST, _HIGHEST = -15.0, 5.0
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Regression:
    """weights (Floats): Shape (features,). together (float): Added to the potential for each label of a span but the
    first, see ``rivalry``.
    """

    weights: Floats
    bias: float
    together: float


def fit_regression(
    rows: Floats, answers: NDArray[np.int64], spans: Sequence[Sequence[Span]], regularization: float
) -> Regression:
    """Maximise the likelihood of the accepted among all selections without overlaps, less an L2 penalty (L-BFGS).

    rows: Shape (n, features), standardised. answers: Shape (n,), 0 or 1. spans: Of the candidates of each utterance, n
    together, in the order of the rows. regularization (float): Inverse strength of the penalty on the weights.
    RETURNS (Regression): Zeros, which say nothing, where no component could be learned from.
    """
    from scipy.optimize import minimize

    made = _Selections.of(answers, spans)
    features = rows.shape[1]
    if not len(made.gold):
        return Regression(np.zeros(features), 0.0, ONE_LABEL)
    rows = rows[made.candidates]
    transposed = made.chosen.T.tocsr()
    group = np.repeat(np.arange(len(made.first)), np.diff(np.append(made.first, made.chosen.shape[0])))
    of_span = np.repeat(np.arange(len(made.span_first)), np.diff(np.append(made.span_first, len(rows))))
    accepted = answers[made.candidates]
    further = accepted.sum() - made.chosen[made.gold].sum()  # labels after the first of their span

    def objective(values: Floats) -> tuple[float, Floats]:
        weights, bias, together = values[:-2], values[-2], values[-1]
        potentials = rows @ weights + bias
        softplus = np.maximum(np.logaddexp(0.0, potentials + together), _LEAST)
        total = np.add.reduceat(softplus, made.span_first)
        some = -np.expm1(-total)
        scores = made.chosen @ (total + np.log(some) - together)
        highest = np.maximum.reduceat(scores, made.first)
        powers = np.exp(scores - highest[group])
        sums = np.add.reduceat(powers, made.first)
        span_p = transposed @ (powers / sums[group])
        label_p = np.exp(potentials + together - softplus) / some[of_span]  # given its span
        surplus = span_p[of_span] * label_p - accepted
        surplus_further = span_p @ (np.add.reduceat(label_p, made.span_first) - 1.0) - further
        penalty = weights / regularization
        loss = (np.log(sums) + highest).sum() - potentials @ accepted - together * further + 0.5 * penalty @ weights
        return float(loss), np.concatenate([rows.T @ surplus + penalty, [surplus.sum(), surplus_further]])

    # Without a span of two labels nothing says what they cost, and they never happen.
    limits = (_LOWEST, _HIGHEST) if further else (ONE_LABEL, ONE_LABEL)
    start = np.append(np.zeros(features + 1), np.clip(-3.0, *limits))
    bounds = [(None, None)] * (features + 1) + [limits]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000})
    return Regression(found.x[:-2], float(found.x[-2]), float(found.x[-1]))


@dataclass(frozen=True, slots=True)
class _Selections:
    """candidates: Places of rows, a span's together. span_first: Where the candidates of each span begin. chosen: Which
    spans (columns) each selection (rows) has, a sparse matrix. first: The first selection of each component. gold: That
    of each component that was accepted.
    """

    candidates: NDArray[np.int64]
    span_first: NDArray[np.int64]
    chosen: Any
    first: NDArray[np.int64]
    gold: NDArray[np.int64]

    @classmethod
    def of(cls, answers: NDArray[np.int64], spans: Sequence[Sequence[Span]]) -> _Selections:
        from scipy.sparse import csr_matrix

        candidates: list[int] = []
        span_first: list[int] = []
        at_row: list[int] = []
        at_column: list[int] = []
        first: list[int] = []
        gold: list[int] = []
        n = offset = 0
        for own in spans:
            labels = labels_by_span(own)
            distinct = [own[places[0]] for places in labels]
            accepted = [any(answers[offset + i] for i in places) for places in labels]
            for component in components(distinct):
                ways = selections(distinct, component, MOST_SELECTIONS)
                meant = tuple(k for k in component if accepted[k])
                if ways is None or meant not in ways:  # what was accepted overlaps: no selection may
                    continue
                column = {}
                for k in component:
                    column[k] = len(span_first)
                    span_first.append(len(candidates))
                    candidates.extend(offset + i for i in labels[k])
                first.append(n)
                gold.append(n + ways.index(meant))
                for way in ways:
                    at_row.extend([n] * len(way))
                    at_column.extend(column[k] for k in way)
                    n += 1
            offset += len(own)
        matrix = csr_matrix((np.ones(len(at_row)), (at_row, at_column)), shape=(n, len(span_first)))
        arrays = [np.array(one, dtype=np.int64) for one in (candidates, span_first, first, gold)]
        return cls(arrays[0], arrays[1], matrix, arrays[2], arrays[3])
