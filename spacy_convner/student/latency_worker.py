"""The process in which a student is measured. Run as a script, with any interpreter that has spaCy: not imported.

Commands come as JSON lines on standard input, answers go as JSON lines to standard output. The first line says which
pipeline and texts; ``{"do": "single"}`` and ``{"do": "batch", "size": 64}`` are passes over the texts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

WARM_UP = 50  # utterances before the first pass; a tenth of them before every other


def main() -> None:
    """Load, say what it took, then answer commands until the input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf8")
    os.dup2(2, 1)  # what a library prints must not come between the answers

    def answer(value: dict[str, Any]) -> None:
        channel.write(json.dumps(value) + "\n")
        channel.flush()

    with open(0, encoding="utf8", closefd=False) as commands:
        job = json.loads(commands.readline())
        try:
            nlp, report = load(job["pipeline"])
        except Exception as err:  # whatever a pipeline raises is told to the user by the process that asked
            answer({"error": describe(err), "loading": True})
            return
        answer(report)
        texts, warm = job.get("texts", []), False
        for line in commands:
            command = json.loads(line)
            passes = {"single": single, "batch": batch, "memory": memory}
            try:
                if command["do"] != "memory":
                    single(nlp, texts[: WARM_UP // 10 if warm else WARM_UP], command)
                    warm = True
                answer(passes[command["do"]](nlp, texts, command))
            except _FailedOn as err:
                answer({"error": describe(err.__cause__ or err), "utterance": err.args[0]})
            except Exception as err:
                answer({"error": describe(err)})


def load(pipeline: str) -> tuple[Any, dict[str, Any]]:
    """RETURNS (tuple): The pipeline, and what it took in seconds and MiB."""
    start = time.perf_counter()
    import spacy

    imported = time.perf_counter()
    import_mb = max_rss_mb()
    if torch := sys.modules.get("torch"):  # thinc imports it where it is installed
        torch.set_num_threads(1)
    before = time.perf_counter()
    nlp = spacy.load(pipeline)
    loaded = time.perf_counter()
    return nlp, {
        "import_s": imported - start,
        "load_s": loaded - before,
        "import_mb": import_mb,
        "folder": str(nlp.path) if nlp.path else "",
        "components": list(nlp.pipe_names),
        "python": sys.version.split()[0],
        "spacy": spacy.about.__version__,
        "torch": torch is not None,
    }


class _FailedOn(Exception):
    """A pipeline failed on the text with this position."""


def single(nlp: Any, texts: list[str], command: dict[str, Any]) -> dict[str, Any]:
    """RETURNS (dict): Milliseconds of each utterance in order, processor seconds and wall-clock seconds of them all."""
    taken = []
    cpu, wall = time.process_time(), time.perf_counter()
    for i, text in enumerate(texts):
        start = time.perf_counter_ns()
        try:
            nlp(text)
        except Exception as err:
            raise _FailedOn(i) from err
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return {"ms": taken, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def batch(nlp: Any, texts: list[str], command: dict[str, Any]) -> dict[str, Any]:
    """RETURNS (dict): Wall-clock seconds of ``nlp.pipe`` over all texts."""
    start = time.perf_counter()
    for _ in nlp.pipe(texts, batch_size=command["size"]):
        pass
    return {"wall_s": time.perf_counter() - start}


def memory(nlp: Any, texts: list[str], command: dict[str, Any]) -> dict[str, Any]:
    """RETURNS (dict): The most MiB that this process had resident so far; None where the system doesn't say."""
    return {"max_rss_mb": max_rss_mb()}


def max_rss_mb() -> float | None:
    """RETURNS (float | None): MiB, of this program alone (``ru_maxrss`` also knows the process that started it)."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def describe(err: BaseException) -> str:
    """RETURNS (str): Type and first line of an error."""
    lines = str(err).strip().splitlines()
    return f"{type(err).__name__}: {lines[0]}" if lines else type(err).__name__


if __name__ == "__main__":
    main()
