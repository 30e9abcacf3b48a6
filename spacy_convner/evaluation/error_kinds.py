"""What kind of mistake each wrong or missing span is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..ty import LabelledSpan
from .partial_match import distance, overlap
from .scoring import Judged

LABEL, BOUNDARY, BOTH, SPURIOUS = "label", "boundary", "both", "spurious"
MISSED, NOT_PROPOSED, REFUSED = "missed", "missed: not a candidate", "missed: refused"
KINDS = (LABEL, BOUNDARY, BOTH, REFUSED, NOT_PROPOSED, MISSED, SPURIOUS)


def error_kinds(item: Judged) -> list[str]:
    """Name the mistakes of one utterance, one each, in the order of ``KINDS``.

    A wrong prediction and a missed gold span that overlap are one mistake: "label" with the same bounds, "boundary"
    with the same label, "both" with neither. They are paired in that order of preference, nearest bounds first. What
    is left is "spurious", or missed: "missed: not a candidate" if the catalog didn't propose that (span, label),
    "missed: refused" if the filter didn't select it, "missed" where the pipeline has no candidates.

    RETURNS (list[str]): Empty where everything is right.
    """
    missed, wrong = set(item.gold - item.pred), set(item.pred - item.gold)
    kinds = []
    for gold, pred in sorted(((g, p) for g in missed for p in wrong if overlap(g, p)), key=_preference):
        if gold in missed and pred in wrong:
            missed.remove(gold)
            wrong.remove(pred)
            kinds.append(_kind(gold, pred))
    for gold in missed:
        proposed = item.candidates
        kinds.append(MISSED if proposed is None else REFUSED if gold in proposed else NOT_PROPOSED)
    return sorted(kinds + [SPURIOUS] * len(wrong), key=KINDS.index)


def count_kinds(judged: Iterable[Judged]) -> dict[str, int]:
    """RETURNS (dict[str, int]): Kind → how many mistakes, in the order of ``KINDS``, without those that are none."""
    counts = Counter(kind for item in judged if item.gold != item.pred for kind in error_kinds(item))
    return {kind: counts[kind] for kind in KINDS if kind in counts}


def _kind(gold: LabelledSpan, pred: LabelledSpan) -> str:
    return LABEL if distance(gold, pred) == 0 else BOUNDARY if gold.label == pred.label else BOTH


def _preference(pair: tuple[LabelledSpan, LabelledSpan]) -> tuple[object, ...]:
    gold, pred = pair
    return KINDS.index(_kind(gold, pred)), distance(gold, pred), gold.start, gold.label, pred.start, pred.label
