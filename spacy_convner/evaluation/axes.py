"""Axes of the report's figures: where a value lies, and which round numbers are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from ``low`` to ``high`` with a tick at each of ``ticks``."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """RETURNS (float): Where a value lies, in percent of the axis; values outside of it lie on its end."""
        return round(100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 3)


def cut_axis(scores: Iterable[float]) -> Axis:
    """scores (Iterable[float]): 0..1. RETURNS (Axis): Up to 1, cut below at a round number so that gaps can be seen."""
    low = max(0.0, math.floor(10 * min(scores, default=0.0) - 0.15) / 10)
    step = 0.05 if low >= 0.8 else 0.1 if low >= 0.4 else 0.2
    low = math.floor(low / step + 1e-9) * step
    count = round((1 - low) / step)
    return Axis(low, 1.0, tuple(round(1 - i * step, 2) for i in range(count, -1, -1)))


def difference_axis(values: Iterable[float]) -> Axis:
    """values (Iterable[float]): −1..1. RETURNS (Axis): As far to the left of 0 as to the right, round at both ends."""
    widest = max((abs(value) for value in values), default=0.0)
    end = next((size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5) if widest <= size), 1.0)
    return Axis(-end, end, (-end, 0.0, end))
