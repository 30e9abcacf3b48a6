"""``spacy_convner.PopularitySampler.v1``: popular names often, rare ones by a quota (paper, section 3.4)."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from ...errors import ConfigError
from ...ty import CatalogEntry
from ..ty import NameSampler
from .names import clashes, first_rare, group_names

_TRIES = 20  # draws before a name is looked for in order


def make_popularity_sampler(
    temperature: float = 1.0, rare_share: float = 0.2, foreign_share: float = 0.0, alias_share: float = 0.0
) -> NameSampler:
    """Create a ``spacy_convner.PopularitySampler.v1``: draws a label's names with popularity ** (1 / temperature).

    temperature (float): Above 0. 1 draws by popularity; larger ones come nearer to all names alike (``inf`` is that),
        smaller ones nearer to the most popular name alone.
    rare_share (float): 0..1, quota of draws that go to rare names, all of them alike: those below the label's median
        popularity (see ``names.first_rare``). The other draws may find rare names too.
    foreign_share (float): 0..1, weight of names of another language beside the same popularity; 0 leaves them out.
        Names without a language belong to all.
    alias_share (float): 0..1, share of draws in which one of the entry's aliases stands for its name, if it has any.
    RETURNS (NameSampler): A draw takes O(log n) for n names. RAISES: ConfigError for a value out of range.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature must be above 0, got {temperature}")
    shares = {"rare_share": rare_share, "foreign_share": foreign_share, "alias_share": alias_share}
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} must be from 0 to 1, got {value}")
    return PopularitySampler(temperature, **shares)


@dataclass(frozen=True, slots=True)
class _Pool:
    entries: list[CatalogEntry]
    sums: array[float]  # running sums of weights
    rare: int  # index of the first rare entry


class PopularitySampler:
    """See ``make_popularity_sampler``."""

    def __init__(self, temperature: float, rare_share: float, foreign_share: float, alias_share: float) -> None:
        self.temperature, self.rare_share = temperature, rare_share
        self.foreign_share, self.alias_share = foreign_share, alias_share
        self._pools: dict[str, _Pool] = {}

    def fit(self, entries: Iterable[CatalogEntry], lang: str) -> None:
        """Replace what was fitted before."""
        self._pools = {}
        for label, names in group_names(entries, lang, self.foreign_share).items():
            largest = names[0].weight
            # Relative to the largest one nothing can overflow, whatever the temperature.
            powers = ((name.weight / largest) ** (1 / self.temperature) for name in names)
            sums = array("d", accumulate(powers))
            self._pools[label] = _Pool([name.entry for name in names], sums, first_rare([n.weight for n in names]))

    @property
    def labels(self) -> Sequence[str]:
        return list(self._pools)

    def draw(self, label: str, taken: Collection[str], rng: random.Random) -> CatalogEntry | None:
        """Names that contain a taken one as words, or that one contains, are no other names."""
        pool = self._pools.get(label)
        if pool is None:
            return None
        for _ in range(_TRIES):
            entry = self._aliased(pool.entries[self._index(pool, rng)], rng)
            if not clashes(entry.text.casefold(), taken):
                return entry
        start = int(rng.random() * len(pool.entries))
        for i in range(len(pool.entries)):
            entry = pool.entries[(start + i) % len(pool.entries)]
            if not clashes(entry.text.casefold(), taken):
                return entry
        return None

    def _index(self, pool: _Pool, rng: random.Random) -> int:
        n = len(pool.entries)
        if self.rare_share and pool.rare < n and rng.random() < self.rare_share:
            return pool.rare + int(rng.random() * (n - pool.rare))
        return min(bisect_right(pool.sums, rng.random() * pool.sums[-1]), n - 1)

    def _aliased(self, entry: CatalogEntry, rng: random.Random) -> CatalogEntry:
        if entry.aliases and self.alias_share and rng.random() < self.alias_share:
            return replace(entry, text=entry.aliases[int(rng.random() * len(entry.aliases))])
        return entry
