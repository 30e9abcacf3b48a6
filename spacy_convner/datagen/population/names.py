"""The names of a catalog by label, as one language says them: once each, with weights, the popular ones first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ...ty import CatalogEntry


class WeightedName(NamedTuple):
    """An entry and its weight: the popularity of all entries that share its name and label."""

    entry: CatalogEntry
    weight: float


def group_names(
    entries: Iterable[CatalogEntry], lang: str, foreign_share: float = 0.0
) -> dict[str, list[WeightedName]]:
    """Group a catalog's names by label.

    entries (Iterable[CatalogEntry]): Read once. lang (str): Language of the utterances.
    foreign_share (float): 0..1, what the weight of a name of another language is multiplied by; 0 leaves it out.
        A name without a language belongs to all.
    RETURNS (dict): Label → names, largest weight first. A name (but for case) is there once, as its most popular
        entry. A popularity of 0 counts as half of the label's smallest other one, so that no weight is 0.
    """
    found: dict[str, dict[str, WeightedName]] = {}
    for entry in entries:
        factor = 1.0 if entry.lang is None or entry.lang == lang else foreign_share
        if not factor:
            continue
        names, key = found.setdefault(entry.label, {}), entry.text.casefold()
        known = names.get(key)
        if known is None:
            names[key] = WeightedName(entry, factor * entry.popularity)
        else:
            best = max(entry, known.entry, key=_popularity)
            names[key] = WeightedName(best, known.weight + factor * entry.popularity)
    grouped = {}
    for label in sorted(found):
        least = min((name.weight for name in found[label].values() if name.weight), default=2.0) / 2
        names_of_label = [name if name.weight else name._replace(weight=least) for name in found[label].values()]
        grouped[label] = sorted(names_of_label, key=_order)
    return grouped


def first_rare(weights: list[float]) -> int:
    """weights (list[float]): Largest first. RETURNS (int): Where the rare names begin: below the median.

    Where half or more have the smallest weight, those with it; where all weights are equal, none are rare.
    """
    if not weights or weights[0] == weights[-1]:
        return len(weights)
    limit = (weights[(len(weights) - 1) // 2] + weights[len(weights) // 2]) / 2
    rare = [i for i, weight in enumerate(weights) if weight < limit]
    return rare[0] if rare else weights.index(limit)


def rare_names(grouped: dict[str, list[WeightedName]]) -> set[tuple[str, str]]:
    """RETURNS (set): (label, catalog id) of every rare name; see ``first_rare``."""
    rare: set[tuple[str, str]] = set()
    for label, names in grouped.items():
        start = first_rare([name.weight for name in names])
        rare.update((label, name.entry.id) for name in names[start:])
    return rare


def clashes(name: str, taken: Collection[str]) -> bool:
    """name, taken: Case-folded. RETURNS (bool): Whether one of them is the other or has it as words inside."""
    padded = f" {name} "
    return any(padded in f" {other} " or f" {other} " in padded for other in taken)


def _popularity(entry: CatalogEntry) -> tuple[float, str]:
    return entry.popularity, entry.id


def _order(name: WeightedName) -> tuple[float, str, str]:
    return -name.weight, name.entry.text, name.entry.id
