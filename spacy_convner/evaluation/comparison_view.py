"""Two systems side by side: difference of F1 on each set, with its interval and p, and the counts behind it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .axes import Axis, difference_axis
from .comparison import System, compare_systems
from .evaluate import POOLED
from .metrics_files import Metrics
from .scoring import Counts
from .utterance_counts import read_counts

_AGAIN = "evaluate it again, or put what convner compare writes into the folder"


@dataclass(frozen=True, slots=True)
class Difference:
    """Strict micro F1 (0..1) of two systems on a set, the difference b − a, its 95 % interval and p values.

    outcomes (tuple): Utterances that both label exactly right, only a, only b, neither; None if that isn't known.
    """

    name: str
    docs: int
    n: int
    f_a: float
    f_b: float
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomization: float
    outcomes: tuple[int, int, int, int] | None = None

    @property
    def is_sure(self) -> bool:
        """Whether chance alone seldom makes such a difference: interval and both p say so."""
        return (self.low > 0 or self.high < 0) and max(self.p_bootstrap, self.p_randomization) < 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems, the sets they can be compared on, and why they can't be on others. ``source`` names a file read."""

    a: str
    b: str
    rows: tuple[Difference, ...] = ()
    reasons: tuple[str, ...] = ()
    source: str = ""

    @property
    def main(self) -> Difference | None:
        """The pooled row, or the first one."""
        return next((row for row in self.rows if row.name == POOLED), self.rows[0] if self.rows else None)


def compared_pairs(metrics: Metrics) -> list[Pair]:
    """Compare every two systems, and add what comparison files say of others.

    RETURNS (list[Pair]): Each two systems once, in their order; those only known from comparison files last.
    """
    counts = set_counts(metrics)
    recorded: dict[frozenset[str], Pair] = {}
    for stem, data in metrics.comparisons.items():
        pair = _recorded(stem, data, metrics)
        recorded.setdefault(frozenset((pair.a, pair.b)), pair)
    pairs = []
    for a, b in itertools.combinations(metrics.systems, 2):
        pair = _computed(a, b, counts, metrics)
        known = recorded.pop(frozenset((a, b)), None)
        if not pair.rows and known is not None:
            pair = known if known.a == a else flipped(known)
        pairs.append(pair)
    return pairs + [pair for pair in recorded.values() if pair.a != pair.b]


def both_ways(pairs: Iterable[Pair]) -> list[Pair]:
    """RETURNS (list[Pair]): Each pair in both orders: people choose which is first."""
    return [turned for pair in pairs for turned in (pair, flipped(pair))]


def flipped(pair: Pair) -> Pair:
    """RETURNS (Pair): The same comparison seen from the other system."""
    rows = tuple(
        replace(
            row,
            f_a=row.f_b,
            f_b=row.f_a,
            difference=0.0 - row.difference,
            low=0.0 - row.high,
            high=0.0 - row.low,
            outcomes=row.outcomes and (row.outcomes[0], row.outcomes[2], row.outcomes[1], row.outcomes[3]),
        )
        for row in pair.rows
    )
    return replace(pair, a=pair.b, b=pair.a, rows=rows)


def gap_axis(pair: Pair) -> Axis:
    """RETURNS (Axis): Of differences, wide enough for every interval."""
    return difference_axis(end for row in pair.rows for end in (row.low, row.high, row.difference))


def same_sets(a: Mapping[str, tuple[Counts, str]], b: Mapping[str, tuple[Counts, str]]) -> list[str]:
    """RETURNS (list[str]): Sets whose texts and gold both systems have in common."""
    return [name for name in a if name in b and a[name][1] == b[name][1] and a[name][0].shape == b[name][0].shape]


def set_counts(metrics: Metrics) -> dict[str, dict[str, tuple[Counts, str]]]:
    """RETURNS (dict): System → set → counts (n, 3) of its utterances and the hash of their texts and gold."""
    return {name: _counts(data) for name, data in metrics.systems.items()}


def _counts(data: Mapping[str, Any]) -> dict[str, tuple[Counts, str]]:
    return {
        name: read_counts(scores["utterance_counts"], f"sets.{name}.utterance_counts")
        for name, scores in data["sets"].items()
        if name != POOLED and scores.get("utterance_counts") and scores["utterance_counts"]["gold"]
    }


def _computed(a: str, b: str, counts: Mapping[str, Mapping[str, tuple[Counts, str]]], metrics: Metrics) -> Pair:
    good = same_sets(counts[a], counts[b])
    names = [{metrics.renamed.get(name, name): name for name in metrics.systems[system]["sets"]} for system in (a, b)]
    common = {name: found for name, found in names[0].items() if name in names[1] and name != POOLED}
    if not common:
        return Pair(a, b, reasons=("They have no test set in common.",))
    reasons = []
    for name, found in common.items():
        lacking = [system for system, known in ((a, names[0]), (b, names[1])) if known[name] not in counts[system]]
        if lacking:
            reasons.append(f"{name}: the file of {' and of '.join(lacking)} has no utterance counts; {_AGAIN}.")
        elif found not in good:
            reasons.append(f"{name}: they were scored on other utterances or other gold, so they can’t be compared.")
    if not good:
        return Pair(a, b, reasons=tuple(reasons))
    one, other = (
        System(system, metrics.paths.get(system, Path(system)), {name: counts[system][name] for name in good})
        for system in (a, b)
    )
    pairs = {name: (counts[a][name][0], counts[b][name][0]) for name in good}
    compared = compare_systems(one, other)
    rows = []
    for name, result in sorted(compared.items(), key=lambda item: item[0] == POOLED):
        parts = [pairs[name]] if name in pairs else list(pairs.values())
        first, second = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        rows.append(
            Difference(
                name,
                result.docs,
                result.n,
                result.f_a,
                result.f_b,
                result.difference,
                low=result.ci95[0],
                high=result.ci95[1],
                p_bootstrap=result.p_bootstrap,
                p_randomization=result.p_randomization,
                outcomes=_outcomes(first, second),
            )
        )
    return Pair(a, b, tuple(rows), tuple(reasons))


def all_right(counts: Counts) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """counts (Counts): Shape (n, 3). RETURNS (ndarray): Shape (n,), whether an utterance is labelled exactly right."""
    right: np.ndarray[Any, np.dtype[np.bool_]] = (counts[:, 0] == counts[:, 1]) & (counts[:, 0] == counts[:, 2])
    return right


def _outcomes(a: Counts, b: Counts) -> tuple[int, int, int, int]:
    right_a, right_b = all_right(a), all_right(b)
    cells = (right_a & right_b, right_a & ~right_b, ~right_a & right_b, ~right_a & ~right_b)
    both, only_a, only_b, neither = (int(cell.sum()) for cell in cells)
    return both, only_a, only_b, neither


def _recorded(stem: str, data: Mapping[str, Any], metrics: Metrics) -> Pair:
    rows = tuple(
        Difference(
            name,
            int(row["docs"]),
            int(row["n"]),
            row["f_a"],
            row["f_b"],
            row["difference"],
            low=row["ci95"][0],
            high=row["ci95"][1],
            p_bootstrap=row["p_bootstrap"],
            p_randomization=row["p_randomization"],
        )
        for name, row in data["comparison"].items()
    )
    return Pair(_system_of(data["a"], metrics), _system_of(data["b"], metrics), rows, source=f"{stem}.json")


def _system_of(side: Mapping[str, Any], metrics: Metrics) -> str:
    """RETURNS (str): What the report calls the system that a comparison file names."""
    name = str(side["system"])
    named = [key for key, data in metrics.systems.items() if (data.get("system") or metrics.paths[key].stem) == name]
    if len(named) > 1:
        stem = Path(str(side.get("metrics") or "")).stem
        named = [key for key in named if metrics.paths[key].stem == stem] or named
    return named[0] if named else name
