"""A segment: an immutable set of catalog entries with what finds them. An index is a base segment and later ones.

Tables, one NumPy array each, memory-mapped when loaded from disk:

    row_start   (keys + 1,)  rows of a key are row_start[id] … row_start[id + 1]
    row_entry   (rows,)      number of the entry; best entry of a label first
    row_step    (rows,)      0: the key of the entry's own spelling, 1: of an alias, else 2 + number of the name step
    label       (entries,)   number of the label, or MERGED
    popularity  (entries,)
    offset      (entries + 1,)  where the entry's record starts in ``records``
    identities  (unique,)    hashes of (label, id), sorted: what may be replaced and removed
    records     (bytes,)     text, id, language and aliases, UTF-8, between unit separators
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.strings import hash_string  # type: ignore[attr-defined]

from ...ty import CatalogEntry
from .finders import KeyFinder
from .matches import Row

OWN, ALIAS, FIRST_NAME_STEP = 0, 1, 2
MERGED = 0xFFFF  # label of an entry whose names went to another of the same (label, id)
SEPARATOR = "\x1f"
Table = NDArray[Any]


class Record(NamedTuple):
    """What the ``records`` table holds of an entry."""

    text: str
    id: str
    lang: str
    aliases: tuple[str, ...]


@dataclass
class Segment:
    """Entries, their keys, and the order in which labels and steps are numbered."""

    finder: KeyFinder
    tables: Mapping[str, Table]
    labels: Sequence[str]
    steps: Sequence[str]
    removed: frozenset[int] = field(default_factory=frozenset)  # identities of earlier segments that no longer hold
    name: str = ""

    def __post_init__(self) -> None:
        # An item of a memory view costs a tenth of one of a mapped array.
        views = {name: np.asarray(table).data for name, table in self.tables.items()}
        self._row_start, self._row_entry, self._row_step = views["row_start"], views["row_entry"], views["row_step"]
        self._label, self._popularity = views["label"], views["popularity"]
        self._offset, self._records = views["offset"], views["records"]

    def __reduce__(self) -> tuple[object, ...]:
        tables = {name: np.array(table) for name, table in self.tables.items()}
        return Segment, (self.finder, tables, self.labels, self.steps, self.removed, self.name)

    @property
    def n_entries(self) -> int:
        return int(np.count_nonzero(self.tables["label"] != MERGED))

    def rows(self, key_id: int) -> Iterator[tuple[str, int, int]]:
        """YIELDS (tuple): Label, entry, step as in ``row_step``; by label, the best of a label first."""
        for row in range(self._row_start[key_id], self._row_start[key_id + 1]):
            entry = self._row_entry[row]
            yield self.labels[self._label[entry]], entry, self._row_step[row]

    def record(self, entry: int) -> Record:
        """entry (int): Its number."""
        raw = str(self._records[self._offset[entry] : self._offset[entry + 1]], "utf8")
        text, entry_id, lang, *aliases = raw.split(SEPARATOR)
        return Record(text, entry_id or f"{self.labels[self._label[entry]]}:{text}", lang, tuple(aliases))

    def popularity(self, entry: int) -> float:
        """entry (int): Its number."""
        return float(self._popularity[entry])

    def better_written(self, entry: int, surface: str, known: Row, removed: frozenset[int]) -> Row:
        """Of equally popular entries of one label, the one that is written as the utterance writes it is meant.

        entry (int): One that is at most as popular as the known one. removed (frozenset[int]): Identities that later
            segments removed.
        RETURNS (Row): Its row, or the known one.
        """
        label, _, step, popularity = known
        if step in ("exact", "possessive", "plural") or self.popularity(entry) != popularity:
            return known
        record = self.record(entry)
        if record.text != surface or (removed and identity_of(label, record.id) in removed):
            return known
        return label, record.id, "exact", popularity

    def step_name(self, number: int) -> str:
        return self.steps[number - FIRST_NAME_STEP]

    def holds(self, identities: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """RETURNS (NDArray): Those of the identities that an entry has; a binary search each."""
        known = self.tables["identities"]
        if not len(known):
            return identities[:0]
        found: NDArray[np.uint64] = identities[
            known[np.minimum(np.searchsorted(known, identities), len(known) - 1)] == identities
        ]
        return found

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): As they were added, without those that were merged into another."""
        for number in np.flatnonzero(self.tables["label"] != MERGED).tolist():
            text, entry_id, lang, aliases = self.record(number)
            yield CatalogEntry(
                text=text,
                label=self.labels[self._label[number]],
                id=entry_id,
                popularity=self.popularity(number),
                aliases=aliases,
                lang=lang or None,
            )


def pack(entry: CatalogEntry) -> bytes:
    """RETURNS (bytes): The record of an entry."""
    entry_id = "" if entry.id == f"{entry.label}:{entry.text}" else entry.id
    return SEPARATOR.join((entry.text, entry_id, entry.lang or "", *entry.aliases)).encode("utf8")


def sorted_rows(
    key_ids: Table, entries: Table, steps: Table, label: Table, popularity: Table, n_keys: int
) -> dict[str, Table]:
    """Order rows by key, then label, then how faithful and popular.

    key_ids, entries, steps (NDArray): Shape (rows,). label, popularity (NDArray): Shape (entries,).
    RETURNS (dict): row_start, row_entry, row_step.
    """
    # An entry's own spelling beats an alias, and that a way of writing; among equals the popular entry wins.
    order = np.lexsort((-popularity[entries], np.minimum(steps, FIRST_NAME_STEP), label[entries], key_ids))
    counts = np.bincount(key_ids, minlength=n_keys).astype(np.uint32)
    return {
        "row_start": np.concatenate([np.zeros(1, np.uint32), np.cumsum(counts, dtype=np.uint32)]),
        "row_entry": entries[order],
        "row_step": steps[order],
    }


def identity_of(label: str, entry_id: str) -> int:
    """RETURNS (int): 64 bits of (label, id)."""
    return int(hash_string(f"{label}{SEPARATOR}{entry_id}"))
