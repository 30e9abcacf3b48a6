"""Answers already paid for, in SQLite, under the SHA-256 of the full request.

One writer at a time is SQLite's business (WAL), so processes may share a store. An answer is on disk before anybody
sees it: a killed run loses what was under way and nothing else. Prompts aren't kept unless asked for.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..ty import LLMAnswer
from .sqlite_file import SqliteFile

_SCHEMA = (
    "CREATE TABLE answers (sha256 TEXT PRIMARY KEY, model TEXT NOT NULL, status TEXT NOT NULL, "
    "text TEXT NOT NULL, usage TEXT NOT NULL, prompt TEXT, created REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE batches (id TEXT PRIMARY KEY, created REAL NOT NULL, ended REAL)",
    "CREATE TABLE batch_requests (sha256 TEXT NOT NULL, batch TEXT NOT NULL, outcome TEXT, "
    "PRIMARY KEY (sha256, batch)) WITHOUT ROWID",
)
_APPLICATION = 0x436F6E76  # "Conv"
COLUMNS = "sha256, model, status, text, usage, prompt, created"


class ResponseStore:
    """path (Path): Made at first use. It can be pickled; each process opens the file itself."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = SqliteFile(self.path, "store", _SCHEMA, _APPLICATION)

    def __reduce__(self) -> tuple[Any, ...]:
        return (ResponseStore, (self.path,))

    def get(self, sha256: str) -> LLMAnswer | None:
        """RETURNS (LLMAnswer | None): With the usage that was paid then."""
        if not self._file.is_open and not self.path.exists():
            return None  # looking makes no file
        with self.open() as db:
            row = db.execute("SELECT status, text, usage FROM answers WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            return None
        return LLMAnswer(text=row[1], status=row[0], usage=json.loads(row[2]), request_sha256=sha256)

    def put(self, sha256: str, model: str, answer: LLMAnswer, prompt: str | None = None) -> bool:
        """Keep an answer; the first of two under one hash stays. prompt (str | None): Kept with it.

        RETURNS (bool): Whether it was the first.
        """
        row = (sha256, model, answer.status, answer.text, json.dumps(dict(answer.usage)), prompt, time.time())
        with self.open() as db:
            query = f"INSERT OR IGNORE INTO answers ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
            return db.execute(query, row).rowcount == 1

    def __len__(self) -> int:
        with self.open() as db:
            return int(db.execute("SELECT count(*) FROM answers").fetchone()[0])

    def stats(self) -> dict[str, Any]:
        """RETURNS (dict): answers, bytes, with_prompts, oldest and newest (Unix time), models (counts by status)."""
        with self.open() as db:
            count, prompts, oldest, newest = db.execute(
                "SELECT count(*), count(prompt), min(created), max(created) FROM answers"
            ).fetchone()
            models: dict[str, dict[str, int]] = {}
            query = "SELECT model, status, count(*) FROM answers GROUP BY model, status ORDER BY model, status"
            for model, status, number in db.execute(query):
                models.setdefault(model, {})[status] = number
        return {
            "answers": count,
            "bytes": self.path.stat().st_size,
            "with_prompts": prompts,
            "oldest": oldest,
            "newest": newest,
            "models": models,
        }

    def prune(self, before: float | None = None, model: str | None = None, prompts_only: bool = False) -> int:
        """Delete answers, or only the prompts kept with them.

        before (float | None): Unix time; only older ones. model (str | None): Only of this model.
        RETURNS (int): How many.
        """
        where = "1"
        values: list[Any] = []
        if before is not None:
            where, values = where + " AND created < ?", [*values, before]
        if model is not None:
            where, values = where + " AND model = ?", [*values, model]
        with self.open() as db:
            if prompts_only:
                changed = db.execute(f"UPDATE answers SET prompt = NULL WHERE {where} AND prompt IS NOT NULL", values)
            else:
                changed = db.execute(f"DELETE FROM answers WHERE {where}", values)
            db.execute("VACUUM")
            return changed.rowcount

    def check(self) -> None:
        """RAISES: DataError if the file is damaged or isn't a whole store."""
        with self.open() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            db.execute(f"SELECT {COLUMNS} FROM answers LIMIT 1").fetchone()
        if found != "ok":
            raise DataError(f"the store is damaged: {found}", path=self.path)

    def open(self) -> AbstractContextManager[sqlite3.Connection]:
        """RETURNS (context manager): A connection, for one thread at a time. RAISES: DataError."""
        return self._file.open()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """RETURNS (context manager): A connection that is the only writer. RAISES: DataError."""
        return self._file.transaction()

    def close(self) -> None:
        """Close this process's connection; the next use opens another."""
        self._file.close()


def existing_store(path: Path) -> ResponseStore:
    """RETURNS (ResponseStore): For commands that only look. RAISES: DataError if there is none."""
    if not path.is_file():
        raise DataError("no such file", path=path, hint="give the store of the client's configuration")
    return ResponseStore(path)
