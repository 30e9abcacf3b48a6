"""What a student costs to serve: latency, throughput, load time, size and memory, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np
from spacy.util import is_package

from ..disk import folder_bytes
from ..errors import ConvnerError, DataError

# Of torch's OpenMP, the BLAS libraries of numpy and thinc, onnxruntime's parents and the Rust tokenizers.
_POOLS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "RAYON")
ONE_THREAD = {
    **{f"{pool}_NUM_THREADS": "1" for pool in _POOLS},
    "VECLIB_MAXIMUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_WORKER = Path(__file__).with_name("latency_worker.py")


def measure_students(
    pipelines: Mapping[str, str],
    texts: Sequence[str],
    *,
    batch_size: int = 64,
    rounds: int = 5,
    loads: int = 3,
    python: str = sys.executable,
    on_step: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """Measure pipelines by turns, so that whatever else the machine does meets them all.

    Each is loaded ``loads`` times in fresh processes (their files in the system's cache by then), of which the last
    stays: every round it takes the texts one by one, then through ``nlp.pipe``, after a warm-up, on one thread.
    Percentiles are of the utterances of a round; every figure is the median of the rounds or loads.

    pipelines (Mapping[str, str]): Name → folder or installed package. texts (Sequence[str]): At least one.
    batch_size (int): Of ``nlp.pipe``. rounds, loads (int): At least one. python (str): Interpreter; another
        environment's may lack what students don't need. on_step (Callable): Called
        ``len(pipelines) * (loads + rounds)`` times, for a progress bar.
    RETURNS (dict): Name → p50_ms, p95_ms, p99_ms, mean_ms, utterances_per_s, import_s, load_s, bytes (of the folder),
        max_rss_mb (MiB resident at most, loaded and run), import_mb (of which for spaCy alone), cores (processor
        seconds a second while utterances came one by one), components, python, spacy, torch (whether it was imported),
        rounds.
    RAISES: DataError for no text or a pipeline that isn't there or can't be loaded; ConvnerError for one that fails on
        an utterance.
    """
    if not texts:
        raise DataError("no utterance to measure with")
    check_pipelines(pipelines, installed_here=python == sys.executable)
    found: dict[str, dict[str, list[Any]]] = {name: {"loads": [], "single": [], "batch": []} for name in pipelines}
    for _ in range(loads - 1):
        for name, source in pipelines.items():
            with _worker(name, source, [], python) as worker:
                found[name]["loads"].append(worker.report)
            on_step()
    results = {}
    with ExitStack() as stack:
        workers = {}
        for name, source in pipelines.items():
            workers[name] = stack.enter_context(_worker(name, source, texts, python))
            found[name]["loads"].append(workers[name].report)
            on_step()
        for _ in range(rounds):
            for name, worker in workers.items():
                found[name]["single"].append(worker.ask({"do": "single"}))
                found[name]["batch"].append(worker.ask({"do": "batch", "size": batch_size}))
                on_step()
        for name, worker in workers.items():
            peak = worker.ask({"do": "memory"})["max_rss_mb"]
            results[name] = _summary(worker.report, found[name], len(texts), peak)
    return results


def check_pipelines(pipelines: Mapping[str, str], *, installed_here: bool = True) -> None:
    """RAISES: DataError for none, or one that is neither a folder nor an installed package."""
    if not pipelines:
        raise DataError("no pipeline to measure")
    for source in pipelines.values():
        if Path(source).suffix == ".cfg":
            raise DataError(
                "is a config, a pipeline was expected", path=source, hint="python -m spacy assemble it first"
            )
        if not Path(source).is_dir() and (Path(source).exists() or (installed_here and not is_package(source))):
            raise DataError("no such pipeline", path=source, hint="give a folder or an installed package")


def _summary(report: dict[str, Any], found: dict[str, list[Any]], n_texts: int, peak: float | None) -> dict[str, Any]:
    rounds = []
    for single, batch in zip(found["single"], found["batch"], strict=True):
        p50, p95, p99 = np.percentile(single["ms"], [50, 95, 99])
        figures = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "mean_ms": np.mean(single["ms"])}
        speed = n_texts / batch["wall_s"]
        rounds.append(
            {**{key: round(float(ms), 3) for key, ms in figures.items()}, "utterances_per_s": round(speed, 1)}
        )
    cores = sum(part["cpu_s"] for part in found["single"]) / sum(part["wall_s"] for part in found["single"])
    return {
        **{key: round(median(part[key] for part in rounds), 3) for key in rounds[0]},
        **{key: round(median(part[key] for part in found["loads"]), 3) for key in ("import_s", "load_s")},
        "bytes": folder_bytes(Path(report["folder"])) if report["folder"] else None,
        "max_rss_mb": None if peak is None else round(peak, 1),
        "import_mb": None if report["import_mb"] is None else round(report["import_mb"], 1),
        "cores": round(cores, 2),
        **{key: report[key] for key in ("components", "python", "spacy", "torch")},
        "rounds": rounds,
    }


class _Worker:
    """A process that has loaded a pipeline and answers; ``report`` is what loading took."""

    def __init__(
        self, name: str, source: str, texts: Sequence[str], process: subprocess.Popen[str], log: IO[str]
    ) -> None:
        self.name, self.source, self.texts, self.process, self.log = name, source, texts, process, log
        self.report = self.ask({"pipeline": source, "texts": list(texts)})

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """RETURNS (dict): The answer. RAISES: DataError if it can't load, ConvnerError if it fails or ends."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            self.log.seek(0)
            tail = "\n".join(self.log.read().strip().splitlines()[-5:])
            raise ConvnerError(f"{self.name}: its process ended with exit {code}" + (f":\n{tail}" if tail else ""))
        answer: dict[str, Any] = json.loads(line)
        if "error" not in answer:
            return answer
        if answer.get("loading"):
            raise DataError(f"can't be measured: {answer['error']}", path=self.source)
        where = ""
        if (i := answer.get("utterance")) is not None:
            where = f" on utterance {i + 1:,}, {self.texts[i]!r:.80}"
        raise ConvnerError(f"{self.name} fails{where}: {answer['error']}")


@contextmanager
def _worker(name: str, source: str, texts: Sequence[str], python: str) -> Iterator[_Worker]:
    # -P: the folder of the script, this room, must not hide modules of others.
    with tempfile.TemporaryFile("w+", encoding="utf8", errors="replace") as log:
        try:
            process = subprocess.Popen(
                [python, "-P", str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                encoding="utf8", env={**os.environ, **ONE_THREAD},
            )  # fmt: skip
        except OSError as err:
            raise DataError(f"can't be started: {err.strerror or err}", path=python) from err
        try:
            yield _Worker(name, source, texts, process, log)
        finally:
            process.kill()
            process.communicate()
