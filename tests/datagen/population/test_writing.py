"""Files that hold all utterances or are as they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from spacy.language import Language
from spacy.vocab import Vocab

from spacy_convner.datagen.population import writing
from spacy_convner.datagen.population.writing import check_output, populated_doc, write_utterances
from spacy_convner.docbin import doc_to_exemplar, read_docbin
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.records import read_exemplars
from spacy_convner.ty import Exemplar, LabelledSpan


def utterances(n: int) -> Iterator[Exemplar]:
    for i in range(n):
        meta = {"pattern": "p", "entries": [f"song:{i}"], "style": "command"}
        yield Exemplar(f"play {i} hello", (LabelledSpan(5, 5 + len(str(i)) + 6, "Song"),), "en", meta=meta)


def test_all_forms_say_the_same(tmp_path: Path, nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD", 4)
    outputs = [tmp_path / "new" / "a.jsonl", tmp_path / "a.spacy", tmp_path / "shards"]
    assert write_utterances(outputs, utterances(10), nlp) == 10
    assert read_exemplars(outputs[0]) == list(utterances(10))
    for path in outputs[1:]:
        docs = list(read_docbin(path, Vocab()))
        assert [doc_to_exemplar(doc) for doc in docs] == list(utterances(10))
        assert [doc.ents[0].id_ for doc in docs] == [f"song:{i}" for i in range(10)]
        assert [doc.spans["sc"][0].id_ for doc in docs] == [f"song:{i}" for i in range(10)]
    assert sorted(os.listdir(outputs[2])) == [f"part-{i:06d}.spacy" for i in range(3)]
    assert write_utterances([outputs[2]], utterances(3), nlp) == 3  # the folder is replaced as a whole
    assert os.listdir(outputs[2]) == ["part-000000.spacy"]
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_an_error_leaves_everything(tmp_path: Path, nlp: Language) -> None:
    outputs = [tmp_path / "a.jsonl", tmp_path / "a.spacy", tmp_path / "shards"]
    write_utterances(outputs, utterances(2), nlp)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def broken() -> Iterator[Exemplar]:
        yield from utterances(1)
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        write_utterances(outputs, broken(), nlp)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_one_span_with_two_labels(nlp: Language) -> None:
    spans = (LabelledSpan(6, 10, "Book"), LabelledSpan(6, 10, "Movie"))
    doc = populated_doc(nlp, Exemplar("watch dune", spans, meta={"entries": ["book:dune", "movie:dune"]}))
    assert [(s.label_, s.id_) for s in doc.spans["sc"]] == [("Book", "book:dune"), ("Movie", "movie:dune")]
    assert len(doc.ents) == 1


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl or \.spacy"):
        check_output(tmp_path / "out.csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="other files"):
        check_output(tmp_path / "mine")
    check_output(tmp_path / "new")
