from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.attrs import get_doc_lang
from spacy_convner.cli import app
from spacy_convner.docbin import read_docbin

from ..conftest import write_jsonl

runner = CliRunner()
RECORDS: list[dict[str, Any]] = [
    {"text": "play hello", "spans": [{"start": 5, "end": 10, "label": "Song"}], "lang": "en"},
    {"text": "", "spans": [], "lang": None},
    {"text": " ", "spans": [], "lang": None},
    {
        "text": "pon dune 🎧",
        "spans": [{"start": 4, "end": 8, "label": "Book"}, {"start": 4, "end": 8, "label": "Movie"}],
        "lang": "es",
    },
]


def convert(source: Path, output: Path, *more: str) -> Result:
    return runner.invoke(app, ["convert", str(source), str(output), *more])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_there_and_back(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", RECORDS)
    result = convert(source, tmp_path / "new" / "b.spacy")
    assert result.exit_code == 0, result.output
    assert "4 utterances, 3 spans" in result.stderr
    docs = list(read_docbin(tmp_path / "new" / "b.spacy", Vocab()))
    assert [doc.text for doc in docs] == [record["text"] for record in RECORDS]
    assert [(e.text, e.label_) for e in docs[0].ents] == [("hello", "Song")]
    assert [(s.text, s.label_) for s in docs[3].spans["sc"]] == [("dune", "Book"), ("dune", "Movie")]
    assert len(docs[3].ents) == 1
    assert get_doc_lang(docs[3]) == "es"
    assert convert(tmp_path / "new" / "b.spacy", tmp_path / "c.jsonl").exit_code == 0
    assert [json.loads(line) for line in (tmp_path / "c.jsonl").read_text(encoding="utf8").splitlines()] == RECORDS
    assert convert(tmp_path / "new" / "b.spacy", tmp_path / "d.spacy").exit_code == 0
    assert [doc.text for doc in read_docbin(tmp_path / "d.spacy", Vocab())] == [record["text"] for record in RECORDS]


def test_only_blank_texts(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [{"text": "", "spans": []}, {"text": "", "spans": []}])
    assert convert(source, tmp_path / "b.spacy").exit_code == 0
    assert [doc.text for doc in read_docbin(tmp_path / "b.spacy", Vocab())] == ["", ""]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (
            {"text": "play hello", "spans": [{"start": 5, "end": 8, "label": "Song"}]},
            ["'hel' (5..8) cuts through a token"],
        ),
        (
            {
                "text": "new york city",
                "spans": [{"start": 0, "end": 8, "label": "Song"}, {"start": 4, "end": 13, "label": "Song"}],
            },
            ["'new york' (0..8) overlaps 'york city' (4..13)"],
        ),
        ({"text": "play hello", "spans": [{"start": 5, "end": 10, "label": "Tune"}]}, ["unknown label 'Tune'", "Song"]),
        ({"text": "play hello", "spans": [{"start": 5, "end": 11, "label": "Song"}]}, ["outside the text"]),
        ({"text": "play hello"}, ["field 'spans': missing"]),
    ],
)
def test_the_line_at_fault_is_named(tmp_path: Path, bad: dict[str, Any], words: list[str]) -> None:
    labels = tmp_path / "labels.yml"
    labels.write_text("Song: title\nBook: to read\nMovie: to watch\n", encoding="utf8")
    source = tmp_path / "a.jsonl"
    # A blank line between counts as a line of the file.
    source.write_text(json.dumps(RECORDS[0]) + "\n\n" + json.dumps(bad) + "\n", encoding="utf8")
    fails(convert(source, tmp_path / "b.spacy", "--labels", str(labels)), f"{source}:3:", *words)
    assert not (tmp_path / "b.spacy").exists()


def test_faults(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", RECORDS)
    fails(convert(source, tmp_path / "b.txt"), "expected a .spacy or .jsonl file")
    fails(convert(source, tmp_path / "b.spacy", "--lang", "klingon"), "unknown language 'klingon'")
    fails(convert(source, source / "b.spacy"), "can't be written")
    fails(convert(source, source / "b.jsonl"), "can't be written")
    fails(convert(tmp_path, tmp_path / "b.spacy"), "a file was expected")
    fails(convert(tmp_path / "none.jsonl", tmp_path / "b.spacy"), "no such file")
    (tmp_path / "dir.spacy").mkdir()
    fails(convert(source, tmp_path / "dir.spacy"), "is a folder")
    (tmp_path / "empty.jsonl").touch()
    fails(convert(tmp_path / "empty.jsonl", tmp_path / "b.spacy"), "the file is empty")
    (tmp_path / "garbage.spacy").write_bytes(b"garbage")
    fails(convert(tmp_path / "garbage.spacy", tmp_path / "b.jsonl"), "not a readable DocBin")
    (tmp_path / "latin.jsonl").write_bytes('{"text": "canción", "spans": []}'.encode("latin1"))
    fails(convert(tmp_path / "latin.jsonl", tmp_path / "b.spacy"), "latin.jsonl:1:", "not UTF-8")
    assert not list(tmp_path.glob("b.*"))
    assert not list(tmp_path.glob(".*"))


def test_a_failed_run_keeps_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "b.jsonl"
    output.write_text("precious", encoding="utf8")
    source = write_jsonl(tmp_path / "a.jsonl", [{"text": "x"}])
    fails(convert(source, output), "a.jsonl:1:")
    assert output.read_text(encoding="utf8") == "precious"


CONLL = "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP I-MISC\nJewish JJ I-NP B-MISC\n"
FOUND = [("EU", "ORG"), ("German", "MISC"), ("Jewish", "MISC")]


def surfaces(path: Path) -> list[tuple[str, str]]:
    records = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    return [(r["text"][s["start"] : s["end"]], s["label"]) for r in records for s in r["spans"]]


def test_columns_in_and_out(tmp_path: Path) -> None:
    source = tmp_path / "eng.train"
    source.write_text(CONLL, encoding="utf8")
    result = convert(source, tmp_path / "a.jsonl", "--set-lang", "en")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Read as columns, IOB1, utf-8",
        "blanks-separated columns, words in column 1, tags in 4",
        f"{tmp_path / 'a.jsonl'}: 1 utterances, 3 spans",
    ]
    assert surfaces(tmp_path / "a.jsonl") == FOUND
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8"))["lang"] == "en"
    for name, *options in (("b.conll",), ("c.bio", "--scheme", "bilou"), ("d.spacy",), ("e.iob", "--tokens", "spacy")):
        assert convert(source, tmp_path / name, *options).exit_code == 0
        assert convert(tmp_path / name, tmp_path / "back.jsonl").exit_code == 0
        assert surfaces(tmp_path / "back.jsonl") == FOUND
    assert "Jewish\tU-MISC" in (tmp_path / "c.bio").read_text(encoding="utf8")


def test_several_files_and_their_faults(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(CONLL, encoding="utf8")
    (tmp_path / "b.conll").write_bytes("Espa\u00f1a B-LOC\nen I-PER\n".encode("latin-1"))
    result = convert(tmp_path / "a.conll", tmp_path / "b.conll", str(tmp_path / "out.jsonl"))
    assert result.exit_code == 0, result.output
    assert "columns, IOB1, IOB2, utf-8, latin-1, 2 files" in result.stderr
    assert f"read as latin-1 (another one: --encoding): 1 (first: {tmp_path / 'b.conll'}:1)" in result.stderr
    assert f"mended as conlleval does: 1 (first: {tmp_path / 'b.conll'}:2)" in result.stderr
    assert surfaces(tmp_path / "out.jsonl") == [*FOUND, ("España", "LOC"), ("en", "PER")]
    pattern = convert(tmp_path / "*.conll", tmp_path / "same.jsonl")
    assert pattern.exit_code == 0
    assert (tmp_path / "same.jsonl").read_text() == (tmp_path / "out.jsonl").read_text()
    labels = tmp_path / "labels.yml"
    labels.write_text("ORG: x\nMISC: y\nLOC: z\n", encoding="utf8")
    fails(convert(tmp_path / "*.conll", tmp_path / "x.jsonl", "--labels", str(labels)), "b.conll:1:", "label 'PER'")
    fails(convert(tmp_path / "*.conll", tmp_path / "a.conll"), "is an input")
    fails(convert(tmp_path / "b.conll", tmp_path / "x.jsonl", "--encoding", "utf8"), "b.conll:1:", "--encoding latin-1")
    assert not (tmp_path / "x.jsonl").exists()


def test_what_an_output_cant_hold(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", RECORDS)
    fails(convert(source, tmp_path / "a.conll"), "a.jsonl:4:", "'dune' (4..8, Book) has two labels", "--lossy")
    assert not (tmp_path / "a.conll").exists()
    result = convert(source, tmp_path / "a.conll", "--lossy")
    assert "further labels of a span left out: 1" in result.stderr
    assert "a.conll: 2 utterances, 2 spans" in result.stderr
    assert (tmp_path / "a.conll").read_text(
        encoding="utf8"
    ) == "play\tO\nhello\tB-Song\n\npon\tO\ndune\tB-Book\n🎧\tO\n\n"
    name = tmp_path / "a.name"
    name.write_text('a <ENAMEX TYPE="GPE" E_OFF="6">U.S.-based</ENAMEX> man\n', encoding="utf8")
    fails(convert(name, tmp_path / "a.spacy"), "a.name:1:", "'U.S.' (2..6) cuts through a token", "--lossy")
    result = convert(name, tmp_path / "a.spacy", "--lossy")
    assert "spans that cut through a token left out: 1" in result.stderr
    assert "a.spacy: 1 utterances, 0 spans" in result.stderr


def test_options_that_cant_be(tmp_path: Path) -> None:
    source = tmp_path / "a.conll"
    source.write_text(CONLL, encoding="utf8")
    output = tmp_path / "b.conll"
    fails(convert(source, output, "--scheme", "iob9"), "--scheme: expected iob2 or bilou, got 'iob9'")
    fails(convert(source, output, "--tokens", "x"), "--tokens: expected auto or spacy or blanks")
    fails(convert(source, output, "--nested", "x"), "--nested: expected outermost or keep")
    fails(convert(source, output, "--format", "xml"), "unknown format 'xml'")
    fails(convert(source, output, "--tag-column", "9"), "--tag-column 9: the file has columns 1 to 4")
    fails(convert(source, output, "--encoding", "klingon"), "unknown encoding")
    fails(convert(source, output, "--lang", "klingon", "--tokens", "spacy"), "unknown language 'klingon'")
    fails(convert(source, tmp_path / "b.jsonl", "--tag-names", str(tmp_path / "none")), "no such file")
    assert not list(tmp_path.glob("b.*"))


def test_numbered_tags(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [{"tokens": ["New", "York"], "tags": [1, 2]}])
    fails(convert(source, tmp_path / "b.jsonl"), "a.jsonl:1:", "--tag-names FILE")
    (tmp_path / "names.json").write_text('{"O": 0, "B-LOC": 1, "I-LOC": 2}', encoding="utf8")
    assert convert(source, tmp_path / "b.jsonl", "--tag-names", str(tmp_path / "names.json")).exit_code == 0
    assert surfaces(tmp_path / "b.jsonl") == [("New York", "LOC")]
