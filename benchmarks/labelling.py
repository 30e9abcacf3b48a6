r"""Labelling with one process, two processes and Ray: throughput, a killed worker, memory of the driver. Draws a plot.

    python benchmarks/labelling.py --pipeline training/teacher --utterances 200000 --memory 100000 1000000

Utterances are those of --traffic over and over, each with a number, so that none is like another. Ray runs on two nodes
of one CPU each in this machine (ray.cluster_utils.Cluster).
Memory is measured with a matcher of a few names, as the driver labels nothing whatever the pipeline. All runs take
turns on the same machine; --rounds repeats those of throughput and the best counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from spacy_convner.pipelines import load_pipeline, needless_retrievers
from spacy_convner.records import read_utterances
from spacy_convner.silver.input_ranges import plan_source
from spacy_convner.silver.labelling import label_file
from spacy_convner.silver.ray_engine import RayEngine, RayOptions
from spacy_convner.silver.sources import find_files

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, Any]


def make_traffic(sources: list[Path], count: int, path: Path) -> Path:
    """Write ``count`` utterances, no two alike. RETURNS (Path): The file."""
    found = [utterance for source in sources for utterance in read_utterances(source)]
    with path.open("w", encoding="utf8") as file:
        for i in range(count):
            utterance = found[i % len(found)]
            file.write(json.dumps({"text": f"{utterance.text} {i}", "lang": utterance.lang}) + "\n")
    return path


class Clock:
    """Told of every utterance or shard: when the first and the last came. Starting up is no labelling."""

    def __init__(self) -> None:
        self.ticks: list[tuple[float, int]] = []

    def __call__(self, n: int) -> None:
        self.ticks.append((time.perf_counter(), n))

    def speed(self) -> float:
        """RETURNS (float): Utterances a second between the first tick and the last."""
        (first, n), (last, _) = self.ticks[0], self.ticks[-1]
        return (sum(count for _, count in self.ticks) - n) / (last - first)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """RETURNS (dict): Shard → content."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def note_pid(folder: str, nlp: Language) -> Any:
    """Preparation of a worker: leave its number, for who kills one."""
    (Path(folder) / str(os.getpid())).touch()
    return int


def kill_one(pids: Path, out: Path, shards: int, killed: list[Row]) -> None:
    """Kill a random worker without warning once a random share of all shards is there."""
    share = random.uniform(0.1, 0.9)
    while len(list(out.glob("part-*"))) < share * shards:
        time.sleep(0.02)
    pid = int(random.choice(sorted(pids.iterdir())).name)
    os.kill(pid, signal.SIGKILL)
    killed.append({"after_share": round(share, 3)})


def throughput(nlp: Language, source: Path, scratch: Path, args: argparse.Namespace, address: str) -> list[Row]:
    """RETURNS (list[Row]): engine, processes, utterances_per_s (first shard to last) and with_start_per_s."""
    rows: dict[tuple[str, int], Row] = {}
    for number in range(args.rounds):
        for engine, processes in (("local", 1), ("local", 2), ("ray", 1), ("ray", 2)):
            clock, out = Clock(), scratch / f"{engine}.{processes}.{number}"
            ray = RayEngine(nlp, RayOptions(processes, 128, {}, address), None, clock) if engine == "ray" else None
            stats = label_file(nlp, source, out, shard_size=args.shard_size, n_process=processes, batch_size=128,
                               keep_exemplars=False, engine=ray, on_docs=clock)  # fmt: skip
            row = {"engine": engine, "processes": processes, "utterances_per_s": round(clock.speed(), 1),
                   "with_start_per_s": stats["utterances_per_s"],
                   "max_rss_mb": stats.get("worker_max_rss_mb") or stats["max_rss_mb"]}  # fmt: skip
            print(json.dumps(row), file=sys.stderr)
            best = rows.get((engine, processes))
            if best is None or row["utterances_per_s"] > best["utterances_per_s"]:
                rows[engine, processes] = row
    return list(rows.values())


def killed_runs(nlp: Language, source: Path, scratch: Path, args: argparse.Namespace, address: str) -> list[Row]:
    """RETURNS (list[Row]): What each run with a killed worker gave, beside the local engine's output."""
    expected = bytes_of(scratch / "local.1.0")
    rows = []
    for number in range(args.kills):
        out, pids, killed = scratch / f"killed.{number}", scratch / f"pids.{number}", list[Row]()
        pids.mkdir()
        killer = threading.Thread(target=kill_one, args=(pids, out, len(expected), killed), daemon=True)
        killer.start()
        engine = RayEngine(nlp, RayOptions(2, 128, {}, address), partial(note_pid, str(pids)))
        stats = label_file(nlp, source, out, shard_size=args.shard_size, n_process=1, batch_size=128,
                           keep_exemplars=False, engine=engine)  # fmt: skip
        killer.join()
        same = bytes_of(out) == expected
        rows.append({"killed": killed, "utterances": stats["utterances"], "shards": len(expected),
                     "same_bytes_as_local": same, "seconds": stats["seconds"]})  # fmt: skip
        print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


def memory(sources: list[Path], scratch: Path, sizes: list[int], shard_size: int) -> list[Row]:
    """RETURNS (list[Row]): utterances, peak memory of the driver (MiB) by engine, in a process of its own each."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Song", "pattern": "hello"}])  # type: ignore[attr-defined]
    nlp.to_disk(scratch / "ruler")
    rows = []
    for size in sizes:
        source, metrics = make_traffic(sources, size, scratch / f"memory.{size}.jsonl"), scratch / f"memory.{size}.json"
        command = [sys.executable, "-m", "spacy", "convner", "label", str(source), str(scratch / f"memory.{size}"),
                   "-p", str(scratch / "ruler"), "--shard-size", str(shard_size), "--engine", "ray",
                   "--num-actors", "2", "--metrics", str(metrics)]  # fmt: skip
        subprocess.run(command, check=True)
        stats = json.loads(metrics.read_text(encoding="utf8"))
        rows.append({"utterances": size, "driver_max_rss_mb": stats["max_rss_mb"],
                     "worker_max_rss_mb": stats["worker_max_rss_mb"], "seconds": stats["seconds"]})  # fmt: skip
        print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


def planning(source: Path, scratch: Path) -> list[Row]:
    """RETURNS (list[Row]): How many utterances a second are looked through before labelling, by kind of file."""
    import pyarrow
    import pyarrow.parquet

    found = list(read_utterances(source))
    table = pyarrow.table({"text": [item.text for item in found], "lang": [item.lang for item in found]})
    pyarrow.parquet.write_table(table, scratch / "in.parquet")
    rows = []
    for path in (source, scratch / "in.parquet"):
        started = time.perf_counter()
        (file,) = plan_source(path, 500)
        seconds = time.perf_counter() - started
        rows.append({"kind": find_files(path)[0].kind, "utterances_per_s": round(file.rows / seconds)})
    return rows


def table(result: Row) -> str:
    """RETURNS (str): Markdown, the same for the same figures."""
    rows = [["engine", "processes", "utterances/s", "with starting up", "MiB a process"], ["---", *["---:"] * 4]]
    for row in result["throughput"]:
        rows.append([f"`{row['engine']}`", str(row["processes"]), f"{row['utterances_per_s']:,.0f}",
                     f"{row['with_start_per_s']:,.0f}", f"{row['max_rss_mb']:,.0f}"])  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def memory_table(result: Row) -> str:
    """RETURNS (str): Markdown."""
    rows = [["utterances", "driver, MiB", "largest worker, MiB"], ["---:"] * 3]
    for row in result["memory"]:
        rows.append([f"{row['utterances']:,}", f"{row['driver_max_rss_mb']:,.0f}", f"{row['worker_max_rss_mb']:,.0f}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw(result: Row, path: Path) -> None:
    """Draw throughput by processes, what was measured and what it would be if that went on, and the driver's memory."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "convner"  # the same drawing from the same figures
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for engine, colour in (("local", "tab:gray"), ("ray", "tab:blue")):
        rows = [row for row in result["throughput"] if row["engine"] == engine]
        left.plot([row["processes"] for row in rows], [row["utterances_per_s"] for row in rows], "o-", color=colour,
                  label=f"--engine {engine}, measured")  # fmt: skip
    top = rows[-1]["utterances_per_s"]
    left.plot([2, 64], [top, top * 32], "--", color="tab:blue", alpha=0.5, label="extrapolated: linear, not measured")
    left.set(xscale="log", yscale="log", xlabel="processes", title="utterances a second")
    left.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
    for key, name in (("driver_max_rss_mb", "driver"), ("worker_max_rss_mb", "largest worker")):
        right.plot([row["utterances"] for row in result["memory"]], [row[key] for row in result["memory"]], "o-",
                   label=name)  # fmt: skip
    right.set(xscale="log", xlabel="utterances", title="MiB of memory at most", ylim=(0, 800))
    for axis in (left, right):
        axis.grid(which="major", alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def write(result: Row, args: argparse.Namespace) -> None:
    """Write the figures and the plot, and print the tables."""
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    draw(result, args.plot)
    print(table(result), memory_table(result), sep="\n\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", default=str(ROOT / "training" / "teacher"))
    parser.add_argument("--traffic", type=Path, action="append", default=[])
    parser.add_argument("--utterances", type=int, default=200_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--shard-size", type=int, default=500)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=["memory"], help="measure this again, and keep what --output has of the rest")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "labelling.json")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "scale.svg")
    args = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    sources = args.traffic or [ROOT / "assets" / "traffic" / f"{lang}.jsonl" for lang in ("en", "es")]
    if args.only == "memory":
        result = json.loads(args.output.read_text(encoding="utf8"))
        with tempfile.TemporaryDirectory(prefix="convner-labelling-") as folder:
            result["memory"] = memory(sources, Path(folder), args.memory, args.shard_size)
        write(result, args)
        return 0
    nlp = load_pipeline(args.pipeline)
    with tempfile.TemporaryDirectory(prefix="convner-labelling-") as folder:
        scratch = Path(folder)
        source = make_traffic(sources, args.utterances, scratch / "in.jsonl")
        result: Row = {
            "command": "python benchmarks/labelling.py " + " ".join(sys.argv[1:]),
            "date": date.today().isoformat(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 2),
            "utterances": args.utterances,
            "pipeline": [name for name in nlp.pipe_names if name not in needless_retrievers(nlp)],
            "planning": planning(source, scratch),
        }
        node = {"num_cpus": 1, "object_store_memory": 200_000_000}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        cluster.add_node(**node)
        try:
            result["throughput"] = throughput(nlp, source, scratch, args, cluster.address)
            result["killed"] = killed_runs(nlp, source, scratch, args, cluster.address)
        finally:
            cluster.shutdown()
        files = list((scratch / "local.1.0").glob("part-*"))
        result["bytes_per_utterance"] = round(sum(path.stat().st_size for path in files) / args.utterances)
        result["memory"] = memory(sources, scratch, args.memory, args.shard_size)
        result["load_after"] = round(os.getloadavg()[0], 2)
    two = {row["engine"]: row["utterances_per_s"] for row in result["throughput"] if row["processes"] == 2}
    result["ray_of_local"] = round(two["ray"] / two["local"], 3)
    write(result, args)
    return 0 if all(row["same_bytes_as_local"] for row in result["killed"]) else 1


if __name__ == "__main__":
    sys.exit(main())
