"""``spacy_convner.FuzzyStep.v1``: names with typing mistakes, in words that nothing else matched. Off by default."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, cast

import numpy as np
from spacy.tokens import Doc

from ...errors import ConfigError, MissingExtraError
from ..common_words import is_common
from ..normalization.words import fold_words
from .catalog_index import CatalogIndex
from .finders import TrieFinder
from .matches import Match, Row
from .segment import Segment
from .spans import TokenBounds

NAME = "fuzzy"
_MOST_CACHED = 4096
_Compare = Callable[..., list[tuple[str, float, int]]]


class _Hit(NamedTuple):
    share: float  # edits a letter
    first: int  # words
    end: int
    segment: int
    key_id: int


class FuzzyStep:
    """Compares windows of unmatched words with the keys that begin alike, by optimal string alignment (RapidFuzz).

    What is bounded: words a window, edits, and keys compared. The first letters must be right, so the cost doesn't grow
    with the catalog beyond ``max_compared`` keys a window.
    """

    def __init__(self, max_edits: int, letters_per_edit: int, max_words: int, prefix: int, max_compared: int) -> None:
        self.max_edits, self.letters_per_edit = max_edits, letters_per_edit
        self.max_words, self.prefix, self.max_compared = max_words, prefix, max_compared
        self._keys: dict[int, tuple[Segment, _Keys]] = {}

    def __call__(self, index: CatalogIndex, doc: Doc, matches: Sequence[Match], lang: str | None) -> list[Match]:
        """RETURNS (list[Match]): Further matches, of step "fuzzy"; they overlap neither each other nor ``matches``,
        except such as are everyday words.
        """
        text = doc.text
        words, starts, ends = fold_words(text)
        if not words:
            return []
        tokens = TokenBounds(doc, text)
        taken = {
            at
            for match in matches
            if not (match.end - match.start == 1 and is_common(doc[match.start].lower_, lang))
            for at in _words_of(starts, doc[match.start].idx, doc[match.end - 1].idx + len(doc[match.end - 1]))
        }
        common = [is_common(word, lang) for word in words]
        hits: list[_Hit] = []
        for first in range(len(words)):
            for end in range(first + 1, min(first + self.max_words, len(words)) + 1):
                if end - 1 in taken:
                    break
                if not all(common[first:end]):
                    hits.extend(self._hits(index, words[first:end], first, end))
        found: list[Match] = []
        used: set[int] = set()
        for hit in sorted(hits, key=lambda hit: (hit.share, hit.first - hit.end)):
            if used.isdisjoint(range(hit.first, hit.end)):
                span = tokens.span(starts[hit.first], ends[hit.end - 1], ends[hit.end - 1])
                rows = _best_rows(index, hit)
                if span is not None and rows:
                    used.update(range(hit.first, hit.end))
                    found.extend(Match(span[0], span[1], *row) for row in rows)
        return sorted(found, key=lambda m: (m.start, -m.end, m.label))

    def _hits(self, index: CatalogIndex, words: Sequence[str], first: int, end: int) -> Iterator[_Hit]:
        window = " ".join(words)
        edits = min(self.max_edits, len(window) // self.letters_per_edit)
        if edits == 0:
            return
        compare, scorer = _rapidfuzz()
        digits = _digits(window)
        for number, segment in enumerate(index.segments):
            keys = self._keys_of(index, segment)
            near = compare(window, keys.like(window), scorer=scorer, score_cutoff=edits, limit=5)
            for key, distance, _ in near:
                # "Blink 183" is another name, no mistake; of a word or two, letters must stay.
                if distance > 0 and _digits(key) == digits and key.count(" ") <= len(words):
                    yield _Hit(distance / len(window), first, end, number, keys.id(key))

    def _keys_of(self, index: CatalogIndex, segment: Segment) -> _Keys:
        known = self._keys.get(id(segment))
        if known is None or known[0] is not segment:
            live = {id(each) for each in index.segments}
            self._keys = {key: value for key, value in self._keys.items() if key in live}
            known = self._keys[id(segment)] = segment, _Keys(index, segment, self.prefix, self.max_compared)
        return known[1]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_keys": {}}


class _Keys:
    """The keys of a segment by what they begin with."""

    def __init__(self, index: CatalogIndex, segment: Segment, prefix: int, most: int) -> None:
        self._finder, self._prefix, self._most = segment.finder, prefix, most
        self._cache: dict[str, list[str] | None] = {}  # None: more than ``most``
        self._sorted: list[str] | None = None
        if not isinstance(segment.finder, TrieFinder):  # it has hashes only
            names = ((name, e.lang) for e in segment.entries() for name in (e.text, *e.aliases))
            self._sorted = sorted({key for name, lang in names for key, _ in index.normalizer.keys(name, lang)})

    def like(self, window: str) -> list[str]:
        """RETURNS (list[str]): Keys with the shortest beginning, from ``prefix`` letters, that few enough have."""
        for length in range(self._prefix, len(window) + 1):
            start = window[:length]
            if start not in self._cache:
                if len(self._cache) >= _MOST_CACHED:
                    self._cache.clear()
                keys = list(islice(self._iterate(start), self._most + 1))
                self._cache[start] = keys if len(keys) <= self._most else None
            known = self._cache[start]
            if known is not None:
                return known
        return []

    def _iterate(self, start: str) -> Iterator[str]:
        if self._sorted is None:
            yield from cast(TrieFinder, self._finder).trie.iterkeys(start)
            return
        for at in range(bisect_left(self._sorted, start), len(self._sorted)):
            if not self._sorted[at].startswith(start):
                return
            yield self._sorted[at]

    def id(self, key: str) -> int:
        return int(self._finder.ids(iter([key]), 1)[0])


def _best_rows(index: CatalogIndex, hit: _Hit) -> list[Row]:
    best: dict[str, Row] = {}
    segment = index.segments[hit.segment]
    for label, entry, _ in segment.rows(hit.key_id):
        if label not in best:
            entry_id = segment.record(entry).id
            if not index.is_removed(hit.segment, label, entry_id):
                best[label] = (label, entry_id, NAME, segment.popularity(entry))
    return [best[label] for label in sorted(best)]


def _words_of(starts: Sequence[int], start: int, end: int) -> range:
    return range(int(np.searchsorted(starts, start)), int(np.searchsorted(starts, end)))


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _rapidfuzz() -> tuple[_Compare, object]:
    try:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract
    except ImportError as err:
        raise MissingExtraError("spacy_convner.FuzzyStep.v1", "rapidfuzz", "fuzzy") from err
    return extract, OSA.distance


def make_fuzzy_step(
    max_edits: int = 2, letters_per_edit: int = 5, max_words: int = 4, prefix: int = 3, max_compared: int = 5000
) -> FuzzyStep:
    """Registered as ``spacy_convner.FuzzyStep.v1``; see ``docs/catalogs.md`` for what it finds and costs.

    max_edits (int): Letters inserted, deleted, changed or swapped at most. letters_per_edit (int): One edit is allowed
    for so many characters. max_words (int): Words a window. prefix (int): First letters, which must be right.
    max_compared (int): Keys a window is compared with; where more begin alike, more letters must be right.
    """
    if min(max_edits, letters_per_edit, max_words, prefix, max_compared) < 1:
        raise ConfigError("FuzzyStep: expected numbers of 1 or more")
    return FuzzyStep(max_edits, letters_per_edit, max_words, prefix, max_compared)
