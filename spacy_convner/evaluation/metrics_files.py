"""Read a folder of metrics files and tell by their content what each one is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DataError
from .benchmark_checks import check_benchmark, check_comparison
from .distinct_sets import tell_apart
from .metrics_checks import check_spans, check_system, is_number, mapping_of
from .metrics_json import read_metrics_json

_FIRST = ("teacher", "student")


@dataclass(slots=True)
class Metrics:
    """What a folder holds.

    Keys of ``systems`` are names, teacher and student first; ``benchmarks`` are those of them that
    ``convner benchmark`` made; ``paths`` says which file each came from, ``renamed`` which sets have another name
    there. The other keys are file stems.
    """

    systems: dict[str, dict[str, Any]] = field(default_factory=dict)
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    comparisons: dict[str, dict[str, Any]] = field(default_factory=dict)
    catalogs: dict[str, dict[str, Any]] = field(default_factory=dict)
    labelling: dict[str, dict[str, Any]] = field(default_factory=dict)
    wheels: dict[str, dict[str, Any]] = field(default_factory=dict)
    testsets: dict[str, dict[str, Any]] = field(default_factory=dict)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def read_metrics(folder: Path) -> Metrics:
    """Read ``*.json`` of a folder; JSON that is none of our metrics is left alone.

    RAISES: DataError for a missing folder, one without metrics, or a metrics file that is broken.
    """
    if not folder.is_dir():
        raise DataError("no such folder", path=folder, hint="run: convner evaluate … --output metrics/teacher.json")
    metrics = Metrics()
    systems: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        data = read_metrics_json(path)
        if not isinstance(data, dict):
            continue
        if isinstance(data.get("sets"), dict):
            check_system(data, path)
            name = data.get("system")
            name = name if isinstance(name, str) and name else path.stem
            name = name if name not in systems else f"{name} ({path.stem})"
            systems[name] = data
            metrics.paths[name] = path
            if isinstance(data.get("protocol"), dict):
                check_benchmark(data, path)
                metrics.benchmarks[name] = data
        elif {"a", "b"} <= data.keys() and isinstance(data.get("comparison"), dict):
            metrics.comparisons[path.stem] = check_comparison(data, path)
        elif {"statuses", "utterances"} <= data.keys():
            metrics.labelling[path.stem] = data
        elif "wheel" in data:
            metrics.wheels[path.stem] = _check_wheel(data, path)
        elif isinstance(data.get("testsets"), dict):
            metrics.testsets[path.stem] = _check_testsets(data, path)
        elif isinstance(data.get("audit"), dict):
            metrics.audits[path.stem] = data
        elif "by_cluster" in data:
            metrics.clusters[path.stem] = _check_clusters(data, path)
        elif {"names", "labels"} <= data.keys():
            metrics.catalogs[path.stem] = data
        else:
            continue
        metrics.files.append(path.name)
    if not metrics.files:
        raise DataError(
            "no metrics file in this folder", path=folder, hint="run: convner evaluate … --output metrics/teacher.json"
        )
    first = {name: i for i, name in enumerate(_FIRST)}
    metrics.systems = {name: systems[name] for name in sorted(systems, key=lambda n: (first.get(n, len(first)), n))}
    metrics.renamed = tell_apart(metrics.systems)
    return metrics


def _check_wheel(data: dict[str, Any], path: Path) -> dict[str, Any]:
    sentences = data.get("sentences") or []
    for i, sentence in enumerate(sentences if isinstance(sentences, list) else [None]):
        if not isinstance(sentence, dict) or not isinstance(sentence.get("text"), str):
            raise DataError("expected an object with a text", path=path, field=f"sentences[{i}]")
        check_spans(sentence.get("ents") or [], path, f"sentences[{i}].ents")
    return data


def _check_testsets(data: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in ("testsets", "paper"):
        for name, row in mapping_of(data, key, path, "").items():
            if not isinstance(row, dict):
                raise DataError(f"expected an object, got {row!r:.60}", path=path, field=f"{key}.{name}")
    return data


def _check_clusters(data: dict[str, Any], path: Path) -> dict[str, Any]:
    found = data["by_cluster"]
    if not isinstance(found, list) or not all(isinstance(c, dict) and is_number(c.get("size")) for c in found):
        raise DataError("expected a list of objects with a size", path=path, field="by_cluster")
    return data
