"""What a run used and cost, and the limits that it may not pass."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.util import Finalize
from typing import Any

from ..errors import ConfigError
from ..request_gate import GateLimits, RequestGate
from .local_gate import LocalGate
from .models import ModelTraits, find_traits, prices_date

_FLUSH_SECONDS = 0.5
_NEVER = 1e8  # seconds; threads always give back


class Ledger:
    """Prices what a client uses, and asks a gate before each request: its own, or one that is shared.

    model (str): For prices. max_calls (int | None), max_usd (float | None): What may be spent, tries included.
    batch (bool): Whether the batch discount holds.
    """

    def __init__(self, model: str, max_calls: int | None, max_usd: float | None, batch: bool = False) -> None:
        self._traits: ModelTraits | None = find_traits(model)
        self._model, self._batch = model, batch
        self._own = LocalGate(GateLimits())
        self._shared: RequestGate | None = None
        self.counts: Counter[str] = Counter()  # of this process
        self.limit(max_calls, max_usd)
        self._pid = 0
        self._enter()

    def _enter(self) -> None:
        if self._pid != os.getpid():  # a fork may not tell again what its parent has noted
            self._lock = threading.Lock()
            self._noted: Counter[str] = Counter()
            self._flushed, self._pid = 0.0, os.getpid()
            if multiprocessing.parent_process() is not None:
                Finalize(self, self.flush, exitpriority=0)

    def __getstate__(self) -> dict[str, Any]:
        left = ("_lock", "_noted", "_flushed", "_pid")
        return {key: value for key, value in self.__dict__.items() if key not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _pid=0)
        self._enter()

    def limit(self, max_calls: int | None, max_usd: float | None) -> None:
        """RAISES: ConfigError for a limit in dollars where the price isn't known."""
        if max_usd is not None and self._traits is None:
            raise ConfigError(f"max_usd: the price of {self._model!r} isn't known; limit it with max_calls")
        self._own.limits = GateLimits(None, max_calls, max_usd, lease=_NEVER)

    @property
    def limits(self) -> GateLimits:
        """RETURNS (GateLimits): Of calls and dollars."""
        return self._own.limits

    def share(self, gate: RequestGate | None) -> None:
        """gate (RequestGate | None): Asked from now on; None goes back to the own one, with what the other counted."""
        if self._shared is not None:
            self.flush()
            totals = self._shared.totals()
            usd = totals.pop("usd")
            self._own.note({name: int(count) for name, count in totals.items()}, usd)
        self._shared = gate

    @property
    def is_shared(self) -> bool:
        return self._shared is not None

    @property
    def gate(self) -> RequestGate:
        return self._shared if self._shared is not None else self._own

    @property
    def usd(self) -> float | None:
        """RETURNS (float | None): Spent so far; None where the price isn't known."""
        return self.gate.totals()["usd"] if self._traits is not None else None

    def price(self, usage: Mapping[str, float]) -> float | None:
        """RETURNS (float | None): US dollars for so many tokens; None where the price isn't known."""
        return self._traits.cost(usage, self._batch) if self._traits is not None else None

    def acquire(self, most_usage: Mapping[str, float], wait: bool = True, calls: int = 1) -> str | None:
        """most_usage (Mapping): What a request may use at most. wait (bool), calls (int): See ``RequestGate``.

        RETURNS (str | None): A ticket for ``release``; None if the limits would be passed.
        """
        return self.gate.acquire(self.price(most_usage) or 0.0, wait, calls)

    def release(self, ticket: str, usage: Mapping[str, int], pause: float = 0.0) -> None:
        """Replace a reservation by what was used. pause (float): See ``RequestGate``."""
        self._enter()
        with self._lock:
            self.counts.update(usage)
        self.gate.release(ticket, usage, self.price(usage) or 0.0, pause)

    def note(self, **counts: int) -> None:
        """Count what had no ticket of its own, e.g. ``stored=1``."""
        self._enter()
        usd = self.price(counts) or 0.0
        if self._shared is None or usd:
            with self._lock:
                self.counts.update(counts)
            self.gate.note(counts, usd)
            return
        # A resumed run may find a thousand answers a second in the store: the others aren't told of each.
        with self._lock:
            self.counts.update(counts)
            self._noted.update(counts)
            late = time.monotonic() - self._flushed > _FLUSH_SECONDS
        if late:
            self.flush()

    def flush(self) -> None:
        """Tell the shared gate what it hasn't been told yet."""
        self._enter()
        with self._lock:
            noted, self._noted = dict(self._noted), Counter()
            self._flushed = time.monotonic()
        if noted and self._shared is not None:
            self._shared.note(noted)

    def summary(self) -> dict[str, Any]:
        """RETURNS (dict): Counts, cache_hit_rate (share of input tokens read from the prompt cache) and usd."""
        self.flush()
        totals = self.gate.totals()
        usd = totals.pop("usd")
        counts = {name: int(count) for name, count in totals.items()}
        sent = sum(counts.get(f"{kind}input_tokens", 0) for kind in ("", "cache_creation_", "cache_read_"))
        return {
            **counts,
            "cache_hit_rate": round(counts.get("cache_read_input_tokens", 0) / sent, 4) if sent else None,
            "usd": round(usd, 6) if self._traits is not None else None,
            "prices": prices_date(),
        }
