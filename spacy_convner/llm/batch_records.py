"""Which batches are under way, and what is in them: kept in the store, so that an interrupted run goes on with them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from .store import ResponseStore


class BatchRecords:
    """store (ResponseStore): Processes that share it share the batches."""

    def __init__(self, store: ResponseStore) -> None:
        self.store = store

    def add(self, batch: str, requests: Iterable[str]) -> None:
        """batch (str): Id. requests (Iterable[str]): SHA-256 of its requests."""
        with self.store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO batches (id, created) VALUES (?, ?)", (batch, time.time()))
            rows = [(sha256, batch) for sha256 in requests]
            db.executemany("INSERT OR IGNORE INTO batch_requests (sha256, batch) VALUES (?, ?)", rows)

    def end(self, batch: str, outcomes: Mapping[str, str]) -> None:
        """outcomes (Mapping): SHA-256 → what became of the request; the batch's others are lost."""
        rows = [(outcome, sha256, batch) for sha256, outcome in outcomes.items()]
        with self.store.transaction() as db:
            db.executemany("UPDATE batch_requests SET outcome = ? WHERE sha256 = ? AND batch = ?", rows)
            db.execute("UPDATE batch_requests SET outcome = 'lost' WHERE batch = ? AND outcome IS NULL", (batch,))
            db.execute("UPDATE batches SET ended = ? WHERE id = ?", (time.time(), batch))

    def open(self) -> list[str]:
        """RETURNS (list[str]): Ids of the batches whose end nobody has seen, oldest first."""
        with self.store.open() as db:
            return [row[0] for row in db.execute("SELECT id FROM batches WHERE ended IS NULL ORDER BY created")]

    def under_way(self) -> set[str]:
        """RETURNS (set[str]): SHA-256 of the requests in them."""
        query = "SELECT sha256 FROM batch_requests JOIN batches ON batch = id WHERE ended IS NULL"
        with self.store.open() as db:
            return {row[0] for row in db.execute(query)}

    def outcome(self, sha256: str) -> tuple[bool, str | None]:
        """RETURNS (tuple[bool, str | None]): Whether a request was in any batch, and what the last one made of it."""
        query = "SELECT outcome FROM batch_requests JOIN batches ON batch = id WHERE sha256 = ? ORDER BY created DESC"
        with self.store.open() as db:
            row = db.execute(query, (sha256,)).fetchone()
        return row is not None, row[0] if row else None
