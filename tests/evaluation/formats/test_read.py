from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.errors import ConfigError, ConvnerError, DataError
from spacy_convner.evaluation.formats.detect import FORMATS
from spacy_convner.evaluation.formats.read import read_annotated
from spacy_convner.records import check_no_overlap, parse_utterance, read_exemplars, to_record
from spacy_convner.ty import Exemplar, LabelledSpan

from ...conftest import SHARED
from .conftest import surfaces

Write = Callable[[str, str | bytes], Path]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.conll", b"", "the file is empty"),
        ("a.conll", b"\n \n\t\n", "nothing but blank lines"),
        ("a.conll", b"\x00\x01\x02\xff", "is a binary file"),
        ("a.zip", b"PK\x03\x04abc", r"is a zip archive, text was expected \(unpack it"),
        ("a.parquet", b"PAR1abc", "is a Parquet file.*JSON lines"),
        ("a.conll", gzip.compress(b"a O\n", mtime=0), "is compressed with gzip"),
        ("a.conll.gz", b"a O\n", "can't be read"),
        ("a.conll.gz", gzip.compress(b"a O\n" * 9, mtime=0)[:-9], "can't be read"),
        ("a.spacy", b"garbage", "not a readable DocBin"),
        ("a.txt", b"Play music\nplease do\n", r":1: in no known format: 'Play music' .*known formats: jsonl"),
        ("a.txt", b"word\nword\n", ":1: in no known format"),
        ("a.txt", b"Hello UH\nworld NN\n", ":1: in no known format"),
    ],
)  # fmt: skip
def test_what_cant_be_read(write: Write, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_annotated(write(name, content))


def test_no_such_file_format_or_label(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_annotated(tmp_path / "none.conll")
    path = write("a.conll", "a O\nb B-X\n")
    with pytest.raises(ConfigError, match="unknown format 'xml', expected auto, jsonl, docbin, columns"):
        read_annotated(path, format="xml")
    with pytest.raises(DataError, match=r"a\.conll:1: .*unknown label 'X'.*known labels: Y"):
        read_annotated(path, labels=["Y"])
    for format in sorted(FORMATS.keys() - {"columns", "enamex"}):  # any text is a .name file's
        with pytest.raises(DataError):
            read_annotated(path, format=format)


def test_own_formats_as_elsewhere(write: Write, tmp_path: Path) -> None:
    record = {"text": "play  dune ", "spans": [{"start": 6, "end": 10, "label": x} for x in "BA"], "meta": {"k": [1]}}
    path = write("a.jsonl", json.dumps(record) + "\n\n" + json.dumps({"text": "", "spans": []}))
    corpus = read_annotated(path, lang="en")
    assert [(e.text, e.spans, e.meta) for e in corpus.exemplars] == [
        (e.text, e.spans, e.meta) for e in read_exemplars(path)
    ]
    assert (corpus.format, corpus.scheme, corpus.notes, corpus.origins) == ("jsonl", None, (), ((path, 1), (path, 3)))
    assert corpus.exemplars[0].lang == "en"
    nlp = spacy.blank("xx")
    docs = tmp_path / "docs" / "a.spacy"
    write_docbin(docs, [exemplar_to_doc(nlp, exemplar) for exemplar in corpus.exemplars])
    assert surfaces(read_annotated(docs)) == [("play  dune ", [("dune", "A"), ("dune", "B")]), ("", [])]
    assert surfaces(read_annotated(docs.parent, nested="outermost")) == surfaces(read_annotated(docs))


def test_iob_lines(write: Write) -> None:
    path = write("a.iob", "I|PRP|O like|VBP|O New|NNP|B-GPE York|NNP|I-GPE\n\na|b|.|O\n")
    corpus = read_annotated(path)
    assert surfaces(corpus) == [("I like New York", [("New York", "GPE")]), ("a|b", [])]
    assert corpus.format == "iob"
    with pytest.raises(DataError, match=r"a\.iob:2: expected 2 parts as in the first word, got 'b'"):
        read_annotated(write("a.iob", "a|O\nb\n"), format="iob")


def test_bars_in_columns_are_words(write: Write) -> None:
    queries = "love\tO\nradioheads\tB-Artist\nkid\tB-WoA\na\tI-WoA\n|\tO\n\n|\tO\n"
    corpus = read_annotated(write("test.bio", queries))
    assert surfaces(corpus) == [("love radioheads kid a |", [("radioheads", "Artist"), ("kid a", "WoA")]), ("|", [])]
    assert corpus.format == "columns"


@pytest.mark.parametrize(
    "content", ["a O\nb B-X\n", '{"text": "a b", "spans": [{"start": 2, "end": 3, "label": "X"}]}\n']
)
def test_a_pipe_is_read_once(tmp_path: Path, content: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(content,))
    writer.start()
    assert surfaces(read_annotated(pipe)) == [("a b", [("b", "X")])]
    writer.join()


def test_exemplars_fit_what_the_rest_expects(write: Write) -> None:
    (exemplar,) = read_annotated(write("a.conll", "a O\nb B-X\n"), lang="es").exemplars
    assert exemplar == Exemplar("a b", (LabelledSpan(2, 3, "X"),), "es", meta={"line": 1})


@pytest.mark.skipif(not (SHARED / "data" / "wnut17").is_dir(), reason="needs the shared corpora")
def test_a_whole_corpus() -> None:
    path = SHARED / "data" / "wnut17" / "test.jsonl"
    assert read_annotated(path).exemplars == read_exemplars(path)


PIECES = st.sampled_from(
    [
        "a", " ", "\t", "\n", "\n\n", "\r\n", "O", "B-X", "I-X", "S-X", "L-X", "|", "#", "# id 3", "-DOCSTART-",
        "\xa0", "\x85",
        "#begin document (a); part 000", "(X*", "*)", "*",
        '<DOC DOCNO="a">', '<ENAMEX TYPE="X" S_OFF="1">', "</ENAMEX>",
        '{"text": "ab c", "entities": [[0, 2, "X"], [1, 4, "Y"]]}', '{"tokens": ["a", ""], "tags": ["B-X", "I-X"]}',
        '{"tokenized_text": ["a", " "], "ner": [[0, 1, "X"]]}', "[", "]", ",", '["a", {"entities": []}]', "{}", "null",
    ]
)  # fmt: skip
CONTENTS = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=25).map(lambda p: "".join(p).encode()))


@settings(deadline=None, max_examples=200)
@given(content=CONTENTS, format=st.sampled_from(["auto", *FORMATS]), bare=st.booleans())
def test_whatever_is_in_it(tmp_path_factory: pytest.TempPathFactory, content: bytes, format: str, bare: bool) -> None:
    """An error that says what is wrong, or spans that are in their texts and don't overlap."""
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    corpus, message = None, ""
    try:
        corpus = read_annotated(path, format=format, bare_tags=bare)
    except ConvnerError as err:
        message = str(err)
    if corpus is None:
        assert str(path) in message or "column" in message
        return
    assert len(corpus.origins) == len(corpus.exemplars)
    for exemplar in corpus.exemplars:
        parse_utterance(to_record(exemplar))
        check_no_overlap(exemplar)
