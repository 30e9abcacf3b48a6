"""Learning curves: F1 against the number of exemplars, one figure for each test set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .axes import Axis, cut_axis
from .metrics_files import Metrics

_ZERO_GAP = 12.0  # percent of the width between no exemplars and the fewest
_LABEL_GAP = 9.0  # percent: sizes nearer than this share one label


@dataclass(frozen=True, slots=True)
class Point:
    """Mean F1 over seeds at x, in percent of the figure; ``low`` and ``high`` are the worst and best seed's F1."""

    x: float
    n: int
    f: float
    low: float
    high: float
    sd: float
    seeds: int
    prior_f: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One system; ``line``, ``band`` and ``prior`` are SVG paths in a square of 100."""

    system: str
    points: tuple[Point, ...]
    line: str
    band: str
    prior: str

    def at(self, n: int) -> Point | None:
        """RETURNS (Point | None): With so many exemplars."""
        return next((point for point in self.points if point.n == n), None)


@dataclass(frozen=True, slots=True)
class CurveFigure:
    """Curves of the systems that were scored on one test set. ``ticks``: (x in percent, exemplars)."""

    title: str
    n: int | None
    axis: Axis
    ticks: tuple[tuple[float, int], ...]
    sizes: tuple[int, ...]
    curves: tuple[Curve, ...]


def curve_figures(metrics: Metrics) -> list[CurveFigure]:
    """RETURNS (list[CurveFigure]): Of benchmark results with a learning curve, those of one test set together."""
    groups: dict[tuple[str, Any], list[str]] = {}
    for system, data in metrics.benchmarks.items():
        if data.get("learning_curve"):
            test = ((data["protocol"].get("splits") or {}).get("test")) or {}
            groups.setdefault((str(test.get("name") or "test"), test.get("sha256")), []).append(system)
    return [_figure(title, systems, metrics) for (title, _), systems in groups.items()]


def _figure(title: str, systems: Sequence[str], metrics: Metrics) -> CurveFigure:
    rows = {system: _sorted(metrics.benchmarks[system]["learning_curve"]) for system in systems}
    sizes = sorted({int(row["n_exemplars"]) for found in rows.values() for row in found})
    positions = _positions(sizes)
    scores = [row["f"][key] for found in rows.values() for row in found for key in ("min", "mean")]
    scores += [row["prior_f"] for found in rows.values() for row in found if row.get("prior_f") is not None]
    axis = cut_axis(scores)
    ticks: list[tuple[float, int]] = []
    for size in reversed(sizes):  # the most exemplars always keep their label
        if not ticks or ticks[-1][0] - positions[size] >= _LABEL_GAP or size == 0:
            ticks.append((positions[size], size))
    gold = metrics.benchmarks[systems[0]].get("strict") or {}
    return CurveFigure(
        title,
        gold.get("n"),
        axis,
        tuple(reversed(ticks)),
        tuple(sizes),
        tuple(_curve(system, found, positions, axis) for system, found in rows.items()),
    )


def _curve(system: str, rows: Sequence[dict[str, Any]], positions: dict[int, float], axis: Axis) -> Curve:
    points = tuple(
        Point(
            x=positions[int(row["n_exemplars"])],
            n=int(row["n_exemplars"]),
            f=row["f"]["mean"],
            low=row["f"]["min"],
            high=row["f"]["max"],
            sd=row["f"]["sd"],
            seeds=int(row.get("seeds") or 1),
            prior_f=row.get("prior_f"),
        )
        for row in rows
    )
    upper = [(point.x, point.high) for point in points]
    lower = [(point.x, point.low) for point in reversed(points)]
    spread = any(point.high > point.low for point in points)
    return Curve(
        system,
        points,
        _path([(point.x, point.f) for point in points], axis),
        _path(upper + lower, axis) + "Z" if spread else "",
        _path([(point.x, point.prior_f) for point in points if point.prior_f is not None], axis),
    )


def _positions(sizes: Sequence[int]) -> dict[int, float]:
    """Sizes on a log axis; 0, which has no logarithm, stands apart at the left."""
    positive = [size for size in sizes if size > 0]
    start = _ZERO_GAP if 0 in sizes else 0.0
    low, high = (math.log(positive[0]), math.log(positive[-1])) if positive else (0.0, 0.0)
    width = high - low
    places = {size: start + (100 - start) * ((math.log(size) - low) / width if width else 1.0) for size in positive}
    return {**({0: 0.0} if 0 in sizes else {}), **{size: round(x, 2) for size, x in places.items()}}


def _path(points: Sequence[tuple[float, float]], axis: Axis) -> str:
    return "".join(f"{'L' if i else 'M'}{x:g} {100 - axis.at(f):g}" for i, (x, f) in enumerate(points))


def _sorted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["n_exemplars"])
