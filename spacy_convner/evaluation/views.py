"""Metrics turned into what the report's templates draw: rows, axes, tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .axes import Axis, cut_axis
from .confusion import MISSED, SPURIOUS
from .evaluate import POOLED
from .metrics_checks import is_number
from .metrics_files import Metrics

BASELINES = {"accept_all": "every candidate", "prior": "prior", "ceiling": "ceiling"}
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
    macro_f: float | None = None
    macro_interval: tuple[float, float] | None = None
    is_baseline: bool = False


@dataclass(frozen=True, slots=True)
class SetView:
    """One test set with its rows, in the order they are shown."""

    name: str
    title: str
    docs: int | None
    n: int
    rows: tuple[Row, ...]


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
        rows = [_row(system, tone[system], scores["strict"], scores) for system, scores in found.items()]
        base: Mapping[str, Any] = next((s["baselines"] for s in found.values() if s.get("baselines")), {})
        gold = rows[0].n
        rows += [_row(title, key, {"n": gold, **base[key]}) for key, title in BASELINES.items() if key in base]
        docs = next((s["docs"] for s in found.values() if is_number(s.get("docs"))), None)
        views.append(SetView(name, title_of(name), docs, gold, tuple(rows)))
    return views


def title_of(name: str) -> str:
    """RETURNS (str): What people read for a set's name."""
    return "all sets pooled" if name == POOLED else name


def score_axis(views: Sequence[SetView]) -> Axis:
    """RETURNS (Axis): One axis for the F1 scores and intervals of all sets."""
    return cut_axis(score for view in views for row in view.rows for score in (row.f, *(row.interval or ())))


def main_view(views: Sequence[SetView]) -> SetView | None:
    """RETURNS (SetView | None): What the page opens with: the pooled set, else the first one."""
    return next((view for view in views if view.name == POOLED), views[0] if views else None)


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


def headline(metrics: Metrics) -> str:
    """RETURNS (str): The result in one sentence; empty where there is nothing to say."""
    view = main_view(set_views(metrics))
    if view is None:
        return ""
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


def _row(title: str, tone: str, strict: Mapping[str, Any], scores: Mapping[str, Any] | None = None) -> Row:
    """scores (Mapping | None): All scores of a system on the set; None for a baseline."""
    more = scores or {}
    return Row(
        title=title,
        tone=tone,
        p=strict["p"],
        r=strict["r"],
        f=strict["f"],
        n=int(strict["n"]),
        interval=_ends(strict.get("ci95")),
        macro_f=(more.get("macro") or {}).get("f"),
        macro_interval=_ends((more.get("intervals") or {}).get("macro_f")),
        is_baseline=scores is None,
    )


def _ends(interval: Sequence[float] | None) -> tuple[float, float] | None:
    return (interval[0], interval[1]) if interval else None
