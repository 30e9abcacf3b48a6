"""From vectors of sentence pieces to vectors of tokens, as spacy-transformers pools them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from thinc.api import NumpyOps

from ..ty import Matrix

Offsets = Sequence[tuple[int, int]]
_OPS = NumpyOps()


def windows(doc: Doc, window: int, stride: int) -> list[Span]:
    """Cut a Doc as ``spacy-transformers.strided_spans.v1`` does.

    window, stride (int): Tokens; a window of 0 means the whole Doc.
    RETURNS (list[Span]): In order, overlapping where stride is less than window; none for a Doc without tokens.
    """
    if not len(doc):
        return []
    if not window:
        return [doc[:]]
    spans, start = [], 0
    for _ in range(len(doc) // stride):
        spans.append(doc[start : start + window])
        if start + window >= len(doc):
            return spans
        start += stride
    if start < len(doc):
        spans.append(doc[start:])
    return spans


def align_pieces(span: Span, offsets: Offsets) -> list[list[int]]:
    """Which pieces have a character of a token, as ``spacy_transformers.align`` counts them.

    span (Span): n tokens. offsets (Offsets): Of each piece, in characters of ``span.text``, end exclusive; (0, 0) for
    what isn't of the text.
    RETURNS (list[list[int]]): Of each token its pieces, ascending. The space after a token is the token's.
    """
    owner = np.full(len(span.text) + 1, -1, dtype=np.int32)
    for i, token in enumerate(span):
        start = token.idx - span[0].idx
        owner[start : start + len(token) + 1] = i
    pieces: list[list[int]] = [[] for _ in span]
    for piece, (start, end) in enumerate(offsets):
        for token_i in dict.fromkeys(owner[start:end].tolist()):
            if token_i >= 0:
                pieces[token_i].append(piece)
    return pieces


def pool_tokens(n_tokens: int, parts: Sequence[tuple[Span, Offsets, Matrix]], width: int) -> Matrix:
    """Average each token's pieces over every window that it is in.

    n_tokens (int): Of the Doc. parts: Each window with its m pieces' offsets and vectors, shape (m, width).
    RETURNS (Matrix): Shape (n_tokens, width); zeros for a token that no piece is of.
    """
    rows: list[list[int]] = [[] for _ in range(n_tokens)]
    first = 0
    for span, offsets, vectors in parts:
        for token_i, pieces in enumerate(align_pieces(span, offsets), span.start):
            rows[token_i].extend(first + piece for piece in pieces)
        first += len(vectors)
    flat: NDArray[np.int32] = np.fromiter((row for of_token in rows for row in of_token), dtype=np.int32)
    if not len(flat):
        return np.zeros((n_tokens, width), dtype=np.float32)
    stacked = np.concatenate([vectors for _, _, vectors in parts])
    lengths = np.fromiter(map(len, rows), dtype=np.int32, count=n_tokens)
    # thinc's own sum, so that the last bits are the same too.
    pooled: Matrix = _OPS.reduce_mean(np.ascontiguousarray(stacked[flat], dtype=np.float32), lengths)
    return pooled
