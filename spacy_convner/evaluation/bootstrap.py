"""How far a score could move had other utterances been drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS = 4_000_000  # numbers of one batch of resamples: 32 MB


def f_interval(
    counts: NDArray[np.int64], *, n_bootstrap: int = 1000, seed: int = 0, level: float = 0.95
) -> list[float] | None:
    """Percentile bootstrap interval of micro F1, resampling utterances (Efron and Tibshirani, 1993, chapter 13).

    counts (NDArray): Shape (n, 3): right predictions, predictions, gold of each utterance.
    n_bootstrap (int): Resamples; 0 gives None.
    RETURNS (list[float] | None): [low, high], each 0..1; [0, 0] where nothing is gold or predicted.
    """
    return prf_intervals(counts, n_bootstrap=n_bootstrap, seed=seed, level=level)["f"]


def prf_intervals(
    counts: NDArray[np.int64], *, n_bootstrap: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, list[float] | None]:
    """As ``f_interval``, of precision, recall and F1, from the same resamples.

    RETURNS (dict): p, r, f → [low, high] | None.
    """
    if n_bootstrap <= 0 or not len(counts):
        return {"p": None, "r": None, "f": None}
    rows, times = np.unique(counts, axis=0, return_counts=True)
    right, predicted, gold = np.concatenate(list(resample(rows, times, n_bootstrap, seed))).T
    return {
        "p": _interval(right, predicted, level),
        "r": _interval(right, gold, level),
        "f": _interval(2 * right, predicted + gold, level),
    }


def macro_f_interval(
    rows: NDArray[np.int64], times: NDArray[np.int64], *, n_bootstrap: int = 1000, seed: int = 0, level: float = 0.95
) -> list[float] | None:
    """Percentile bootstrap interval of macro F1, resampling utterances.

    Each resample averages over the labels that it has in its gold or predictions, as the score itself does. A label
    that few utterances have comes and goes between resamples, which widens the interval: that is its uncertainty.

    rows (NDArray): Shape (u, labels, 3): right, predicted, gold of each label in utterances that differ in them.
    times (NDArray): Shape (u,): How many utterances are as that row.
    RETURNS (list[float] | None): [low, high], each 0..1.
    """
    if n_bootstrap <= 0 or not times.sum():
        return None
    scores = []
    for totals in resample(rows.reshape(len(rows), -1), times, n_bootstrap, seed):
        right, predicted, gold = np.moveaxis(totals.reshape(len(totals), -1, 3), 2, 0)
        size = predicted + gold
        f = np.divide(2 * right, size, out=np.zeros(size.shape), where=size > 0)
        labels = (size > 0).sum(axis=1)
        scores.append(f.sum(axis=1)[labels > 0] / labels[labels > 0])
    return _quantiles(np.concatenate(scores), level)


def resample(
    rows: NDArray[np.int64], times: NDArray[np.int64], n_bootstrap: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Draw as many utterances as there are, with replacement, again and again, and add up their counts.

    Utterances with the same counts can't be told apart, so a resample is one multinomial draw over the distinct rows:
    the same distribution as drawing n utterances, in memory that doesn't grow with n.

    rows (NDArray): Shape (u, k): distinct counts. times (NDArray): Shape (u,): utterances that have them.
    YIELDS (NDArray): Totals, shape (some, k), n_bootstrap in all.
    """
    rng = np.random.default_rng(seed)
    n = int(times.sum())
    batch = max(1, CELLS // max(1, len(rows)))
    summands = rows.astype(np.float64)
    for start in range(0, n_bootstrap, batch):
        draws = rng.multinomial(n, times / n, size=min(batch, n_bootstrap - start))
        yield draws @ summands


def _interval(above: NDArray[Any], below: NDArray[Any], level: float) -> list[float]:
    # A resample without any entity has no score; counting it as 0 would widen the interval of sets with few entities.
    return _quantiles(above[below > 0] / below[below > 0], level)


def _quantiles(scores: NDArray[np.float64], level: float) -> list[float]:
    if not len(scores):
        return [0.0, 0.0]
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]
