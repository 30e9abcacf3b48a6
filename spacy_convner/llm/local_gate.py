"""The gate of one process: its threads wait at a condition."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from ..request_gate import Admission, GateLimits, Wait
from .backoff import spread


class LocalGate:
    """A ``RequestGate``. limits (GateLimits): Can be changed while it is in use."""

    def __init__(self, limits: GateLimits) -> None:
        self._admission = Admission(limits)
        self._changed = threading.Condition()

    def __getstate__(self) -> dict[str, Any]:
        # What is under way here isn't under way there.
        return {"limits": self.limits, "state": {**self._admission.to_dict(), "leases": {}, "opens": 0.0}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._admission = Admission.from_dict(state["limits"], state["state"])
        self._changed = threading.Condition()

    @property
    def limits(self) -> GateLimits:
        return self._admission.limits

    @limits.setter
    def limits(self, limits: GateLimits) -> None:
        with self._changed:
            self._admission.limits = limits
            self._changed.notify_all()

    def acquire(self, usd: float, wait: bool = True, calls: int = 1) -> str | None:
        """See ``RequestGate``."""
        while True:
            with self._changed:
                found = self._admission.ask(time.monotonic(), usd, wait=wait, calls=calls)
                if not isinstance(found, Wait):
                    return found
                if not found.paused:
                    self._changed.wait(found.seconds)
                    continue
            time.sleep(spread(found.seconds))

    def release(self, ticket: str, counts: Mapping[str, int], usd: float, pause: float = 0.0) -> None:
        """See ``RequestGate``."""
        with self._changed:
            self._admission.give_back(time.monotonic(), ticket, counts, usd, pause)
            self._changed.notify_all()

    def note(self, counts: Mapping[str, int], usd: float = 0.0) -> None:
        """See ``RequestGate``."""
        with self._changed:
            self._admission.add(counts, usd)

    def totals(self) -> dict[str, float]:
        """See ``RequestGate``."""
        with self._changed:
            return self._admission.totals()
