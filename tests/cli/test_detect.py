from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.datagen.detection.lexicon import LISTS

from ..conftest import write_jsonl

runner = CliRunner()
CHAT = "well i was wondering if you could play that one again"
RECORDS: list[dict[str, Any]] = [
    {"text": CHAT, "lang": "en"},
    {"text": "play jazz"},
    {"text": "pon jazz", "lang": "es"},
]


def run(*args: object) -> Result:
    return runner.invoke(app, [str(arg) for arg in args])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def labelled_file(path: Path, n: int = 30) -> Path:
    records = [
        {"text": f"{text} {i}", "lang": "eu", "conversational": chat, "split": "train" if i < n - 5 else "test"}
        for i in range(n)
        for chat, text in ((True, "beno ez dakit"), (False, "jarri kanta"))
    ]
    return write_jsonl(path, records)


def test_detect(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", RECORDS)
    result = run(
        "detect", source, tmp_path / "out.jsonl", "--rest", tmp_path / "rest.jsonl", "--lang", "en", "--explain"
    )
    assert result.exit_code == 0, result.output
    assert "1 of 3 utterances are conversational (33.3%: en 1 of 2, es 0 of 1)" in result.stderr
    record = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf8"))
    assert record["text"] == CHAT
    assert "that one" in record["meta"]["conversational"]["features"]["contextual"]["words"]
    assert len((tmp_path / "rest.jsonl").read_text(encoding="utf8").splitlines()) == 2


def test_threshold(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", RECORDS[:1])
    result = run("detect", source, tmp_path / "out.jsonl", "--threshold", "1")
    assert result.exit_code == 0
    assert "None is conversational" in result.stderr
    assert run("detect", source, tmp_path / "out.jsonl", "--threshold", "2").exit_code == 2


def test_languages_without_word_lists(tmp_path: Path) -> None:
    records = [*RECORDS, {"text": "joue du jazz", "lang": "fr", "meta": {"count": 2}}]
    source, out, rest = write_jsonl(tmp_path / "in.jsonl", records), tmp_path / "out.jsonl", tmp_path / "rest.jsonl"
    fails(run("detect", source, out, "--lang", "en"), "in.jsonl:4", "--skip-unknown")
    result = run("detect", source, out, "--lang", "en", "--rest", rest, "--skip-unknown")
    assert result.exit_code == 0, result.output
    assert "1 utterances in languages without word lists are in" in result.stderr
    assert "1 of 3 utterances are conversational" in result.stderr
    assert json.loads(rest.read_text(encoding="utf8").splitlines()[-1]) == records[-1]
    result = run("detect", write_jsonl(tmp_path / "fr.jsonl", records[-1:]), out, "--skip-unknown")
    assert result.exit_code == 0, result.output
    assert "fr 1" in result.stderr


def test_detect_faults(tmp_path: Path) -> None:
    source, out = write_jsonl(tmp_path / "in.jsonl", RECORDS), tmp_path / "out.jsonl"
    fails(run("detect", source, out), "in.jsonl:2: field 'lang': missing", "--lang")
    fails(run("detect", source, out, "--lang", "fr"), "no word lists for language 'fr'", "en, es", "openers.txt")
    fails(run("detect", source, source, "--lang", "en"), "is an input")
    fails(run("detect", source, out, "--lang", "en", "--rest", out), "given as an output twice")
    fails(run("detect", source, out, "--lang", "en", "--resources", tmp_path / "none"), "no such folder")
    fails(run("detect", tmp_path / "none.jsonl", out), "no such file")
    (tmp_path / "empty.jsonl").touch()
    fails(run("detect", tmp_path / "empty.jsonl", out), "the file is empty")
    assert not out.exists()


def test_explain() -> None:
    result = run("detector", "explain", CHAT, "play jazz", "--lang", "en")
    assert result.exit_code == 0, result.output
    assert "\n  conversational: score 1.00" in result.stdout
    assert "contextual        that one, again" in result.stdout
    assert "\n  not conversational: score 0.0" in result.stdout
    record = json.loads(run("detector", "explain", CHAT, "--lang", "en", "--json").stdout)
    assert record["is"] is True
    assert record["features"]["first_person"]["words"] == ["i"]
    fails(run("detector", "explain", CHAT, "--lang", "fr"), "no word lists")


def test_score(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "a.jsonl",
        [
            {"text": CHAT, "lang": "en", "conversational": True, "split": "test"},
            {"text": "play jazz", "lang": "en", "conversational": True, "split": "test"},
            {"text": "pon jazz", "lang": "es", "conversational": False},
        ],
    )
    result = run("detector", "score", path, "--wrong")
    assert result.exit_code == 0, result.output
    table = result.stdout.splitlines()
    assert table[1].split() == ["en", "test", "2", "1.000", "0.500", "0.667"]
    assert table[2].split() == ["es", "train", "1", "0.000", "0.000", "0.000"]
    assert table[3].startswith("missed")
    assert table[3].endswith("play jazz")
    rows = json.loads(run("detector", "score", path, "--split", "test", "--json").stdout)
    assert [row["lang"] for row in rows] == ["en"]
    fails(run("detector", "score", path, "--split", "dev"), "expected train or test")
    fails(run("detector", "score", write_jsonl(tmp_path / "b.jsonl", [{"text": "x"}])), "b.jsonl:1: field 'lang'")


def test_a_language_is_added_by_a_folder(tmp_path: Path) -> None:
    resources = tmp_path / "languages"
    (resources / "eu").mkdir(parents=True)
    path = labelled_file(tmp_path / "eu.jsonl")
    fails(run("detector", "calibrate", path, "--lang", "eu", "--resources", resources), "missing: openers.txt")
    for name in LISTS:
        text = {"openers": "^jarri", "discourse_markers": "^beno"}.get(name, "")
        (resources / "eu" / f"{name}.txt").write_text(f"# {name}\n{text}\n", encoding="utf8")
    source, out = write_jsonl(tmp_path / "in.jsonl", [{"text": "beno agian", "lang": "eu"}]), tmp_path / "out.jsonl"
    fails(run("detect", source, out, "--resources", resources), "weights.json", "convner detector calibrate")
    result = run("detector", "calibrate", path, "--lang", "eu", "--resources", resources, "--dry-run")
    assert result.exit_code == 0, result.output
    assert not (resources / "eu" / "weights.json").exists()
    result = run("detector", "calibrate", path, "--lang", "eu", "--resources", resources)
    assert result.exit_code == 0, result.output
    assert "test: precision 1.000, recall 1.000, F1 1.000 of 10 utterances" in result.stderr
    provenance = json.loads((resources / "eu" / "weights.json").read_text(encoding="utf8"))["provenance"]
    assert provenance["command"].startswith(f"convner detector calibrate {path} --lang eu --resources")
    assert run("detect", source, out, "--resources", resources).exit_code == 0
    assert json.loads(out.read_text(encoding="utf8"))["meta"]["conversational"]["is"] is True


@pytest.mark.parametrize("more", [(), ("--resources", "."), ("--output", "IN")])
def test_calibrate_faults(tmp_path: Path, more: tuple[str, ...]) -> None:
    path = labelled_file(tmp_path / "eu.jsonl")
    fails(run("detector", "calibrate", path, "--lang", "en", *(path if word == "IN" else word for word in more)))
    few = labelled_file(tmp_path / "few.jsonl", 8)
    fails(run("detector", "calibrate", few, "--lang", "eu", "--dry-run"), "no word lists")
