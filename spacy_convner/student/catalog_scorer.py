"""The model that judges catalog candidates. Architecture ``spacy_convner.CatalogSpanScorer.v1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Linear, Maxout, Model, chain
from thinc.types import Floats2d, Ragged

from ..attrs import CANDIDATES_KEY
from .catalog_evidence import describe_spans, evidence_width

Input = tuple[list[Doc], Ragged]
# Vectors of a span: the token before, its first, its last, the token after, the mean of its own, the mean of the Doc's.
_PARTS = 6


def make_catalog_span_scorer(
    tok2vec: Model[list[Doc], list[Floats2d]],
    hidden_size: int = 96,
    candidates_key: str = CANDIDATES_KEY,
    nO: int | None = None,
) -> Model[Input, Floats2d]:
    """Create a ``spacy_convner.CatalogSpanScorer.v1``: token vectors about and in a span beside what the catalog says.

    Each label has a probability of its own (several may hold), which is 0 for a label that the catalog doesn't give the
    span. Gradients are taken as those of log-odds: probability − target, the derivative of cross-entropy.

    tok2vec (Model): Token vectors: spaCy's Tok2Vec, or a listener to a tok2vec or transformer component.
    hidden_size (int): Of the hidden layer. candidates_key (str): Key of ``doc.spans`` with the candidates.
    nO (int | None): Labels; set by the component, which also sets ``attrs["labels"]``.
    RETURNS (Model): (Docs, Ragged of spans) → shape (spans, labels), 0..1.
    """
    head: Model[Floats2d, Floats2d] = chain(Maxout(nO=hidden_size, nP=3, normalize=True, dropout=0.0), Linear(nO=nO))
    model: Model[Input, Floats2d] = Model(
        "catalog_span_scorer",
        _forward,
        init=_init,
        layers=[tok2vec, head],
        dims={"nO": nO},
        attrs={"labels": [], "candidates_key": candidates_key},
        refs={"tok2vec": tok2vec, "head": head},
    )
    return model


def _init(model: Model[Input, Floats2d], X: Input | None = None, Y: Floats2d | None = None) -> None:
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    labels = model.attrs["labels"]
    if not labels:
        raise ValueError("CatalogSpanScorer: no labels; use it in the component catalog_spancat")
    docs = X[0] if X is not None else None
    tok2vec.initialize(X=docs)
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else tok2vec.predict(docs)[0].shape[1]
    model.set_dim("nO", len(labels))
    rows = model.ops.alloc2f(1, _PARTS * width + evidence_width(len(labels)))
    head.initialize(X=rows, Y=model.ops.alloc2f(1, len(labels)))


def _forward(model: Model[Input, Floats2d], X: Input, is_train: bool) -> tuple[Floats2d, Callable[[Floats2d], Any]]:
    docs, spans = X
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    ops: Any = model.ops
    vectors, backprop_vectors = tok2vec(docs, is_train)
    tokens = ops.xp.vstack([*vectors, ops.alloc2f(1, vectors[0].shape[1])])  # the last row stands for "nothing there"
    bounds, ends, evidence, mask = _places(model, docs, spans)
    n, width, nothing = len(bounds), tokens.shape[1], tokens.shape[0] - 1
    # Rows of tokens to add up, which span and part each belongs to, and its weight.
    source: list[int] = []
    target: list[int] = []
    weight: list[float] = []
    for i, ((start, end), (first, last)) in enumerate(zip(bounds, ends, strict=True)):
        before, after = start - 1 if start > first else nothing, end if end < last else nothing
        for part, members in enumerate(([before], [start], [end - 1], [after], range(start, end), range(first, last))):
            source += members
            target += [i * _PARTS + part] * len(members)
            weight += [1.0 / len(members)] * len(members)
    of, to = ops.asarray1i(source), ops.asarray1i(target)
    by = ops.asarray2f(np.array(weight, dtype="float32").reshape(-1, 1))
    parts = ops.alloc2f(n * _PARTS, width)
    ops.scatter_add(parts, to, tokens[of] * by)
    rows = ops.xp.hstack([parts.reshape(n, _PARTS * width), ops.asarray2f(evidence)])
    logits, backprop_head = head(rows, is_train)
    allowed = ops.asarray2f(mask)
    scores = ops.sigmoid(logits) * allowed

    def backprop(d_scores: Floats2d) -> Any:
        d_rows = backprop_head(d_scores * allowed)
        d_parts = d_rows[:, : _PARTS * width].reshape(n * _PARTS, width)
        d_tokens = ops.alloc2f(*tokens.shape)
        ops.scatter_add(d_tokens, of, d_parts[to] * by)
        lengths = [len(doc) for doc in docs]
        return backprop_vectors(ops.unflatten(d_tokens[:nothing], ops.asarray1i(lengths)))

    return scores, backprop


def _places(model: Model[Input, Floats2d], docs: list[Doc], spans: Ragged) -> tuple[Any, Any, Any, Any]:
    """RETURNS: Of every span: (start, end) in the tokens of all Docs, those of its Doc, its evidence and its mask."""
    labels, key = model.attrs["labels"], model.attrs["candidates_key"]
    ops: Any = model.ops
    data, lengths = ops.to_numpy(spans.dataXd), ops.to_numpy(spans.lengths)
    places: list[tuple[int, int]] = []
    around: list[tuple[int, int]] = []
    evidence = [np.zeros((0, evidence_width(len(labels))), dtype="float32")]
    mask = [np.zeros((0, len(labels)), dtype="float32")]
    row = offset = 0
    for doc, length in zip(docs, lengths.tolist(), strict=True):
        own = [(int(start), int(end)) for start, end in data[row : row + length]]
        numbers, allowed = describe_spans(doc, own, labels, key)
        evidence.append(numbers)
        mask.append(allowed)
        places += [(offset + start, offset + end) for start, end in own]
        around += [(offset, offset + len(doc))] * length
        row, offset = row + length, offset + len(doc)
    return places, around, np.concatenate(evidence), np.concatenate(mask)
