"""Whether one system's F1 is above another's by more than chance, on the same utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .bootstrap import CELLS, resample
from .scoring import Counts, Judged, count

_TOLERANCE = 1e-12  # differences that are equal but for rounding
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on one set: strict micro F1 (0..1) of each, the difference b − a, and how sure it is.

    ci95 (list[float]): 95 % bootstrap interval of the difference.
    p_bootstrap, p_randomization (float): Two-sided; small: chance alone seldom makes such a difference.
    """

    f_a: float
    f_b: float
    difference: float
    ci95: list[float]
    p_bootstrap: float
    p_randomization: float
    docs: int
    n: int
    n_resamples: int

    def as_dict(self) -> dict[str, Any]:
        """RETURNS (dict): Plain data, for JSON."""
        return asdict(self)


def compare(a: Sequence[Judged], b: Sequence[Judged], *, n_resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two systems on the same utterances in the same order, see ``compare_counts``.

    RAISES: DataError if texts or gold differ.
    """
    if len(a) != len(b):
        raise DataError(f"systems were scored on {len(a):,} and {len(b):,} utterances; they must be the same")
    for number, (one, other) in enumerate(zip(a, b, strict=True), 1):
        if one.text != other.text:
            raise DataError(f"utterance {number} differs: {one.text!r:.80} and {other.text!r:.80}")
        if one.gold != other.gold:
            raise DataError(f"the gold of utterance {number} differs: {one.text!r:.80}")
    pairs = [count((item.gold, item.pred) for item in judged) for judged in (a, b)]
    return compare_counts(*pairs, n_resamples=n_resamples, seed=seed)


def compare_counts(a: Counts, b: Counts, *, n_resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two systems by what each utterance adds to their scores.

    Paired bootstrap (Efron and Tibshirani 1993, chapter 16; Berg-Kirkpatrick et al. 2012): utterances are drawn anew,
    the same ones for both; p is the share of draws whose difference is as far from the one observed as that is from 0.
    Approximate randomization (Noreen 1989; Yeh 2000): each utterance's answers are swapped between the systems with
    probability 1/2; p is the share of draws with a difference at least as large as the observed one. Both p are
    (1 + hits) / (1 + draws), so never 0. They hold for one comparison: of twenty sets, one is below 0.05 by chance.

    Which system is called a or b, and the order of the utterances, change nothing but the sign.

    a, b (Counts): Shape (n, 3): right predictions, predictions, gold of each utterance.
    n_resamples (int): Draws of each test, at least 1.
    RAISES: DataError if their gold differs or there are no utterances.
    """
    if a.shape != b.shape or not len(a):
        raise DataError(f"systems were scored on {len(a):,} and {len(b):,} utterances; they must be the same, and some")
    if (a[:, 2] != b[:, 2]).any():
        number = int(np.flatnonzero(a[:, 2] != b[:, 2])[0]) + 1
        raise DataError(f"the gold of utterance {number} differs: {a[number - 1, 2]} and {b[number - 1, 2]} entities")
    rows, times = _distinct(a, b)
    other = _distinct(b, a)
    # Draws depend on the order of the rows, so the two orders of the systems must use one of them.
    sign = 1.0
    if [other[0].tolist(), other[1].tolist()] < [rows.tolist(), times.tolist()]:
        (rows, times), sign = other, -1.0
    totals = (times @ rows).astype(np.float64)[None]
    observed = float(_differences(totals)[0])
    boots = np.concatenate([_differences(batch) for batch in resample(rows, times, n_resamples, seed)])
    swaps = _swapped_differences(rows, times, n_resamples, seed)
    low, high = np.quantile(boots, [0.025, 0.975])
    f_a, f_b = (float(_f(totals, side)[0]) for side in ((0, 1) if sign > 0 else (1, 0)))
    return Comparison(
        f_a=f_a,
        f_b=f_b,
        difference=f_b - f_a,
        ci95=[float(low), float(high)] if sign > 0 else [0.0 - float(high), 0.0 - float(low)],
        p_bootstrap=_share(np.abs(boots - observed), abs(observed)),
        p_randomization=_share(np.abs(swaps), abs(observed)),
        docs=len(a),
        n=int(a[:, 2].sum()),
        n_resamples=n_resamples,
    )


def _distinct(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """RETURNS (tuple): Distinct rows (u, 5): right and predicted of a, then of b, gold; utterances with each."""
    rows, times = np.unique(np.column_stack([a[:, :2], b]), axis=0, return_counts=True)
    return rows, times.astype(np.int64)


def _f(totals: Floats, side: int) -> Floats:
    right, predicted, gold = totals[:, 2 * side], totals[:, 2 * side + 1], totals[:, 4]
    size = predicted + gold
    return np.divide(2 * right, size, out=np.zeros(size.shape), where=size > 0)


def _differences(totals: Floats) -> Floats:
    return _f(totals, 1) - _f(totals, 0)


def _swapped_differences(rows: Counts, times: Counts, n_resamples: int, seed: int) -> Floats:
    """Of utterances that are alike only the number that is swapped matters: one binomial draw."""
    rng = np.random.default_rng(seed)
    differ = (rows[:, :2] != rows[:, 2:4]).any(axis=1)
    base = (times @ rows).astype(np.float64)
    # What swapping one utterance of this kind moves from one system to the other.
    moves = np.column_stack([rows[:, 2:4] - rows[:, :2], rows[:, :2] - rows[:, 2:4], np.zeros_like(rows[:, 4])])[differ]
    batch = max(1, CELLS // max(1, len(moves)))
    found = []
    for start in range(0, n_resamples, batch):
        size = (min(batch, n_resamples - start), len(moves))
        found.append(_differences(base + rng.binomial(times[differ], 0.5, size=size) @ moves.astype(np.float64)))
    return np.concatenate(found)


def _share(values: Floats, least: float) -> float:
    return float((1 + (values >= least - _TOLERANCE).sum()) / (1 + len(values)))
