"""Candidates that overlap can't all be selected: the probability of each where they compete.

An utterance's candidates fall apart into components that don't touch. Of a component, every selection without overlaps
is as likely as the exponential of the sum of its candidates' potentials: a semi-Markov conditional random field
(Sarawagi & Cohen 2004) whose segments are the catalog's candidates and nothing else. A candidate that nothing competes
with is a logistic regression. A span may be selected with several labels, each but the first at a price, ``together``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...ty import Candidate, Floats

Span = tuple[int, int]
ONE_LABEL = -20.0  # as ``together``: so dear that a second label of a span never happens
# Beyond it a potential is certainty; what is no number is no evidence.
_SURE = 60.0
# Nearer to certainty than a sum of floats can say.
_LEAST = 1e-13


def spans_of(candidates: Sequence[Candidate]) -> list[Span]:
    """RETURNS (list): (start, end) of each, characters."""
    return [(candidate.start, candidate.end) for candidate in candidates]


def labels_by_span(spans: Sequence[Span]) -> list[list[int]]:
    """RETURNS (list): Places of the candidates of each distinct span, by start and end. An empty span, which overlaps
    nothing, is one of its own.
    """
    found: dict[tuple[int, int, int], list[int]] = {}
    for i in sorted(range(len(spans)), key=lambda i: (*spans[i], i)):
        start, end = spans[i]
        found.setdefault((start, end, -1 if start < end else i), []).append(i)
    return list(found.values())


def components(spans: Sequence[Span]) -> list[list[int]]:
    """spans: Distinct, sorted. RETURNS (list): Places of spans that overlap, one with another or in a chain."""
    alone: list[list[int]] = []
    found: list[list[int]] = []
    reached = -1
    for i, (start, end) in enumerate(spans):
        if start == end:
            alone.append([i])
            continue
        if start >= reached:
            found.append([])
        found[-1].append(i)
        reached = max(reached, end)
    return alone + found


def selections(spans: Sequence[Span], component: Sequence[int], most: int) -> list[tuple[int, ...]] | None:
    """RETURNS (list | None): Every way to select spans of a component without overlaps, nothing among them; None where
    there are more than ``most``.
    """
    found: list[tuple[int, ...]] = [()]
    for i in component:
        # A component is sorted by start, so what fits before i is what ends in time.
        found += [(*one, i) for one in found if not one or max(spans[j][1] for j in one) <= spans[i][0]]
        if len(found) > most:
            return None
    return found


def marginal_log_odds(spans: Sequence[Span], potentials: Floats, together: float = ONE_LABEL) -> Floats:
    """Sum over all selections of each component, from its left and from its right (forward-backward).

    spans: n of one utterance. potentials (Floats): Shape (n,). together (float): Added for each label of a span but the
    first.
    RETURNS (Floats): Shape (n,), log-odds of being selected.
    """
    out = np.clip(np.nan_to_num(potentials, nan=-_SURE), -_SURE, _SURE)
    labels = labels_by_span(spans)
    distinct = [spans[own[0]] for own in labels]
    for component in components(distinct):
        members = [labels[k] for k in component]
        if len(component) > 1 or len(members[0]) > 1:
            _compete([distinct[k] for k in component], members, out, together)
    return out


def _compete(spans: Sequence[Span], members: Sequence[Sequence[int]], out: Floats, together: float) -> None:
    """spans: Of a component. members: Places of the candidates of each. out: Potentials, to be replaced by log-odds."""
    bounds = sorted({bound for span in spans for bound in span})
    place = {bound: k for k, bound in enumerate(bounds)}
    n = len(bounds)
    own = [[float(out[i]) for i in places] for places in members]
    edges = [(place[start], place[end], _any_of(of, together)) for (start, end), of in zip(spans, own, strict=True)]
    left, right = [0.0] * n, [0.0] * n  # logarithm of the sum over selections before, and after, a boundary
    ending: list[list[tuple[int, float]]] = [[] for _ in bounds]
    starting: list[list[tuple[int, float]]] = [[] for _ in bounds]
    for start, end, potential in edges:
        ending[end].append((start, potential))
        starting[start].append((end, potential))
    for k in range(1, n):
        total = left[k - 1]
        for start, potential in ending[k]:
            total = _log_add(total, left[start] + potential)
        left[k] = total
    for k in range(n - 2, -1, -1):
        total = right[k + 1]
        for end, potential in starting[k]:
            total = _log_add(total, right[end] + potential)
        right[k] = total
    for (start, end, potential), places, of in zip(edges, members, own, strict=True):
        of_span = left[start] + potential + right[end] - left[-1]  # logarithm of the span's probability
        for i, share in zip(places, _shares(of, together), strict=True):
            against = max(_LEAST, -of_span - share)
            # log(p / (1 - p)) for p = exp(-against), without a number that is too large
            out[i] = -against - math.log(-math.expm1(-against))


def _any_of(potentials: Sequence[float], together: float) -> float:
    """RETURNS (float): Logarithm of the sum over all ways to label a span."""
    if len(potentials) == 1:
        return potentials[0]
    total = sum(_softplus(potential + together) for potential in potentials)
    return total + math.log(-math.expm1(-total)) - together


def _shares(potentials: Sequence[float], together: float) -> list[float]:
    """RETURNS (list[float]): Logarithm of the probability of each label, given that its span is selected."""
    if len(potentials) == 1:
        return [0.0]
    priced = [potential + together for potential in potentials]
    some = math.log(-math.expm1(-sum(map(_softplus, priced))))
    return [potential - _softplus(potential) - some for potential in priced]


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _log_add(a: float, b: float) -> float:
    high, low = (a, b) if a > b else (b, a)
    return high + math.log1p(math.exp(low - high))
