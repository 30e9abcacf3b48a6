"""How far a score could move had other utterances been drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def f_interval(
    counts: NDArray[np.int64], *, n_bootstrap: int = 1000, seed: int = 0, level: float = 0.95
) -> list[float] | None:
    """Percentile bootstrap interval of micro F1, resampling utterances (Efron and Tibshirani, 1993, chapter 13).

    Utterances with the same three counts can't be told apart, so a resample is one multinomial draw over the
    distinct rows: the same distribution as drawing n utterances, in memory that doesn't grow with n.

    counts (NDArray): Shape (n, 3): right predictions, predictions, gold of each utterance.
    n_bootstrap (int): Resamples; 0 gives None.
    RETURNS (list[float] | None): [low, high], each 0..1; [0, 0] where nothing is gold or predicted.
    """
    if n_bootstrap <= 0 or not len(counts):
        return None
    rows, times = np.unique(counts, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), size=n_bootstrap)
    right, predicted, gold = (draws @ rows).T
    size = predicted + gold
    # A resample without any entity has no F1; counting it as 0 would widen the interval of sets with few entities.
    scores = 2 * right[size > 0] / size[size > 0]
    if not len(scores):
        return [0.0, 0.0]
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]
