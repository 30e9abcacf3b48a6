"""The gate of several processes of one machine: one row in a SQLite file."""

from __future__ import annotations

import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DataError
from ..request_gate import Admission, GateLimits, Wait
from .backoff import spread
from .sqlite_file import SqliteFile

R = TypeVar("R")

_SCHEMA = ("CREATE TABLE gate (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)",)
_APPLICATION = 0x436F6E67  # "Cong"
_POLL = 0.01  # seconds between looks for a slot that another process gave back; this process's own come at once
_DEAD = 1.0  # seconds between looks for processes that died


class FileGate:
    """A ``RequestGate``. path (Path): On a local disk; what was spent stays in it, so a new run takes a new file.

    limits (GateLimits): ``lease`` is needed only where it can't be seen that a process has died.

    Each change is a transaction that is on its way to the disk before anybody sees it: a killed process leaves the row
    as it was before or after. At most one thread of a process looks for a slot at a time.
    """

    def __init__(self, path: Path | str, limits: GateLimits) -> None:
        self.limits = limits
        self._file = SqliteFile(Path(path), "request gate", _SCHEMA, _APPLICATION, "OFF", make_folder=False)
        self._pid = 0
        self._enter()

    def __reduce__(self) -> tuple[Any, ...]:
        return (FileGate, (self._file.path, self.limits))

    def acquire(self, usd: float, wait: bool = True, calls: int = 1) -> str | None:
        """See ``RequestGate``."""
        self._enter()
        if not wait:
            found = self._change(lambda admission, now: admission.ask(now, usd, _me(), False, calls))
            return found if isinstance(found, str) else None
        with self._turn:
            looked = 0.0
            while True:
                self._released.clear()
                found = self._change(lambda admission, now: admission.ask(now, usd, _me(), True, calls))
                if not isinstance(found, Wait):
                    return found
                if found.paused:
                    time.sleep(spread(found.seconds))
                    continue
                if time.monotonic() - looked > _DEAD:
                    looked = time.monotonic()
                    self._forget_dead()
                self._await_slot(usd, calls)

    def release(self, ticket: str, counts: Mapping[str, int], usd: float, pause: float = 0.0) -> None:
        """See ``RequestGate``."""
        self._change(lambda admission, now: admission.give_back(now, ticket, counts, usd, pause))
        self._released.set()

    def note(self, counts: Mapping[str, int], usd: float = 0.0) -> None:
        """See ``RequestGate``."""
        self._change(lambda admission, now: admission.add(counts, usd))

    def totals(self) -> dict[str, float]:
        """See ``RequestGate``."""
        return self._read().totals()

    def _enter(self) -> None:
        if self._pid != os.getpid():  # another thread may have held these when the process was forked
            self._turn, self._released = threading.Lock(), threading.Event()
            self._pid = os.getpid()

    def _await_slot(self, usd: float, calls: int) -> None:
        # Reading waits for nobody and holds up nobody.
        until = time.monotonic() + _DEAD
        while time.monotonic() < until:
            if self._released.wait(spread(_POLL)):
                return
            if not isinstance(self._read().ask(time.monotonic(), usd, calls=calls), Wait):
                return

    def _forget_dead(self) -> None:
        dead = [holder for holder in self._read().holders() if not _is_alive(holder)]
        for holder in dead:
            self._change(lambda admission, now, holder=holder: admission.forget(holder))  # type: ignore[misc]

    def _change(self, change: Callable[[Admission, float], R]) -> R:
        with self._file.transaction() as db:
            admission = self._load(db.execute("SELECT state FROM gate").fetchone())
            result = change(admission, time.monotonic())  # one clock for all processes of a machine
            db.execute("REPLACE INTO gate (id, state) VALUES (1, ?)", (json.dumps(admission.to_dict()),))
            return result

    def _read(self) -> Admission:
        with self._file.open() as db:
            return self._load(db.execute("SELECT state FROM gate").fetchone())

    def _load(self, row: tuple[str] | None) -> Admission:
        if row is None:
            return Admission(self.limits)
        try:
            return Admission.from_dict(self.limits, json.loads(row[0]))
        except (ValueError, KeyError, TypeError) as err:
            raise DataError("the request gate is damaged", path=self._file.path, hint="delete it") from err


def _me() -> str:
    return f"{platform.node()}/{os.getpid()}"


def _is_alive(holder: str) -> bool:
    """RETURNS (bool): False only for a process of this machine that has certainly ended."""
    node, _, number = holder.rpartition("/")
    if node != platform.node() or sys.platform == "win32":  # there, os.kill would end it
        return True
    try:
        os.kill(int(number), 0)
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf8", errors="replace")
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return stat.rpartition(")")[2].split()[:1] != ["Z"]  # killed, and its parent hasn't looked yet
