"""Two metrics files of ``convner evaluate`` compared, set by set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .evaluate import POOLED
from .metrics_json import AGAIN, read_metrics_json
from .scoring import Counts
from .significance import Comparison, compare_counts
from .utterance_counts import read_counts


@dataclass(frozen=True, slots=True)
class System:
    """What a metrics file says about one system: counts (n, 3) and hash of the utterances of each set."""

    name: str
    path: Path
    sets: Mapping[str, tuple[Counts, str]]


def read_system(path: Path) -> System:
    """Read a metrics file.

    RAISES: DataError for a missing file, one that is none of ``convner evaluate``, or one without ``utterance_counts``.
    """
    if path.is_dir() or not path.exists():
        raise DataError("is a folder, a file was expected" if path.is_dir() else "no such file", path=path, hint=AGAIN)
    data = read_metrics_json(path)
    sets = data.get("sets") if isinstance(data, dict) else None
    if not isinstance(sets, dict) or not sets:
        raise DataError("not a metrics file: it has no sets", path=path, hint=AGAIN)
    found = {}
    for name, scores in sets.items():
        if name == POOLED:
            continue
        counts = scores.get("utterance_counts") if isinstance(scores, dict) else None
        if not isinstance(counts, dict):
            raise DataError("missing", path=path, field=f"sets.{name}.utterance_counts", hint=AGAIN)
        found[name] = read_counts(counts, f"sets.{name}.utterance_counts", path)
    system = data.get("system")
    return System(system if isinstance(system, str) and system else path.stem, path, found)


def compare_systems(a: System, b: System, *, n_resamples: int = 10_000, seed: int = 0) -> dict[str, Comparison]:
    """Compare two systems on every set that both were scored on, and on those pooled ("all") if they are several.

    RETURNS (dict[str, Comparison]): By set, in the order of ``a``.
    RAISES: DataError if they have no set in common, or one of the same name with other utterances or other gold.
    """
    common = [name for name in a.sets if name in b.sets]
    if not common:
        raise DataError(
            f"no set in common: {', '.join(a.sets)} and {', '.join(b.sets)}",
            path=b.path,
            hint="evaluate both systems on the same files",
        )
    pairs = {}
    for name in common:
        (counts, digest), (other, other_digest) = a.sets[name], b.sets[name]
        if digest != other_digest:
            raise DataError(
                f"other utterances, another order or other gold than in {a.path}",
                path=b.path,
                field=f"sets.{name}",
                hint="only systems scored on the same annotated utterances can be compared: evaluate both on one file",
            )
        if counts.shape != other.shape or not len(counts):
            raise DataError(f"not as many counts as in {a.path}", path=b.path, field=f"sets.{name}", hint=AGAIN)
        pairs[name] = (counts, other)
    if len(common) > 1:
        first, second = zip(*pairs.values(), strict=True)
        pairs[POOLED] = (np.concatenate(first), np.concatenate(second))
    return {name: compare_counts(*pair, n_resamples=n_resamples, seed=seed) for name, pair in pairs.items()}


def comparison_record(a: System, b: System, compared: Mapping[str, Comparison]) -> dict[str, Any]:
    """RETURNS (dict): The content of a comparison file; no key "sets", so that a report doesn't take it for metrics."""
    return {
        "a": {"system": a.name, "metrics": str(a.path)},
        "b": {"system": b.name, "metrics": str(b.path)},
        "comparison": {name: result.as_dict() for name, result in compared.items()},
    }
