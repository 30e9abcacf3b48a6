"""Candidates that overlap can't all be selected: the probability of each where they compete.

An utterance's candidates fall apart into components that don't touch. Of a component, every selection without overlaps
(one label a span) is as likely as the exponential of the sum of its candidates' potentials: a semi-Markov conditional
random field (Sarawagi & Cohen 2004) whose segments are the catalog's candidates and nothing else. A candidate that
nothing competes with is a logistic regression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...ty import Candidate, Floats

Span = tuple[int, int]
# Nearer to certainty than a sum of floats can say.
_LEAST = 1e-13


def spans_of(candidates: Sequence[Candidate]) -> list[Span]:
    """RETURNS (list): (start, end) of each, characters."""
    return [(candidate.start, candidate.end) for candidate in candidates]


def components(spans: Sequence[Span]) -> list[list[int]]:
    """RETURNS (list): Places of spans that overlap, one with another or in a chain; each group by start."""
    found: list[list[int]] = []
    reached = -1
    for i in sorted(range(len(spans)), key=lambda i: (*spans[i], i)):
        if not found or spans[i][0] >= reached:
            found.append([])
        found[-1].append(i)
        reached = max(reached, spans[i][1])
    return found


def selections(spans: Sequence[Span], component: Sequence[int], most: int) -> list[tuple[int, ...]] | None:
    """RETURNS (list | None): Every way to select of a component without overlaps, nothing among them; None where there
    are more than ``most``.
    """
    found: list[tuple[int, ...]] = [()]
    for i in component:
        # A component is sorted by start, so what fits before i is what ends in time.
        found += [(*one, i) for one in found if not one or max(spans[j][1] for j in one) <= spans[i][0]]
        if len(found) > most:
            return None
    return found


def marginal_log_odds(spans: Sequence[Span], potentials: Floats) -> Floats:
    """Sum over all selections of each component, from its left and from its right (forward-backward).

    spans: n of one utterance. potentials (Floats): Shape (n,), log-odds of each were it alone.
    RETURNS (Floats): Shape (n,), log-odds of being selected.
    """
    out = np.array(potentials, dtype=np.float64)
    for component in components(spans):
        if len(component) > 1:
            _compete(spans, component, potentials, out)
    return out


def _compete(spans: Sequence[Span], component: Sequence[int], potentials: Floats, out: Floats) -> None:
    bounds = sorted({bound for i in component for bound in spans[i]})
    place = {bound: k for k, bound in enumerate(bounds)}
    n = len(bounds)
    members = [(i, place[spans[i][0]], place[spans[i][1]], float(potentials[i])) for i in component]
    left, right = [0.0] * n, [0.0] * n  # logarithm of the sum over selections before, and after, a boundary
    ends: list[list[tuple[int, float]]] = [[] for _ in bounds]
    starts: list[list[tuple[int, float]]] = [[] for _ in bounds]
    for _, start, end, potential in members:
        ends[end].append((start, potential))
        starts[start].append((end, potential))
    for k in range(1, n):
        total = left[k - 1]
        for start, potential in ends[k]:
            total = _log_add(total, left[start] + potential)
        left[k] = total
    for k in range(n - 2, -1, -1):
        total = right[k + 1]
        for end, potential in starts[k]:
            total = _log_add(total, right[end] + potential)
        right[k] = total
    for i, start, end, potential in members:
        against = max(_LEAST, left[-1] - (left[start] + potential + right[end]))
        # log(p / (1 - p)) for p = exp(-against), without a number that is too large
        out[i] = -against - math.log(-math.expm1(-against))


def _log_add(a: float, b: float) -> float:
    high, low = (a, b) if a > b else (b, a)
    return high + math.log1p(math.exp(low - high))
