"""Thresholds of strict F1 from exemplars whose candidates were scored by models that haven't seen them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...ty import Exemplar, Floats
from .decode import decode
from .exemplar_views import as_request

# Exemplars and the probability (0..1) of each of their candidates.
Scored = Sequence[tuple[Exemplar, Floats]]

GRID = np.round(np.arange(0.15, 0.86, 0.05), 2)
NO_SECOND = 1.01  # a probability never reaches it: one label a span


def _f1(scored: Scored, threshold: float, second: float) -> float:
    correct = predicted = gold_total = 0
    for exemplar, probabilities in scored:
        candidates = as_request(exemplar).candidates
        chosen = {candidates[i].key for i in decode(candidates, probabilities.tolist(), threshold, second)}
        gold = set(exemplar.spans)
        correct += len(chosen & gold)
        predicted += len(chosen)
        gold_total += len(gold)
    return 2.0 * correct / (predicted + gold_total) if predicted + gold_total else 0.0


def can_choose(scored: Scored) -> bool:
    """RETURNS (bool): Whether any candidate is gold; without one every threshold has F1 0, and the lowest would win."""
    return any({c.key for c in as_request(exemplar).candidates} & set(exemplar.spans) for exemplar, _ in scored)


def best_threshold(scored: Scored, standard_errors: float = 0.0, margin: float = 0.0) -> float:
    """Choose a threshold.

    scored: What the probabilities were not fitted on, a gold candidate among them (``can_choose``).
    standard_errors (float): How far below the best F1 others count as equally good (1 is the rule of Breiman
        et al. 1984, "Classification and regression trees").
    margin (float): By how much F1 is expected to be worse on what will be asked about; its half is the best threshold.
    RETURNS (float): Of the likeliest label of a span.
    """
    # Of a calibrated model the best threshold is half of the best F1 (Lipton et al. 2014, "Optimal thresholding of
    # classifiers to maximize F1 measure"); among those that few exemplars can't tell apart, the nearest to it.
    values = np.array([_f1(scored, float(t), NO_SECOND) for t in GRID])
    best = float(values.max())
    near = GRID[values >= best - max(0.001, 0.5 / len(scored), standard_errors * _standard_error(scored, best))]
    return float(near[np.argmin(np.abs(near - (best - margin) / 2.0))])


def best_second_threshold(scored: Scored, threshold: float) -> float:
    """RETURNS (float): Of every further label of a span; above 1 for one label a span."""
    # Where no exemplar has a span with two labels, a second label could only be a guess that hedges the first.
    if all(len({(s.start, s.end) for s in e.spans}) == len(set(e.spans)) for e, _ in scored):
        return NO_SECOND
    best, best_f = NO_SECOND, _f1(scored, threshold, NO_SECOND)
    for second in GRID[threshold <= GRID][::-1]:
        value = _f1(scored, threshold, float(second))
        if value > best_f + 0.001 and _are_meant(scored, threshold, float(second)):
            best, best_f = float(second), value
    return best


def _are_meant(scored: Scored, threshold: float, second: float) -> bool:
    """RETURNS (bool): Whether half of the spans that would get several labels have several; F1 alone gains from both of
    two rivals where either may be meant.
    """
    given = meant = 0
    for exemplar, probabilities in scored:
        candidates = as_request(exemplar).candidates
        chosen = Counter(
            (candidates[i].start, candidates[i].end)
            for i in decode(candidates, probabilities.tolist(), threshold, second)
        )
        gold = Counter((span.start, span.end) for span in set(exemplar.spans))
        several = [span for span, labels in chosen.items() if labels > 1]
        given += len(several)
        meant += sum(gold[span] > 1 for span in several)
    return 2 * meant >= given


def _standard_error(scored: Scored, f1: float) -> float:
    entities = sum(len(set(exemplar.spans)) for exemplar, _ in scored)
    return math.sqrt(f1 * (1.0 - f1) / max(1, entities))
