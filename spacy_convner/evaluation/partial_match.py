"""Partial-match scores in the four schemes of SemEval-2013 task 9.1: strict, exact, partial and entity type.

As nervaluate counts them (https://github.com/MantisAI/nervaluate): a prediction in the order of the text takes the
first free gold span that it overlaps. Two differences, neither of which shows where gold spans don't overlap each
other and predictions neither:

- What fits best is paired first, here, so that an earlier overlapping prediction never takes a gold span from the one
  that is right. With it the strict scheme's precision and recall are those of ``scoring.strict`` on any data, spans
  with several labels included; nervaluate's can be lower.
- Spans overlap here if they share a character; nervaluate asks for 1 % of the gold span, more than one of a span of
  over 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ty import LabelledSpan
from .scoring import Judged, Spans

Pair = tuple[LabelledSpan, LabelledSpan]
SCHEMES = ("strict", "exact", "partial", "ent_type")
_COUNTS = ("correct", "incorrect", "partial", "missed", "spurious")


def partial_scores(judged: Iterable[Judged]) -> dict[str, dict[str, Any]]:
    """Count in every scheme what became of gold spans and predictions.

    strict: correct with its bounds and label. exact: with its bounds, whatever the label. partial: as exact, and half a
    point for overlapping bounds. ent_type: overlapping is enough if the label is right.

    RETURNS (dict[str, dict]): Scheme → correct, incorrect, partial, missed, spurious, possible (gold), actual
        (predictions), p, r, f (0..1).
    """
    totals = {scheme: dict.fromkeys(_COUNTS, 0) for scheme in SCHEMES}
    for item in judged:
        if item.gold == item.pred:
            for counts in totals.values():
                counts["correct"] += len(item.gold)
            continue
        by_bounds = match(item.gold, item.pred)
        for scheme, counts in totals.items():
            pairs = match(item.gold, item.pred, by_label=True) if scheme == "ent_type" else by_bounds
            for gold, pred in pairs:
                counts[_outcome(scheme, gold, pred)] += 1
            counts["missed"] += len(item.gold) - len(pairs)
            counts["spurious"] += len(item.pred) - len(pairs)
    return {scheme: _with_scores(counts) for scheme, counts in totals.items()}


def match(gold: Spans, pred: Spans, *, by_label: bool = False) -> list[Pair]:
    """Pair predictions with gold spans that they overlap, each at most once.

    First those that are right, then those with the same bounds, then the others in the order of the text, each with
    the first free gold span. With ``by_label`` a span of the same label goes before any other, nearest bounds first,
    and bounds alone count for nothing.

    RETURNS (list[tuple[LabelledSpan, LabelledSpan]]): (gold, prediction).
    """
    right = gold & pred
    pairs = [(span, span) for span in right]
    free_gold, free_pred = _in_order(gold - right), _in_order(pred - right)
    for choose in (_nearest_of_label_or_first,) if by_label else (_same_bounds, _first):
        rest = []
        for span in free_pred if free_gold else ():
            found = choose(span, free_gold)
            if found is None:
                rest.append(span)
            else:
                pairs.append((found, span))
                free_gold.remove(found)
        free_pred = rest
    return pairs


def overlap(a: LabelledSpan, b: LabelledSpan) -> bool:
    """RETURNS (bool): Whether two spans share a character."""
    return a.start < b.end and b.start < a.end


def distance(a: LabelledSpan, b: LabelledSpan) -> int:
    """RETURNS (int): How many characters the bounds of two spans are apart."""
    return abs(a.start - b.start) + abs(a.end - b.end)


def _same_bounds(span: LabelledSpan, free: Sequence[LabelledSpan]) -> LabelledSpan | None:
    return next((gold for gold in free if (gold.start, gold.end) == (span.start, span.end)), None)


def _first(span: LabelledSpan, free: Sequence[LabelledSpan]) -> LabelledSpan | None:
    return next((gold for gold in free if overlap(gold, span)), None)


def _nearest_of_label_or_first(span: LabelledSpan, free: Sequence[LabelledSpan]) -> LabelledSpan | None:
    near = [gold for gold in free if gold.label == span.label and overlap(gold, span)]
    return min(near, key=lambda gold: distance(gold, span)) if near else _first(span, free)


def _outcome(scheme: str, gold: LabelledSpan, pred: LabelledSpan) -> str:
    same_bounds, same_label = (gold.start, gold.end) == (pred.start, pred.end), gold.label == pred.label
    if scheme == "partial":
        return "correct" if same_bounds else "partial"
    good = {"strict": same_bounds and same_label, "exact": same_bounds, "ent_type": same_label}[scheme]
    return "correct" if good else "incorrect"


def _with_scores(counts: dict[str, int]) -> dict[str, Any]:
    paired = counts["correct"] + counts["incorrect"] + counts["partial"]
    possible, actual = paired + counts["missed"], paired + counts["spurious"]
    points = counts["correct"] + 0.5 * counts["partial"]
    return {
        **counts,
        "possible": possible,
        "actual": actual,
        "p": points / actual if actual else 0.0,
        "r": points / possible if possible else 0.0,
        "f": 2 * points / (possible + actual) if possible + actual else 0.0,
    }


def _in_order(spans: Iterable[LabelledSpan]) -> list[LabelledSpan]:
    return sorted(spans, key=lambda span: (span.start, span.end, span.label))
