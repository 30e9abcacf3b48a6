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
