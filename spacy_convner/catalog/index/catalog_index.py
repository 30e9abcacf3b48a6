"""What a matcher asks: segments, newest last, and how a hit in folded words becomes a span of a Doc."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...errors import DataError
from ...ty import CatalogEntry, Normalizer
from ..normalization.words import APOSTROPHES, fold_words, literal_chunks, plain_words
from .builder import Kind, build_segment
from .segment import ALIAS, OWN, Segment
from .storage import CURRENT, Manifest, load_segment, read_manifest

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

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


class CatalogIndex:
    """Finds catalog names in Docs.

    normalizer (Normalizer): The one that the segments were built with. segments (Sequence[Segment]): Oldest first.
    """

    def __init__(
        self, vocab: Vocab, normalizer: Normalizer, segments: Sequence[Segment] = (), kind: Kind = "auto"
    ) -> None:
        self.vocab = vocab
        self.normalizer = normalizer
        self.kind = kind
        self._folds_all = "" not in {normalizer.difference("X", "x") or "", normalizer.difference("é", "e") or ""}
        self.path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._set(list(segments))

    def _set(self, segments: list[Segment]) -> None:
        self.segments = segments
        # What later segments removed or replaced is passed over in earlier ones.
        self._removed: list[frozenset[int]] = [frozenset()] * len(segments)
        gone: frozenset[int] = frozenset()
        for number in range(len(segments) - 1, -1, -1):
            self._removed[number] = gone
            gone |= segments[number].removed
        self._literals = any(segment.finder.has_literals for segment in segments)

    @classmethod
    def open(cls, folder: Path, vocab: Vocab, normalizer: Normalizer) -> CatalogIndex:
        """Map an index from disk. RAISES: DataError if it is damaged or was built with another normalizer."""
        index = cls(vocab, normalizer)
        index.path = folder
        index.reload()
        return index

    def reload(self) -> bool:
        """Take up what was built or updated since. RETURNS (bool): Whether anything was. RAISES: DataError."""
        if self.path is None:
            return False
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return False
        for attempt in (1, 2, 3):
            manifest = read_manifest(self.path)
            self._check(manifest)
            known = {segment.name: segment for segment in self.segments}
            try:
                segments = [
                    known.get(info.name) or load_segment(self.path, info, self.vocab) for info in manifest.segments
                ]
            except DataError:
                # A build may have replaced the segments between the two reads.
                if attempt == 3 or read_manifest(self.path) == manifest:
                    raise
                continue
            break
        self.kind = cast(Kind, manifest.kind)
        # What was added in memory stays, after what the index holds.
        self._set(segments + [segment for segment in self.segments if not segment.name])
        self._stamp = stamp
        return True

    def _check(self, manifest: Manifest) -> None:
        if manifest.normalizer != self.normalizer.fingerprint:
            raise DataError(
                f"built with the normalizer {manifest.normalizer!r}, the pipeline has {self.normalizer.fingerprint!r}",
                path=self.path,
                hint="give catalog_matcher the same steps, or build the index again",
            )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if self.path is not None:  # another process maps the files itself
            state.update(segments=[s for s in self.segments if not s.name], _removed=[], _stamp=None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.path is not None:
            self.reload()

    @property
    def labels(self) -> list[str]:
        return sorted({label for segment in self.segments for label in segment.labels})

    def __len__(self) -> int:
        return sum(segment.n_entries for segment in self.segments)

    def add(self, entries: Iterable[CatalogEntry]) -> None:
        """Add entries in memory; one with the label and id of an earlier one takes its place."""
        segment, _ = build_segment(entries, self.vocab, self.normalizer, self.kind)
        segment.removed = frozenset(int(value) for value in segment.tables["identity"])
        self._set([*self.segments, segment])

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): Those that hold now."""
        for segment, removed in zip(self.segments, self._removed, strict=True):
            for number, entry in segment.numbered_entries():
                if not (removed and segment.identity(number) in removed):
                    yield entry

    def segment(self, name: str) -> Segment:
        """name (str): As in ``CURRENT``. RETURNS (Segment)."""
        return next(segment for segment in self.segments if segment.name == name)

    def holds(self, identities: Iterable[int]) -> set[int]:
        """RETURNS (set[int]): Those of the identities that an entry has now."""
        asked = np.fromiter(identities, dtype=np.uint64)
        found: set[int] = set()
        for segment, removed in zip(self.segments, self._removed, strict=True):
            here = asked[np.isin(asked, segment.tables["identity"])]
            found |= {int(value) for value in here} - removed
        return found

    def find(self, doc: Doc) -> list[Match]:
        """RETURNS (list[Match]): The best entry of every (span, label), by start, longest first."""
        text = doc.text
        words = plain_words(text)
        best: dict[tuple[int, int, str], tuple[int, float, Match]] = {}
        tokens: _TokenBounds | None = None
        endings = bool(self.normalizer.endings)
        for segment, removed in zip(self.segments, self._removed, strict=True):
            found = segment.finder.find(words, endings)
            if found:
                if tokens is None:
                    tokens = _TokenBounds(doc, text)
                    _, starts, ends = fold_words(text)
                for start, end, key_id, ending in found:
                    self._propose(segment, removed, key_id, ending, tokens, starts[start], ends[end - 1], best)
        if self._literals:
            for key, first, last in literal_chunks(text):
                for segment, removed in zip(self.segments, self._removed, strict=True):
                    for _, _, key_id, _ in segment.finder.find([key], False):
                        tokens = tokens or _TokenBounds(doc, text)
                        self._propose(segment, removed, key_id, 0, tokens, first, last, best)
        if not best:
            return []
        return sorted((found for _, _, found in best.values()), key=_reading_order)

    def _propose(
        self,
        segment: Segment,
        removed: frozenset[int],
        key_id: int,
        ending: int,
        tokens: _TokenBounds,
        start: int,
        end: int,
        best: dict[tuple[int, int, str], tuple[int, float, Match]],
    ) -> None:
        text = tokens.text
        name_end, called = end, ""
        if ending:
            name_end = end - ending
            while text[name_end - 1] in APOSTROPHES:
                name_end -= 1
            called = "possessive" if name_end < end - ending else "plural"
            if called not in self.normalizer.endings:
                return
        surface = text[start:name_end]
        label = None
        for entry, step_number, identity, head, tail in segment.rows(key_id):
            if entry.label == label or (removed and identity in removed):
                continue
            first, last, written = start, end, surface
            if not ending and (head or tail):
                # "Wham!" and "(I Can't Get No)" are found with their own marks where the utterance has them.
                last += len(tail) if tail and text.startswith(tail, end) else 0
                first -= len(head) if head and start >= len(head) and text.endswith(head, 0, start) else 0
                written = text[first:last]
            step = self._step(segment, entry, step_number, written)
            span = tokens.span(first, last, name_end if ending else last) if step is not None else None
            if step is None or span is None:
                continue
            label = entry.label
            step = called or step
            rank = _RANK.get(step, _RANK_OF_OTHERS)
            key = (*span, label)
            known = best.get(key)
            if known is None or (rank, -entry.popularity) < (known[0], -known[1]):
                best[key] = (rank, entry.popularity, Match(*span, label, entry.id, step, entry.popularity))

    def _step(self, segment: Segment, entry: CatalogEntry, step: int, surface: str) -> str | None:
        if step == OWN:
            return self.normalizer.difference(surface, entry.text)
        if step == ALIAS:
            differences = (self.normalizer.difference(surface, alias) for alias in entry.aliases)
            return "alias" if self._folds_all or any(differences) else None
        return segment.step_name(step)


def _reading_order(match: Match) -> tuple[int, int, str]:
    return match.start, -match.end, match.label


class _TokenBounds:
    """Characters to tokens, for one Doc."""

    def __init__(self, doc: Doc, text: str) -> None:
        self.text = text
        self._doc = doc
        self._starts = [token.idx for token in doc]

    def span(self, start: int, end: int, name_end: int) -> tuple[int, int] | None:
        """RETURNS (tuple[int, int] | None): Tokens of the name, with its ending where that is no token of its own."""
        starts, text = self._starts, self.text
        first = bisect_right(starts, start) - 1
        if starts[first] != start and any(char.isalnum() for char in text[starts[first] : start]):
            return None
        last = bisect_right(starts, name_end - 1) - 1
        token_end = starts[last] + len(self._doc[last])
        if token_end != name_end:
            rest = text[name_end:token_end]
            if name_end == end or token_end > end:
                rest = text[end:token_end]
            elif token_end < end:
                return None
            else:
                rest = ""
            if any(char.isalnum() for char in rest):
                return None
        return first, last + 1


def _stamp(folder: Path) -> tuple[int, int]:
    try:
        status = (folder / CURRENT).stat()
    except FileNotFoundError:
        raise DataError("no catalog index here", path=folder, hint="build one: convner catalog build …") from None
    return status.st_mtime_ns, status.st_ino
