"""Boosted trees as plain arrays: fitted by scikit-learn, saved without pickle, asked with numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FilterError
from ...ty import Floats

LEAVES = 12  # of a tree at most: its leaves are the bits of 16
_SPLITS = LEAVES - 1
_MOST_CELLS = 2_000_000  # splits x rows looked at together
_ALL = np.uint16((1 << LEAVES) - 1)


def _lowest_bits() -> NDArray[np.uint8]:
    numbers = np.arange(1 << LEAVES)
    lowest = np.zeros(len(numbers), dtype=np.uint8)
    for bit in range(LEAVES - 1, -1, -1):
        lowest[(numbers >> bit) & 1 == 1] = bit
    return lowest


_LOWEST = _lowest_bits()


@dataclass(frozen=True, slots=True)
class Trees:
    """Every split of every tree is tried on a row; a split that sends it right rules out the leaves on its left, and
    the leftmost of those that remain is the row's (Lucchese et al. 2015, "QuickScorer"). No walk from node to node, so
    numpy does all rows at once.

    feature (NDArray[int32]), threshold (Floats), keeps (NDArray[uint16]): Shape (trees, LEAVES - 1): a row goes right
        if its feature is above the threshold; the leaves that stay possible then. Splits that a tree hasn't are
        never passed.
    values (Floats): Shape (trees, LEAVES), log-odds. baseline (float): Log-odds before any tree.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    keeps: NDArray[np.uint16]
    values: Floats
    baseline: float

    def logits(self, rows: Floats) -> Floats:
        """rows (Floats): Shape (n, features), without NaN. RETURNS (Floats): Shape (n,), log-odds."""
        trees = len(self.feature)
        out = np.full(len(rows), self.baseline)
        columns, thresholds = self.feature.ravel(), self.threshold.ravel()
        rules_out = (~self.keeps & _ALL).ravel()
        numbers = np.arange(trees)
        step = max(1, _MOST_CELLS // max(1, trees * _SPLITS))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            right = part[:, columns] > thresholds
            gone = np.bitwise_or.reduce((right * rules_out).reshape(len(part), trees, _SPLITS), axis=2)
            leaf = _LOWEST[~gone & _ALL]
            out[start : start + step] += self.values[numbers, leaf].sum(axis=1)
        return out

    def to_arrays(self) -> dict[str, Any]:
        """RETURNS (dict): Arrays by name, for ``numpy.savez``."""
        return {
            "feature": self.feature.astype(np.uint8),
            "threshold": self.threshold,
            "keeps": self.keeps,
            "values": self.values.astype(np.float32),
            "baseline": np.array([self.baseline]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], n_features: int) -> Trees:
        """arrays (Mapping): What ``to_arrays`` gave. RAISES: KeyError or ValueError if they are damaged."""
        feature = np.asarray(arrays["feature"], dtype=np.int32)
        threshold, values = (np.asarray(arrays[name], dtype=np.float64) for name in ("threshold", "values"))
        keeps = np.asarray(arrays["keeps"], dtype=np.uint16)
        (baseline,) = arrays["baseline"]
        trees = len(feature)
        if not (
            feature.shape == threshold.shape == keeps.shape == (trees, _SPLITS)
            and values.shape == (trees, LEAVES)
            and (not feature.size or feature.max() < n_features)
        ):
            raise ValueError("the arrays of the trees don't fit together")
        return cls(feature, threshold, keeps, values, float(baseline))


def fit_trees(rows: Floats, answers: NDArray[np.int64], *, rounds: int, seed: int) -> Trees:
    """Gradient boosting on the logistic loss (Friedman 2001; histograms as in LightGBM, Ke et al. 2017).

    rows: Shape (n, features). answers: Shape (n,), 0 or 1, both of them present. rounds (int): Trees.
    RAISES: FilterError if this scikit-learn keeps its trees in a way that isn't known here.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=10.0 / rounds,
        max_leaf_nodes=LEAVES,
        l2_regularization=5.0,
        min_samples_leaf=15 if len(rows) > 2000 else 8,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1):  # so many small steps: threads would wait for each other, and sums depend on their order
        model.fit(rows, answers)
        some = rows[:256]
        expected = model.decision_function(some)
    trees = _as_arrays(model)
    if not np.allclose(trees.logits(some), expected, atol=1e-3):
        raise FilterError("the fitted trees can't be read from this version of scikit-learn: install 1.5 to 1.9")
    return trees


def _as_arrays(model: Any) -> Trees:
    trees = [predictor.nodes for (predictor,) in model._predictors]  # no public way to a fitted tree
    shape = (len(trees), _SPLITS)
    feature, threshold = np.zeros(shape, dtype=np.int32), np.full(shape, np.inf)
    keeps, values = np.full(shape, _ALL, dtype=np.uint16), np.zeros((len(trees), LEAVES))
    for number, nodes in enumerate(trees):
        splits = _splits(nodes, values[number])
        for at, (column, limit, left) in enumerate(splits):
            feature[number, at], threshold[number, at], keeps[number, at] = column, limit, _ALL & ~left
    # As it will be after saving.
    values = values.astype(np.float32).astype(np.float64)
    return Trees(feature, threshold, keeps, values, float(np.ravel(model._baseline_prediction)[0]))


def _splits(nodes: Any, values: Floats) -> list[tuple[int, float, np.uint16]]:
    """Fill in the values of the leaves from left to right. RETURNS (list): Feature, threshold, leaves on the left."""
    splits: list[tuple[int, float, np.uint16]] = []
    seen = 0

    def walk(at: int) -> int:
        nonlocal seen
        node = nodes[at]
        if node["is_leaf"]:
            values[seen] = node["value"]
            seen += 1
            return 1 << (seen - 1)
        left = walk(int(node["left"]))
        splits.append((int(node["feature_idx"]), float(node["num_threshold"]), np.uint16(left)))
        return left | walk(int(node["right"]))

    walk(0)
    return splits
