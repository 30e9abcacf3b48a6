"""One gate before all requests of a run, whatever the number of threads, processes or machines that label together.

``RequestGate`` is the protocol, ``Admission`` the rules behind every one: pure, without clock, lock or file, so that a
thread's condition, a database row or an actor can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from .errors import ConfigError

_ROUNDING = 1e-9  # US dollars; sums of floats aren't exact


@runtime_checkable
class RequestGate(Protocol):
    """Whom a client asks before each request. It can be pickled and opens nothing before the first call."""

    def acquire(self, usd: float, wait: bool = True, calls: int = 1) -> str | None:
        """Reserve what a request may cost, and block until it may be sent.

        usd (float): US dollars at most; kept free until ``release``. wait (bool): False where it takes no slot and
            waits for nothing, as a batch. calls (int): How many it counts as, the entries of a batch.
        RETURNS (str | None): A ticket for ``release``; None if ``max_calls`` or ``max_usd`` would be passed.
        """

    def release(self, ticket: str, counts: Mapping[str, int], usd: float, pause: float = 0.0) -> None:
        """Give slot and reservation back; a second time with the same ticket does nothing.

        counts (Mapping): What was used: calls, retries, tokens; empty if nothing was sent. usd (float): What it cost.
        pause (float): Seconds from now in which nobody may send, because the service said so.
        """

    def note(self, counts: Mapping[str, int], usd: float = 0.0) -> None:
        """Count what needs no ticket: answers from a store, tokens of a batch that has ended."""

    def totals(self) -> dict[str, float]:
        """RETURNS (dict): Counts of everybody since the run began, and ``usd``."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """max_concurrency (int | None): Requests at once. max_calls (int | None), max_usd (float | None): Of a run.

    lease (float): Seconds after which the slot of somebody who was never heard of again is free.
    """

    max_concurrency: int | None = None
    max_calls: int | None = None
    max_usd: float | None = None
    lease: float = 600.0

    def __post_init__(self) -> None:
        if (self.max_concurrency is not None and self.max_concurrency < 1) or not self.lease > 0:
            raise ConfigError(
                f"expected max_concurrency >= 1 and lease > 0, got {self.max_concurrency} and {self.lease}"
            )
        if (self.max_calls is not None and self.max_calls < 0) or (self.max_usd is not None and not self.max_usd >= 0):
            raise ConfigError(f"expected max_calls and max_usd of 0 or more, got {self.max_calls} and {self.max_usd}")


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: ask again after ``seconds``, or, unless ``paused``, after a ``release`` if one comes before."""

    seconds: float
    paused: bool


class _Lease(NamedTuple):
    holder: str
    usd: float
    calls: int
    slot: bool
    expires: float


class Admission:
    """limits (GateLimits): Of the run. Times are seconds of one clock that all who ask share.

    Money: what is spent, what is reserved and what a request may cost at most stay within ``max_usd`` together, so no
    number of requests under way passes it. A lease that was never given back counts its calls (and as ``lost``), since
    they were probably sent; what they cost isn't known, and its reservation is free again.
    """

    def __init__(self, limits: GateLimits) -> None:
        self.limits = limits
        self.counts: dict[str, int] = {}
        self.usd = 0.0
        self.opens = 0.0
        self.issued = 0
        self.leases: dict[str, _Lease] = {}
        self.lost: dict[str, int] = {}  # ticket → calls

    def ask(self, now: float, usd: float, holder: str = "", wait: bool = True, calls: int = 1) -> str | Wait | None:
        """Ask for leave to send a request; see ``RequestGate.acquire``.

        holder (str): Who asks, for ``forget``.
        RETURNS (str | Wait | None): A ticket, how long to wait, or None if the limits would be passed.
        """
        self._expire(now)
        limits = self.limits
        leases = self.leases.values()
        under_way = self.counts.get("calls", 0) + sum(lease.calls for lease in leases)
        if limits.max_calls is not None and under_way + calls > limits.max_calls:
            return None
        left = limits.max_usd + _ROUNDING - self.usd if limits.max_usd is not None else None
        if left is not None and usd > left:
            return None
        if wait and self.opens > now:
            return Wait(self.opens - now, paused=True)
        # What others have reserved is more than they will have used: waiting for them spends the rest of the budget.
        dear = left is not None and usd > left - sum(lease.usd for lease in leases)
        if dear and not wait:
            return None
        slots = sum(lease.slot for lease in leases)
        if dear or (wait and limits.max_concurrency is not None and slots >= limits.max_concurrency):
            return Wait(max(0.0, min(lease.expires for lease in leases) - now), paused=False)
        self.issued += 1
        ticket = f"{holder}.{self.issued}"
        self.leases[ticket] = _Lease(holder, usd, calls, wait, now + limits.lease)
        return ticket

    def give_back(self, now: float, ticket: str, counts: Mapping[str, int], usd: float, pause: float = 0.0) -> None:
        """See ``RequestGate.release``."""
        if ticket in self.lost:  # late, but it came
            calls = self.lost.pop(ticket)
            self.add({"calls": -calls, "lost": -calls})
        elif self.leases.pop(ticket, None) is None:
            return
        self.add(counts, usd)
        if pause > 0:
            self.opens = max(self.opens, now + pause)

    def add(self, counts: Mapping[str, int], usd: float = 0.0) -> None:
        """Count something."""
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.usd += usd

    def holders(self) -> set[str]:
        """RETURNS (set[str]): Who has leases."""
        return {lease.holder for lease in self.leases.values()}

    def forget(self, holder: str) -> None:
        """Take back all leases of somebody who is known to have died."""
        for ticket in [ticket for ticket, lease in self.leases.items() if lease.holder == holder]:
            self._lose(ticket)

    def totals(self) -> dict[str, float]:
        """RETURNS (dict): Counts, and ``usd``."""
        return {**{name: count for name, count in self.counts.items() if count or name != "lost"}, "usd": self.usd}

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict): The state as plain data, without the limits."""
        return {"counts": self.counts, "usd": self.usd, "opens": self.opens, "issued": self.issued,
                "leases": self.leases, "lost": self.lost}  # fmt: skip

    @classmethod
    def from_dict(cls, limits: GateLimits, state: Mapping[str, Any]) -> Admission:
        """RETURNS (Admission): With the state that ``to_dict`` gave, maybe under other limits."""
        made = cls(limits)
        made.counts, made.usd = dict(state["counts"]), float(state["usd"])
        made.opens, made.issued = float(state["opens"]), int(state["issued"])
        made.leases = {ticket: _Lease(*lease) for ticket, lease in state["leases"].items()}
        made.lost = dict(state["lost"])
        return made

    def _expire(self, now: float) -> None:
        for ticket in [ticket for ticket, lease in self.leases.items() if lease.expires <= now]:
            self._lose(ticket)

    def _lose(self, ticket: str) -> None:
        calls = self.lost[ticket] = self.leases.pop(ticket).calls
        self.add({"calls": calls, "lost": calls})
