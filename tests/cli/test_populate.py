"""``convner patterns populate`` as people run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import read_docbin
from spacy_convner.records import read_exemplars

from ..conftest import ROOT, write_jsonl

runner = CliRunner()
PATTERNS = [
    {"text": "play <Song> by <Artist>, ok?", "lang": "en", "status": "accepted", "style": "command"},
    {"text": "tell me what you think of <Movie>", "lang": "en", "status": "edited"},
    {"text": "we went to <City> and then to <City>", "lang": "en", "status": "accepted"},
    {"text": "no <Thing", "lang": "en", "status": "rejected"},
    {"text": "ponme <Song>", "lang": "es", "status": "accepted"},
]


@pytest.fixture
def patterns(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "patterns.jsonl", PATTERNS)


def populate(patterns: Path, *more: Any, catalog: Path = ROOT / "assets" / "catalogs") -> Result:
    return runner.invoke(app, ["patterns", "populate", str(patterns), "-c", str(catalog), *map(str, more)])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_jsonl_and_docbin(patterns: Path, tmp_path: Path) -> None:
    out, docs = tmp_path / "new" / "out.jsonl", tmp_path / "out.spacy"
    result = populate(patterns, out, docs, "--size", 60, "--lang", "en", "--labels", ROOT / "assets" / "labels.yml")
    assert result.exit_code == 0, result.output
    assert "60 utterances of 3 patterns (en)" in result.stderr
    exemplars = read_exemplars(out)
    assert len({exemplar.text for exemplar in exemplars}) == 60
    assert [doc.text for doc in read_docbin(docs, Vocab())] == [exemplar.text for exemplar in exemplars]
    assert all(len(e.meta["entries"]) == len(e.spans) == 2 or e.spans[0].label == "Movie" for e in exemplars)
    again = tmp_path / "again.jsonl"
    assert populate(patterns, again, "--size", 60, "--lang", "en").exit_code == 0
    assert again.read_bytes() == out.read_bytes()
    assert populate(patterns, again, "--size", 60, "--lang", "en", "--seed", 1).exit_code == 0
    assert again.read_bytes() != out.read_bytes()


def test_choices(patterns: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    options = ("--lang", "en", "--style", "command", "--noise", 1, "--noise-kinds", "lower", "--size", 20)
    assert populate(patterns, out, *options).exit_code == 0
    assert all(exemplar.text.islower() for exemplar in read_exemplars(out))
    assert {exemplar.meta["style"] for exemplar in read_exemplars(out)} == {"command"}
    used = {i for exemplar in read_exemplars(out) for i in exemplar.meta["entries"]}
    again = tmp_path / "again.jsonl"
    assert populate(patterns, again, *options, "--exclude-entities", out, "--exclude", out).exit_code == 0
    assert not used & {i for exemplar in read_exemplars(again) for i in exemplar.meta["entries"]}


def test_fewer_than_asked_for(patterns: Path, tmp_path: Path, catalog_path: Path) -> None:
    result = populate(patterns, tmp_path / "out.jsonl", "--lang", "es", catalog=catalog_path)
    assert result.exit_code == 0, result.output
    assert "2 utterances of 1 patterns (es)" in result.stderr
    assert "4,000 were asked for" in result.stderr


def test_patterns_that_gave_nothing(tmp_path: Path) -> None:
    catalog = write_jsonl(tmp_path / "songs.jsonl", [{"text": "Hello", "label": "Song"}])
    texts = ["play <Song>", "<Song> and <Song>", *(f"again{i} <Song>" for i in range(6)), "on <Song>"]
    rows = [{"text": text, "lang": "en", "status": "accepted"} for text in texts]
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    skip = write_jsonl(tmp_path / "skip.jsonl", [{"text": f"again{i} hello"} for i in range(6)])
    result = populate(file, tmp_path / "out.jsonl", "--exclude", skip, catalog=catalog)
    assert result.exit_code == 0, result.output
    assert "2 utterances of 2 of 9 patterns (en)" in result.stderr
    assert f"{file}:2: gave nothing: there aren't enough different names" in result.stderr
    assert f"{file}:3: gave nothing: its utterances are to be left out" in result.stderr
    assert f"{file}:7:" not in result.stderr
    assert "… and 2 more patterns gave nothing" in result.stderr
    assert "no more different ones with these patterns and names; 7 patterns gave nothing" in result.stderr
    few = populate(file, tmp_path / "out.jsonl", "--size", 1, "--temperature", "inf", catalog=catalog)
    assert "patterns weren't tried" in few.stderr


def test_a_label_without_names(patterns: Path, tmp_path: Path) -> None:
    catalog = write_jsonl(tmp_path / "songs.jsonl", [{"text": "Hello", "label": "Song"}])
    fails(populate(patterns, tmp_path / "o.jsonl", "--lang", "en", catalog=catalog), "patterns.jsonl:1", "<Artist>")
    assert not (tmp_path / "o.jsonl").exists()


def test_wrong_input(patterns: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    fails(populate(patterns, out), "en, es", "--lang")
    fails(populate(patterns, out, "--lang", "fr"), "no pattern", "'fr'")
    fails(populate(tmp_path / "none.jsonl", out), "no such file")
    fails(populate(patterns, patterns, "--lang", "en"), "is an input")
    fails(populate(patterns, tmp_path / "out.csv", "--lang", "en"), "out.csv")
    fails(populate(patterns, out, "--lang", "en", "--temperature", 0), "temperature")
    fails(populate(patterns, out, "--lang", "en", "--noise", 2), "noise")
    fails(populate(patterns, out, "--lang", "en", "--noise-kinds", "typos"), "typos")
    fails(populate(patterns, out, "--lang", "en", "--weighting", "odd"), "--weighting", "frequency")
    fails(populate(patterns, out, "--lang", "en", "--style", "odd"), "--style", "conversational")
    fails(populate(patterns, out, "--lang", "en", "--tokenizer", "zzz"), "zzz")
    fails(populate(patterns, out, "--lang", "en", catalog=tmp_path / "none"), "no such file")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    fails(populate(empty, out), "empty")
    broken = write_jsonl(tmp_path / "broken.jsonl", [{"text": "play <Song", "lang": "en", "status": "accepted"}])
    fails(populate(broken, out), "broken.jsonl:1", "without '>'")
    odd = tmp_path / "labels.yml"
    odd.write_text("Dish: what one eats\n")
    fails(populate(patterns, out, "--lang", "en", "--labels", odd), "unknown label")
    assert not out.exists()


def test_an_index_is_no_catalog(patterns: Path, tmp_path: Path, catalog_path: Path) -> None:
    index = tmp_path / "index"
    assert runner.invoke(app, ["catalog", "build", str(catalog_path), "-o", str(index)]).exit_code == 0
    fails(populate(patterns, tmp_path / "o.jsonl", "--lang", "es", catalog=index), "is an index")


def test_meta_travels(patterns: Path, tmp_path: Path) -> None:
    docs, back = tmp_path / "out.spacy", tmp_path / "back.jsonl"
    assert populate(patterns, docs, "--lang", "en", "--size", 5).exit_code == 0
    assert runner.invoke(app, ["convert", str(docs), str(back)]).exit_code == 0
    for line in back.read_text(encoding="utf8").splitlines():
        assert set(json.loads(line)["meta"]) == {"pattern", "entries", "style"}
