"""Read a folder of metrics files and tell by their content what each one is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from ..errors import DataError

_FIRST = ("teacher", "student")


@dataclass(slots=True)
class Metrics:
    """What a folder holds. Keys of ``systems`` are names, teacher and student first; other keys are file stems."""

    systems: dict[str, dict[str, Any]] = field(default_factory=dict)
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
        data = _read_json(path)
        if not isinstance(data, dict):
            continue
        if isinstance(data.get("sets"), dict):
            _check_system(data, path)
            name = data.get("system")
            name = name if isinstance(name, str) and name else path.stem
            systems[name if name not in systems else f"{name} ({path.stem})"] = data
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
    return metrics


_TOO_LARGE = 1e100


def is_number(value: object) -> TypeGuard[float]:
    """RETURNS (bool): Whether this is a number that a report can show; True, False and 401 digits aren't."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _TOO_LARGE


def _read_json(path: Path) -> Any:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not a number that JSON has")

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as err:
        raise DataError(f"not valid JSON: {err}", path=path, hint="make it again with: convner evaluate") from err


def _check_system(data: Mapping[str, Any], path: Path) -> None:
    """RAISES: DataError where the report would stumble."""
    for name, scores in data["sets"].items():
        where = f"sets.{name}"
        if not isinstance(scores, dict):
            raise DataError(f"expected an object, got {scores!r:.60}", path=path, field=where)
        _check_scores(scores.get("strict"), path, f"{where}.strict")
        for key in ("per_label", "baselines"):
            for label, row in _mapping(scores, key, path, where).items():
                _check_scores(row, path, f"{where}.{key}.{label}", need_n=key == "per_label")
        for gold, cells in _mapping(scores, "confusion", path, where).items():
            if not isinstance(cells, dict) or not all(is_number(count) for count in cells.values()):
                raise DataError("expected label → count", path=path, field=f"{where}.confusion.{gold}")
        found = scores.get("errors") or []
        if not isinstance(found, list):
            raise DataError("expected a list", path=path, field=f"{where}.errors")
        for i, error in enumerate(found):
            at = f"{where}.errors[{i}]"
            if not isinstance(error, dict) or not isinstance(error.get("text"), str):
                raise DataError("expected an object with a text", path=path, field=at)
            for key in ("gold", "pred", "missed", "spurious", "candidates"):
                _check_spans(error.get(key) or [], path, f"{at}.{key}")


def _check_wheel(data: dict[str, Any], path: Path) -> dict[str, Any]:
    sentences = data.get("sentences") or []
    for i, sentence in enumerate(sentences if isinstance(sentences, list) else [None]):
        if not isinstance(sentence, dict) or not isinstance(sentence.get("text"), str):
            raise DataError("expected an object with a text", path=path, field=f"sentences[{i}]")
        _check_spans(sentence.get("ents") or [], path, f"sentences[{i}].ents")
    return data


def _check_testsets(data: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in ("testsets", "paper"):
        for name, row in _mapping(data, key, path, key).items():
            if not isinstance(row, dict):
                raise DataError(f"expected an object, got {row!r:.60}", path=path, field=f"{key}.{name}")
    return data


def _check_clusters(data: dict[str, Any], path: Path) -> dict[str, Any]:
    found = data["by_cluster"]
    if not isinstance(found, list) or not all(isinstance(c, dict) and is_number(c.get("size")) for c in found):
        raise DataError("expected a list of objects with a size", path=path, field="by_cluster")
    return data


def _check_scores(row: object, path: Path, where: str, *, need_n: bool = True) -> None:
    if not isinstance(row, dict):
        raise DataError(f"expected an object with p, r, f, got {row!r:.60}", path=path, field=where)
    for key in ("p", "r", "f"):
        value = row.get(key)
        if not is_number(value) or not 0 <= value <= 1:
            raise DataError(f"expected a score between 0 and 1, got {value!r:.60}", path=path, field=f"{where}.{key}")
    if need_n and not is_number(row.get("n")):
        raise DataError(f"expected a count, got {row.get('n')!r:.60}", path=path, field=f"{where}.n")
    interval = row.get("ci95")
    if interval is not None and not (
        isinstance(interval, list) and len(interval) == 2 and all(is_number(x) and 0 <= x <= 1 for x in interval)
    ):
        raise DataError(f"expected [low, high], got {interval!r:.60}", path=path, field=f"{where}.ci95")


def _check_spans(spans: object, path: Path, where: str) -> None:
    def good(span: object) -> bool:
        return (
            isinstance(span, list)
            and len(span) == 3
            and type(span[0]) is int
            and type(span[1]) is int
            and 0 <= span[0] < span[1]
            and isinstance(span[2], str)
        )

    if not isinstance(spans, list) or not all(good(span) for span in spans):
        raise DataError(f"expected [[start, end, label]], got {spans!r:.60}", path=path, field=where)


def _mapping(scores: Mapping[str, Any], key: str, path: Path, where: str) -> Mapping[str, Any]:
    value = scores.get(key) or {}
    if not isinstance(value, dict):
        raise DataError(f"expected an object, got {value!r:.60}", path=path, field=f"{where}.{key}")
    return value
