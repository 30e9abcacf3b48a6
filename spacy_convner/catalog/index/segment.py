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
from ..normalization.words import fold_words
from .finders import KeyFinder

OWN, ALIAS, FIRST_NAME_STEP = 0, 1, 2
MERGED = 0xFFFF  # label of an entry whose names went to another of the same (label, id)
SEPARATOR = "\x1f"
Table = NDArray[Any]
_MOST_CACHED = 1 << 14


class Row(NamedTuple):
    """An entry under a key; ``step`` as in ``row_step``; marks that the entry's own spelling begins and ends with."""

    entry: CatalogEntry
    step: int
    identity: int
    head: str
    tail: str


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
        self._cache: dict[int, tuple[Row, ...]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        tables = {name: np.array(table) for name, table in self.tables.items()}
        return Segment, (self.finder, tables, self.labels, self.steps, self.removed, self.name)

    @property
    def n_entries(self) -> int:
        return int(np.count_nonzero(self.tables["label"] != MERGED))

    def rows(self, key_id: int) -> tuple[Row, ...]:
        """RETURNS (tuple[Row]): All entries of a key, by label, the best of a label first."""
        known = self._cache.get(key_id)
        if known is None:
            known = tuple(self._rows(key_id))
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            self._cache[key_id] = known
        return known

    def _rows(self, key_id: int) -> Iterator[Row]:
        for row in range(self._row_start[key_id], self._row_start[key_id + 1]):
            number, step = self._row_entry[row], self._row_step[row]
            entry = self._entry(number)
            head = tail = ""
            if step == OWN and not (entry.text[0].isalnum() and entry.text[-1].isalnum()):
                _, starts, ends = fold_words(entry.text)
                head, tail = (entry.text[: starts[0]], entry.text[ends[-1] :]) if starts else ("", "")
            yield Row(entry, step, identity_of(entry.label, entry.id), head, tail)

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

    def _entry(self, number: int) -> CatalogEntry:
        raw = self._records[self._offset[number] : self._offset[number + 1]]
        text, entry_id, lang, *aliases = str(raw, "utf8").split(SEPARATOR)
        label = self.labels[self._label[number]]
        return CatalogEntry(
            text=text,
            label=label,
            id=entry_id or f"{label}:{text}",
            popularity=self._popularity[number],
            aliases=tuple(aliases),
            lang=lang or None,
        )

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): As they were added, without those that were merged into another."""
        for number in np.flatnonzero(self.tables["label"] != MERGED):
            yield self._entry(int(number))


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
