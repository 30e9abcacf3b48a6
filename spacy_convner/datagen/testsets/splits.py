"""Development and test parts that share no names, or no patterns: fixed by hashes, not by the order of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...leaks import fold_name, form_of_pattern, literal_form_of_pattern
from ...ty import CatalogEntry
from ..population.filling import Frame
from .unseen import hash_share

NEAR = 0.7  # Jaccard index of words from which two patterns count as one


def split_names(
    entries: Iterable[CatalogEntry], dev_share: float, seed: int
) -> tuple[list[CatalogEntry], list[CatalogEntry]]:
    """RETURNS (tuple[list, list]): Entries for development and for test; a name is on one side under all labels."""
    dev: list[CatalogEntry] = []
    test: list[CatalogEntry] = []
    for entry in entries:
        (dev if hash_share(fold_name(entry.text), seed, "name") < dev_share else test).append(entry)
    return dev, test


def split_patterns(frames: Sequence[Frame], dev_share: float, seed: int) -> tuple[list[Frame], list[Frame]]:
    """Split patterns so that alike ones stay together: near duplicates and those of one cluster.

    dev_share (float): 0..1; groups go to development, in the order of their hashes, as long as they fit into it.
    RETURNS (tuple[list[Frame], list[Frame]]): For development and for test, in the order given.
    """
    groups = group_patterns(frames)
    wanted = round(dev_share * len(frames))
    chosen: set[int] = set()
    for group in sorted(groups, key=lambda group: min(hash_share(frames[i].id, seed, "pattern") for i in group)):
        if len(chosen) + len(group) <= wanted:
            chosen.update(group)
    dev = [frame for i, frame in enumerate(frames) if i in chosen]
    return dev, [frame for i, frame in enumerate(frames) if i not in chosen]


def group_patterns(frames: Sequence[Frame]) -> list[list[int]]:
    """Group patterns of one cluster, of one form, or of nearly the same words.

    RETURNS (list[list[int]]): Indices, each once. Pairs are compared: quadratic, a second for 3,000.
    """
    parents = list(range(len(frames)))

    def find(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    clusters: dict[tuple[str, int], int] = {}
    words = [frozenset(literal_form_of_pattern(frame.pattern.text).split()) for frame in frames]
    forms: dict[str, int] = {}
    for i, frame in enumerate(frames):
        parents[find(i)] = find(forms.setdefault(form_of_pattern(frame.pattern.text), i))
        cluster = frame.pattern.cluster
        if cluster is not None and cluster >= 0:  # noise is no cluster
            parents[find(i)] = find(clusters.setdefault((frame.lang, cluster), i))
        for j in range(i):
            shared = len(words[i] & words[j])
            if shared and shared >= NEAR * (len(words[i]) + len(words[j]) - shared):
                parents[find(i)] = find(j)
    groups: dict[int, list[int]] = {}
    for i in range(len(frames)):
        groups.setdefault(find(i), []).append(i)
    return list(groups.values())
