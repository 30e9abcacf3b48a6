"""Gold and predictions that hypothesis makes up: any spans, and spans of whole words that don't overlap."""

from __future__ import annotations

from hypothesis import strategies as st

from spacy_convner.evaluation.scoring import Judged
from spacy_convner.ty import LabelledSpan

LABELS = ["Song", "Movie", "Book"]
WORDS = ["play", "Hello", "by", "adele", "and", "then", "dune", "again"]
TEXT = " ".join(WORDS)
STARTS = [sum(len(word) + 1 for word in WORDS[:i]) for i in range(len(WORDS))]

Spans = frozenset[LabelledSpan]


def word_span(start: int, end: int, label: str) -> LabelledSpan:
    """Words ``start`` to ``end`` (exclusive) of ``TEXT``."""
    return LabelledSpan(STARTS[start], STARTS[end - 1] + len(WORDS[end - 1]), label)


def word_bounds(span: LabelledSpan) -> tuple[int, int]:
    """RETURNS (tuple[int, int]): First word, and the one after the last."""
    start = STARTS.index(span.start)
    return start, start + TEXT[span.start : span.end].count(" ") + 1


def without_overlap(spans: list[LabelledSpan]) -> Spans:
    """RETURNS (frozenset[LabelledSpan]): The first of those that overlap."""
    kept: list[LabelledSpan] = []
    for span in spans:
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return frozenset(kept)


# One draw a span: generating is what such tests spend their time on.
ALL_SPANS = [
    word_span(start, end, label)
    for start in range(len(WORDS))
    for end in range(start + 1, min(start + 3, len(WORDS)) + 1)
    for label in LABELS
]
any_spans = st.lists(st.sampled_from(ALL_SPANS), max_size=5).map(frozenset)
apart = st.lists(st.sampled_from(ALL_SPANS), max_size=6).map(without_overlap)
judged_lists = st.lists(
    st.builds(Judged, st.just(TEXT), any_spans, any_spans, any_spans, st.sampled_from(["en", "es", None])),
    min_size=1,
    max_size=6,
)
apart_lists = st.lists(st.builds(Judged, st.just(TEXT), apart, apart), min_size=1, max_size=6)
