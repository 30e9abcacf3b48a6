"""From candidate probabilities to a selection without overlaps."""

from __future__ import annotations

from collections.abc import Sequence

from ...ty import Candidate


def decode(
    candidates: Sequence[Candidate], probabilities: Sequence[float], threshold: float, second_threshold: float
) -> list[int]:
    """Select candidates, likeliest first; a span may keep several labels.

    candidates: n candidates. probabilities: n values 0..1.
    threshold (float): The likeliest label of a span must reach it.
    second_threshold (float): Every further label of that span must reach it.
    RETURNS (list[int]): Indices of candidates, ascending. Selected spans are the same or don't overlap.
    """
    order = sorted(
        range(len(candidates)),
        key=lambda i: (-probabilities[i], candidates[i].start - candidates[i].end, candidates[i].start, i),
    )
    taken: list[tuple[int, int]] = []
    selected = []
    for i in order:
        start, end = candidates[i].start, candidates[i].end
        if (start, end) in taken:
            if probabilities[i] >= second_threshold:
                selected.append(i)
        elif probabilities[i] >= threshold and not any(a < end and start < b for a, b in taken):
            taken.append((start, end))
            selected.append(i)
    return sorted(selected)
