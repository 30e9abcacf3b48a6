"""What each utterance adds to the scores, for a metrics file, so that two systems can be compared later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .scoring import Counts, Judged, count

_COLUMNS = ("right", "predicted", "gold")


def utterance_counts(judged: Sequence[Judged]) -> dict[str, Any]:
    """RETURNS (dict): right, predicted, gold (a number an utterance, in order) and sha256 of their texts and gold."""
    counts = count((item.gold, item.pred) for item in judged)
    return {**{name: counts[:, i].tolist() for i, name in enumerate(_COLUMNS)}, "sha256": hash_gold(judged)}


def hash_gold(judged: Iterable[Judged]) -> str:
    """RETURNS (str): SHA-256 of texts and gold in order: equal for systems that were scored on the same thing."""
    digest = hashlib.sha256()
    for item in judged:
        gold = sorted((span.start, span.end, span.label) for span in item.gold)
        digest.update(json.dumps([item.text, gold]).encode("ascii") + b"\n")
    return digest.hexdigest()


def read_counts(data: Mapping[str, Any], where: str, path: Any = None) -> tuple[Counts, str]:
    """Read what ``utterance_counts`` gave.

    where (str): Field that has it, for errors. path: File that it was read from.
    RETURNS (tuple): Counts of shape (n, 3): right, predicted, gold; the hash.
    RAISES: DataError if it is something else.
    """
    columns = [data.get(name) for name in _COLUMNS]
    for name, column in zip(_COLUMNS, columns, strict=True):
        if not isinstance(column, list) or not all(type(x) is int and 0 <= x < 1 << 31 for x in column):
            raise DataError("expected a list of counts", path=path, field=f"{where}.{name}")
    if len({len(column) for column in columns}) > 1:  # type: ignore[arg-type]
        raise DataError("expected as many right, predicted and gold counts", path=path, field=where)
    if not isinstance(data.get("sha256"), str):
        raise DataError("expected a hash", path=path, field=f"{where}.sha256")
    counts = np.array(columns, dtype=np.int64).T.reshape(-1, 3)
    if (counts[:, 0] > counts[:, 1:].min(axis=1)).any():
        raise DataError("more right than predicted or gold", path=path, field=where)
    return counts, data["sha256"]
