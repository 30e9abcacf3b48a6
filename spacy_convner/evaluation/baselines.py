"""What needs no filter: accept every candidate, accept by prior, and the best that any filter could do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..ty import Exemplar
from .scoring import Judged, Spans, has_candidates, strict

PriorCounts = Mapping[tuple[str, str], tuple[int, int]]
_NONE: Spans = frozenset()


def count_priors(exemplars: Iterable[Exemplar]) -> dict[tuple[str, str], tuple[int, int]]:
    """Count how often the annotation of exemplars agrees with what the catalog proposes.

    exemplars (Iterable[Exemplar]): With their candidates, as ``ExemplarSource.matched_exemplars`` gives them.
    RETURNS (dict): (case-folded surface, label) → (accepted, seen).
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for exemplar in exemplars:
        gold = frozenset(exemplar.spans)
        for span in {candidate.key for candidate in exemplar.candidates}:
            key = (exemplar.text[span.start : span.end].casefold(), span.label)
            accepted, seen = counts.get(key, (0, 0))
            counts[key] = (accepted + (span in gold), seen + 1)
    return counts


class Prior:
    """Accepts a candidate by how often the same name with the same label was right before.

    A name's rate is smoothed towards its label's rate, and that towards the rate of everything, so a name never
    seen is decided by its label. With nothing seen at all it accepts.

    counts (Mapping): (case-folded surface, label) → (accepted, seen).
    strength (float): How many sightings the backed-off rate is worth.
    """

    def __init__(self, counts: PriorCounts, strength: float = 1.0) -> None:
        self.counts = counts
        self.strength = strength
        by_label: dict[str, tuple[int, int]] = {}
        for (_, label), (accepted, seen) in counts.items():
            before = by_label.get(label, (0, 0))
            by_label[label] = (before[0] + accepted, before[1] + seen)
        total = (sum(accepted for accepted, _ in by_label.values()), sum(seen for _, seen in by_label.values()))
        self._rate = total[0] / total[1] if total[1] else 1.0
        self._label_rates = {label: self._smooth(pair, self._rate) for label, pair in by_label.items()}

    def _smooth(self, pair: tuple[int, int], towards: float) -> float:
        return (pair[0] + self.strength * towards) / (pair[1] + self.strength)

    def rate(self, surface: str, label: str) -> float:
        """RETURNS (float): Smoothed acceptance rate, 0..1."""
        label_rate = self._label_rates.get(label, self._rate)
        return self._smooth(self.counts.get((surface.casefold(), label), (0, 0)), label_rate)

    def select(self, text: str, candidates: Spans) -> Spans:
        """RETURNS (frozenset[LabelledSpan]): The candidates whose rate is at least 0.5."""
        return frozenset(span for span in candidates if self.rate(text[span.start : span.end], span.label) >= 0.5)


def baselines(
    judged: Sequence[Judged], prior: Prior | None = None, *, n_bootstrap: int = 1000, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Score the baselines on the pipeline's own candidates.

    RETURNS (dict[str, dict]): accept_all, ceiling (gold that is among the candidates) and, given a prior, prior; each
        as ``strict`` gives it. Empty where the pipeline has no candidates.
    """
    if not has_candidates(judged):
        return {}
    rows = [(item, item.candidates if item.candidates is not None else _NONE) for item in judged]
    selections = {
        "accept_all": [(item.gold, candidates) for item, candidates in rows],
        "ceiling": [(item.gold, item.gold & candidates) for item, candidates in rows],
    }
    if prior is not None:
        selections["prior"] = [(item.gold, prior.select(item.text, candidates)) for item, candidates in rows]
    return {name: strict(pairs, n_bootstrap=n_bootstrap, seed=seed) for name, pairs in selections.items()}
