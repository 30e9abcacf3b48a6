"""What the report says of mistakes in numbers: partial matches by scheme, and how many of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .error_kinds import KINDS
from .metrics_files import Metrics
from .partial_match import SCHEMES

SCHEME_TITLES = {
    "strict": "strict: bounds and label",
    "exact": "exact: bounds, whatever the label",
    "partial": "partial: half a point for overlapping bounds",
    "ent_type": "entity type: label, overlapping is enough",
}


@dataclass(frozen=True, slots=True)
class KindRow:
    """How many mistakes of a kind each system makes; ``shares`` are of all its mistakes (0..1)."""

    title: str
    counts: dict[str, int]
    shares: dict[str, float]


def partial_rows(metrics: Metrics, name: str) -> list[tuple[str, dict[str, Any]]]:
    """RETURNS (list[tuple]): (title of the scheme, system → its scores and counts), schemes in their usual order."""
    found: dict[str, dict[str, Any]] = {}
    for system, data in metrics.systems.items():
        for scheme, scores in (data["sets"].get(name, {}).get("partial") or {}).items():
            found.setdefault(scheme, {})[system] = scores
    order = [scheme for scheme in SCHEMES if scheme in found] + [scheme for scheme in found if scheme not in SCHEMES]
    return [(SCHEME_TITLES.get(scheme, scheme), found[scheme]) for scheme in order]


def kind_rows(metrics: Metrics, name: str) -> list[KindRow]:
    """RETURNS (list[KindRow]): A row for each kind that some system has; empty where no file counts kinds."""
    counts = {
        system: data["sets"][name]["error_kinds"]
        for system, data in metrics.systems.items()
        if data["sets"].get(name, {}).get("error_kinds")
    }
    found = dict.fromkeys(kind for kinds in counts.values() for kind in kinds)
    order = [kind for kind in KINDS if kind in found] + [kind for kind in found if kind not in KINDS]
    totals = {system: sum(kinds.values()) for system, kinds in counts.items()}
    return [
        KindRow(
            kind,
            {system: kinds.get(kind, 0) for system, kinds in counts.items()},
            {system: kinds.get(kind, 0) / max(1, totals[system]) for system, kinds in counts.items()},
        )
        for kind in order
    ]
