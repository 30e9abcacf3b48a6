"""Metrics turned into what the report's templates draw: rows, axes, tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .confusion import MISSED, SPURIOUS
from .drawing import draw
from .metrics_files import Metrics, is_number

BASELINES = {"accept_all": "every candidate", "prior": "prior", "ceiling": "ceiling"}
POOLED = "all"
_TONES = 6


@dataclass(frozen=True, slots=True)
class Row:
    """Scores (0..1) of one system or baseline on one set; ``tone`` names its colour in the style sheet."""

    title: str
    tone: str
    p: float
    r: float
    f: float
    n: int
    interval: tuple[float, float] | None = None
    is_baseline: bool = False


@dataclass(frozen=True, slots=True)
class SetView:
    """One test set with its rows, in the order they are shown."""

    name: str
    title: str
    docs: int | None
    n: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A score axis: ``low`` to ``high``, with a tick at each of ``ticks``."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, score: float) -> float:
        """RETURNS (float): Where a score lies, in percent of the axis."""
        return round(100 * (min(max(score, self.low), self.high) - self.low) / (self.high - self.low), 3)


def tones(metrics: Metrics) -> dict[str, str]:
    """RETURNS (dict[str, str]): System name → name of its colour, which it keeps in every figure."""
    return {name: f"s{i % _TONES}" for i, name in enumerate(metrics.systems)}


def set_names(metrics: Metrics) -> list[str]:
    """RETURNS (list[str]): Every set of every system, the pooled one last, and only where it pools more than one."""
    names = list(dict.fromkeys(name for data in metrics.systems.values() for name in data["sets"]))
    single = [name for name in names if name != POOLED]
    return single if len(single) == 1 else single + [name for name in names if name == POOLED]


def set_views(metrics: Metrics) -> list[SetView]:
    """RETURNS (list[SetView]): Systems, then the baselines of the first system that has candidates."""
    views = []
    tone = tones(metrics)
    for name in set_names(metrics):
        found = {system: data["sets"][name] for system, data in metrics.systems.items() if name in data["sets"]}
        rows = [_row(system, tone[system], scores["strict"]) for system, scores in found.items()]
        base: Mapping[str, Any] = next((s["baselines"] for s in found.values() if s.get("baselines")), {})
        gold = rows[0].n
        rows += [
            _row(title, key, {"n": gold, **base[key]}, is_baseline=True)
            for key, title in BASELINES.items()
            if key in base
        ]
        docs = next((s["docs"] for s in found.values() if is_number(s.get("docs"))), None)
        views.append(SetView(name, title_of(name), docs, gold, tuple(rows)))
    return views


def title_of(name: str) -> str:
    """RETURNS (str): What people read for a set's name."""
    return "all sets pooled" if name == POOLED else name


def score_axis(views: Sequence[SetView]) -> Axis:
    """RETURNS (Axis): One axis for all sets, cut below at a round number so that differences can be seen."""
    scores = [score for view in views for row in view.rows for score in (row.f, *(row.interval or ()))]
    low = math.floor(10 * min(scores, default=0.0) - 0.15) / 10
    low = max(0.0, low)
    step = 0.05 if low >= 0.8 else 0.1 if low >= 0.4 else 0.2
    low = math.floor(low / step + 1e-9) * step
    count = round((1 - low) / step)
    return Axis(low, 1.0, tuple(round(1 - i * step, 2) for i in range(count, -1, -1)))


def label_table(metrics: Metrics, name: str) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): label, n, scores (system → per-label scores), most frequent label first."""
    rows: dict[str, dict[str, Any]] = {}
    for system, data in metrics.systems.items():
        for label, scores in (data["sets"].get(name, {}).get("per_label") or {}).items():
            row = rows.setdefault(label, {"label": label, "n": 0, "scores": {}})
            row["n"] = max(row["n"], scores["n"])
            row["scores"][system] = scores
    return sorted(rows.values(), key=lambda row: (-row["n"], row["label"]))


def heat_map(scores: Mapping[str, Any]) -> dict[str, Any] | None:
    """Lay out the confusion counts of one system on one set.

    RETURNS (dict | None): columns, total, rows of {label, total, cells: [{count, shade, kind, column}]}; shade is 0..1.
    """
    table: Mapping[str, Mapping[str, int]] = scores.get("confusion") or {}
    if not table:
        return None
    seen = dict.fromkeys([*(scores.get("per_label") or {}), *table, *(c for cells in table.values() for c in cells)])
    labels = [label for label in seen if label not in (MISSED, SPURIOUS)]
    columns = [*labels, MISSED]
    rows = []
    for gold in [*(label for label in labels if label in table), *([SPURIOUS] if SPURIOUS in table else [])]:
        total = sum(table[gold].values())
        cells = []
        for column in columns:
            count = table[gold].get(column, 0)
            kind = "hit" if column == gold else "miss"
            # The square root keeps one confusion in fifty visible.
            shade = round(math.sqrt(count / total), 2) if total else 0.0
            cells.append({"count": count, "shade": shade, "kind": kind, "column": column})
        rows.append({"label": gold, "total": total, "cells": cells})
    return {"columns": columns, "rows": rows, "total": sum(row["total"] for row in rows)}


def error_data(metrics: Metrics) -> dict[str, Any]:
    """Collect every error for the page's script; keys are short because there may be thousands.

    RETURNS (dict): systems, tones, sets, labels (names) and errors: s, y (indices of set and system), t (text),
        l (language), g, p (drawn gold and prediction, safe HTML), m, x (labels missed, spurious), c (1: a missed span
        wasn't among the candidates).
    """
    systems, sets = list(metrics.systems), [name for name in set_names(metrics) if name != POOLED]
    tone = tones(metrics)
    found = []
    labels: set[str] = set()
    for y, data in enumerate(metrics.systems.values()):
        for s, name in enumerate(sets):
            for error in data["sets"].get(name, {}).get("errors") or ():
                missed, spurious = error.get("missed") or [], error.get("spurious") or []
                text, candidates = error["text"], error.get("candidates")
                item = {
                    "s": s,
                    "y": y,
                    "t": text,
                    "l": str(error.get("lang") or ""),
                    "g": draw(text, error.get("gold") or [], missed),
                    "p": draw(text, error.get("pred") or [], spurious),
                    "m": sorted({span[2] for span in missed}),
                    "x": sorted({span[2] for span in spurious}),
                    "c": int(candidates is not None and any(span not in candidates for span in missed)),
                }
                labels.update(item["m"], item["x"])
                found.append(item)
    return {
        "systems": systems,
        "tones": [tone[name] for name in systems],
        "sets": sets,
        "labels": sorted(labels),
        "errors": found,
    }


def headline(metrics: Metrics) -> str:
    """RETURNS (str): The result in one sentence; empty where there is nothing to say."""
    views = set_views(metrics)
    if not views:
        return ""
    view = views[-1]
    by_title = {row.title: row for row in view.rows if not row.is_baseline}
    teacher, student = by_title.get("teacher"), by_title.get("student")
    where = f"{view.n:,} gold entities" + (f" in {view.docs:,} utterances" if view.docs is not None else "")
    if teacher is None or student is None or teacher.n != student.n:
        row = view.rows[0]
        return f"The {row.title} scores {100 * row.f:.1f} strict F1 on {where} ({view.title})."
    gap = round(100 * student.f, 1) - round(100 * teacher.f, 1)
    beside = "level with" if abs(gap) < 0.05 else f"{abs(gap):.1f} points {'above' if gap > 0 else 'below'}"
    sentence = f"On {where}, the student reaches {100 * student.f:.1f} strict F1, {beside} its teacher"
    speeds = [metrics.systems[name]["sets"].get(view.name, {}).get("utterances_per_s") for name in by_title]
    pair = dict(zip(by_title, speeds, strict=True))
    if is_number(pair["teacher"]) and is_number(pair["student"]) and pair["teacher"] > 0:
        ratio = pair["student"] / pair["teacher"]
        sentence += f", at {ratio:.1f} times its speed" if ratio < 10 else f", at {ratio:,.0f} times its speed"
    return sentence + "."


def _row(title: str, tone: str, scores: Mapping[str, Any], *, is_baseline: bool = False) -> Row:
    interval = scores.get("ci95")
    return Row(
        title=title,
        tone=tone,
        p=scores["p"],
        r=scores["r"],
        f=scores["f"],
        n=int(scores["n"]),
        interval=(interval[0], interval[1]) if interval else None,
        is_baseline=is_baseline,
    )
