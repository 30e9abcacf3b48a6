"""Carry decisions over to patterns that were generated again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..pattern_files import pattern_id
from ..ty import Pattern
from .decisions import is_decided, is_kept


@dataclass(slots=True)
class MergeCounts:
    """What a merge did, in patterns.

    carried: Decisions carried over. overruled: Decisions of the new file that were replaced by other ones.
    kept: Decided before, no longer proposed, kept. dropped: The same, left out. todo: Without a decision now.
    repeated: In a later one of several new files too, left out there.
    """

    carried: int = 0
    overruled: int = 0
    kept: int = 0
    dropped: int = 0
    todo: int = 0
    repeated: int = 0


def concatenate(files: Iterable[Sequence[Pattern]]) -> tuple[list[Pattern], int]:
    """Put proposals of several files one after the other.

    files (Iterable[Sequence[Pattern]]): Of a pattern in several the first one stays, with the first decision on it that
    a person made, if any. RETURNS (tuple[list[Pattern], int]): Patterns; how many were left out.
    """
    found: dict[str, Pattern] = {}
    repeated = 0
    for patterns in files:
        for pattern in patterns:
            identity = pattern_id(pattern)
            first = found.get(identity)
            repeated += first is not None
            if first is None:
                found[identity] = pattern
            elif is_decided(pattern) and not is_decided(first):
                found[identity] = _carry(pattern, first)
    return list(found.values()), repeated


def merge_decisions(
    new: Sequence[Pattern], decisions: Iterable[Sequence[Pattern]], *, keep: bool = True
) -> tuple[list[Pattern], MergeCounts]:
    """Merge by pattern id.

    new (Sequence[Pattern]): Proposals. decisions (Iterable[Sequence[Pattern]]): Reviewed files; later ones win over
    earlier ones, and all over decisions in ``new``. keep (bool): Whether what is decided but no longer proposed stays.
    RETURNS (tuple): Patterns in the order of ``new``, then those no longer proposed; counts.
    """
    decided: dict[str, Pattern] = {}
    for patterns in decisions:
        decided.update((pattern_id(pattern), pattern) for pattern in patterns if is_decided(pattern))
    counts = MergeCounts()
    merged = []
    for pattern in new:
        decision = decided.pop(pattern_id(pattern), None)
        if decision is not None:
            counts.carried += 1
            counts.overruled += is_decided(pattern) and _differ(pattern, decision)
            pattern = _carry(decision, pattern)
        merged.append(pattern)
    left = list(decided.values())
    if keep:
        merged += left
        counts.kept = len(left)
    else:
        counts.dropped = len(left)
    counts.todo = sum(pattern.status == "proposed" for pattern in merged)
    return merged, counts


def _carry(decision: Pattern, pattern: Pattern) -> Pattern:
    """Provenance is the new proposal's, the decision the old one's."""
    return replace(
        pattern,
        text=decision.text,
        status=decision.status,
        original=decision.original,
        reason=decision.reason,
        reviewer=decision.reviewer,
        decided_at=decision.decided_at,
    )


def _differ(first: Pattern, second: Pattern) -> bool:
    return is_kept(first) != is_kept(second) or first.text != second.text
