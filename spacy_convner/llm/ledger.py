"""What a run used and cost, and the limits that it may not pass."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from .models import ModelTraits, find_traits, prices_date


class Ledger:
    """Counts calls, retries and tokens of a client, from any thread.

    model (str): For prices. max_calls (int | None), max_usd (float | None): What may be spent, tries included.
    batch (bool): Whether the batch discount holds.
    """

    def __init__(self, model: str, max_calls: int | None, max_usd: float | None, batch: bool = False) -> None:
        self._traits: ModelTraits | None = find_traits(model)
        self._model, self._batch = model, batch
        self.limit(max_calls, max_usd)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._reserved_calls, self._reserved_usd = 0, 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def limit(self, max_calls: int | None, max_usd: float | None) -> None:
        """RAISES: ConfigError for a limit in dollars where the price isn't known."""
        if max_usd is not None and self._traits is None:
            raise ConfigError(f"max_usd: the price of {self._model!r} isn't known; limit it with max_calls")
        if (max_calls is not None and max_calls < 0) or (max_usd is not None and not max_usd >= 0):
            raise ConfigError(f"expected max_calls and max_usd of 0 or more, got {max_calls} and {max_usd}")
        self._max_calls, self._max_usd = max_calls, max_usd

    @property
    def usd(self) -> float | None:
        """RETURNS (float | None): Spent so far; None where the price isn't known."""
        return self.price(self._counts)

    def price(self, usage: Mapping[str, float]) -> float | None:
        """RETURNS (float | None): US dollars for so many tokens; None where the price isn't known."""
        return self._traits.cost(usage, self._batch) if self._traits is not None else None

    def reserve(self, most_usage: Mapping[str, float]) -> bool:
        """most_usage (Mapping): What a call may use at most. RETURNS (bool): Whether it stays within the limits."""
        with self._lock:
            if self._max_calls is not None and self._counts["calls"] + self._reserved_calls >= self._max_calls:
                return False
            most = self._traits.cost(most_usage, self._batch) if self._traits is not None else 0.0
            if self._max_usd is not None and (self.usd or 0.0) + self._reserved_usd + most > self._max_usd:
                return False
            self._reserved_calls += 1
            self._reserved_usd += most
            return True

    def settle(self, most_usage: Mapping[str, float], usage: Mapping[str, float]) -> None:
        """Replace a reservation by what was used."""
        with self._lock:
            self._reserved_calls -= 1
            if self._traits is not None:
                self._reserved_usd -= self._traits.cost(most_usage, self._batch)
            self._counts.update(usage)

    def note(self, **counts: int) -> None:
        """Count something that costs nothing, e.g. ``stored=1``."""
        with self._lock:
            self._counts.update(counts)

    def summary(self) -> dict[str, Any]:
        """RETURNS (dict): Counts, cache_hit_rate (share of input tokens read from the prompt cache) and usd."""
        with self._lock:
            counts = dict(self._counts)
        sent = sum(counts.get(f"{kind}input_tokens", 0) for kind in ("", "cache_creation_", "cache_read_"))
        usd = self.usd
        return {
            **counts,
            "cache_hit_rate": round(counts.get("cache_read_input_tokens", 0) / sent, 4) if sent else None,
            "usd": round(usd, 6) if usd is not None else None,
            "prices": prices_date(),
        }
