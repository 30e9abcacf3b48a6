"""Which names a test set of unseen entities has: none that training could know, in whatever spelling."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...leaks import fold_name
from ...ty import CatalogEntry, Exemplar, LabelledSpan, Normalizer
from ..population.names import WeightedName
from .training import Training


@dataclass(frozen=True, slots=True)
class Unseen:
    """Names held out of training.

    entries (list[CatalogEntry]): What the test set may be made with, popularity as drawn by.
    reserved (set[str]): Folded names among them that exemplars are annotated with: the leak guard must take these
        exemplars out. available (dict): Label → how many names training has never seen.
    """

    entries: list[CatalogEntry] = field(default_factory=list)
    reserved: set[str] = field(default_factory=set)
    available: dict[str, int] = field(default_factory=dict)


def name_keys(entry: CatalogEntry, normalizer: Normalizer) -> set[str]:
    """RETURNS (set[str]): Every way to write or say the name or an alias that the catalog would match, folded."""
    keys = {fold_name(surface) for surface in (entry.text, *entry.aliases)}
    for surface in (entry.text, *entry.aliases):
        keys.update(fold_name(key) for key, _ in normalizer.keys(surface, entry.lang))
    return keys


def choose_unseen(
    grouped: Mapping[str, list[WeightedName]],
    training: Training,
    normalizer: Normalizer,
    *,
    per_label: int,
    share: float = 0.0,
    seed: int = 0,
) -> Unseen:
    """Choose names that training hasn't seen, popular ones rather than obscure ones.

    grouped (Mapping): Names by label, see ``population.names``. training (Training): What it has seen; it must have
        looked for all ``name_keys``.
    per_label (int): Names a label at most: what is held out is lost to training. They are drawn by popularity,
        without replacement; a name's luck depends on itself and the seed alone, so languages share names.
    share (float): 0..1, share of names to reserve that are annotated in training and don't stand there otherwise.
    RETURNS (Unseen): Maybe without any name for a label.
    """
    entries: list[CatalogEntry] = []
    reserved: set[str] = set()
    available: dict[str, int] = {}
    for label, names in grouped.items():
        chosen: list[tuple[int, float, WeightedName]] = []
        for name in names:
            keys = name_keys(name.entry, normalizer)
            if any(key in training.raw for key in keys):
                continue
            folded = fold_name(name.entry.text)
            seen = [key for key in keys if key in training.annotated]
            if seen and hash_share(folded, seed, "reserve") >= share:
                continue
            luck = -math.log(max(hash_share(folded, seed, "unseen"), 1e-18)) / name.weight
            chosen.append((0 if seen else 1, luck, name))
        available[label] = sum(kind for kind, *_ in chosen)
        for kind, _, name in sorted(chosen, key=_luck)[:per_label]:
            entries.append(name.entry)
            if not kind:
                reserved.update(name_keys(name.entry, normalizer))
    return Unseen(entries, reserved, available)


def unseen_records(
    exemplars: Iterable[Exemplar], entries: Iterable[CatalogEntry], normalizer: Normalizer
) -> list[Exemplar]:
    """List the names that a test set uses, as every ``exclude_entities`` takes them.

    RETURNS (list[Exemplar]): One for each way to write each name: the text is the name and its one span. ``meta`` has
        the catalog's ``id`` and ``name``.
    """
    used = {entry_id for exemplar in exemplars for entry_id in exemplar.meta["entries"]}
    lang = next((exemplar.lang for exemplar in exemplars), None)
    rows: list[Exemplar] = []
    for entry in entries:
        if entry.id not in used:
            continue
        surfaces = list(dict.fromkeys((entry.text, *entry.aliases)))
        known = {fold_name(surface) for surface in surfaces}
        for surface in surfaces + sorted(name_keys(entry, normalizer) - known):
            meta: dict[str, Any] = {"id": entry.id, "name": entry.text}
            rows.append(Exemplar(surface, (LabelledSpan(0, len(surface), entry.label),), lang, meta=meta))
    return rows


def all_keys(entries: Iterable[CatalogEntry], normalizer: Normalizer) -> Iterator[str]:
    """YIELDS (str): The ``name_keys`` of every entry."""
    for entry in entries:
        yield from name_keys(entry, normalizer)


def hash_share(text: str, seed: int, purpose: str) -> float:
    """RETURNS (float): 0..1, the same for the same text, seed and purpose on every machine."""
    digest = hashlib.sha256(f"{seed}\n{purpose}\n{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _luck(item: tuple[int, float, WeightedName]) -> tuple[int, float, str]:
    return item[0], item[1], item[2].entry.text
