"""A logistic regression over ``features.py`` with its thresholds: fitting, calibrating, asking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...ty import Exemplar, FilterTask, Floats
from .calibration import sigmoid
from .counts import AcceptanceCounts
from .exemplar_views import as_request
from .features import DIMENSIONS, FeatureMaker, Row
from .thresholds import NO_SECOND, Scored, best_second_threshold, best_threshold

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MOST_TWICE = 10_000
_COLD_INDEX = FeatureMaker(AcceptanceCounts(), FilterTask())._row(("", [("cold", 1.0)]))[0][0]


def _no_weights() -> Floats:
    return np.zeros(0, dtype=np.float64)


@dataclass
class LogisticModel:
    """weights: Shape (DIMENSIONS,), or (0,) before there is a model: then label-independent evidence decides."""

    weights: Floats = field(default_factory=_no_weights)
    bias: float = 0.0
    threshold: float = 0.5
    second_threshold: float = NO_SECOND

    def probabilities(self, rows: Iterable[Row]) -> Floats:
        """RETURNS (Floats): One (0..1) for each row."""
        if len(self.weights):
            logits = np.array([float(self.weights[at] @ np.asarray(values)) for at, values in rows]) + self.bias
        else:
            logits = np.array([sum(v for i, v in zip(*row, strict=True) if i == _COLD_INDEX) for row in rows])
        return sigmoid(logits.astype(np.float64))

    def calibrate(self, scored: Scored) -> None:
        """scored: Exemplars that the probabilities (one for each of their candidates) were not fitted on."""
        self.threshold = best_threshold(scored)
        self.second_threshold = best_second_threshold(scored, self.threshold)


def fit_model(exemplars: Sequence[Exemplar], task: FilterTask, regularization: float) -> LogisticModel:
    """Fit with the counts of what came before in a random order (ordered target statistics, Prokhorenkova et al. 2018,
    "CatBoost"): with the counts of all others, the accepted one of two rivals always has one acceptance less than it
    should, and the model learns to prefer what exemplars refused.

    RETURNS (LogisticModel): Without weights where the exemplars have no candidates, or one kind of answer only.
    """
    rows: list[Row] = []
    answers: list[int] = []
    orders = _orders(len(exemplars))
    for order in orders:
        before = AcceptanceCounts()
        maker = FeatureMaker(before, task)
        for number in order:
            request = as_request(exemplars[number])
            gold = set(exemplars[number].spans)
            rows.extend(maker(request))
            answers.extend(int(candidate.key in gold) for candidate in request.candidates)
            before.add(exemplars[number])
    if len(set(answers)) < 2:
        return LogisticModel()
    from sklearn.linear_model import LogisticRegression

    matrix, used = _matrix(rows)
    solver = LogisticRegression(C=regularization / len(orders), solver="liblinear", tol=1e-3, random_state=0)
    solver.fit(matrix, answers)
    weights = np.zeros(DIMENSIONS, dtype=np.float64)
    weights[used] = solver.coef_[0]
    return LogisticModel(weights, float(solver.intercept_[0]))


def _orders(n: int) -> list[list[int]]:
    # There and back, so that each exemplar is seen with few and with many counts; of many exemplars once is enough.
    order = np.random.default_rng(0).permutation(n).tolist()
    return [order, order[::-1]] if n <= _MOST_TWICE else [order]


def _matrix(rows: Sequence[Row]) -> tuple[csr_matrix, NDArray[np.int32]]:
    # Only the columns that occur: the solver's vectors are dense, and few exemplars use few of the columns.
    from scipy.sparse import csr_matrix

    pointers = np.cumsum([0] + [len(indices) for indices, _ in rows])
    indices = np.fromiter((i for row, _ in rows for i in row), dtype=np.int32, count=int(pointers[-1]))
    values = np.fromiter((v for _, row in rows for v in row), dtype=np.float64, count=int(pointers[-1]))
    used, columns = np.unique(indices, return_inverse=True)
    matrix = csr_matrix((values, columns, pointers), shape=(len(rows), len(used)))
    matrix.sum_duplicates()
    return matrix, used
