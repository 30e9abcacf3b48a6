"""Scores of parts of a test set: names seen before or not, spans with several readings, everyday words …

A slice is a property of a (span, label) in its utterance, so gold and predictions can both be put in one, and each
kind of slice divides all of them: its numbers add up to the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..catalog.common_words import is_common
from ..leaks import fold_name
from ..ty import Exemplar, LabelledSpan
from .scoring import Judged, has_candidates, prf

Bounds = tuple[int, int]
_fold = lru_cache(maxsize=1 << 16)(fold_name)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What training showed: names that are gold there, folded (see ``leaks.fold_name``), and with which labels."""

    names: frozenset[str]
    pairs: frozenset[tuple[str, str]]


def known_names(exemplars: Iterable[Exemplar]) -> KnownNames:
    """exemplars (Iterable[Exemplar]): Annotated training data. RETURNS (KnownNames)."""
    pairs = frozenset(
        (_fold(exemplar.text[span.start : span.end]), span.label) for exemplar in exemplars for span in exemplar.spans
    )
    return KnownNames(frozenset(name for name, _ in pairs), pairs)


class _Context:
    """What decides the slices of an utterance's spans."""

    def __init__(self, item: Judged, known: KnownNames | None) -> None:
        self.item = item
        self.known = known or KnownNames(frozenset(), frozenset())
        self.labels: dict[Bounds, set[str]] = {}
        for span in item.candidates or ():
            self.labels.setdefault((span.start, span.end), set()).add(span.label)

    def surface(self, span: LabelledSpan) -> str:
        return self.item.text[span.start : span.end]

    def words(self, span: LabelledSpan) -> int:
        return max(1, len(self.surface(span).split()))


def _seen(context: _Context, span: LabelledSpan) -> str:
    return _yes(_fold(context.surface(span)) in context.known.names)


def _seen_pair(context: _Context, span: LabelledSpan) -> str:
    return _yes((_fold(context.surface(span)), span.label) in context.known.pairs)


def _ambiguous(context: _Context, span: LabelledSpan) -> str:
    return _yes(len(context.labels.get((span.start, span.end), ())) > 1)


def _common_word(context: _Context, span: LabelledSpan) -> str:
    return _yes(context.words(span) == 1 and is_common(_fold(context.surface(span)), context.item.lang))


def _length(context: _Context, span: LabelledSpan) -> str:
    words = context.words(span)
    return str(words) if words < 4 else "4+"


def _nested(context: _Context, span: LabelledSpan) -> str:
    inside = contains = False
    for start, end in context.labels:
        if (start, end) != (span.start, span.end):
            inside |= start <= span.start and span.end <= end
            contains |= span.start <= start and end <= span.end
    return "both" if inside and contains else "inside" if inside else "contains" if contains else "neither"


def _case(context: _Context, span: LabelledSpan) -> str:
    return "capitals" if any(char.isupper() or char.istitle() for char in context.surface(span)) else "lower"


def _candidate(context: _Context, span: LabelledSpan) -> str:
    return _yes(span in (context.item.candidates or ()))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


Slice = Callable[[_Context, LabelledSpan], str]
# Kind → which slice, and the slices in the order they are shown.
_OF_TRAINING: Mapping[str, tuple[Slice, tuple[str, ...]]] = {
    "seen": (_seen, ("yes", "no")),
    "seen_pair": (_seen_pair, ("yes", "no")),
}
_OF_CANDIDATES: Mapping[str, tuple[Slice, tuple[str, ...]]] = {
    "ambiguous": (_ambiguous, ("yes", "no")),
    "nested": (_nested, ("inside", "contains", "both", "neither")),
    "candidate": (_candidate, ("yes", "no")),
}
_OF_TEXT: Mapping[str, tuple[Slice, tuple[str, ...]]] = {
    "common_word": (_common_word, ("yes", "no")),
    "words": (_length, ("1", "2", "3", "4+")),
    "case": (_case, ("lower", "capitals")),
}


def slice_scores(
    judged: Sequence[Judged], known: KnownNames | None = None
) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """Strict scores by slice.

    seen, seen_pair: the name, or the name with this label, is gold in training (only with ``known``).
    ambiguous: the catalog proposes several labels for the span. nested: it proposes a longer span around it ("inside"),
    a shorter one in it ("contains"), "both" or "neither". candidate: it proposes this (span, label); gold that it
    doesn't propose has only a recall. (These three only with candidates.)
    common_word: a single everyday word of the utterance's language. words: between spaces. case: as it is written.

    known (KnownNames | None): From ``known_names``.
    RETURNS (dict): Kind → slice → p, r, f (0..1, None for precision and F1 of what can't be predicted), n (gold),
        predicted. Slices that neither gold nor predictions have are left out.
    """
    kinds = {**(_OF_TRAINING if known else {}), **(_OF_CANDIDATES if has_candidates(judged) else {}), **_OF_TEXT}
    totals: dict[str, dict[str, list[int]]] = {
        kind: {value: [0, 0, 0] for value in values} for kind, (_, values) in kinds.items()
    }
    for item in judged:
        if not item.gold and not item.pred:
            continue
        context = _Context(item, known)
        for span in item.gold | item.pred:
            gold, pred = span in item.gold, span in item.pred
            for kind, (slice_of, _) in kinds.items():
                counts = totals[kind][slice_of(context, span)]
                counts[0] += gold and pred
                counts[1] += pred
                counts[2] += gold
    return {
        kind: {value: _row(kind, value, counts) for value, counts in slices.items() if counts[1] + counts[2]}
        for kind, slices in totals.items()
    }


def _row(kind: str, value: str, counts: Sequence[int]) -> dict[str, float | int | None]:
    right, predicted, gold = counts
    scores: dict[str, float | int | None] = {**prf(right, predicted, gold), "n": gold, "predicted": predicted}
    if (kind, value) == ("candidate", "no") and not predicted:
        scores["p"] = scores["f"] = None
    return scores
