"""The quick reader gives what spaCy's gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.training import Corpus, Example
from spacy.util import registry

from spacy_convner.docbin import write_docbin
from spacy_convner.errors import ConfigError
from spacy_convner.student.quick_corpus import make_quick_corpus

NLP = spacy.blank("xx")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    docs = []
    for i in range(5):
        doc = NLP.make_doc(f"play Hello {i}")
        doc.set_ents([doc.char_span(5, 10, label="Song")])
        doc.spans["sc"] = list(doc.ents)
        docs.append(doc)
    write_docbin(tmp_path / "train.spacy", [*docs, NLP.make_doc("")])
    return tmp_path / "train.spacy"


def content(examples: list[Example]) -> list[object]:
    return [(e.predicted.to_bytes(), e.reference.to_bytes()) for e in examples]


@pytest.mark.parametrize("settings", [{}, {"limit": 3}, {"gold_preproc": True}, {"max_length": 2}])
def test_same_examples_as_spacys_reader(corpus: Path, settings: dict[str, int]) -> None:
    ours = list(make_quick_corpus(corpus, **settings)(NLP))
    assert content(ours) == content(list(Corpus(corpus, **settings)(NLP)))
    assert len(ours) == {"limit": 3, "max_length": 0}.get(next(iter(settings), ""), 5)


def test_augmenter_and_registry(corpus: Path) -> None:
    reader = registry.readers.get("spacy_convner.Corpus.v1")(corpus, augmenter=lambda nlp, example: [example] * 2)
    assert len(list(reader(NLP))) == 10


def test_without_a_path() -> None:
    with pytest.raises(ConfigError, match=r"--paths\.train"):
        make_quick_corpus(None)
