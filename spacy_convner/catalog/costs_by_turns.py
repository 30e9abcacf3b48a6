"""Measure catalogs beside each other, each step in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ..disk import folder_bytes
from ..errors import ConvnerError, DataError
from .index.storage import is_index
from .sources.records import catalog_files


def measure_catalogs(
    catalogs: Mapping[str, Path],
    texts: Sequence[str],
    *,
    lang: str = "xx",
    rounds: int = 3,
    on_step: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """Build catalogs that are records, then load each and match by turns, so that what else the machine does meets all.

    catalogs (Mapping[str, Path]): Name → index, or records as for ``read_catalog``. texts (Sequence[str]): Utterances,
        at least one. lang (str): Tokenizer. rounds (int): Fresh processes in which each is loaded; medians count.
    on_step (Callable): Called ``len(catalogs) * (1 + rounds)`` times, for a progress bar.
    RETURNS (dict): Name → entries, build_s and build_peak_mb (None of what is an index already), bytes (of the index),
        and the figures of ``costs.cost_of_matching``, with candidates for matches.
    RAISES: DataError for no text or a catalog that isn't there or right.
    """
    if not texts:
        raise DataError("no utterance to measure with")
    for path in catalogs.values():
        if not is_index(path):
            catalog_files(path)
    with tempfile.TemporaryDirectory(prefix="convner-catalogs-") as scratch:
        indexes, results = {}, {}
        for number, (name, path) in enumerate(catalogs.items()):
            built: dict[str, Any] = {"build_s": None, "build_peak_mb": None}
            index = path
            if not is_index(path):
                index = Path(scratch) / str(number)
                built = _ask({"do": "build", "catalog": str(path), "index": str(index)}, name)
            on_step()
            indexes[name], results[name] = index, {**built, "bytes": folder_bytes(index)}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in catalogs}
        for _ in range(rounds):
            for name, index in indexes.items():
                job = {"do": "match", "index": str(index), "lang": lang, "texts": list(texts)}
                found[name].append(_ask(job, name))
                on_step()
    for name, runs in found.items():
        entries = runs[0].pop("entries")
        figures = {key: None if runs[0][key] is None else median(run[key] for run in runs) for key in runs[0]}
        figures["candidates_per_utterance"] = figures.pop("matches_per_utterance")
        results[name] = {"entries": entries, **results[name], **figures}
    return results


def _ask(job: dict[str, Any], name: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "spacy_convner.catalog.costs_worker"]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, encoding="utf8", check=False)
    if done.returncode or not done.stdout:
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise ConvnerError(f"{name}: its process ended with exit {done.returncode}" + (f":\n{tail}" if tail else ""))
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise DataError(answer["error"])
    return answer
