"""The rules of the gate of several nodes, without a cluster."""

from __future__ import annotations

import asyncio

from spacy_convner.request_gate import GateLimits
from spacy_convner.silver.ray_gate import GateHolder


def test_who_waits_is_woken() -> None:
    async def run() -> None:
        gate = GateHolder(GateLimits(max_concurrency=2, max_calls=5))
        held = [await gate.acquire("a", 0.0, True, 1) for _ in range(2)]
        waiting = [asyncio.create_task(gate.acquire("b", 0.0, True, 1)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        assert held[0] is not None
        await gate.release(held[0], {"calls": 1}, 0.5, 0.0)
        await asyncio.sleep(0.05)
        assert sum(task.done() for task in waiting) == 1
        await gate.forget("a")  # died; its request may have been sent
        for _ in range(3):
            await asyncio.sleep(0.05)
            for task in waiting:
                if task.done() and (ticket := task.result()) is not None:
                    await gate.release(ticket, {"calls": 1}, 0.0, 0.0)
        tickets = [await task for task in waiting]
        assert tickets.count(None) == 1  # two of "a" and three of "b" are five
        assert await gate.totals() == {"calls": 5, "lost": 1, "usd": 0.5}

    asyncio.run(run())


def test_a_pause_holds_everybody() -> None:
    async def run() -> float:
        gate = GateHolder(GateLimits(max_concurrency=2))
        ticket = await gate.acquire("a", 0.0, True, 1)
        assert ticket is not None
        await gate.release(ticket, {}, 0.0, 0.2)
        started = asyncio.get_running_loop().time()
        assert await gate.acquire("b", 0.0, True, 1) is not None
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(run()) >= 0.19


def test_nobody_sleeps_past_a_free_slot() -> None:
    most = under_way = 0

    async def request(gate: GateHolder, holder: str) -> None:
        nonlocal most, under_way
        ticket = await gate.acquire(holder, 0.0, True, 1)
        assert ticket is not None
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        await gate.release(ticket, {"calls": 1}, 0.0, 0.0)

    async def run() -> dict[str, float]:
        gate = GateHolder(GateLimits(max_concurrency=3, lease=600.0))
        await asyncio.wait_for(asyncio.gather(*(request(gate, f"h{i % 4}") for i in range(1000))), 30)
        return await gate.totals()

    assert asyncio.run(run()) == {"calls": 1000, "usd": 0.0}
    assert most == 3
