"""Components that raise, leave, or give back what can't be stored."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_convner.attrs import get_doc_lang, get_doc_meta
from spacy_convner.docbin import read_docbin
from spacy_convner.errors import DataError, FilterError

from ..conftest import write_jsonl
from .conftest import label, manifest, shards

MakeRuler = Callable[..., Language]


@Language.component("test_faults_choker")
def choke(doc: Doc) -> Doc:
    """A component that some texts are too much for."""
    if "choke" in doc.text:
        raise RuntimeError(f"can't swallow\n{doc.text}")
    return doc


@Language.component("test_faults_leaver")
def leave(doc: Doc) -> Doc:
    """A component of somebody who takes it for a program."""
    if "leave" in doc.text:
        sys.exit(3)
    return doc


@Language.component("test_faults_babbler")
def babble(doc: Doc) -> Doc:
    """A component that says what no file can hold."""
    if "surrogate" in doc.text:
        raise ValueError("bad \ud800")
    return doc


@Language.component("test_faults_hoarder")
def hoard(doc: Doc) -> Doc:
    """A component that keeps what can't be stored."""
    if "lambda" in doc.text:
        doc.user_data["mine"] = lambda: None
    return doc


@Language.component("test_faults_changer")
def change(doc: Doc) -> Doc:
    """A component that gives another text back."""
    return Doc(doc.vocab, ["not", "it"]) if "change" in doc.text else doc


@Language.component("test_faults_maker")
def make_anew(doc: Doc) -> Doc:
    """A component that gives a Doc of its own back."""
    return Doc(doc.vocab, [token.text for token in doc], [bool(token.whitespace_) for token in doc])


@pytest.fixture
def choker(make_ruler: MakeRuler) -> Language:
    nlp = make_ruler()
    nlp.add_pipe("test_faults_choker")
    return nlp


@pytest.mark.parametrize("n_process", [1, 2])
def test_an_utterance_that_the_pipeline_chokes_on(choker: Language, tmp_path: Path, n_process: int) -> None:
    texts = [f"play hello {i}" + (" choke" if i in (3, 12, 13, 34) else "") for i in range(35)]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    stats = label(choker, source, tmp_path / "out", n_process=n_process)
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == [t for t in texts if "choke" not in t]
    assert stats["statuses"] == {"none": 31}
    assert stats["rejected"] == 4
    rejected = manifest(tmp_path / "out")["rejected"]
    assert [(row["file"], row["row"]) for row in rejected] == [(str(source), n) for n in (4, 13, 14, 35)]
    assert rejected[0]["reason"] == "the pipeline raised RuntimeError: can't swallow play hello 3 choke"
    assert manifest(tmp_path / "out")["complete"] is True
    assert label(choker, source, tmp_path / "out")["resumed"] == 35


def test_a_pipeline_that_chokes_on_everything(choker: Language, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "choke"}] * 30)
    with pytest.raises(FilterError, match=r"all 10 utterances of part-000001-.* failed: .*swallow"):
        label(choker, source, tmp_path / "out")
    assert manifest(tmp_path / "out")["failures"][0]["reason"].startswith("all 10 utterances")
    assert shards(tmp_path / "out") == {}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_and_messages_that_are_not_unicode(make_ruler: MakeRuler, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    write_jsonl(tmp_path / "in.jsonl", [{"text": "play hello"}, {"text": "surrogate"}])
    (tmp_path / "in.jsonl").rename(os.fsdecode(os.fsencode(lake) + b"/\xff.jsonl"))
    nlp = make_ruler()
    nlp.add_pipe("test_faults_babbler")
    for n_process in (1, 2):
        stats = label(nlp, lake, tmp_path / "out", n_process=n_process)
        assert (stats["rejected"], stats["resumed"]) == (1, 2 * (n_process - 1))
    assert manifest(tmp_path / "out")["rejected"][0]["reason"] == "the pipeline raised ValueError: bad \ud800"
    label(nlp, lake, tmp_path / "out.spacy")
    (line,) = (tmp_path / "out.rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["row"] == 2
    (next(lake.iterdir())).unlink()
    write_jsonl(lake / "good.jsonl", [{"text": "play hello"}])
    label(nlp, lake, tmp_path / "out.spacy")
    assert not (tmp_path / "out.rejected.jsonl").exists()  # it said what isn't in the file before


def test_docs_that_cannot_be_stored_are_rejected(make_ruler: MakeRuler, tmp_path: Path) -> None:
    records = [{"text": f"play hello {i}", "meta": {"id": 10**30 if i == 5 else i}} for i in range(25)]
    records[17]["text"] = "a lambda"
    source = write_jsonl(tmp_path / "in.jsonl", records)
    nlp = make_ruler()
    nlp.add_pipe("test_faults_hoarder")
    stats = label(nlp, source, tmp_path / "out", keep_meta=True)
    assert (stats["rejected"], stats["statuses"]) == (2, {"none": 23})
    (first, second) = manifest(tmp_path / "out")["rejected"]
    assert (first["row"], second["row"]) == (6, 18)
    assert first["reason"] == "can't be stored in DocBin: OverflowError: Integer value out of range"
    texts = [record["text"] for i, record in enumerate(records) if i not in (5, 17)]
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == texts
    for shard_size in (1, 3):
        label(nlp, source, tmp_path / f"out{shard_size}", keep_meta=True, shard_size=shard_size)
        assert [doc.text for doc in read_docbin(tmp_path / f"out{shard_size}", Vocab())] == texts
    with pytest.raises(FilterError, match=r"all 2 utterances of part-000001-0000000001-0000000002\.spacy: can't be"):
        label(nlp, write_jsonl(tmp_path / "all.jsonl", [{"text": "a lambda"}] * 2), tmp_path / "none")


def test_a_doc_of_a_components_own_gets_what_the_record_says(make_ruler: MakeRuler, tmp_path: Path) -> None:
    records = [{"text": "play hello", "lang": "es", "meta": {"id": i}} for i in range(5)]
    source = write_jsonl(tmp_path / "in.jsonl", records)
    nlp = make_ruler()
    nlp.add_pipe("test_faults_maker")
    label(nlp, source, tmp_path / "out", keep_meta=True)
    docs = list(read_docbin(tmp_path / "out", Vocab()))
    assert [(get_doc_lang(doc), get_doc_meta(doc)) for doc in docs] == [("es", {"id": i}) for i in range(5)]


def test_a_component_that_leaves_the_program(make_ruler: MakeRuler, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{i}{' leave' if i == 12 else ''}"} for i in range(30)])
    nlp = make_ruler()
    nlp.add_pipe("test_faults_leaver")
    for n_process in (1, 2):
        stats = label(nlp, source, tmp_path / f"out{n_process}", n_process=n_process)
        assert stats["rejected"] == 1
        assert manifest(tmp_path / f"out{n_process}")["rejected"][0]["reason"] == "the pipeline raised SystemExit: 3"


def test_a_shard_whose_only_text_raises(choker: Language, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": None}, {"text": "choke"}, {"text": "fine"}])
    assert label(choker, source, tmp_path / "out", shard_size=2)["rejected"] == 2
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == ["fine"]


def test_a_doc_of_another_text_is_never_stored(choker: Language, tmp_path: Path) -> None:
    choker.add_pipe("test_faults_changer")
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in ("a", "choke", "change", "b")])
    assert label(choker, source, tmp_path / "out")["rejected"] == 2
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == ["a", "b"]
    assert manifest(tmp_path / "out")["rejected"][1]["row"] == 3
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in ("a", "change", "b")])
    with pytest.raises(FilterError, match="or others than it was given"):
        label(choker, source, tmp_path / "out")


def test_somebodys_file_where_rejected_texts_are_listed(choker: Language, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "choke"}, {"text": "fine"}])
    beside = tmp_path / "out.rejected.jsonl"
    for content in ('{"mine": 1}\n', "mine", "", "[]", '{"file": 1}'):
        beside.write_text(content)
        with pytest.raises(DataError, match=r"out\.rejected\.jsonl: is somebody's file"):
            label(choker, source, tmp_path / "out.spacy")
        assert beside.read_text() == content
    beside.unlink()
    for _ in range(2):
        label(choker, source, tmp_path / "out.spacy")
        assert json.loads(beside.read_text())["row"] == 1
