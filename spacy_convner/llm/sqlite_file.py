"""A SQLite file that threads, forked and spawned processes use at once."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DataError

_BUSY_SECONDS = 60.0


class SqliteFile:
    """Each process opens it for itself, at first use. It can be pickled.

    path (Path): Made at first use. what (str): For messages. schema (tuple[str, ...]): Statements that make what
    isn't there. application (int): SQLite's ``application_id``; a database of something else isn't touched.
    synchronous (str): "NORMAL", or "OFF" where nothing need outlive a power failure. WAL either way: what a killed
    process has committed is there, and readers wait for nobody. make_folder (bool): Whether a missing folder is made.
    """

    def __init__(
        self,
        path: Path,
        what: str,
        schema: tuple[str, ...],
        application: int,
        synchronous: str = "NORMAL",
        make_folder: bool = True,
    ) -> None:
        self.path, self.what = path, what
        self._schema, self._application = schema, application
        self._synchronous, self._make_folder = synchronous, make_folder
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        _files.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        settings = self._schema, self._application, self._synchronous, self._make_folder
        return (SqliteFile, (self.path, self.what, *settings))

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """YIELDS (sqlite3.Connection): For one thread at a time. RAISES: DataError for what SQLite can't do."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except sqlite3.Error as err:
                raise DataError(
                    f"the {self.what} can't be used: {err}",
                    path=self.path,
                    hint="give another file, or move this one away",
                ) from err

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """YIELDS (sqlite3.Connection): The only writer until the block ends; an exception undoes what it did."""
        with self.open() as db:
            _begin(db)
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def close(self) -> None:
        """Close this process's connection; the next use opens another."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        try:
            if self._make_folder:
                self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise DataError(f"can't be made: {err.strerror}", path=self.path.parent) from err
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        # One read, so that nobody is seen between making the tables and saying whose they are.
        query = "SELECT (SELECT count(*) FROM sqlite_master), application_id FROM pragma_application_id"
        tables, application = db.execute(query).fetchone()
        if application != self._application and tables:
            raise DataError(f"is a database of something else, not a {self.what}", path=self.path)
        _use_wal(db)
        db.execute(f"PRAGMA synchronous = {self._synchronous}")
        if application != self._application:
            db.execute("BEGIN IMMEDIATE")
            if db.execute("PRAGMA application_id").fetchone()[0] != self._application:  # nobody was faster
                for statement in self._schema:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {self._application}")
            db.execute("COMMIT")


def _begin(db: sqlite3.Connection) -> None:
    # SQLite's own waiting sleeps up to 0.1 s at a time, a hundred times longer than a transaction here takes.
    deadline = time.monotonic() + _BUSY_SECONDS
    db.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as err:
                if err.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.001 * random.random())
    finally:
        db.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS:.0f}")


def _use_wal(db: sqlite3.Connection) -> None:
    # SQLite doesn't wait for others who are about to do the same.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01 * random.random())


_files: weakref.WeakSet[SqliteFile] = weakref.WeakSet()
_held: list[SqliteFile] = []


def _before_fork() -> None:
    # SQLite's locks belong to a process: a child that inherits a connection believes that it holds the parent's.
    for file in list(_files):
        file._lock.acquire()
        file._close()
        _held.append(file)


def _after_fork() -> None:
    while _held:
        _held.pop()._lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
