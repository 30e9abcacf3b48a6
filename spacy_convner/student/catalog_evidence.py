"""What a catalog says about the spans that it proposes, as numbers for a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from spacy.tokens import Doc

from ..attrs import get_candidates
from ..ty import Matrix

# Of a span, whatever its labels.
GENERAL = (
    "labels", "tokens", "first", "last", "nested", "contains", "crossing",
    "common_word", "exact", "lower", "title", "spoken",
)  # fmt: skip


def evidence_width(n_labels: int) -> int:
    """RETURNS (int): Columns that ``describe_spans`` gives: general ones, then two a label."""
    return len(GENERAL) + 2 * n_labels


def describe_spans(
    doc: Doc, bounds: Sequence[tuple[int, int]], labels: Sequence[str], candidates_key: str
) -> tuple[Matrix, Matrix]:
    """Describe spans by what is known of them without a model.

    bounds (Sequence): n (start, end) in tokens. labels (Sequence[str]): Of the model, in its order.
    RETURNS (tuple[Matrix, Matrix]): The evidence, shape (n, evidence_width): GENERAL, which labels the catalog gives
        the span (0 or 1), and how popular each is beside the most popular one of the span (0..1; 0.5 unless two are
        known). And the mask, shape (n, labels): 1 where the catalog gives the label.
    """
    place = {label: i for i, label in enumerate(labels)}
    row_of = {bound: i for i, bound in enumerate(bounds)}
    evidence = np.zeros((len(bounds), evidence_width(len(labels))), dtype="float32")
    mask = np.zeros((len(bounds), len(labels)), dtype="float32")
    popularity = np.zeros_like(mask)
    general = evidence[:, : len(GENERAL)]
    group = doc.spans.get(candidates_key, ())
    common = group.attrs.get("common_word") or () if len(group) else ()
    for i, (span, candidate) in enumerate(zip(group, get_candidates(doc, candidates_key), strict=True)):
        row = row_of.get((span.start, span.end))
        if row is None:
            continue
        general[row, 7] = len(common) == len(group) and common[i]
        general[row, 8] = max(general[row, 8], candidate.step == "exact")
        label = place.get(span.label_)
        if label is not None:
            mask[row, label] = 1.0
            popularity[row, label] = max(popularity[row, label], candidate.popularity)
    spoken = doc.text == doc.text.lower()
    for row, (start, end) in enumerate(bounds):
        text = doc[start:end].text
        around = [_relation(start, end, *other) for other in bounds]
        general[row, :7] = (
            np.log1p(mask[row].sum()),
            min(end - start, 6) / 6,
            start == 0,
            end == len(doc),
            around.count("nested") > 0,
            around.count("contains") > 0,
            around.count("crossing") > 0,
        )
        general[row, 9:] = (text == text.lower(), text.istitle(), spoken)
    known = (popularity > 0).sum(axis=1, keepdims=True) > 1
    best = np.maximum(popularity.max(axis=1, keepdims=True, initial=0.0), 1e-9)
    evidence[:, len(GENERAL) :] = np.hstack([mask, np.where(known, np.sqrt(popularity / best), 0.5) * mask])
    return evidence, mask


def _relation(start: int, end: int, other_start: int, other_end: int) -> str:
    if other_end <= start or end <= other_start or (start, end) == (other_start, other_end):
        return ""
    if other_start <= start and end <= other_end:
        return "nested"
    return "contains" if start <= other_start and other_end <= end else "crossing"
