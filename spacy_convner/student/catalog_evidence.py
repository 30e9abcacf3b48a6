"""What a catalog says about the spans that it proposes, as numbers for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from spacy.tokens import Doc

from ..attrs import get_match_attrs
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
    if not bounds:
        return evidence, mask
    popularity = np.zeros_like(mask)
    general = evidence[:, : len(GENERAL)]
    group = doc.spans.get(candidates_key, ())
    common = group.attrs.get("common_word") or () if len(group) else ()
    steps, popularities = get_match_attrs(doc, candidates_key)
    for i, span in enumerate(group):
        row = row_of.get((span.start, span.end))
        if row is None:
            continue
        general[row, 7] = len(common) == len(group) and common[i]
        if steps[i] == "exact":
            general[row, 8] = 1.0
        label = place.get(span.label_)
        if label is not None:
            mask[row, label] = 1.0
            popularity[row, label] = max(popularity[row, label], popularities[i])
    starts, ends = np.array(bounds).T
    general[:, 0] = np.log1p(mask.sum(axis=1))
    general[:, 1] = np.minimum(ends - starts, 6) / 6
    general[:, 2] = starts == 0
    general[:, 3] = ends == len(doc)
    general[:, 4:7] = _relations(starts, ends)
    general[:, 9:] = _case(doc, bounds)
    known = (popularity > 0).sum(axis=1, keepdims=True) > 1
    best = np.maximum(popularity.max(axis=1, keepdims=True, initial=0.0), 1e-9)
    evidence[:, len(GENERAL) :] = np.hstack([mask, np.where(known, np.sqrt(popularity / best), 0.5) * mask])
    return evidence, mask


def _relations(starts: Any, ends: Any) -> Matrix:
    """RETURNS (Matrix): Shape (n, 3): whether a span is nested in another one, contains one, crosses one."""
    after, before = starts[:, None] >= starts, ends[:, None] <= ends
    inside = after & before  # row in column; both ways for the span itself
    crossing = (starts[:, None] < ends) & (ends[:, None] > starts) & ~inside & ~inside.T
    other = inside & ~inside.T
    return np.stack([other.any(axis=1), other.any(axis=0), crossing.any(axis=1)], axis=1)


def _case(doc: Doc, bounds: Sequence[tuple[int, int]]) -> list[tuple[bool, bool, bool]]:
    """RETURNS (list): For each span: in lower case, a title, in an utterance without capitals."""
    text, place = doc.text, [token.idx for token in doc]
    spoken = text == text.lower()
    found = []
    for start, end in bounds:
        name = text[place[start] : place[end - 1] + len(doc[end - 1])]
        found.append((name == name.lower(), name.istitle(), spoken))
    return found
