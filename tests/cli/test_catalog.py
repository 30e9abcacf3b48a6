from __future__ import annotations

import json
import subprocess
import sys
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
        ("dune", "Book", "book:dune", "case"),
        ("dune", "Movie", "movie:dune", "case"),
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
    fails(run("stats", catalog_path, "--labels", labels), "unknown label 'Movie'", "Song, Artist")
    fails(run("stats", catalog_path, "-a", exemplars_path, "--lang", "klingon"), "unknown language 'klingon'")
    fails(run("lookup", catalog_path, "hello", "--lang", "klingon"), "unknown language 'klingon'")
    fails(run("stats", catalog_path, "-a", catalog_path), f"{catalog_path}:1: field 'spans': missing")
    fails(run("stats", catalog_path, "--output", catalog_path / "x.json"), "can't be written")
    fails(run("stats", catalog_path, "--output", tmp_path), "is a folder")


def test_build_update_lookup_and_stats(catalog_path: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    result = run("build", catalog_path, "--output", index, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["entries"] == 12
    assert report["merged"] == report["unmatchable"] == 0
    new, gone = tmp_path / "new.jsonl", tmp_path / "gone.csv"
    new.write_text('{"text": "Brand New Song", "label": "Song", "id": "n"}\n', encoding="utf8")
    gone.write_text("text,label,id\n,Movie,movie:dune\n", encoding="utf8")  # label and id are enough
    result = run("update", index, "--add", new, "--remove", gone, "--json")
    assert json.loads(result.stdout) == {"added": 1, "replaced": 0, "removed": 1, "not_found": [], "segments": 2}
    rows = json.loads(run("lookup", index, "brand new song or dune", "--json").stdout)
    assert [(row["label"], row["id"]) for row in rows] == [("Song", "n"), ("Book", "book:dune")]
    assert json.loads(run("stats", index, "--json").stdout)["entries"] == 12


def test_build_reads_several_inputs_and_standard_input(catalog_path: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": ["Roma", "Up"], "label": ["Movie", "Movie"], "aliases": [["Rome"], None]})
    parquet.write_table(table, tmp_path / "films.parquet")
    lines = '{"text": "Vida", "label": "Song"}\n\n'
    command = ["catalog", "build", str(catalog_path), str(tmp_path / "*.parquet"), "-", "-o", str(tmp_path / "i")]
    result = runner.invoke(app, [*command, "--json"], input=lines)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["entries"] == 15
    rows = json.loads(run("lookup", tmp_path / "i", "rome, up or vida", "--json").stdout)
    assert [(row["text"], row["step"]) for row in rows] == [("rome", "alias"), ("up", "case"), ("vida", "case")]
    fails(runner.invoke(app, command, input="{"), "<standard input>:1:", "not valid JSON")
    parquet.write_table(pyarrow.table({"title": ["x"], "label": ["y"]}), tmp_path / "films.parquet")
    fails(run("build", tmp_path / "films.parquet", "-o", tmp_path / "i"), "no column 'text'", "title")
    (tmp_path / "films.parquet").write_bytes(b"PAR1 not really")
    fails(run("build", tmp_path / "films.parquet", "-o", tmp_path / "i"), "not a Parquet file")


def test_build_says_what_it_left_out(catalog_path: Path, tmp_path: Path) -> None:
    listed, records, table = tmp_path / "names.txt", tmp_path / "gone.jsonl", tmp_path / "gone.csv"
    listed.write_text("dune\nnobody\n", encoding="utf8")
    records.write_text('{"text": "Stay", "label": "Song"}\n{"text": "X", "label": "Song"}\n', encoding="utf8")
    table.write_text("text,label\nqueen bey,Artist\n", encoding="utf8")
    files = ["--exclude", listed, "--exclude", records, "--exclude", table]
    result = run("build", catalog_path, "--output", tmp_path / "i", *files, "--json")
    assert result.exit_code == 0, result.output
    said = "4 entries left out (2 of the 5 names to leave out matched nothing, for example 'nobody')"
    assert said in result.stderr
    report = json.loads(result.stdout)
    assert (report["entries"], report["excluded"], report["excluded_unmatched"]) == (8, 4, 2)
    assert run("lookup", tmp_path / "i", "dune, stay or beyoncé").stdout == "no candidate\n"
    assert "left out" not in run("build", catalog_path, "--output", tmp_path / "i").stderr


def test_faults_of_exclude(catalog_path: Path, tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("\n", encoding="utf8")
    fails(run("build", catalog_path, "-o", tmp_path / "i", "--exclude", listed), "names.txt: there is no name")
    everything = run("build", catalog_path, "-o", tmp_path / "i", "--exclude", catalog_path)
    fails(everything, "all 12 entries of the catalog have a name that is to be left out")
    assert not (tmp_path / "i" / "CURRENT").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "' + "x" * 1001 + '", "label": "Song"}', ["field 'text'", "1,001 characters"]),
        ('{"text": "' + "x" * 10_000_000 + '", "label": "Song"}', ["field 'text'", "10,000,000 characters"]),
        ('{"text": "a\\u0000b", "label": "Song"}', ["field 'text'", "control character", "position 1"]),
        ('{"text": "a", "label": "Song", "id": "\\ud800"}', ["field 'id'", "surrogate"]),
        ('{"text": "a", "label": "Song", "popularity": 1' + "0" * 400 + "}", ["field 'popularity'"]),
        ('{"text": "a", "label": "Song", "id": 1}\n{"text": "b", "label": "Song", "id": 1}', ["two names with one id"]),
    ],
)
def test_build_refuses(tmp_path: Path, line: str, words: list[str]) -> None:
    source = tmp_path / "c.jsonl"
    source.write_text(line + "\n", encoding="utf8")
    result = run("build", source, "--output", tmp_path / "index")
    fails(result, *words)
    assert len(result.output) < 1000
    assert not (tmp_path / "index" / "CURRENT").exists()


def test_right_to_left_and_emoji_names_are_found(tmp_path: Path) -> None:
    source = tmp_path / "c.jsonl"
    source.write_text(
        '{"text": "שלום עולם", "label": "Song"}\n{"text": "🎧 mix", "label": "Playlist"}\n', encoding="utf8"
    )
    assert run("build", source, "--output", tmp_path / "index").exit_code == 0
    rows = json.loads(run("lookup", tmp_path / "index", "play שלום עולם and 🎧 mix", "--json").stdout)
    assert [row["label"] for row in rows] == ["Song", "Playlist"]


def test_faults_of_build_and_update(catalog_path: Path, tmp_path: Path) -> None:
    fails(run("build", catalog_path, "-o", tmp_path / "i", "--index", "hash"), "auto, trie or phrase")
    fails(run("build", catalog_path, "-o", tmp_path / "i", "--steps", "case,stemming"), "unknown step 'stemming'")
    fails(run("build", catalog_path, "-o", catalog_path), "is a file, a folder was expected")
    fails(run("build", tmp_path / "none.jsonl", "-o", tmp_path / "i"), "no such file")
    fails(run("update", tmp_path, "--add", catalog_path), "no catalog index here")
    run("build", catalog_path, "-o", tmp_path / "i")
    fails(run("update", tmp_path / "i"), "--add FILE or --remove FILE")


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_index(catalog_path: Path, tmp_path: Path) -> None:
    """Files may only grow to 20 KB here, so writing fails in NumPy and in the trie alike."""
    index, many = tmp_path / "index", tmp_path / "many.jsonl"
    run("build", catalog_path, "--output", index)
    before = (index / "CURRENT").read_bytes()
    many.write_text("".join(f'{{"text": "name {i} of many", "label": "Song"}}\n' for i in range(9000)), encoding="utf8")
    code = (
        "import resource, sys; from spacy_convner.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); sys.exit(main())"
    )
    for command in (["build", str(many), "--output", str(index)], ["update", str(index), "--add", str(many)]):
        done = subprocess.run(
            [sys.executable, "-c", code, "catalog", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert "File too large; the index is as before" in done.stderr
    assert (index / "CURRENT").read_bytes() == before
    assert len(list(index.glob("segment-*"))) == 1
