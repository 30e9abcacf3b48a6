"""Bad input: one clear message with file, line and field."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from spacy_convner.errors import DataError
from spacy_convner.records import read_exemplars, read_labels, read_utterances

from .conftest import write_jsonl

OK = {"text": "play hello", "spans": [{"start": 5, "end": 10, "label": "Song"}]}


def fails(path: Path, match: str) -> DataError:
    with pytest.raises(DataError, match=match) as info:
        read_exemplars(path, {"Song"})
    assert str(path) in str(info.value)
    return info.value


def test_malformed_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(OK) + "\n\n" + '{"text": "x", "spans": [}\n', encoding="utf8")
    assert fails(path, r"not valid JSON: Expecting value \(column 25\)").line == 3


@pytest.mark.parametrize(
    ("record", "field", "message"),
    [
        ({"spans": []}, "text", "missing"),
        ({"text": 3, "spans": []}, "text", "expected a string"),
        ({"text": "\ud800", "spans": []}, "text", "lone surrogate"),
        ({"text": "hi"}, "spans", "missing"),
        ({"text": "hi", "spans": {}}, "spans", "expected a list"),
        ({"text": "hi", "spans": ["x"]}, r"spans\[0\]", "expected"),
        ({"text": "hi", "spans": [{"start": 0, "end": 9, "label": "Song"}]}, r"spans\[0\]", "outside the text"),
        ({"text": "hi", "spans": [{"start": 1, "end": 1, "label": "Song"}]}, r"spans\[0\]", "or empty"),
        ({"text": "hi", "spans": [{"start": True, "end": 2, "label": "Song"}]}, r"spans\[0\]", "expected"),
        ({"text": "hi you", "spans": [{"start": 0, "end": 3, "label": "Song"}]}, r"spans\[0\]", "white space"),
        ({"text": "hi", "spans": [{"start": 0, "end": 2, "label": ""}]}, r"spans\[0\]\.label", "expected a label"),
        (
            {"text": "hi", "spans": [{"start": 0, "end": 2, "label": "Sing"}]},
            r"spans\[0\]\.label",
            "unknown label 'Sing'",
        ),
        (
            {
                "text": "a b c",
                "spans": [{"start": 0, "end": 3, "label": "Song"}, {"start": 2, "end": 5, "label": "Song"}],
            },
            "spans",
            "overlaps",
        ),
        ({"text": "hi", "spans": [], "lang": 3}, "lang", "language code"),
    ],
)
def test_bad_field(tmp_path: Path, record: dict[str, object], field: str, message: str) -> None:
    path = write_jsonl(tmp_path / "bad.jsonl", [OK])
    with path.open("a", encoding="utf8") as file:
        file.write(json.dumps(record) + "\n")
    err = fails(path, f"field '{field}': .*{message}")
    assert err.line == 2


def test_multi_label_is_no_overlap(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 4, "label": "Movie"}, {"start": 0, "end": 4, "label": "Book"}]
    path = write_jsonl(tmp_path / "ok.jsonl", [{"text": "dune", "spans": spans}])
    assert len(read_exemplars(path)[0].spans) == 2


def test_empty_missing_folder_encoding(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    fails(empty, "the file is empty")
    blank = tmp_path / "blank.jsonl"
    blank.write_text("\n\n")
    fails(blank, "no records")
    fails(tmp_path / "missing.jsonl", "no such file")
    fails(tmp_path, "a file was expected")
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(json.dumps(OK).encode() + b"\n" + '{"text": "canción"}'.encode("latin1"))
    assert fails(latin, "not UTF-8").line == 2
    binary = tmp_path / "not.jsonl.gz"
    binary.write_bytes(b"plain text")
    fails(binary, "can't be read")


def test_gzip_bom_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "ok.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(OK).encode() + b"\r\n"))
    assert [u.text for u in read_utterances(path)] == ["play hello"]


def test_docbin_with_garbage(tmp_path: Path) -> None:
    path = tmp_path / "x.spacy"
    path.write_bytes(b"\x00\x01garbage")
    fails(path, "not a readable DocBin")


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.yml"
    path.write_text("Song: a title\nArtist:\n  description: somebody who\n    sings\n", encoding="utf8")
    assert read_labels(path) == {"Song": "a title", "Artist": "somebody who sings"}
    path.write_text("Song: [", encoding="utf8")
    with pytest.raises(DataError, match="not valid YAML"):
        read_labels(path)
    with pytest.raises(DataError, match="field 'Song'"):
        read_labels({"Song": ""})
