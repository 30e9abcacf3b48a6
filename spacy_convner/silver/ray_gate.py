"""The gate of actors on several nodes: it is held by one small actor, beside the driver."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..request_gate import Admission, GateLimits, Wait


class GateHolder:
    """The actor's class: ``Admission`` with one clock; who waits is woken by who gives back."""

    def __init__(self, limits: GateLimits) -> None:
        self._admission = Admission(limits)
        self._changed = asyncio.Condition()

    async def acquire(self, holder: str, usd: float, wait: bool, calls: int) -> str | None:
        """holder (str): Who asks. RETURNS (str | None): See ``RequestGate``."""
        async with self._changed:  # asked within it, so that nobody gives back between the question and the wait
            while True:
                found = self._admission.ask(time.monotonic(), usd, holder, wait, calls)
                if not isinstance(found, Wait):
                    return found
                try:
                    await asyncio.wait_for(self._changed.wait(), max(found.seconds, 0.001))
                except TimeoutError:
                    continue

    async def release(self, ticket: str, counts: Mapping[str, int], usd: float, pause: float) -> None:
        """See ``RequestGate``."""
        self._admission.give_back(time.monotonic(), ticket, counts, usd, pause)
        await self._wake()

    async def note(self, counts: Mapping[str, int], usd: float) -> None:
        """See ``RequestGate``."""
        self._admission.add(counts, usd)

    async def forget(self, holder: str) -> None:
        """Take back what somebody held who has died."""
        self._admission.forget(holder)
        await self._wake()

    async def totals(self) -> dict[str, float]:
        """See ``RequestGate``."""
        return self._admission.totals()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class RayGate:
    """A ``RequestGate``. actor: Handle of a ``GateHolder``; goes with a pickle to any process of the cluster."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._turn = threading.Lock()  # one thread of a process waits there for all: fewer to wake

    def __reduce__(self) -> tuple[object, ...]:
        return (RayGate, (self._actor,))

    def acquire(self, usd: float, wait: bool = True, calls: int = 1) -> str | None:
        """See ``RequestGate``."""
        if not wait:
            return self._acquire(usd, wait, calls)
        with self._turn:
            return self._acquire(usd, wait, calls)

    def release(self, ticket: str, counts: Mapping[str, int], usd: float, pause: float = 0.0) -> None:
        """See ``RequestGate``."""
        self._ask(self._actor.release.remote(ticket, dict(counts), usd, pause))

    def note(self, counts: Mapping[str, int], usd: float = 0.0) -> None:
        """See ``RequestGate``."""
        self._ask(self._actor.note.remote(dict(counts), usd))

    def totals(self) -> dict[str, float]:
        """See ``RequestGate``."""
        return dict(self._ask(self._actor.totals.remote()))

    def forget_me(self) -> None:
        """Free what this actor held before it died and came back."""
        self._ask(self._actor.forget.remote(_me()))

    def _acquire(self, usd: float, wait: bool, calls: int) -> str | None:
        ticket: str | None = self._ask(self._actor.acquire.remote(_me(), usd, wait, calls))
        return ticket

    def _ask(self, answer: Any) -> Any:
        import ray

        return ray.get(answer)


def start_gate(limits: GateLimits) -> RayGate:
    """Start the actor on the driver's node, where it lives as long as the run. RETURNS (RayGate)."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(GateHolder).options(num_cpus=0, scheduling_strategy=here, max_concurrency=10_000)
    return RayGate(actor.remote(limits))


def _me() -> str:
    import ray

    return str(ray.get_runtime_context().get_actor_id() or "driver")
