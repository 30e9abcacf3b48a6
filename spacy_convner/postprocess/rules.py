"""What a prediction must keep to, and which of overlapping spans become entities."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..ty import LabelledSpan

Policy = Literal["longest", "score"]
KeptEnts = Literal["all", "outside_catalog"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A selected span with its score (0..1); offsets in tokens, end exclusive."""

    start: int
    end: int
    label: str
    score: float


def check_predictions(
    predictions: Sequence[Prediction], candidates: set[LabelledSpan]
) -> tuple[list[int], list[tuple[int, str]]]:
    """Format check, candidate adherence, duplicate removal (paper, section 5.1).

    predictions: n predictions. candidates: What the catalog proposed, in the same offsets.
    RETURNS (tuple): Indices to keep; (index, reason) of those to drop.
    """
    keep, drop, seen = [], [], set()
    for i, item in enumerate(predictions):
        key = LabelledSpan(item.start, item.end, item.label)
        if not item.label:
            drop.append((i, "no label"))
        elif not item.start < item.end:
            drop.append((i, "empty span"))
        elif not 0.0 <= item.score <= 1.0:  # also catches NaN
            drop.append((i, f"score {item.score} outside 0..1"))
        elif key not in candidates:
            drop.append((i, "not a candidate"))
        elif key in seen:
            drop.append((i, "duplicate"))
        else:
            seen.add(key)
            keep.append(i)
    return keep, drop


def resolve_overlaps(predictions: Sequence[Prediction], policy: Policy) -> list[int]:
    """Choose predictions that don't overlap.

    policy (str): "longest": the longer span wins, then the higher score, then the earlier one.
        "score": the higher score wins, then the longer span, then the earlier one.
    Of several labels of one span both keep the one with the highest score, then the one that was selected first.
    This is what an ``ner`` student learns; ``doc.spans["sc"]`` keeps every label.
    RETURNS (list[int]): Indices, ascending. At most one label a span, no overlap.
    """

    def rank(i: int) -> tuple[float, ...]:
        item = predictions[i]
        length = item.end - item.start
        first, second = (length, item.score) if policy == "longest" else (item.score, length)
        return (-first, -second, item.start, i)

    taken: list[tuple[int, int, int]] = []  # sorted and apart, so only the two next to a span can overlap it
    for i in sorted(range(len(predictions)), key=rank):
        item = predictions[i]
        place = bisect_left(taken, (item.start, item.end))
        if (place == 0 or taken[place - 1][1] <= item.start) and (place == len(taken) or taken[place][0] >= item.end):
            taken.insert(place, (item.start, item.end, i))
    return sorted(i for _, _, i in taken)
