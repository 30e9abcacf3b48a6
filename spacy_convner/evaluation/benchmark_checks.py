"""Whether results of ``convner benchmark`` and ``convner compare`` have what the report draws."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError
from .metrics_checks import check_scores, check_share, is_number, mapping_of

_SHARES = ("candidate_recall", "accept_all_f", "prior_f", "ceiling_f")


def check_benchmark(data: Mapping[str, Any], path: Path) -> None:
    """RAISES: DataError where the report would stumble over results of ``convner benchmark``."""
    _check_split(data, path, "")
    for key in ("protocol", "dev", "seeds", "missed_by_catalog"):
        mapping_of(data, key, path, "")
    if data.get("dev"):
        _check_split(data["dev"], path, "dev.")
    protocol = data["protocol"]
    for key in ("filter", "catalog", "splits"):
        mapping_of(protocol, key, path, "protocol")
    for name in protocol.get("splits") or {}:
        mapping_of(protocol["splits"], name, path, "protocol.splits")
    notes = data.get("notes") or []
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise DataError(f"expected a list of sentences, got {notes!r:.60}", path=path, field="notes")
    curve = data.get("learning_curve") or []
    if not isinstance(curve, list):
        raise DataError(f"expected a list, got {curve!r:.60}", path=path, field="learning_curve")
    for i, row in enumerate(curve):
        _check_point(row, path, f"learning_curve[{i}]")


def check_comparison(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """RETURNS (dict): The same. RAISES: DataError where the report would stumble over what ``compare`` wrote."""
    for side in "ab":
        if not isinstance(mapping_of(data, side, path, "").get("system"), str):
            raise DataError("expected the name of a system", path=path, field=f"{side}.system")
    for name, row in data["comparison"].items():
        where = f"comparison.{name}"
        if not isinstance(row, dict):
            raise DataError(f"expected an object, got {row!r:.60}", path=path, field=where)
        for key in ("f_a", "f_b", "p_bootstrap", "p_randomization"):
            check_share(row.get(key), path, f"{where}.{key}")
        check_share(row.get("difference"), path, f"{where}.difference", low=-1.0)
        ends = row.get("ci95")
        if not isinstance(ends, list) or len(ends) != 2:
            raise DataError(f"expected [low, high], got {ends!r:.60}", path=path, field=f"{where}.ci95")
        for end in ends:
            check_share(end, path, f"{where}.ci95", low=-1.0)
        for key in ("docs", "n"):
            if not is_number(row.get(key)):
                raise DataError(f"expected a count, got {row.get(key)!r:.60}", path=path, field=f"{where}.{key}")
    return dict(data)


def _check_split(data: Mapping[str, Any], path: Path, where: str) -> None:
    if data.get("strict") is not None:
        check_scores(data["strict"], path, f"{where}strict")
    for key in _SHARES:
        if data.get(key) is not None:
            check_share(data[key], path, f"{where}{key}")


def _check_point(row: object, path: Path, where: str) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("f"), dict):
        raise DataError("expected an object with n_exemplars and f", path=path, field=where)
    n = row.get("n_exemplars")
    if not is_number(n) or n < 0:
        raise DataError(f"expected a count, got {n!r:.60}", path=path, field=f"{where}.n_exemplars")
    for key in ("mean", "min", "max", "sd"):
        check_share(row["f"].get(key), path, f"{where}.f.{key}")
    if row.get("prior_f") is not None:
        check_share(row["prior_f"], path, f"{where}.prior_f")
    if not is_number(row.get("seeds") or 1):
        raise DataError(f"expected a count, got {row['seeds']!r:.60}", path=path, field=f"{where}.seeds")
