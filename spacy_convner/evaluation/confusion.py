"""What went wrong: which label was taken for which, and the utterances where it happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ty import LabelledSpan
from .error_kinds import KINDS, error_kinds
from .scoring import Judged

MISSED, SPURIOUS = "missed", "spurious"


def confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Count gold label → predicted label of the same span.

    For each gold label of a span: a hit if it was predicted there; each label predicted there that isn't gold counts
    once; "missed" if neither. The row "spurious" counts predicted labels on spans that aren't gold at all. So every
    wrong prediction is in the table, and a right second label of a multi-label span never looks like a mistake.

    RETURNS (dict[str, dict[str, int]]): Row (gold label or "spurious") → column (predicted label or "missed") → count.
    """
    table: dict[str, dict[str, int]] = {}

    def add(row: str, column: str) -> None:
        cells = table.setdefault(row, {})
        cells[column] = cells.get(column, 0) + 1

    for item in judged:
        gold, pred = _by_bounds(item.gold), _by_bounds(item.pred)
        for bounds, labels in gold.items():
            predicted = pred.get(bounds, set())
            wrong = predicted - labels
            for label in labels:
                if label in predicted:
                    add(label, label)
                elif not wrong:
                    add(label, MISSED)
                for other in wrong:
                    add(label, other)
        for bounds, labels in pred.items():
            if bounds not in gold:
                for label in labels:
                    add(SPURIOUS, label)
    rows = sorted(table, key=lambda row: (row == SPURIOUS, row))
    return {row: dict(sorted(table[row].items())) for row in rows}


def errors(judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """List the utterances that weren't labelled exactly right, in their order.

    RETURNS (list[dict]): text, lang, gold, pred, missed, spurious, candidates (or None), kinds (see ``error_kinds``,
        each once); spans as [start, end, label].
    """
    return [
        {
            "text": item.text,
            "lang": item.lang,
            "gold": _as_lists(item.gold),
            "pred": _as_lists(item.pred),
            "missed": _as_lists(item.gold - item.pred),
            "spurious": _as_lists(item.pred - item.gold),
            "candidates": None if item.candidates is None else _as_lists(item.candidates),
            "kinds": sorted(set(error_kinds(item)), key=KINDS.index),
        }
        for item in judged
        if item.gold != item.pred
    ]


def _by_bounds(spans: Iterable[LabelledSpan]) -> dict[tuple[int, int], set[str]]:
    found: dict[tuple[int, int], set[str]] = {}
    for span in spans:
        found.setdefault((span.start, span.end), set()).add(span.label)
    return found


def _as_lists(spans: Iterable[LabelledSpan]) -> list[list[Any]]:
    return sorted([span.start, span.end, span.label] for span in spans)
