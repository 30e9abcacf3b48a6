"""Whether a metrics file has what the report draws; what is wrong is named by file and field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import DataError
from .utterance_counts import read_counts

_TOO_LARGE = 1e100
_SPAN_FIELDS = ("gold", "pred", "missed", "spurious", "candidates")


def is_number(value: object) -> TypeGuard[float]:
    """RETURNS (bool): Whether this is a number that a report can show; True, False and 401 digits aren't."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _TOO_LARGE


def check_system(data: Mapping[str, Any], path: Path) -> None:
    """RAISES: DataError where the report would stumble over what ``convner evaluate`` wrote."""
    _check_names(data.get("components"), path, "components")
    for name, scores in data["sets"].items():
        where = f"sets.{name}"
        if not isinstance(scores, dict):
            raise DataError(f"expected an object, got {scores!r:.60}", path=path, field=where)
        check_scores(scores.get("strict"), path, f"{where}.strict")
        for key in ("per_label", "per_lang", "baselines", "partial"):
            for label, row in mapping_of(scores, key, path, where).items():
                check_scores(row, path, f"{where}.{key}.{label}", need_n=key.startswith("per_"))
        if scores.get("macro") is not None:
            check_scores(scores["macro"], path, f"{where}.macro", need_n=False)
        for key, interval in mapping_of(scores, "intervals", path, where).items():
            _check_interval(interval, path, f"{where}.intervals.{key}")
        kinds = mapping_of(scores, "slices", path, where)
        for kind in kinds:
            for value, row in mapping_of(kinds, kind, path, f"{where}.slices").items():
                check_scores(row, path, f"{where}.slices.{kind}.{value}", may_lack=("p", "f"))
        for gold, cells in mapping_of(scores, "confusion", path, where).items():
            _check_counts(cells, path, f"{where}.confusion.{gold}")
        for scheme, row in mapping_of(scores, "partial", path, where).items():
            counts = {key: value for key, value in row.items() if key not in "prf"}
            _check_counts(counts, path, f"{where}.partial.{scheme}")
        _check_counts(scores.get("error_kinds") or {}, path, f"{where}.error_kinds")
        _check_calibration(mapping_of(scores, "calibration", path, where), path, f"{where}.calibration")
        if of_utterances := mapping_of(scores, "utterance_counts", path, where):
            read_counts(of_utterances, f"{where}.utterance_counts", path)
        _check_errors(scores.get("errors") or [], path, f"{where}.errors")


def check_scores(row: object, path: Path, where: str, *, need_n: bool = True, may_lack: tuple[str, ...] = ()) -> None:
    """may_lack (tuple[str, ...]): Scores that may be None. RAISES: DataError for what is no p, r, f and n."""
    if not isinstance(row, dict):
        raise DataError(f"expected an object with p, r, f, got {row!r:.60}", path=path, field=where)
    for key in "prf":
        if row.get(key) is not None or key not in may_lack:
            check_share(row.get(key), path, f"{where}.{key}")
    if need_n and not _is_count(row.get("n")):
        raise DataError(f"expected a count, got {row.get('n')!r:.60}", path=path, field=f"{where}.n")
    _check_interval(row.get("ci95"), path, f"{where}.ci95")


def check_share(value: object, path: Path, where: str, low: float = 0.0) -> None:
    """RAISES: DataError for what is no number from ``low`` to 1."""
    if not is_number(value) or not low <= value <= 1:
        raise DataError(f"expected a score between {low:g} and 1, got {value!r:.60}", path=path, field=where)


def check_spans(spans: object, path: Path, where: str) -> None:
    """RAISES: DataError for what is no list of [start, end, label]."""

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


def mapping_of(data: Mapping[str, Any], key: str, path: Path, where: str) -> Mapping[str, Any]:
    """RETURNS (Mapping): What ``data`` has under a key, empty if nothing. RAISES: DataError for what is no object."""
    value = data.get(key) or {}
    if not isinstance(value, dict):
        raise DataError(f"expected an object, got {value!r:.60}", path=path, field=f"{where}.{key}".lstrip("."))
    return value


def _check_calibration(found: Mapping[str, Any], path: Path, where: str) -> None:
    if not found:
        return
    for key in ("brier", "ece_10", "mean_probability", "share"):
        check_share(found.get(key), path, f"{where}.{key}")
    _check_counts({"n": found.get("n")}, path, where)
    bins = found.get("bins")
    if not isinstance(bins, list):
        raise DataError("expected a list", path=path, field=f"{where}.bins")
    for i, row in enumerate(bins):
        at = f"{where}.bins[{i}]"
        if not isinstance(row, dict):
            raise DataError(f"expected an object, got {row!r:.60}", path=path, field=at)
        for key in ("low", "high", "probability", "share"):
            check_share(row.get(key), path, f"{at}.{key}")
        _check_counts({"n": row.get("n")}, path, at)


def _check_errors(found: object, path: Path, where: str) -> None:
    if not isinstance(found, list):
        raise DataError("expected a list", path=path, field=where)
    for i, error in enumerate(found):
        at = f"{where}[{i}]"
        if not isinstance(error, dict) or not isinstance(error.get("text"), str):
            raise DataError("expected an object with a text", path=path, field=at)
        for key in _SPAN_FIELDS:
            check_spans(error.get(key) or [], path, f"{at}.{key}")
        _check_names(error.get("kinds"), path, f"{at}.kinds")


def _check_counts(cells: object, path: Path, where: str) -> None:
    if not isinstance(cells, dict):
        raise DataError(f"expected name → count, got {cells!r:.60}", path=path, field=where)
    for key, value in cells.items():
        if not _is_count(value):
            raise DataError(f"expected a count, got {value!r:.60}", path=path, field=f"{where}.{key}")


def _is_count(value: object) -> bool:
    return is_number(value) and value >= 0


def _check_names(names: object, path: Path, where: str) -> None:
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise DataError(f"expected a list of names, got {names!r:.60}", path=path, field=where)


def _check_interval(interval: object, path: Path, where: str) -> None:
    if interval is not None and not (
        isinstance(interval, list) and len(interval) == 2 and all(is_number(x) and 0 <= x <= 1 for x in interval)
    ):
        raise DataError(f"expected [low, high], got {interval!r:.60}", path=path, field=where)
