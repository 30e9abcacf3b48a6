"""Pieces to tokens, and Docs to windows."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.student.piece_alignment import align_pieces, pool_tokens, windows

NLP = spacy.blank("xx")


@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 12))
def test_windows_cover_every_token(n: int, window: int, stride: int) -> None:
    window = max(window, stride)
    doc = NLP.make_doc(" ".join("a" * n))
    found = windows(doc, window, stride)
    assert {token.i for span in found for token in span} == set(range(n))
    assert all(0 < len(span) <= window for span in found)
    assert [len(span) for span in windows(doc, 0, 0)] == ([n] if n else [])


def test_a_piece_belongs_to_every_token_that_it_touches() -> None:
    span = NLP.make_doc("don't go")[:]  # don 't go, or what the tokenizer makes of it
    assert [token.text for token in span] == ["don't", "go"]
    # <s> ▁don 't ▁go </s>, and one that holds the space and the word after it
    assert align_pieces(span, [(0, 0), (0, 3), (3, 5), (6, 8), (0, 0)]) == [[1, 2], [3]]
    assert align_pieces(span, [(0, 5), (5, 8)]) == [[0, 1], [1]]
    assert align_pieces(span, []) == [[], []]


def test_pooling_is_the_mean_over_windows() -> None:
    doc = NLP.make_doc("a b c")
    one, other = doc[:2], doc[1:]
    first = np.array([[1, 0], [3, 0]], dtype="f")
    second = np.array([[5, 0], [7, 2]], dtype="f")
    pooled = pool_tokens(3, [(one, [(0, 1), (2, 3)], first), (other, [(0, 1), (2, 3)], second)], 2)
    assert pooled.tolist() == [[1, 0], [4, 0], [7, 2]]
    assert pool_tokens(3, [(doc[:], [(0, 0)], first[:1])], 2).tolist() == [[0, 0]] * 3
    assert pool_tokens(0, [], 2).shape == (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["play hello", "¿dónde está  el café? 🎧🎧 don't\n\tgo", "a" * 40, " ", "Ｈｅｌｌｏ ﬁn"]
)
def test_as_spacy_transformers_aligns(tiny_xlmr: object, text: str) -> None:
    from spacy_transformers.align import get_alignment_via_offset_mapping
    from spacy_transformers.span_getters import get_strided_spans
    from transformers import AutoTokenizer

    doc = NLP.make_doc(" ".join([text] * 9))
    for window, stride in ((4, 2), (5, 5), (128, 96)):
        (expected,) = get_strided_spans([doc], window, stride)
        spans = windows(doc, window, stride)
        assert spans == expected
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_xlmr))
    offsets = tokenizer(doc.text, return_offsets_mapping=True)["offset_mapping"]
    align = get_alignment_via_offset_mapping([doc[:]], np.array([offsets]))
    found = align_pieces(doc[:], offsets)
    assert [len(pieces) for pieces in found] == align.lengths.tolist()
    assert [piece for pieces in found for piece in pieces] == align.dataXd.tolist()
