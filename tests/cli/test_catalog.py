from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()


def run(*arguments: object) -> Result:
    return runner.invoke(app, ["catalog", *map(str, arguments)])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_stats(catalog_path: Path, exemplars_path: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics" / "catalog.json"
    result = run("stats", catalog_path, "-a", exemplars_path, "--lang", "en", "--output", output, "--json")
    assert result.exit_code == 0, result.output
    stats = json.loads(result.stdout)
    assert stats == json.loads(output.read_text(encoding="utf8"))
    assert stats["entries"] == 12
    assert stats["names"] == 10
    assert stats["aliases"] == 1
    assert stats["labels"]["Artist"] == {"names": 5, "entries": 5}
    assert stats["most_ambiguous"] == [["Boston", ["Artist", "City"]], ["Dune", ["Book", "Movie"]]]
    found = stats["annotated"][str(exemplars_path)]
    assert found["candidate_recall"] == 1.0
    assert 0 < found["precision"] < 1


def test_table(catalog_path: Path, exemplars_path: Path) -> None:
    result = run("stats", catalog_path, "-a", exemplars_path, "--top", 1)
    assert result.exit_code == 0, result.output
    assert "10 names, 12 entries, 1 aliases, 2 names with more than one label, 0 duplicates" in result.stdout
    assert "Boston" in result.stdout
    assert "Dune" not in result.stdout
    assert "candidate recall" in result.stdout


def test_lookup(catalog_path: Path) -> None:
    result = run("lookup", catalog_path, "play dr dre, or dune", "--lang", "en", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["text"], row["label"], row["id"], row["step"]) for row in rows] == [
        ("dr dre", "Artist", "artist:dre", "punctuation"),
        ("dune", "Book", "book:dune", "exact"),
        ("dune", "Movie", "movie:dune", "exact"),
    ]
    plain = run("lookup", catalog_path, "play dr dre, or dune", "--lang", "en")
    assert [line.split()[:2] for line in plain.stdout.splitlines()] == [
        ["5-11", "Artist"],
        ["16-20", "Book"],
        ["16-20", "Movie"],
    ]
    assert run("lookup", catalog_path, "good morning").stdout == "no candidate\n"
    assert run("lookup", catalog_path, "").stdout == "no candidate\n"
    assert run("lookup", catalog_path, "good morning", "--json").stdout == "[]\n"


@pytest.mark.parametrize("command", [["stats"], ["lookup"]])
def test_faults(tmp_path: Path, command: list[str]) -> None:
    rest = ["hello"] if command == ["lookup"] else []
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "label": "Song"}\n{"text": "b"}\n', encoding="utf8")
    fails(run(*command, bad, *rest), f"{bad}:2: field 'label': missing")
    fails(run(*command, tmp_path / "none.csv", *rest), "no such file")
    (tmp_path / "empty").mkdir()
    fails(run(*command, tmp_path / "empty", *rest), "no catalog file")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("text,label\ncanción,Song\n".encode("latin1"))
    fails(run(*command, latin, *rest), "latin.csv:2:", "not UTF-8")


def test_more_faults(catalog_path: Path, exemplars_path: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.yml"
    labels.write_text("Song: title of a track\nArtist: who plays it\n", encoding="utf8")
    fails(run("stats", catalog_path, "--labels", labels), "unknown label 'Book'", "Song, Artist")
    fails(run("stats", catalog_path, "-a", exemplars_path, "--lang", "klingon"), "unknown language 'klingon'")
    fails(run("lookup", catalog_path, "hello", "--lang", "klingon"), "unknown language 'klingon'")
    fails(run("stats", catalog_path, "-a", catalog_path), f"{catalog_path}:1: field 'spans': missing")
    fails(run("stats", catalog_path, "--output", catalog_path / "x.json"), "can't be written")
    fails(run("stats", catalog_path, "--output", tmp_path), "is a folder")
