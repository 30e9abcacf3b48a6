"""A pattern file under review: one writer, whole writes, and nobody's change overwritten."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ...atomic import write_text
from ...errors import DataError
from ...records import check_file, read_jsonl
from ..pattern_files import parse_pattern, pattern_id, pattern_to_record
from ..ty import Pattern

try:
    import fcntl
except ImportError:  # Windows: no lock, but the check before each write holds
    fcntl = None  # type: ignore[assignment]

_FIELDS = frozenset(field.name for field in fields(Pattern))


class ChangedFileError(DataError):
    """Somebody else changed or removed the file since it was read."""


class ReviewedFile:
    """Patterns of one file with their lines, for changes one at a time.

    Untouched lines stay as they are, so that a diff shows decisions and nothing else; fields that patterns don't have
    are kept. Use as a context manager: inside it, other reviews and imports of this file are refused.

    write (bool): Whether changes go to the file; else they stay in memory, and others may have the file meanwhile.
    """

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.path = path
        self._write = write
        self.patterns: list[Pattern] = []
        self.records: list[dict[str, Any]] = []
        self.positions: dict[str, int] = {}
        self._lines: list[str] = []
        self._digest = ""
        self._lock: IO[str] | None = None

    def __enter__(self) -> ReviewedFile:
        check_file(self.path)
        if not self.path.is_file() or self.path.suffix == ".gz":
            raise DataError("decisions are written into the file, so it must be a plain one", path=self.path)
        self._lock = _take_lock(self.path) if self._write else None
        try:
            self.load()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others have the file."""
        if self._lock is not None:
            _lock_path(self.path).unlink(missing_ok=True)  # while it is ours
            self._lock.close()
            self._lock = None

    def load(self) -> None:
        """Read the file. RAISES: DataError naming file, line and field; also for one pattern twice."""
        digest = self._current_digest()
        patterns: list[Pattern] = []
        records: list[dict[str, Any]] = []
        positions: dict[str, int] = {}
        lines: dict[str, int] = {}
        for line, record in read_jsonl(self.path):
            pattern = parse_pattern(record, path=self.path, line=line)
            identity = pattern_id(pattern)
            if identity in lines:
                message = f"the same pattern as in line {lines[identity]}"
                raise DataError(message, path=self.path, line=line, field="text", hint="delete one of the two lines")
            lines[identity], positions[identity] = line, len(patterns)
            patterns.append(pattern)
            records.append(record)
        self.patterns, self.records, self.positions = patterns, records, positions
        self._lines = [_to_line(record) for record in records]
        self._digest = digest

    def replace(self, changes: dict[int, tuple[Pattern, dict[str, Any]]]) -> None:
        """Write patterns anew.

        changes (dict): Position → pattern and what ``record_of`` made of it, or its former record.
        RAISES: ChangedFileError, or DataError if it can't be written; then nothing was changed.
        """
        if self._current_digest() != self._digest:
            raise ChangedFileError(
                "was changed by somebody else since it was read; nothing was overwritten",
                path=self.path,
                hint="reload it, your earlier decisions are in it unless they were taken out",
            )
        lines = list(self._lines)
        for position, (_, record) in changes.items():
            lines[position] = _to_line(record)
        if self._write:
            text = "".join(lines)
            write_text(self.path, text)
            self._digest = hashlib.sha256(text.encode("utf8")).hexdigest()
        self._lines = lines
        for position, (pattern, record) in changes.items():
            self.patterns[position], self.records[position] = pattern, record

    def record_of(self, position: int, pattern: Pattern) -> dict[str, Any]:
        """RETURNS (dict): The record of ``pattern`` with the fields that the one at ``position`` has besides."""
        others = {name: value for name, value in self.records[position].items() if name not in _FIELDS}
        return {**pattern_to_record(pattern), **{k: v for k, v in others.items() if k != "id"}}

    def _current_digest(self) -> str:
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except FileNotFoundError:
            raise ChangedFileError("isn't there any more", path=self.path) from None


def _to_line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _lock_path(path: Path) -> Path:
    resolved = path.resolve()
    return resolved.parent / f".{resolved.name}.lock"


def _take_lock(path: Path) -> IO[str] | None:
    """RAISES: DataError if another process has the file, naming it."""
    if fcntl is None:
        return None
    lock_path = _lock_path(path)
    while True:
        try:
            lock = lock_path.open("a+", encoding="utf8")
        except OSError as err:
            raise DataError(f"can't be locked: {err.strerror}", path=path, hint="you need to write its folder") from err
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read(20).strip() or "?"
            lock.close()
            raise DataError(
                f"is being reviewed already, by process {holder}", path=path, hint="end that review first"
            ) from None
        if _is_current(lock, lock_path):
            break
        lock.close()  # its holder removed it between our open and our lock
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _is_current(lock: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False
