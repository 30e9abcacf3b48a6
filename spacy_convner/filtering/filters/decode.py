"""From candidate probabilities to a selection without overlaps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ...ty import Candidate, FilterRequest, FilterResponse


def answer(
    request: FilterRequest, probabilities: Sequence[float], threshold: float, second_threshold: float
) -> FilterResponse:
    """probabilities: Of each candidate of the request. RETURNS (FilterResponse): What ``decode`` selects."""
    chosen = decode(request.candidates, probabilities, threshold, second_threshold)
    return FilterResponse(
        selected=tuple(chosen), scores=tuple(probabilities[i] for i in chosen), probabilities=tuple(probabilities)
    )


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
        (i for i in range(len(candidates)) if probabilities[i] >= min(threshold, second_threshold)),
        key=lambda i: (-probabilities[i], candidates[i].start - candidates[i].end, candidates[i].start, i),
    )
    taken: list[tuple[int, int]] = []  # sorted and apart, so only the two next to a span can overlap it
    selected = []
    for i in order:
        start, end = candidates[i].start, candidates[i].end
        place = bisect_right(taken, (start, end))
        if place and taken[place - 1] == (start, end):
            if probabilities[i] >= second_threshold:
                selected.append(i)
        elif (
            probabilities[i] >= threshold
            and (place == 0 or taken[place - 1][1] <= start)
            and (place == len(taken) or taken[place][0] >= end)
        ):
            taken.insert(place, (start, end))
            selected.append(i)
    return sorted(selected)
