"""The catalog of a benchmark: every split's names, the training names, or a catalog of one's own; made worse on demand.

Nothing but the name and its label tells where an entry came from: gold names have no popularity, so distractors beside
them have none either, else a filter could learn that what is popular is wrong.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spacy.vocab import Vocab

from ...catalog.index.catalog_index import CatalogIndex
from ...catalog.index.storage import is_index, read_manifest
from ...catalog.normalization.normalizer import normalizer_like
from ...catalog.normalization.words import CONTROL
from ...catalog.sources.records import LONGEST_NAME, read_catalog
from ...errors import ConfigError, DataError
from ...leaks import fold_name
from ...ty import CatalogEntry, Exemplar

ORACLE, TRAIN = "oracle", "train"
Name = tuple[str, str]  # folded, label


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """Which catalog.

    source (str): "oracle" (names of all splits), "train" (of the training split), or the path of a catalog.
    distractors (Sequence[Path]): Catalogs whose names are added. coverage (float): Share (0..1) of names that stays.
    seed (int): Of which ones.
    """

    source: str = ORACLE
    distractors: Sequence[Path] = ()
    coverage: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.coverage <= 1.0:
            raise ConfigError(f"--coverage must be above 0 and at most 1, got {self.coverage:g}")

    def keeps(self, name: str) -> bool:
        """name (str): Folded. RETURNS (bool): Whether coverage leaves it in; what 0.5 keeps, 0.8 keeps too."""
        if self.coverage >= 1.0:
            return True
        digest = hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.coverage * 2.0**64


class BenchmarkCatalog:
    """Streams the entries of a plan once, and remembers what gold is among them.

    splits (Mapping[str, Sequence[Exemplar]]): Name → utterances; "train" is the training split.
    ``present`` and ``removed``: gold names with their labels that the catalog has, and that coverage took out of it.
    """

    def __init__(self, plan: CatalogPlan, splits: Mapping[str, Sequence[Exemplar]]) -> None:
        if plan.source == TRAIN and not splits.get(TRAIN):
            raise ConfigError("--catalog train needs training utterances: give --train")
        self.plan, self._splits = plan, splits
        self._gold = {name for exemplars in splits.values() for name in gold_names(exemplars)}
        self.gold_labels = sorted({label for _, label in self._gold})
        self.present: set[Name] = set()
        self.removed: set[Name] = set()
        self.labels: Counter[str] = Counter()
        self.n_removed = self.n_distractors = 0

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): The catalog. RAISES: DataError for a file that can't be read."""
        gone: set[str] = set()
        seen: set[Name] = set()
        for entry in self._source():
            kept = self._covered(entry, gone)
            if kept is None:
                self.n_removed += 1
                continue
            if self.plan.distractors:
                seen.add((entry.text, entry.label))
            yield self._noted(kept)
        plain = self.plan.source in (ORACLE, TRAIN)
        for path in self.plan.distractors:
            for entry in _read(path):
                # A name that coverage removed doesn't come back as a distractor.
                if fold_name(entry.text) in gone or (entry.text, entry.label) in seen:
                    continue
                seen.add((entry.text, entry.label))
                aliases = tuple(alias for alias in entry.aliases if fold_name(alias) not in gone)
                popularity = 0.0 if plain else entry.popularity
                self.n_distractors += 1
                yield self._noted(replace(entry, aliases=aliases, popularity=popularity, id=""))

    def _source(self) -> Iterable[CatalogEntry]:
        if self.plan.source == ORACLE:
            return gold_entries(exemplar for exemplars in self._splits.values() for exemplar in exemplars)
        if self.plan.source == TRAIN:
            return gold_entries(self._splits[TRAIN])
        return _read(Path(self.plan.source))

    def _covered(self, entry: CatalogEntry, gone: set[str]) -> CatalogEntry | None:
        if self.plan.coverage >= 1.0:
            return entry
        surfaces = {surface: fold_name(surface) for surface in (entry.text, *entry.aliases)}
        lost = {folded for folded in surfaces.values() if not self.plan.keeps(folded)}
        gone |= lost
        self.removed |= {(folded, entry.label) for folded in lost} & self._gold
        if surfaces[entry.text] in lost:
            return None
        return replace(entry, aliases=tuple(alias for alias in entry.aliases if surfaces[alias] not in lost))

    def _noted(self, entry: CatalogEntry) -> CatalogEntry:
        self.labels[entry.label] += 1
        self.present |= {(fold_name(surface), entry.label) for surface in (entry.text, *entry.aliases)} & self._gold
        return entry

    def describe(self) -> dict[str, Any]:
        """RETURNS (dict): What it was made of and how large it is, once it has been streamed."""
        plan = self.plan
        return {
            "source": plan.source,
            "names": sum(self.labels.values()),
            "labels": dict(sorted(self.labels.items())),
            "coverage": plan.coverage,
            "coverage_seed": plan.seed,
            "removed": self.n_removed,
            "distractors": [str(path) for path in plan.distractors],
            "distractors_added": self.n_distractors,
        }


def gold_entries(exemplars: Iterable[Exemplar]) -> Iterator[CatalogEntry]:
    """YIELDS (CatalogEntry): Each annotated name with its label once, as it is written, without popularity."""
    seen: set[Name] = set()
    for exemplar in exemplars:
        for span in exemplar.spans:
            name = CONTROL.sub(" ", exemplar.text[span.start : span.end])
            if (name, span.label) not in seen and name.strip() and len(name) <= LONGEST_NAME:
                seen.add((name, span.label))
                yield CatalogEntry(name, span.label, lang=exemplar.lang)


def gold_names(exemplars: Iterable[Exemplar]) -> set[Name]:
    """RETURNS (set[tuple[str, str]]): (folded name, label) of every annotated span."""
    return {(fold_name(e.text[span.start : span.end]), span.label) for e in exemplars for span in e.spans}


def _read(path: Path) -> Iterator[CatalogEntry]:
    if not is_index(path):
        if not path.exists() and path.suffix == "" and path.parent == Path():
            raise DataError(
                f"no such catalog: {path}", hint=f"expected {ORACLE}, {TRAIN}, or the path of a catalog file or index"
            )
        yield from read_catalog(path)
        return
    # An index fits one normalizer; its entries fit any.
    normalizer = normalizer_like(read_manifest(path).normalizer)
    yield from CatalogIndex.open(path, Vocab(), normalizer).entries()
