"""Units of work: so many rows of one file, whose name says which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import DataError
from .parquet_rows import count_parquet
from .source_rows import Row, read_rows
from .sources import SourceFile, file_sha256, find_files


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that was looked through.

    source (SourceFile): The file. rows (int): Its utterances, rejected ones too. sha256 (str): Changes with them.
    marks (tuple): Offset and line number of every ``shard_size``-th row, of a file that can be read from its middle.
    """

    source: SourceFile
    rows: int
    sha256: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class InputRange:
    """Rows ``first`` to ``last`` (from 1, both in) of file ``number`` (from 1). offset, line: As in ``read_rows``."""

    source: SourceFile
    sha256: str
    number: int
    first: int
    last: int
    offset: int = 0
    line: int = 1

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def name(self) -> str:
        """RETURNS (str): File name of its shard; names sort as the input does."""
        return f"part-{self.number:06d}-{self.first:010d}-{self.last:010d}.spacy"


def plan_file(source: SourceFile, shard_size: int, keep_meta: bool = False) -> PlannedFile:
    """Look through a file: JSONL and DocBin whole, of Parquet its footer.

    keep_meta (bool): Whether ``meta`` counts as input too.
    RAISES: DataError at the first row that isn't what the file says it is; hostile texts pass.
    """
    if source.kind == "parquet":
        return PlannedFile(source, count_parquet(source.path), file_sha256(source))
    digest, rows, marks = hashlib.sha256(), 0, []
    for row in read_rows(source, keep_meta=keep_meta):
        if rows % shard_size == 0:
            marks.append((row.offset, row.number))
        digest.update(_content(row, keep_meta))
        rows += 1
    return PlannedFile(source, rows, digest.hexdigest(), tuple(marks) if source.splits else ())


def plan_source(source: str | Path, shard_size: int, keep_meta: bool = False) -> list[PlannedFile]:
    """RETURNS (list[PlannedFile]): Every file of an input, sorted by path. RAISES: As ``plan_file``."""
    return [plan_file(file, shard_size, keep_meta) for file in find_files(source)]


def check_input(source: str | Path) -> tuple[int, str]:
    """RETURNS (tuple[int, str]): Number of utterances and SHA-256 of them. RAISES: DataError at the first bad row."""
    files = plan_source(source, 1 << 40)
    return sum(file.rows for file in files), input_sha256(files)


def input_sha256(files: Iterable[PlannedFile]) -> str:
    """RETURNS (str): Fingerprint of all files together, wherever they lie."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode("utf8")).hexdigest()


def split_file(file: PlannedFile, number: int, shard_size: int) -> Iterator[InputRange]:
    """YIELDS (InputRange): The ranges of a file that has this number, in order."""
    for i, first in enumerate(range(1, file.rows + 1, shard_size)):
        offset, line = file.marks[i] if file.marks else (0, 1)
        last = min(first + shard_size - 1, file.rows)
        yield InputRange(file.source, file.sha256, number, first, last, offset, line)


class RangeReader:
    """Reads ranges; the one that follows the last is read on without opening the file again."""

    def __init__(self, keep_meta: bool = True) -> None:
        self._keep_meta = keep_meta
        self._next: tuple[str, int] | None = None
        self._rows: Iterator[Row] = iter(())

    def _read(self, part: InputRange) -> Iterator[Row]:
        where = {"first": part.first, "offset": part.offset, "line": part.line}
        return read_rows(part.source, **where, keep_meta=self._keep_meta)

    def __call__(self, part: InputRange) -> Iterator[Row]:
        """YIELDS (Row): The rows of a range. RAISES: DataError if the file has become shorter."""
        if self._next is None or self._next[0] != part.source.path or not self._next[1] <= part.first:
            self._rows = self._read(part)
            skip = 0
        else:
            skip = part.first - self._next[1]
            if part.source.splits and skip:
                self._rows, skip = self._read(part), 0
        self._next = None  # until all were read
        found = 0
        for row in islice(self._rows, skip, skip + len(part)):
            found += 1
            yield row
        if found != len(part):
            raise DataError("has fewer utterances than a moment ago", path=part.source.path, line=part.first + found)
        self._next = (part.source.path, part.last + 1)


def in_groups(ranges: Sequence[InputRange], utterances: int, one_file: bool = True) -> Iterator[list[InputRange]]:
    """YIELDS (list[InputRange]): Neighbours of so many utterances at least where there are; of one file, or of many."""
    group: list[InputRange] = []
    size = 0
    for part in ranges:
        if group and (size >= utterances or (one_file and part.source != group[-1].source)):
            yield group
            group, size = [], 0
        group.append(part)
        size += len(part)
    if group:
        yield group


def _content(row: Row, keep_meta: bool) -> bytes:
    if row.utterance is None:
        return f"rejected {row.reason}\n".encode()
    content = [row.utterance.text, row.utterance.lang]
    return json.dumps([*content, row.utterance.meta] if keep_meta else content).encode("utf8") + b"\n"
