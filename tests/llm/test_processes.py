"""Several processes, one run: the file gate and the store, against a real server."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import anthropic  # noqa: F401  # once, not in each process
import pytest

from spacy_convner.llm.anthropic_messages import make_anthropic_messages
from spacy_convner.llm.file_gate import FileGate
from spacy_convner.llm.models import find_traits
from spacy_convner.llm.requests import most_usage
from spacy_convner.llm.store import ResponseStore
from spacy_convner.request_gate import GateLimits, RequestGate
from spacy_convner.ty import LLMAnswer

from .conftest import KEY, USAGE, Reply, Server, error, select, server  # noqa: F401

fork = multiprocessing.get_context("fork")


def ask(client: Any, texts: Sequence[str], threads: int, statuses: Queue[Counter[str]]) -> None:
    """In a process: ask about each text, and tell how the answers ended."""
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda text: client("task", text, {}), texts))
    client.ledger.flush()
    statuses.put(Counter(answer.status for answer in answers))


def run(client: Any, parts: Sequence[Sequence[str]], threads: int = 4, method: str = "fork") -> Counter[str]:
    """RETURNS (Counter): Statuses over all parts, each asked by a process of its own."""
    context = multiprocessing.get_context(method)
    statuses: Any = context.Queue()
    processes = [context.Process(target=ask, args=(client, part, threads, statuses)) for part in parts]  # type: ignore[attr-defined]
    for process in processes:
        process.start()
    found: Counter[str] = sum((statuses.get(timeout=60) for _ in processes), Counter())
    for process in processes:
        process.join(10)
    return found


@pytest.fixture
def make_client(server: Server, tmp_path: Path) -> Callable[..., Any]:  # noqa: F811
    def make(**options: Any) -> Any:
        settings = {"base_url": server.url, "max_retries": 2, "store": str(tmp_path / "answers.sqlite"), **options}
        client: Any = make_anthropic_messages(**settings)
        client.share(FileGate(tmp_path / f"{len(list(tmp_path.glob('*.gate')))}.gate", client.limits))
        client.ledger.gate.totals()  # the file is there
        return client

    return make


def parts(processes: int, each: int) -> list[list[str]]:
    return [[f"utterance {process}.{i}" for i in range(each)] for process in range(processes)]


def count_requests(server: Server, seconds: float) -> list[int]:  # noqa: F811
    """RETURNS (list[int]): How many requests are under way, at each that comes; filled as they come."""
    lock, under_way, seen = threading.Lock(), [0], [0]

    def reply(query: str, body: dict[str, Any]) -> Reply:
        with lock:
            under_way[0] += 1
            seen.append(under_way[0])
        time.sleep(seconds)
        with lock:
            under_way[0] -= 1
        return select(1)

    server.reply = reply
    return seen


@pytest.mark.parametrize(
    "method",
    ["fork", pytest.param("spawn", marks=pytest.mark.slow), pytest.param("forkserver", marks=pytest.mark.slow)],
)
def test_requests_at_once(server: Server, make_client: Callable[..., Any], tmp_path: Path, method: str) -> None:  # noqa: F811
    seen = count_requests(server, 0.03)
    client = make_client(max_concurrency=3)
    assert run(client, parts(3, 10), method=method) == {"ok": 30}
    assert max(seen) == 3
    assert len(seen) == 31
    summary = client.ledger.summary()
    assert summary["calls"] == 30
    assert summary["input_tokens"] == 30 * USAGE["input_tokens"]
    assert run(client, parts(3, 10)) == {"ok": 30}
    assert client.ledger.summary()["stored"] == 30
    assert len(server.requests) == 30
    assert KEY.encode() not in pickle.dumps(client)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path


def test_calls_never_pass_the_limit_and_the_next_run_asks_the_rest(
    server: Server,  # noqa: F811
    make_client: Callable[..., Any],
) -> None:
    texts = parts(3, 10)
    assert run(make_client(max_calls=11), texts) == {"ok": 11, "over_budget": 19}
    assert len(server.requests) == 11
    assert run(make_client(max_calls=100), texts) == {"ok": 30}
    assert len(server.requests) == 30


def test_money_never_passes_the_limit(server: Server, make_client: Callable[..., Any]) -> None:  # noqa: F811
    traits = find_traits("claude-haiku-5-5")
    assert traits is not None
    cost = traits.cost(USAGE)
    client = make_client(max_tokens=200, max_usd=30.5 * cost)
    most = traits.cost(most_usage(client.request("task", "utterance 0.0", {})))
    assert most > 5 * cost
    statuses = run(client, parts(3, 15))
    spent = len(server.requests) * cost
    assert client.ledger.usd == pytest.approx(spent)
    assert spent <= 30.5 * cost
    assert spent + cost + most > 30.5 * cost  # and it is used: those who fit wait for what others have reserved
    assert statuses == {"ok": len(server.requests), "over_budget": 45 - len(server.requests)}
    assert run(make_client(max_tokens=200, max_usd=1.0), parts(3, 15)) == {"ok": 45}
    assert len(server.requests) == 45


def test_one_is_told_later_and_all_wait(server: Server, make_client: Callable[..., Any]) -> None:  # noqa: F811
    server.headers = {"retry-after": "0.6"}
    lock, times = threading.Lock(), list[float]()

    def reply(query: str, body: dict[str, Any]) -> Reply:
        with lock:
            times.append(time.monotonic())
            mine = len(times)
        if mine == 4:
            return error(429, "rate_limit_error", "later")
        time.sleep(0.1)
        return select(1)

    server.reply = reply
    client = make_client(max_concurrency=3)
    assert run(client, parts(3, 8)) == {"ok": 24}
    assert client.ledger.summary()["retries"] == 1
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) >= 0.6
    assert len(times) - gaps.index(max(gaps)) > 12  # more than the one who was told had left: the others waited too


def hold(gate: RequestGate, slots: int, ready: Any, end: str) -> None:
    """In a process: take slots and be killed, or keep them."""
    for _ in range(slots):
        gate.acquire(0.1)
    ready.set()
    if end == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(30)


@pytest.mark.parametrize(("end", "lease"), [("killed", 600.0), ("stuck", 1.0)])
def test_the_slots_of_a_killed_process_come_back(tmp_path: Path, end: str, lease: float) -> None:
    gate = FileGate(tmp_path / "gate.sqlite", GateLimits(2, 10, 0.25, lease))
    ready = fork.Event()
    process = fork.Process(target=hold, args=(gate, 2, ready, end))
    process.start()
    assert ready.wait(10)
    began = time.monotonic()
    ticket = gate.acquire(0.2)  # nobody has joined the process: it's a zombie
    assert ticket is not None
    assert time.monotonic() - began < 5
    gate.release(ticket, {"calls": 1}, 0.05)
    assert gate.totals() == {"calls": 3, "lost": 2, "usd": 0.05}
    process.kill()
    process.join()


def write(store: ResponseStore, name: str, count: int, go: Any, written: Any) -> None:
    """In a process: put answers, tell of each that is kept."""
    go.wait(10)
    for i in range(count):
        store.put(f"{name}{i}", "m", LLMAnswer("{}", usage={"calls": 1}))
        written.value += 1


def start_writers(store: ResponseStore, writers: int, count: int) -> tuple[list[Any], list[Any]]:
    """RETURNS (tuple): Processes that ``write`` at once, and how many answers each has kept."""
    go, counts = fork.Event(), [fork.Value("i", 0) for _ in range(writers)]
    processes = [fork.Process(target=write, args=(store, f"p{n}.", count, go, kept)) for n, kept in enumerate(counts)]
    for process in processes:
        process.start()
    go.set()
    return processes, counts


def test_a_new_store_is_made_and_written_by_all_at_once(tmp_path: Path) -> None:
    for round in range(5):
        store = ResponseStore(tmp_path / f"{round}.sqlite")
        processes, _ = start_writers(store, 4, 50)
        for process in processes:
            process.join(30)
        assert [process.exitcode for process in processes] == [0] * 4
        assert len(store) == 200
        store.check()


def test_answers_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "answers.sqlite")
    store.put("first", "m", LLMAnswer("{}"))
    processes, counts = start_writers(store, 3, 1_000_000)
    while any(count.value < 20 for count in counts):
        time.sleep(0.005)
    for process in processes:
        process.kill()
        process.join()
    store.check()
    for n, count in enumerate(counts):
        assert all(store.get(f"p{n}.{i}") is not None for i in range(count.value))
    store.put("last", "m", LLMAnswer("{}"))
    assert len(store) >= 2 + sum(count.value for count in counts)


def test_a_fork_inherits_no_connection(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "answers.sqlite")
    store.put("a", "m", LLMAnswer("{}"))
    assert store._file.is_open
    seen = fork.Queue()
    process = fork.Process(target=lambda: seen.put((store._file.is_open, store.get("a") is not None)))
    process.start()
    assert seen.get(timeout=10) == (False, True)
    process.join()
    assert store.get("a") is not None
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone() == (1,)
