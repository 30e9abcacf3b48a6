"""Which components of a pipeline work for nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_convner.attrs import SELECTED_KEY
from spacy_convner.pipelines import needless_retrievers


@Language.component("test_pipelines_reader")
def read(doc: Doc) -> Doc:
    doc.user_data["exemplars"] = len(doc._.exemplars)
    return doc


@pytest.mark.parametrize("filter", ["LinearFilter.v1", "LinearFilter.v2", "PriorFilter.v1", "AcceptAllFilter.v1"])
def test_a_local_filter_reads_no_exemplars_of_an_utterance(make_teacher: Callable[..., Language], filter: str) -> None:
    nlp = make_teacher(llm_semantic_filter={"filter": {"@misc": f"spacy_convner.{filter}"}})
    assert needless_retrievers(nlp) == ["exemplar_retriever"]
    texts = ["play hello by adele", "hello there", "let us read dune"]
    expected = [[(s.text, s.label_) for s in doc.spans[SELECTED_KEY]] for doc in nlp.pipe(texts)]
    with nlp.select_pipes(disable=needless_retrievers(nlp)):
        docs = list(nlp.pipe(texts))
        assert [[(s.text, s.label_) for s in doc.spans[SELECTED_KEY]] for doc in docs] == expected
        assert docs[0]._.exemplars == []
        assert needless_retrievers(nlp) == []


def test_a_language_model_and_components_of_others_read_them(make_teacher: Callable[..., Language]) -> None:
    assert (
        needless_retrievers(make_teacher(llm_semantic_filter={"filter": {"@misc": "spacy_convner.LLMFilter.v1"}})) == []
    )
    nlp = make_teacher()
    nlp.add_pipe("sentencizer")  # of spaCy
    assert needless_retrievers(nlp) == ["exemplar_retriever"]
    nlp.add_pipe("test_pipelines_reader")
    assert needless_retrievers(nlp) == []
    assert needless_retrievers(spacy.blank("en")) == []
