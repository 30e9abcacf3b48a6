"""Splits of a corpus: reading them, and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ...records import check_no_overlap, number_exemplars, parse_utterance, read_jsonl, unique_texts
from ...ty import Exemplar

Reader = Callable[[Path], Iterator[tuple[int, Exemplar]]]


@dataclass(slots=True)
class Split:
    """Annotated utterances of one file. ``invalid`` are messages about records that were left out."""

    name: str
    path: Path | None
    exemplars: Sequence[Exemplar]
    invalid: list[str] = field(default_factory=list)

    @property
    def n_gold(self) -> int:
        return sum(len(set(exemplar.spans)) for exemplar in self.exemplars)

    def describe(self) -> dict[str, Any]:
        """RETURNS (dict): file, sha256, utterances, entities, invalid (records left out), for the protocol."""
        found: dict[str, Any] = {"name": self.name, "utterances": len(self.exemplars), "entities": self.n_gold}
        if self.path is not None:
            found["file"] = self.path.name
            with self.path.open("rb") as file:
                found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        if self.invalid:
            found["invalid"] = len(self.invalid)
        return found


def read_split(path: Path, name: str, *, skip_invalid: bool = False, reader: Reader = number_exemplars) -> Split:
    """Read a split.

    skip_invalid (bool): Leave out records that are wrong in themselves, and say so; else the first one is an error.
    reader (Reader): Gives numbered exemplars of a file.
    RAISES: DataError for a file that can't be read, or without any valid record.
    """
    if not skip_invalid or path.suffixes[:1] != [".jsonl"]:
        return Split(name, path, [exemplar for _, exemplar in reader(path)])
    split, found = Split(name, path, []), []
    for line, record in read_jsonl(path):
        try:
            if "spans" not in record:
                raise DataError("missing", path=path, line=line, field="spans")
            exemplar = parse_utterance(record, path=path, line=line)
            check_no_overlap(exemplar, path=path, line=line)
        except DataError as err:
            split.invalid.append(str(err))
            continue
        found.append(exemplar)
    if not found:
        raise DataError(f"no valid record; the first fault is: {split.invalid[0]}", path=path)
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
