"""The model that judges catalog candidates. Architecture ``spacy_convner.CatalogSpanScorer.v1``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Linear, Maxout, Model, chain
from thinc.types import Floats2d, Ragged

from ..attrs import CANDIDATES_KEY
from .catalog_evidence import describe_spans, evidence_width

Input = tuple[list[Doc], Ragged]
# Vectors of a span: the token before, its first, its last, the token after, the mean of its own, the mean of the Doc's.
_SINGLE, _PARTS = 4, 6


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
    places = _places(model, docs, spans)
    doc_lengths, of_doc = ops.asarray1i(places.doc_lengths), ops.asarray1i(places.of_doc)
    lengths, members = ops.asarray1i(places.lengths), ops.asarray1i(places.members)
    single = ops.asarray1i(places.single.ravel())
    n, width = len(places.lengths), vectors[0].shape[1]
    tokens = ops.xp.vstack([*vectors, ops.alloc2f(1, width)])  # the last row stands for "nothing there"
    rows = ops.xp.hstack(
        [
            tokens[single].reshape(n, _SINGLE * width),
            ops.reduce_mean(tokens[members], lengths),
            ops.reduce_mean(tokens[:-1], doc_lengths)[of_doc],
            ops.asarray2f(places.evidence),
        ]
    )
    logits, backprop_head = head(rows, is_train)
    allowed = ops.asarray2f(places.mask)
    scores = ops.sigmoid(logits) * allowed

    def backprop(d_scores: Floats2d) -> Any:
        d_rows = backprop_head(d_scores * allowed)
        d_single, d_own, d_docs = (
            ops.as_contig(part) for part in ops.xp.split(d_rows[:, : _PARTS * width], [_SINGLE * width, 5 * width], 1)
        )
        d_tokens = ops.alloc2f(*tokens.shape)
        ops.scatter_add(d_tokens, single, d_single.reshape(n * _SINGLE, width))
        ops.scatter_add(d_tokens, members, ops.backprop_reduce_mean(d_own, lengths))
        d_means = ops.alloc2f(len(docs), width)
        ops.scatter_add(d_means, of_doc, d_docs)
        d_tokens[:-1] += ops.backprop_reduce_mean(d_means, doc_lengths)
        return backprop_vectors(ops.unflatten(d_tokens[:-1], doc_lengths))

    return scores, backprop


@dataclass(frozen=True, slots=True)
class _Places:
    """Where spans stand in the tokens of all Docs: rows, with the last one for "nothing there"."""

    single: Any  # (spans, 4): the token before, its first, its last, the token after
    members: Any  # rows of the spans' own tokens, one span after the other
    lengths: Any  # (spans,): how many those are
    of_doc: Any  # (spans,): number of the Doc
    doc_lengths: Any  # (docs,): tokens
    evidence: Any
    mask: Any


def _places(model: Model[Input, Floats2d], docs: list[Doc], spans: Ragged) -> _Places:
    labels, key = model.attrs["labels"], model.attrs["candidates_key"]
    ops: Any = model.ops
    bounds, counts = ops.to_numpy(spans.dataXd).reshape(-1, 2), ops.to_numpy(spans.lengths)
    described = []
    row = 0
    for doc, count in zip(docs, counts.tolist(), strict=True):
        described.append(describe_spans(doc, [(a, b) for a, b in bounds[row : row + count].tolist()], labels, key))
        row += count
    doc_lengths = np.array([len(doc) for doc in docs], dtype="int32")
    first = np.cumsum(doc_lengths) - doc_lengths
    of_doc = np.repeat(np.arange(len(docs)), counts)
    nothing = int(doc_lengths.sum())
    start, end = first[of_doc] + bounds[:, 0], first[of_doc] + bounds[:, 1]
    before = np.where(bounds[:, 0] > 0, start - 1, nothing)
    after = np.where(bounds[:, 1] < doc_lengths[of_doc], end, nothing)
    lengths = end - start
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return _Places(
        single=np.stack([before, start, end - 1, after], axis=1),
        members=np.repeat(start, lengths) + within,
        lengths=lengths,
        of_doc=of_doc,
        doc_lengths=doc_lengths,
        evidence=np.concatenate([evidence for evidence, _ in described]),
        mask=np.concatenate([mask for _, mask in described]),
    )
