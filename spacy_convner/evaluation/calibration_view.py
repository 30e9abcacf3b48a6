"""Reliability diagrams: how often candidates of a probability are right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .metrics_files import Metrics

_LARGEST, _SMALLEST = 11.0, 3.0  # radius of a dot, in units of a diagram that is 240 wide


@dataclass(frozen=True, slots=True)
class Dot:
    """A bin: mean probability and share that is right (0..1), candidates in it; radius ∝ √n, height of its bar 0..1."""

    x: float
    y: float
    n: int
    radius: float
    height: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Diagram:
    """One system on one set; ``scores`` as ``calibration`` gives them."""

    system: str
    scores: Mapping[str, Any]
    dots: tuple[Dot, ...]
    verdict: str


def diagrams(metrics: Metrics, name: str) -> list[Diagram]:
    """RETURNS (list[Diagram]): One for each system whose candidates have probabilities on this set."""
    found = []
    for system, data in metrics.systems.items():
        scores = data["sets"].get(name, {}).get("calibration")
        if scores:
            found.append(Diagram(system, scores, _dots(scores), _verdict(scores)))
    return found


def _dots(scores: Mapping[str, Any]) -> tuple[Dot, ...]:
    bins = [row for row in scores["bins"] if row["n"] > 0]
    most = max((row["n"] for row in bins), default=1)
    return tuple(
        Dot(
            x=row["probability"],
            y=row["share"],
            n=int(row["n"]),
            radius=round(max(_SMALLEST, _LARGEST * math.sqrt(row["n"] / most)), 2),
            # Most candidates are near 0 or 1; a log scale keeps the bars between them visible.
            height=round(math.log1p(row["n"]) / math.log1p(most), 3),
            low=row["low"],
            high=row["high"],
        )
        for row in bins
    )


def _verdict(scores: Mapping[str, Any]) -> str:
    """RETURNS (str): Whether probabilities are too high or too low on average, in words."""
    gap = 100 * (scores["mean_probability"] - scores["share"])
    if abs(gap) < 0.05:
        return "on average right"
    return f"on average {abs(gap):.1f} points too {'high' if gap > 0 else 'low'}"
