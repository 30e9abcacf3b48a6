"""Put the answers of several stores, for example of several machines, into one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .store import COLUMNS, ResponseStore, existing_store

_CHUNK = 20_000  # answers a transaction: others who use the store wait no longer than for that many

_DIFFERING = (
    "SELECT count(*) FROM other.answers t JOIN main.answers m USING (sha256) "
    "WHERE t.sha256 > ? AND t.sha256 <= ? AND (t.text != m.text OR t.status != m.status)"
)


@dataclass(frozen=True, slots=True)
class Merged:
    """added, known (int): Answers taken up, and those that were there. differing (int): Of the known, those whose
    answer is another in the other store; the one that was there first stays. batches (int): Under way, taken up.
    """

    added: int
    known: int
    differing: int
    batches: int


def merge_store(store: ResponseStore, other: Path, on_answers: Callable[[int], object] | None = None) -> Merged:
    """Take up what another store has and this one hasn't; the other is only read.

    In transactions of 20,000 answers, so an interrupted merge has taken up some and the next goes on.

    on_answers: Told how many were looked at just now.
    RAISES: DataError for a file that is no store, that is damaged, or that is this store itself.
    """
    if store.path.exists() and other.exists() and store.path.samefile(other):
        raise DataError("is the store that it would be merged into", path=other, hint="leave it out")
    theirs = existing_store(other)
    theirs.check()  # an error below would name this store, and half of a damaged one is worse than none
    theirs.close()
    with store.open() as db:
        db.execute("ATTACH DATABASE ? AS other", (str(other),))
        try:
            return _merge(db, on_answers)
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.execute("DETACH DATABASE other")


def _merge(db: sqlite3.Connection, on_answers: Callable[[int], object] | None) -> Merged:
    added = seen = differing = 0
    last = ""
    while True:
        key = db.execute(
            "SELECT max(sha256), count(*) FROM "
            f"(SELECT sha256 FROM other.answers WHERE sha256 > ? ORDER BY sha256 LIMIT {_CHUNK})",
            (last,),
        ).fetchone()
        if not key[1]:
            break
        db.execute("BEGIN IMMEDIATE")
        differing += db.execute(_DIFFERING, (last, key[0])).fetchone()[0]
        added += db.execute(
            f"INSERT OR IGNORE INTO main.answers ({COLUMNS}) SELECT {COLUMNS} FROM other.answers "
            "WHERE sha256 > ? AND sha256 <= ? ORDER BY sha256",
            (last, key[0]),
        ).rowcount
        db.execute("COMMIT")
        last, seen = key[0], seen + key[1]
        if on_answers:
            on_answers(key[1])
    db.execute("BEGIN IMMEDIATE")
    batches = db.execute(
        "INSERT OR IGNORE INTO main.batches SELECT id, created, ended FROM other.batches WHERE ended IS NULL"
    ).rowcount
    db.execute(
        "INSERT OR IGNORE INTO main.batch_requests SELECT sha256, batch, outcome FROM other.batch_requests "
        "JOIN other.batches ON batch = id WHERE ended IS NULL"
    )
    db.execute("COMMIT")
    return Merged(added, seen - added, differing, batches)
