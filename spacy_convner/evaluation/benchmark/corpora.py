"""Splits of a corpus: reading them, and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ...records import check_no_overlap, parse_annotated, read_jsonl, unique_texts
from ...ty import Exemplar
from ..formats.files import find_files
from ..formats.read import read_annotated


@dataclass(slots=True)
class Split:
    """Annotated utterances. ``invalid`` are messages about records that were left out, ``notes`` the reader's."""

    name: str
    exemplars: Sequence[Exemplar]
    files: Sequence[Path] = ()
    format: str = ""
    invalid: list[str] = field(default_factory=list)
    notes: Sequence[str] = ()

    @property
    def n_gold(self) -> int:
        return sum(len(set(exemplar.spans)) for exemplar in self.exemplars)

    def describe(self) -> dict[str, Any]:
        """RETURNS (dict): name, utterances, entities, files, format, sha256 (of the files' bytes), for the protocol."""
        digest = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return {
            "name": self.name,
            "utterances": len(self.exemplars),
            "entities": self.n_gold,
            "files": [path.name for path in self.files[:20]],
            "n_files": len(self.files),
            "format": self.format,
            "sha256": digest.hexdigest(),
            "invalid": len(self.invalid),
            "notes": list(self.notes),
        }


def read_split(path: Path, name: str, *, skip_invalid: bool = False, options: Mapping[str, Any] | None = None) -> Split:
    """Read a split.

    path (Path): Whatever ``read_annotated`` takes. options (Mapping): For it.
    skip_invalid (bool): Leave out records of a JSONL file that are wrong in themselves, and say so; else the first one
        is an error.
    RAISES: DataError for what can't be read, or without any valid record.
    """
    options = options or {}
    try:
        corpus = read_annotated(path, **options)
    except DataError as err:
        files = find_files(path, options.get("format", "auto"))
        if not skip_invalid or err.line is None or not all(_is_jsonl(file) for file in files):
            raise
        return _without_invalid(files, name, err, options.get("lang"))
    return Split(name, corpus.exemplars, corpus.files, corpus.format, notes=corpus.notes)


def _is_jsonl(path: Path) -> bool:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix == ".jsonl"


def _without_invalid(files: Sequence[Path], name: str, fault: DataError, lang: str | None) -> Split:
    split, found = Split(name, (), files, "jsonl"), []
    for path in files:
        for line, record in read_jsonl(path):
            try:
                exemplar = parse_annotated({"lang": lang, **record}, path=path, line=line)
                check_no_overlap(exemplar, path=path, line=line)
            except DataError as err:
                split.invalid.append(str(err))
                continue
            found.append(exemplar)
    if not found:
        raise fault
    split.exemplars = found
    return split


def few_shot(n_all: int, n: int | None, seed: int) -> list[int]:
    """Draw exemplars at random, as somebody would who annotates what comes. Fewer are among more of the same seed.

    RETURNS (list[int]): n of 0 … n_all - 1, ascending; all where n is None or not below n_all.
    """
    if n is None or n >= n_all:
        return list(range(n_all))
    return sorted(np.random.default_rng(seed).permutation(n_all)[:n].tolist())


def shared_texts(train: Sequence[Exemplar], other: Sequence[Exemplar]) -> int:
    """RETURNS (int): Distinct utterances of both, compared without case and outer punctuation."""
    return len(unique_texts(train) & unique_texts(other))
