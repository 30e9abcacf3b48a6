"""Whether probabilities mean what they say: of candidates with 0.8, are eight in ten right?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .scoring import Judged

Floats = NDArray[np.float64]


def candidate_calibration(judged: Iterable[Judged]) -> dict[str, Any] | None:
    """Calibration of the probabilities of candidates; right is what the gold has.

    RETURNS (dict | None): As ``calibration``; None where no candidate has a probability.
    """
    pairs = [(p, span in item.gold) for item in judged for span, p in item.probabilities or ()]
    if not pairs:
        return None
    probabilities, outcomes = np.array(pairs, dtype=np.float64).T
    # A filter of somebody else may write what is no probability; it says nothing about calibration.
    known = (probabilities >= 0) & (probabilities <= 1)
    return calibration(probabilities[known], outcomes[known]) if known.any() else None


def calibration(probabilities: ArrayLike, outcomes: ArrayLike, *, n_bins: int = 10) -> dict[str, Any]:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017), adaptive too (Nguyen and O'Connor 2015), Brier.

    Errors are means over bins of |mean probability − share that is right|, weighted by size. With most candidates
    near 0 or 1, equal widths put nearly all in the outer bins; bins of equal size show the rest.

    probabilities, outcomes (ArrayLike): Shape (n,): 0..1, and 0 or 1.
    n_bins (int): Of the table.
    RETURNS (dict): n, brier, ece_10, ece_15 (bins of equal width), ece_adaptive (15 bins of equal size),
        mean_probability, share (that is right), bins: [{low, high, probability (mean), share, n}], none of them empty.
    RAISES: ValueError for arrays of different length, without values, or with values that can't be.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise ValueError(f"expected as many outcomes as probabilities, and some; got shapes {p.shape} and {y.shape}")
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0, 1)).all():
        raise ValueError("expected probabilities between 0 and 1 and outcomes that are 0 or 1")
    bins = _table(p, y, _equal_width(p, n_bins))
    return {
        "n": len(p),
        "brier": float(np.mean((p - y) ** 2)),
        "ece_10": _error(_table(p, y, _equal_width(p, 10))),
        "ece_15": _error(_table(p, y, _equal_width(p, 15))),
        "ece_adaptive": _error(_table(p, y, _equal_mass(p, 15))),
        "mean_probability": float(p.mean()),
        "share": float(y.mean()),
        "bins": [
            {"low": i / n_bins, "high": (i + 1) / n_bins, "probability": mean, "share": share, "n": int(n)}
            for i, n, mean, share in bins
        ],
    }


def _equal_width(p: Floats, n_bins: int) -> NDArray[np.int64]:
    return np.minimum((p * n_bins).astype(np.int64), n_bins - 1)  # 1.0 belongs to the last


def _equal_mass(p: Floats, n_bins: int) -> NDArray[np.int64]:
    """Equal probabilities stay in one bin, so the order of the candidates plays no part."""
    _, which, times = np.unique(p, return_inverse=True, return_counts=True)
    below = np.cumsum(times) - times
    bins: NDArray[np.int64] = (below * n_bins // len(p))[which]
    return bins


def _table(p: Floats, y: Floats, which: NDArray[np.int64]) -> list[tuple[int, float, float, float]]:
    """RETURNS (list): (bin, n, mean probability, share that is right) of bins that aren't empty."""
    n, sums, right = (np.bincount(which, weights=weights) for weights in (np.ones_like(p), p, y))
    return [(int(i), float(n[i]), float(sums[i] / n[i]), float(right[i] / n[i])) for i in np.flatnonzero(n)]


def _error(table: list[tuple[int, float, float, float]]) -> float:
    total = sum(n for _, n, _, _ in table)
    return sum(n * abs(mean - share) for _, n, mean, share in table) / total
