"""Tables that put systems side by side: by label, by language and by slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .metrics_files import Metrics

Scores = Mapping[str, Any]  # p, r, f (0..1 or None), n

# Kind of slice → its title, and what its slices are called.
_SLICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "seen": ("Name in the training data", {"yes": "seen", "no": "never seen"}),
    "seen_pair": ("Name with this label in the training data", {"yes": "seen", "no": "never seen"}),
    "ambiguous": ("Labels that the catalog offers for the span", {"yes": "several", "no": "one or none"}),
    "nested": (
        "Among the candidates",
        {
            "inside": "inside a longer one",
            "contains": "around a shorter one",
            "both": "inside one, around another",
            "neither": "neither inside nor around",
        },
    ),
    "candidate": ("In the catalog's candidates", {"yes": "proposed", "no": "not proposed"}),
    "common_word": ("Everyday words", {"yes": "one everyday word", "no": "all other names"}),
    "words": ("Length", {"1": "1 word", "2": "2 words", "3": "3 words", "4+": "4 words or more"}),
    "case": ("As it is written", {"lower": "lower case", "capitals": "with capitals"}),
}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line: ``scores`` by system; ``ns`` are the distinct numbers of gold spans, since slices differ by system."""

    title: str
    ns: tuple[int, ...]
    scores: Mapping[str, Scores]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under one heading; an empty title has none."""

    title: str
    rows: tuple[ScoreRow, ...]


def label_groups(metrics: Metrics, name: str) -> list[Group]:
    """RETURNS (list[Group]): Averages, then labels, most frequent first; empty where no system has per-label scores."""
    per_label = _gather(metrics, name, "per_label")
    if not per_label:
        return []
    rows = [_row(label, scores) for label, scores in per_label.items()]
    rows.sort(key=lambda row: (-row.ns[0], row.title))
    micro = {system: data["sets"][name]["strict"] for system, data in metrics.systems.items() if name in data["sets"]}
    macro = {
        system: {**data["sets"][name]["macro"], "n": micro[system]["n"]}
        for system, data in metrics.systems.items()
        if name in data["sets"] and data["sets"][name].get("macro")
    }
    averages = [_row("micro average", micro), *([_row("macro average", macro)] if macro else [])]
    return [Group("", tuple(averages)), Group("Labels", tuple(rows))]


def slice_groups(metrics: Metrics, name: str) -> list[Group]:
    """RETURNS (list[Group]): Languages, then every kind of slice that some system has scores of."""
    groups = []
    if langs := _gather(metrics, name, "per_lang"):
        groups.append(Group("Language", tuple(_row(lang, scores) for lang, scores in langs.items())))
    found: dict[str, None] = {}
    for data in metrics.systems.values():
        found.update(dict.fromkeys(data["sets"].get(name, {}).get("slices") or {}))
    for kind in sorted(found, key=lambda kind: list(_SLICES).index(kind) if kind in _SLICES else len(_SLICES)):
        title, names = _SLICES.get(kind, (kind, {}))
        slices = _gather(metrics, name, "slices", kind)
        order = {value: i for i, value in enumerate(names)}
        values = sorted(slices, key=lambda value: order.get(value, len(order)))
        groups.append(Group(title, tuple(_row(names.get(value, value), slices[value]) for value in values)))
    return groups


def systems_in(groups: Iterable[Group]) -> list[str]:
    """RETURNS (list[str]): Systems that some row has scores of; a column each."""
    return list(dict.fromkeys(system for group in groups for row in group.rows for system in row.scores))


def _gather(metrics: Metrics, name: str, *keys: str) -> dict[str, dict[str, Scores]]:
    """RETURNS (dict): Row → system → scores, for what lies under ``keys`` of a set."""
    rows: dict[str, dict[str, Scores]] = {}
    for system, data in metrics.systems.items():
        found: Any = data["sets"].get(name, {})
        for key in keys:
            found = found.get(key) or {}
        for row, scores in found.items():
            rows.setdefault(row, {})[system] = scores
    return rows


def _row(title: str, scores: Mapping[str, Scores]) -> ScoreRow:
    return ScoreRow(title, tuple(_distinct(int(row["n"]) for row in scores.values())), scores)


def _distinct(values: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(values))
