"""How long to wait before another try."""

from __future__ import annotations

import random
from typing import Any

_random = random.Random()


def backoff(attempt: int, ceiling: float, asked: float | None = None) -> float:
    """attempt (int): From 0. ceiling (float): Seconds at most, whatever is asked.

    asked (float | None): Seconds that the service asked for. RETURNS (float): Seconds, with jitter.
    """
    if asked is not None and asked >= 0:
        return min(asked, ceiling) * (1 + 0.1 * _random.random())
    return min(0.5 * 2.0 ** min(attempt, 30), ceiling) * (0.5 + 0.5 * _random.random())


def spread(seconds: float) -> float:
    """RETURNS (float): A little longer, so that those who wait don't all come at once."""
    return seconds * (1 + 0.25 * _random.random())


def asked_to_wait(err: Any) -> float | None:
    """err (anthropic.APIStatusError). RETURNS (float | None): Seconds that the response asks to wait."""
    headers = err.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name)) / unit
        except (TypeError, ValueError):
            continue
        if seconds >= 0:
            return seconds
    return None
