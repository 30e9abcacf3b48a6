"""Strict scores: a prediction counts when start, end and label are all right.

Everything is compared in characters, so that a tokenizer never decides whether a gold span exists. A span with
several labels counts once for each of them (the paper's multi-label reading).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span

from ..attrs import CANDIDATES_KEY, SELECTED_KEY, get_probabilities
from ..ty import Exemplar, LabelledSpan
from .bootstrap import f_interval

Spans = frozenset[LabelledSpan]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """One utterance: what is right, what was predicted, what was proposed (None: the pipeline has no candidates).

    probabilities (tuple | None): (candidate, its probability, 0..1) of each candidate; None where the filter has none.
    """

    text: str
    gold: Spans
    pred: Spans
    candidates: Spans | None = None
    lang: str | None = None
    probabilities: tuple[tuple[LabelledSpan, float], ...] | None = None


def predicted_spans(doc: Doc, spans_key: str | None = SELECTED_KEY) -> Spans:
    """RETURNS (frozenset[LabelledSpan]): ``doc.spans[spans_key]`` where there is that key, else ``doc.ents``."""
    return _labelled(doc.ents if spans_key is None else doc.spans.get(spans_key, doc.ents))


def candidate_spans(doc: Doc, candidates_key: str = CANDIDATES_KEY) -> Spans | None:
    """RETURNS (frozenset[LabelledSpan] | None): What the catalog proposes; None where nobody matched."""
    return _labelled(doc.spans[candidates_key]) if candidates_key in doc.spans else None


def candidate_probabilities(
    doc: Doc, candidates_key: str = CANDIDATES_KEY
) -> tuple[tuple[LabelledSpan, float], ...] | None:
    """RETURNS (tuple | None): Each (span, label) once, with its probability; None where no filter wrote any."""
    found = get_probabilities(doc, candidates_key)
    if found is None:
        return None
    # Two catalog entries of one name and label are one (span, label).
    best: dict[LabelledSpan, float] = {}
    for span, probability in zip(doc.spans[candidates_key], found, strict=True):
        key = LabelledSpan(span.start_char, span.end_char, span.label_)
        best[key] = max(probability, best.get(key, probability))
    return tuple(best.items())


def judge(
    doc: Doc, exemplar: Exemplar, *, spans_key: str | None = SELECTED_KEY, candidates_key: str = CANDIDATES_KEY
) -> Judged:
    """Set a predicted Doc beside the annotated utterance it was made from.

    RAISES: ValueError if they have different texts.
    """
    if doc.text != exemplar.text:
        raise ValueError(f"a Doc of {doc.text!r:.60} can't be scored by the annotation of {exemplar.text!r:.60}")
    return Judged(
        text=exemplar.text,
        gold=frozenset(exemplar.spans),
        pred=predicted_spans(doc, spans_key),
        candidates=candidate_spans(doc, candidates_key),
        lang=exemplar.lang,
        probabilities=candidate_probabilities(doc, candidates_key),
    )


def count(pairs: Iterable[tuple[Spans, Spans]]) -> Counts:
    """Count per utterance.

    pairs (Iterable[tuple[Spans, Spans]]): (gold, predicted) of n utterances.
    RETURNS (Counts): Shape (n, 3): right predictions, predictions, gold.
    """
    rows = [(len(gold & pred), len(pred), len(gold)) for gold, pred in pairs]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def prf(right: float, predicted: float, gold: float) -> dict[str, float]:
    """Precision, recall and their harmonic mean; 0 where nothing was there to divide by, as in spaCy's Scorer.

    RETURNS (dict[str, float]): p, r, f, each 0..1.
    """
    return {
        "p": right / predicted if predicted else 0.0,
        "r": right / gold if gold else 0.0,
        "f": 2 * right / (predicted + gold) if predicted + gold else 0.0,
    }


def strict(pairs: Iterable[tuple[Spans, Spans]], *, n_bootstrap: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Micro scores with a 95 % confidence interval of F1 over utterances.

    pairs (Iterable[tuple[Spans, Spans]]): (gold, predicted) of each utterance.
    n_bootstrap (int): Resamples; 0 leaves the interval out.
    RETURNS (dict): p, r, f (0..1), ci95 ([low, high] | None), n (gold (span, label) pairs).
    """
    counts = count(pairs)
    right, predicted, gold = (int(total) for total in counts.sum(axis=0))
    interval = f_interval(counts, n_bootstrap=n_bootstrap, seed=seed)
    return {**prf(right, predicted, gold), "ci95": interval, "n": gold}


def per_label(judged: Sequence[Judged], labels: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Scores of each label that is in the gold or was predicted.

    labels (Sequence[str]): The order to keep; other labels follow by name.
    RETURNS (dict[str, dict]): Label → p, r, f (0..1), n (gold).
    """
    totals: dict[str, list[int]] = {}
    for item in judged:
        for spans, slots in ((item.gold & item.pred, 0), (item.pred, 1), (item.gold, 2)):
            for span in spans:
                totals.setdefault(span.label, [0, 0, 0])[slots] += 1
    order = {label: i for i, label in enumerate(labels)}
    found = sorted(totals, key=lambda label: (order.get(label, len(order)), label))
    return {label: {**prf(*totals[label]), "n": totals[label][2]} for label in found}


def candidate_recall(judged: Sequence[Judged]) -> float | None:
    """Share of gold (span, label) pairs that the catalog proposes: no filter's recall can be higher.

    RETURNS (float | None): 0..1; None without candidates or without gold.
    """
    if not has_candidates(judged):
        return None
    gold = sum(len(item.gold) for item in judged)
    return sum(len(item.gold & (item.candidates or frozenset())) for item in judged) / gold if gold else None


def has_candidates(judged: Sequence[Judged]) -> bool:
    """RETURNS (bool): Whether any utterance went through a catalog."""
    return any(item.candidates is not None for item in judged)


def _labelled(spans: Iterable[Span]) -> Spans:
    return frozenset(LabelledSpan(span.start_char, span.end_char, span.label_) for span in spans)
