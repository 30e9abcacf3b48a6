"""One gate for all requests of a client: when the service says "later", everybody waits, not each on its own."""

from __future__ import annotations

import random
import threading
import time
from typing import Any


class Gate:
    """ceiling (float): Seconds waited at most, whatever the service asks for."""

    def __init__(self, ceiling: float) -> None:
        self.ceiling = ceiling
        self._lock = threading.Lock()
        self._opens = 0.0  # on the monotonic clock
        self._random = random.Random()

    def __getstate__(self) -> dict[str, Any]:
        return {"ceiling": self.ceiling}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["ceiling"])  # type: ignore[misc]

    def wait(self) -> None:
        """Return once the gate is open; those who waited come through spread over a moment, not all at once."""
        while True:
            with self._lock:
                left = self._opens - time.monotonic()
            if left <= 0:
                return
            time.sleep(left * (1 + 0.25 * self._random.random()))

    def close(self, seconds: float) -> None:
        """Close it for so long from now, unless it already stays closed for longer."""
        with self._lock:
            self._opens = max(self._opens, time.monotonic() + min(seconds, self.ceiling))

    def backoff(self, attempt: int, asked: float | None = None) -> float:
        """attempt (int): From 0. asked (float | None): Seconds that the service asked for. RETURNS (float): Seconds."""
        if asked is not None and asked >= 0:
            return float(min(asked, self.ceiling)) * (1 + 0.1 * self._random.random())
        return float(min(0.5 * 2**attempt, self.ceiling)) * (0.5 + 0.5 * self._random.random())
