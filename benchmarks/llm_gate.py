"""What the gate and the store cost that several processes share: microseconds a request, answers a second, merging.

python benchmarks/llm_gate.py [--output docs/results/llm_gate.json]

No model is asked. ``paced``: each process has eight threads whose "requests" take half a second each; ``flat out``: it
takes a ticket and gives it back as fast as it can, which no model allows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from spacy_convner.llm.file_gate import FileGate
from spacy_convner.llm.local_gate import LocalGate
from spacy_convner.llm.store import ResponseStore
from spacy_convner.llm.store_merge import merge_store
from spacy_convner.request_gate import GateLimits, RequestGate
from spacy_convner.ty import LLMAnswer

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 4.0
THREADS = 8
LIMITS = GateLimits(64, None, 1e6)
fork = multiprocessing.get_context("fork")
COUNTS = {"calls": 1, "input_tokens": 1500, "output_tokens": 12}
ANSWER = LLMAnswer('{"selected": [1]}', usage=COUNTS)


def ask(gate: RequestGate, until: float, pause: float, taken: list[float]) -> None:
    time.sleep(pause * random.random())  # requests don't begin all at once
    while time.monotonic() < until:
        began = time.perf_counter()
        ticket = gate.acquire(0.001)
        between = time.perf_counter()
        time.sleep(pause)
        again = time.perf_counter()
        assert ticket is not None
        gate.release(ticket, COUNTS, 0.0002)
        taken.append(time.perf_counter() - again + between - began)


def process(gate: RequestGate, threads: int, pause: float, go: Any, results: Any) -> None:
    go.wait()
    until, taken = time.monotonic() + SECONDS, list[float]()
    workers = [threading.Thread(target=ask, args=(gate, until, pause, taken)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    results.put(taken)


def measure_gate(make: Callable[[], RequestGate], processes: int, threads: int, pause: float) -> dict[str, Any]:
    go, results, gate = fork.Event(), fork.Queue(), make()
    workers = [fork.Process(target=process, args=(gate, threads, pause, go, results)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    go.set()
    taken = [value for _ in workers for value in results.get()]
    for worker in workers:
        worker.join()
    assert isinstance(gate, LocalGate) or gate.totals()["calls"] == len(taken)
    low, middle, high = np.percentile(taken, [50, 95, 99]) * 1e6
    return {"processes": processes, "threads": threads, "requests_per_s": round(len(taken) / SECONDS),
            "us_median": round(low), "us_95": round(middle), "us_99": round(high)}  # fmt: skip


def put(path: Path, name: str, go: Any, results: Any) -> None:
    store = ResponseStore(path)
    go.wait()
    until, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        store.put(f"{name}{count:09}".ljust(64, "0"), "claude-haiku-5-5", ANSWER)
        count += 1
    results.put(count)


def measure_store(folder: Path, processes: int) -> dict[str, Any]:
    go, results, path = fork.Event(), fork.Queue(), folder / f"store{processes}.sqlite"
    workers = [fork.Process(target=put, args=(path, f"{n}.", go, results)) for n in range(processes)]
    for worker in workers:
        worker.start()
    go.set()
    written = sum(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    assert len(ResponseStore(path)) == written
    return {"processes": processes, "answers_per_s": round(written / SECONDS)}


def fill(path: Path, numbers: range) -> ResponseStore:
    import hashlib

    store = ResponseStore(path)
    with store.transaction() as db:
        db.executemany(
            "INSERT INTO answers (sha256, model, status, text, usage, created) VALUES (?, 'm', 'ok', ?, ?, 0)",
            ((hashlib.sha256(str(i).encode()).hexdigest(), ANSWER.text, json.dumps(COUNTS)) for i in numbers),
        )
    return store


def measure_merge(folder: Path) -> dict[str, Any]:
    store = fill(folder / "a.sqlite", range(100_000))
    other = fill(folder / "b.sqlite", range(50_000, 150_000))
    began = time.perf_counter()
    merged = merge_store(store, other.path)
    first = time.perf_counter() - began
    merge_store(store, other.path)
    assert (merged.added, merged.known, len(store)) == (50_000, 50_000, 150_000)
    return {"answers": 100_000, "known": merged.known, "seconds": round(first, 2),
            "seconds_again": round(time.perf_counter() - began - first, 2)}  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown."""
    lines = ["| gate | processes × threads | requests/s | µs a request, median | 95 % | 99 % |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for row in result["gate"]:
        lines.append(
            f"| {row['gate']} | {row['processes']} × {row['threads']} | {row['requests_per_s']:,} | "
            f"{row['us_median']:,} | {row['us_95']:,} | {row['us_99']:,} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "llm_gate.json")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.append({"gate": "in one process, paced", **measure_gate(lambda: LocalGate(LIMITS), 1, THREADS, 0.5)})
        for kind, threads, pause in (("paced", THREADS, 0.5), ("flat out", 1, 0.0)):
            for processes in (1, 2, 8):
                place = folder / f"{kind}{processes}.gate"
                found = measure_gate(lambda place=place: FileGate(place, LIMITS), processes, threads, pause)  # type: ignore[misc]
                rows.append({"gate": f"file, {kind}", **found})
        result = {
            "command": "python benchmarks/llm_gate.py",
            "date": date.today().isoformat(),
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "gate": rows,
            "store": [measure_store(folder, processes) for processes in (1, 2, 8)],
            "merge": measure_merge(folder),
        }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(table(result))
    print(json.dumps({key: result[key] for key in ("store", "merge")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
