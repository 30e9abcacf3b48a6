"""Make a segment of a stream of entries, in bounded memory: keys and records wait in files, rows in arrays."""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from typing import IO, Literal, NamedTuple

import numpy as np
from spacy.vocab import Vocab

from ...errors import DataError
from ...ty import CatalogEntry, Normalizer
from ..normalization.words import CONTROL, literal_key
from .finders import KeyFinder, PhraseFinder, TrieFinder
from .segment import ALIAS, FIRST_NAME_STEP, MERGED, OWN, Segment, Table, identity_of, pack, sorted_rows

Kind = Literal["auto", "phrase", "trie"]
SMALL = 5_000  # keys; below this "auto" takes the PhraseMatcher
_MOST_LABELS = MERGED
_LISTED = 20


class BuildReport(NamedTuple):
    """What happened: ``merged`` entries named twice, ``unmatchable`` names of which some are listed."""

    entries: int
    keys: int
    merged: int
    unmatchable: int
    examples: list[str]


class SegmentBuilder:
    """Collects entries, then finishes once.

    vocab (Vocab): For the PhraseMatcher. normalizer (Normalizer): Makes the keys.
    kind (str): "phrase", "trie", or "auto" by size.
    """

    def __init__(self, vocab: Vocab, normalizer: Normalizer, kind: Kind) -> None:
        self._vocab, self._normalizer, self._kind = vocab, normalizer, kind
        self._labels: dict[str, int] = {}
        self._steps: dict[str, int] = {}
        self._keys: IO[bytes] = tempfile.TemporaryFile(prefix="convner-keys-")  # noqa: SIM115
        self._records: IO[bytes] = tempfile.TemporaryFile(prefix="convner-records-")  # noqa: SIM115
        self._n_bytes = 0
        self._row_entry, self._row_step = array("I"), array("B")
        self._label, self._popularity = array("H"), array("f")
        self._offset, self._identity = array("Q", [0]), array("Q")
        self._unmatchable = 0
        self._examples: list[str] = []

    def add(self, entry: CatalogEntry) -> None:
        """RAISES: DataError for what is no entry, or for more labels than an index can number."""
        _check(entry)
        number = len(self._label)
        label = self._labels.setdefault(entry.label, len(self._labels))
        if label >= _MOST_LABELS:
            raise DataError(f"more than {_MOST_LABELS:,} labels; is the label column the right one?")
        keys = self._entry_keys(entry)
        if not keys:
            self._unmatchable += 1
            if len(self._examples) < _LISTED:
                self._examples.append(entry.text[:80])
        for key, step in keys.items():
            self._keys.write(key.encode("utf8") + b"\n")
            self._row_entry.append(number)
            self._row_step.append(step)
        record = pack(entry)
        self._records.write(record)
        self._n_bytes += len(record)
        self._label.append(label)
        self._popularity.append(entry.popularity)
        self._offset.append(self._n_bytes)
        self._identity.append(identity_of(entry.label, entry.id or f"{entry.label}:{entry.text}"))

    def _entry_keys(self, entry: CatalogEntry) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, step in self._normalizer.keys(entry.text, entry.lang):
            number = OWN if not step else FIRST_NAME_STEP + self._steps.setdefault(step, len(self._steps))
            found.setdefault(key, number)
        if not found and (key := literal_key(entry.text)):
            found[key] = OWN
        for alias in entry.aliases:
            for key, _ in self._normalizer.keys(alias, entry.lang):
                found.setdefault(key, ALIAS)
        return found

    def _stored_keys(self) -> Iterator[str]:
        self._keys.seek(0)
        for line in self._keys:
            yield line[:-1].decode("utf8")

    def finish(self) -> tuple[Segment, BuildReport]:
        """RETURNS (tuple[Segment, BuildReport]): RAISES: DataError if one (label, id) has two names."""
        finder: KeyFinder
        n_rows = len(self._row_entry)
        if self._kind == "trie" or (self._kind == "auto" and n_rows > SMALL):
            finder = TrieFinder.build(self._stored_keys())
        else:
            finder = PhraseFinder.build(self._vocab, self._stored_keys())
        label = np.frombuffer(self._label, dtype=np.uint16).copy()
        popularity = np.frombuffer(self._popularity, dtype=np.float32)
        identity = np.frombuffer(self._identity, dtype=np.uint64)
        row_entry = np.frombuffer(self._row_entry, dtype=np.uint32).copy()
        row_step = np.frombuffer(self._row_step, dtype=np.uint8)
        self._records.seek(0)
        records = np.frombuffer(self._records.read(), dtype=np.uint8)
        offset = np.frombuffer(self._offset, dtype=np.uint64)
        merged = self._merge(label, popularity, identity, row_entry, records, offset)
        key_ids = finder.ids(self._stored_keys(), len(row_entry))
        tables: dict[str, Table] = {
            **sorted_rows(key_ids, row_entry, row_step, label, popularity, len(finder)),
            "label": label,
            "popularity": popularity,
            "offset": offset,
            "identities": np.unique(identity),
            "records": records,
        }
        segment = Segment(finder, tables, list(self._labels), list(self._steps))
        report = BuildReport(len(label) - merged, len(finder), merged, self._unmatchable, self._examples)
        self._keys.close()
        self._records.close()
        return segment, report

    def _merge(
        self, label: Table, popularity: Table, identity: Table, row_entry: Table, records: Table, offset: Table
    ) -> int:
        """Point the rows of entries that are there twice to the most popular of them, in place."""
        order = np.lexsort((-popularity, identity))
        same = identity[order][1:] == identity[order][:-1]
        if not same.any():
            return 0
        starts = np.concatenate([[True], ~same])
        keeper = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
        target = np.empty(len(order), dtype=np.uint32)
        target[order] = keeper
        twice = np.flatnonzero(target != np.arange(len(target)))

        def text(number: int) -> str:
            raw = bytes(records[int(offset[number]) : int(offset[number + 1])])
            return raw.decode("utf8").split("\x1f", 1)[0]

        for number in twice:
            first, second = text(int(target[number])), text(int(number))
            if first.casefold() != second.casefold():
                names = list(self._labels)
                raise DataError(
                    f"two names with one id under {names[label[number]]!r}: {first!r:.60} and {second!r:.60}",
                    field="id",
                    hint="give every entry its own id, or the other name as an alias",
                )
        row_entry[:] = target[row_entry]
        label[twice] = MERGED
        return len(twice)


def _check(entry: CatalogEntry) -> None:
    if not isinstance(entry, CatalogEntry):
        raise DataError(f"expected a CatalogEntry, got {entry!r:.80}", hint="from spacy_convner.ty import CatalogEntry")
    for name in ("text", "label"):
        value = getattr(entry, name)
        if not isinstance(value, str) or not value.strip():
            raise DataError(f"expected a string that isn't empty, got {value!r:.60}", field=name)
    if not isinstance(entry.id, str):
        raise DataError(f"expected a string, got {entry.id!r:.60}", field="id")
    if not (isinstance(entry.popularity, int | float) and 0 <= entry.popularity < math.inf):
        raise DataError(f"expected a number of 0 or more, got {entry.popularity!r:.60}", field="popularity")
    for value in (entry.text, entry.label, entry.id, entry.lang or "", *entry.aliases):
        if found := CONTROL.search(value):
            raise DataError(f"control character {found[0]!r} in {value!r:.60}", field="text")


def build_segment(
    entries: Iterable[CatalogEntry], vocab: Vocab, normalizer: Normalizer, kind: Kind
) -> tuple[Segment, BuildReport]:
    """entries (Iterable[CatalogEntry]): Streamed; the rest as for ``SegmentBuilder``."""
    builder = SegmentBuilder(vocab, normalizer, kind)
    for entry in entries:
        builder.add(entry)
    return builder.finish()
