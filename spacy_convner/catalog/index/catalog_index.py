"""What a matcher asks: segments, newest last, and how a hit in folded words becomes a span of a Doc."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...errors import DataError
from ...ty import CatalogEntry, Normalizer
from ..normalization.words import APOSTROPHES, fold_words, literal_chunks, outer_marks
from .builder import Kind, build_segment
from .matches import Marked, Match, Resolved, Row, Spans, merge
from .segment import ALIAS, OWN, Record, Segment, identity_of
from .spans import TokenBounds
from .storage import Manifest, load_segment, read_manifest, read_stamp

logger = logging.getLogger(__name__)

_MOST_CACHED = 1 << 14
_MOST_NAMESAKES = 64  # of one key, whose spelling is compared with the utterance's
_new_match = tuple.__new__  # a third of the time of calling the class


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
        self._marks_matter = normalizer.difference("X!", "X") is None
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
        self._cache: dict[int, dict[tuple[int | str, ...], Resolved]] = {id(s): {} for s in segments}
        self._literals = any(segment.finder.has_literals for segment in segments)

    @classmethod
    def open(cls, folder: Path, vocab: Vocab, normalizer: Normalizer, verify: bool = True) -> CatalogIndex:
        """Map an index from disk. verify (bool): Read all files to compare checksums.

        RAISES: DataError if it is damaged or was built with another normalizer.
        """
        index = cls(vocab, normalizer)
        index.path = folder
        index.reload(verify)
        return index

    def reload(self, verify: bool = True) -> bool:
        """Take up what was built or updated since; ``verify`` as for ``open``.

        RETURNS (bool): Whether anything was. RAISES: DataError.
        """
        if self.path is None:
            return False
        stamp = read_stamp(self.path)
        if stamp == self._stamp:
            return False
        for attempt in (1, 2, 3):
            manifest = read_manifest(self.path)
            self._check(manifest)
            known = {segment.name: segment for segment in self.segments}
            try:
                segments = [
                    known.get(info.name) or load_segment(self.path, info, self.vocab, verify)
                    for info in manifest.segments
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
            state.update(segments=[s for s in self.segments if not s.name], _stamp=None)
        del state["_cache"], state["_removed"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._set(self.segments)
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
        segment.removed = frozenset(segment.tables["identities"].tolist())
        self._set([*self.segments, segment])

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): Those that hold now."""
        for segment, removed in zip(self.segments, self._removed, strict=True):
            for entry in segment.entries():
                if not (removed and identity_of(entry.label, entry.id) in removed):
                    yield entry

    def segment(self, name: str) -> Segment:
        """name (str): As in ``CURRENT``. RETURNS (Segment)."""
        return next(segment for segment in self.segments if segment.name == name)

    def is_removed(self, segment: int, label: str, entry_id: str) -> bool:
        """RETURNS (bool): Whether a later segment removed or replaced the entry of the segment with this number."""
        removed = self._removed[segment]
        return bool(removed) and identity_of(label, entry_id) in removed

    def holds(self, identities: Iterable[int]) -> set[int]:
        """RETURNS (set[int]): Those of the identities that an entry has now."""
        asked = np.fromiter(identities, dtype=np.uint64)
        found: set[int] = set()
        for segment, removed in zip(self.segments, self._removed, strict=True):
            found |= set(segment.holds(asked).tolist()) - removed
        return found

    def find(self, doc: Doc) -> list[Match]:
        """RETURNS (list[Match]): The best entry of every (span, label), by start, longest first."""
        text = doc.text
        words, starts, ends = fold_words(text)
        spans: Spans = {}
        tokens: TokenBounds | None = None
        for segment, removed in zip(self.segments, self._removed, strict=True):
            found = segment.finder.find(words, True)
            if not found:
                continue
            if tokens is None:
                tokens = TokenBounds(doc, text)
                token_at = None if tokens.starts == starts else tokens.by_start()  # None: each word is a token
            cache = self._cache[id(segment)]
            for start, end, key_id, ending in found:
                first, last = starts[start], ends[end - 1]
                if ending:
                    self._propose_ending(segment, removed, key_id, ending, tokens, first, last, spans)
                    continue
                # What most matches take is written out here; a call each would cost a third more.
                surface = text[first:last]
                resolved = cache.get((key_id, surface))
                if resolved is None:
                    resolved = self._resolve(segment, removed, key_id, surface)
                rows, marked = resolved
                if rows:
                    key: tuple[int, int] | None
                    if token_at is None:
                        key = start, -end
                    elif first in token_at and (after := token_at.get(last) or token_at.get(last + 1)):
                        key = token_at[first], -after  # between the starts of two tokens, maybe with a space
                    else:
                        span = tokens.span(first, last, last)
                        key = (span[0], -span[1]) if span else None
                    if key is not None:
                        if key in spans:
                            merge(spans, key, rows)
                        else:
                            spans[key] = rows
                if marked:
                    self._propose_marked(marked, tokens, first, last, spans)
        if self._literals:
            self._propose_literals(doc, text, spans)
        # Spelt out: unpacking a row into a longer tuple takes twice as long.
        return [
            _new_match(Match, (place[0], -place[1], label, entry_id, step, popularity))
            for place in sorted(spans)
            for label, entry_id, step, popularity in spans[place]
        ]

    def _propose_ending(
        self,
        segment: Segment,
        removed: frozenset[int],
        key_id: int,
        ending: int,
        tokens: TokenBounds,
        start: int,
        end: int,
        spans: Spans,
    ) -> None:
        text = tokens.text
        name_end = end - ending
        while text[name_end - 1] in APOSTROPHES:
            name_end -= 1
        called = "possessive" if name_end < end - ending else "plural"
        is_ending = called in self.normalizer.endings
        if is_ending or name_end in tokens.starts:  # else "'s" is a token of its own, and no part of the name
            rows, _ = self._resolve(segment, removed, key_id, text[start:name_end], called if is_ending else "")
            if rows and (span := tokens.span(start, end, name_end)):
                merge(spans, (span[0], -span[1]), rows)

    def _propose_marked(
        self, marked: tuple[Marked, ...], tokens: TokenBounds, start: int, end: int, spans: Spans
    ) -> None:
        """Find "Wham!" and "(I Can't Get No)" with their own marks where the utterance has them."""
        text = tokens.text
        for row, head, tail, name in marked:
            last = end + len(tail) if tail and text.startswith(tail, end) else end
            first = start - len(head) if head and text.endswith(head, 0, start) else start
            if (first, last) != (start, end):
                row = (row[0], row[1], self.normalizer.difference(text[first:last], name) or row[2], row[3])
            if row[2] and (span := tokens.span(first, last, last)):
                merge(spans, (span[0], -span[1]), (row,))

    def _propose_literals(self, doc: Doc, text: str, spans: Spans) -> None:
        for key, first, last in literal_chunks(text):
            for segment, removed in zip(self.segments, self._removed, strict=True):
                for _, _, key_id, _ in segment.finder.find([key], False):
                    tokens = TokenBounds(doc, text)
                    rows, marked = self._resolve(segment, removed, key_id, text[first:last])
                    if rows and (span := tokens.span(first, last, last)):
                        merge(spans, (span[0], -span[1]), rows)
                    self._propose_marked(marked, tokens, first, last, spans)

    def _resolve(
        self, segment: Segment, removed: frozenset[int], key_id: int, surface: str, called: str = ""
    ) -> Resolved:
        """Find the best entry of each label for a key as an utterance writes it.

        RETURNS (tuple): By label; apart from them those whose own spelling begins or ends with marks.
        """
        cache = self._cache[id(segment)]
        key = (key_id, surface, called) if called else (key_id, surface)
        known = cache.get(key)
        if known is None:
            plain: dict[str, Row] = {}
            marked: dict[str, Marked] = {}
            needed, namesakes = list[Marked](), 0  # needed: no match without their marks, no step yet
            for label, entry, number in segment.rows(key_id):
                known_label = label in plain or label in marked
                if label in plain and number == OWN and namesakes < _MOST_NAMESAKES:
                    namesakes += 1
                    plain[label] = segment.better_written(entry, surface, plain[label], removed)
                if known_label and not self._marks_matter:
                    continue
                record = segment.record(entry)
                if removed and identity_of(label, record.id) in removed:
                    continue
                step = None if known_label else self._step(segment, record, number, surface)
                head, tail = ("", "") if called or number != OWN else outer_marks(record.text)
                row = (label, record.id, called or step or "", segment.popularity(entry))
                if step is not None and (head or tail):
                    marked[label] = (row, head, tail, record.text)
                elif step is not None:
                    plain[label] = row
                elif (head or tail) and self.normalizer.difference(head + surface + tail, record.text):
                    needed.append((row, head, tail, record.text))
            known = tuple(plain[label] for label in sorted(plain)), (*marked.values(), *needed)
            if len(cache) >= _MOST_CACHED:
                cache.clear()
            cache[key] = known
        return known

    def _step(self, segment: Segment, record: Record, step: int, surface: str) -> str | None:
        if step == OWN:
            return self.normalizer.difference(surface, record.text)
        if step == ALIAS:
            differences = (self.normalizer.difference(surface, alias) for alias in record.aliases)
            return "alias" if self._folds_all or any(differences) else None
        return segment.step_name(step)
