"""DocBins: what a record had is there again, and quick is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from srsly import msgpack_decoders, msgpack_encoders

from spacy_convner.docbin import doc_to_exemplar, exemplar_to_doc, quick_msgpack, read_docbin, write_docbin
from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar

from .conftest import EXEMPLARS, parse_markup

NLP = spacy.blank("xx")
META = {"pattern": "x", "entries": ["a", "b"], "nested": {"more": [1, [2.5]]}, "none": None}


def exemplars() -> list[Exemplar]:
    return [parse_utterance({**parse_markup(line), "meta": META}) for line in EXEMPLARS]


def test_meta_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "x.spacy"
    assert write_docbin(path, [exemplar_to_doc(NLP, exemplar) for exemplar in exemplars()]) == len(EXEMPLARS)
    assert [doc_to_exemplar(doc) for doc in read_docbin(path, Vocab())] == exemplars()


def test_quick_is_the_same() -> None:
    docs = [exemplar_to_doc(NLP, exemplar) for exemplar in exemplars()]
    slow = DocBin(store_user_data=True, docs=docs).to_bytes()
    with quick_msgpack():
        with quick_msgpack():
            assert msgpack_encoders.get_all()
        assert DocBin(store_user_data=True, docs=docs).to_bytes() == slow
        assert "get_all" in vars(msgpack_encoders)
    for registry in (msgpack_encoders, msgpack_decoders):
        assert "get_all" not in vars(registry)


def test_an_error_leaves_no_trace() -> None:
    with pytest.raises(ZeroDivisionError), quick_msgpack():
        raise ZeroDivisionError
    assert "get_all" not in vars(msgpack_encoders)
