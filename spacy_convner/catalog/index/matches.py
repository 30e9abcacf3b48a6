"""A match, and which of several entries of one span and label is the best."""

from __future__ import annotations

from typing import NamedTuple

_RANK = {"exact": 0, "case": 1, "accents": 2, "apostrophes": 3, "punctuation": 4, "alias": 5}
_RANK_OF_OTHERS = 6


class Match(NamedTuple):
    """A catalog name in a Doc: tokens ``start`` inclusive to ``end`` exclusive."""

    start: int
    end: int
    label: str
    id: str
    step: str
    popularity: float


def longest(matches: list[Match], count: int) -> list[Match]:
    """RETURNS (list[Match]): Of more matches the ``count`` longest, then most popular; by start, longest first."""
    if len(matches) <= count:
        return matches
    best = sorted(matches, key=lambda m: (m.start - m.end, -m.popularity))[:count]
    return sorted(best, key=lambda m: (m.start, -m.end, m.label))


Row = tuple[str, str, str, float]  # label, id, step, popularity, as in Match
Rows = tuple[Row, ...]
Marked = tuple[Row, str, str, str]  # and marks before and after the entry's own spelling, and that
Resolved = tuple[Rows, tuple[Marked, ...]]
# (first token, -(last token + 1)) → by label: sorting gives reading order
Spans = dict[tuple[int, int], Rows]


def merge(spans: Spans, key: tuple[int, int], rows: Rows) -> None:
    """Add rows to those of a span; of two with one label the better stays."""
    known = spans.get(key)
    if known is not None:
        best = {row[0]: row for row in known}
        for row in rows:
            other = best.get(row[0])
            if other is None or _order(row) < _order(other):
                best[row[0]] = row
        rows = tuple(best[label] for label in sorted(best))
    spans[key] = rows


def _order(row: Row) -> tuple[int, float, str]:
    return _RANK.get(row[2], _RANK_OF_OTHERS), -row[3], row[1]
