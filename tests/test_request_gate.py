"""The rules of the gate, for any order of events; every gate keeps its promises."""

from __future__ import annotations

import json
import math
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.llm.file_gate import FileGate
from spacy_convner.llm.local_gate import LocalGate
from spacy_convner.request_gate import Admission, GateLimits, RequestGate, Wait

Make = Callable[[GateLimits], RequestGate]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.floats(0, 1), st.booleans(), st.integers(1, 3)),
        st.tuples(st.just("end"), st.integers(0, 9), st.floats(0, 1), st.floats(0, 5)),
        st.tuples(st.just("later"), st.floats(0, 12)),
        st.tuples(st.just("died"), st.integers(0, 2)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.integers(1, 4), st.integers(0, 12), st.floats(0, 4))
def test_limits_hold_for_any_order_of_events(
    events: list[tuple[object, ...]], slots: int, calls: int, usd: float
) -> None:
    """A request costs at most what was reserved. Some are taken for dead and come back late."""
    limits = GateLimits(slots, calls, usd, lease=10.0)
    admission, now, window = Admission(limits), 0.0, 0.0
    under_way: dict[str, tuple[float, float, int]] = {}  # ticket → most, until when it is leased, calls
    paid = 0.0  # what the service bills
    for number, event in enumerate(events):
        admission = Admission.from_dict(limits, json.loads(json.dumps(admission.to_dict())))
        if event[0] == "later":
            now += float(str(event[1]))
        elif event[0] == "ask":
            most, wait, many = float(str(event[1])), bool(event[2]), int(str(event[3]))
            holder = f"process{number % 3}"
            found = admission.ask(now, most, holder, wait, many)
            if isinstance(found, Wait):
                assert wait
                assert 0 <= found.seconds < math.inf
                assert found.paused or admission.leases
            elif found is not None:
                assert not wait or now >= admission.opens
                under_way[found] = most, now + limits.lease, many
                window = max(window, sum(cost for cost, _, _ in under_way.values()))
        elif event[0] == "end" and under_way:
            ticket = list(under_way)[int(str(event[1])) % len(under_way)]
            most, _, many = under_way.pop(ticket)
            cost = float(str(event[2])) * most
            paid += cost
            before = admission.totals()["usd"]
            admission.give_back(now, ticket, {"calls": many}, cost, float(str(event[3])))
            assert admission.totals()["usd"] == pytest.approx(before + cost)
            admission.give_back(now, ticket, {"calls": many}, cost)  # told twice
            assert admission.totals()["usd"] == pytest.approx(before + cost)
        elif event[0] == "died":
            admission.forget(f"process{event[1]}")
        alive = [lease for lease in admission.leases.values() if lease.expires > now]
        assert sum(lease.slot for lease in alive) <= slots
        assert admission.totals().get("calls", 0) + sum(lease.calls for lease in admission.leases.values()) <= calls
        late = sum(cost for cost, _, _ in under_way.values())
        assert paid <= usd + window + 1e-6
        assert admission.usd == pytest.approx(paid)
        if not admission.lost and not admission.totals().get("lost"):
            assert paid + late <= usd + 1e-6


def test_the_rest_of_the_budget_is_waited_for() -> None:
    admission = Admission(GateLimits(None, None, 1.0))
    first = admission.ask(0, 0.9)
    assert isinstance(first, str)
    assert admission.ask(0, 0.5) == Wait(600.0, paused=False)
    assert admission.ask(0, 0.5, wait=False) is None
    assert admission.ask(0, 1.1) is None
    admission.give_back(1, first, {"calls": 1}, 0.1)
    assert isinstance(admission.ask(1, 0.5), str)
    assert admission.totals() == {"calls": 1, "usd": 0.1}


@pytest.mark.parametrize("bad", [{"max_concurrency": 0}, {"max_calls": -1}, {"max_usd": float("nan")}, {"lease": 0}])
def test_limits_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="expected max_"):
        GateLimits(**bad)  # type: ignore[arg-type]


@pytest.fixture(params=["local", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def make_gate(limits: GateLimits) -> RequestGate:
        return LocalGate(limits) if request.param == "local" else FileGate(tmp_path / "gate.sqlite", limits)

    return make_gate


def test_gates_keep_the_promises(make: Make, tmp_path: Path) -> None:
    gate = make(GateLimits(2, 3, None))
    assert isinstance(gate, RequestGate)
    assert list(tmp_path.iterdir()) == []  # made, and nothing opened
    one, two = gate.acquire(0.0), gate.acquire(0.0)
    assert one is not None and two is not None and one != two  # noqa: PT018
    third: list[str | None] = []
    thread = threading.Thread(target=lambda: third.append(gate.acquire(0.0)))
    thread.start()
    time.sleep(0.05)
    assert third == []
    gate.release(one, {"calls": 1, "output_tokens": 5}, 0.25)
    gate.release(one, {"calls": 1, "output_tokens": 5}, 0.25)
    thread.join(5)
    assert third[0] is not None
    assert gate.acquire(0.0) is None  # one call made, two under way
    gate.release(two, {}, 0.0)  # nothing was sent
    gate.note({"stored": 4})
    assert gate.acquire(0.0, wait=False) is not None
    assert gate.totals() == {"calls": 1, "output_tokens": 5, "stored": 4, "usd": 0.25}
    assert pickle.loads(pickle.dumps(gate)).totals() == gate.totals()


def test_a_pause_is_for_all(make: Make) -> None:
    gate = make(GateLimits(4))
    ticket = gate.acquire(0.0)
    assert ticket is not None
    began = time.monotonic()
    gate.release(ticket, {"calls": 1}, 0.0, pause=0.2)
    assert gate.acquire(0.0, wait=False) is not None
    assert time.monotonic() - began < 0.2
    times: list[float] = []

    def ask() -> None:
        gate.acquire(0.0)
        times.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(times) == 3
    assert all(0.2 <= seconds < 2 for seconds in times)


def test_a_file_that_is_no_gate(tmp_path: Path) -> None:
    place = tmp_path / "gate.sqlite"
    place.write_text("no gate " * 1000)
    with pytest.raises(DataError, match="the request gate can't be used"):
        FileGate(place, GateLimits()).acquire(0.0)
    with pytest.raises(DataError, match="the request gate can't be used"):
        FileGate(tmp_path / "gone" / "gate.sqlite", GateLimits()).acquire(0.0)
    assert not (tmp_path / "gone").exists()
