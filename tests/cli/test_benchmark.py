"""``convner benchmark``: options, tables, files, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spacy_convner.cli import app

from ..conftest import EXEMPLARS, parse_markup, write_jsonl
from ..llm.conftest import Server, select, server  # noqa: F401

runner = CliRunner()
TEST = ["play [hello](Song) please", "hello there", "read [dune](Book) aloud", "fly to [Lisbon](City) soon"]


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, Path]:
    return {
        name: write_jsonl(tmp_path / f"{name}.jsonl", [parse_markup(line) for line in lines])
        for name, lines in (("train", EXEMPLARS), ("dev", EXEMPLARS[:4]), ("test", TEST))
    }


def run(corpus: dict[str, Path], *arguments: object, splits: tuple[str, ...] = ("train", "dev", "test")) -> Any:
    given = [part for name in splits for part in (f"--{name}", str(corpus[name]))]
    return runner.invoke(app, ["benchmark", *given, *map(str, arguments)])


def test_everything_that_is_promised(corpus: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "metrics" / "results.json"
    result = run(corpus, "-o", output, "--learning-curve", "--seeds", "0,1", "--n-exemplars", 10, "--n-bootstrap", 50)
    assert result.exit_code == 0, result.output
    found = json.loads(output.read_text(encoding="utf8"))
    assert set(found["strict"]) == {"p", "r", "f", "ci95", "n"}
    for score in (*(found["strict"][key] for key in "prf"), *found["strict"]["ci95"]):
        assert 0 <= score <= 1
    for key in ("candidate_recall", "accept_all_f", "prior_f", "ceiling_f"):
        assert 0 <= found[key] <= 1
    assert found["candidate_recall"] == 1.0
    assert set(found["per_label"]) >= {"Song", "Book", "City"}
    assert found["fit_s"] >= 0
    assert found["utterances_per_s"] > 0
    assert found["system"] == "results"
    assert len(found["protocol"]["splits"]["test"]["sha256"]) == 64
    assert found["protocol"]["splits"]["test"]["entities"] == 3
    assert [row["n_exemplars"] for row in found["learning_curve"]] == [0, 10, len(EXEMPLARS)]
    assert set(found["sets"]) == {"test", "dev"}
    assert found["macro"]["labels"] >= 3
    for word in ("cand. recall", "accept all F1", "prior F1", "perfect filter F1", "F1 by seed", "exemplars", "Lisbon"):
        assert (word in result.stdout) == (word != "Lisbon"), word
    assert "Note: 4 distinct utterances of dev are in train too" in result.stderr
    assert "Note" not in result.stdout
    assert [path.name for path in output.parent.iterdir()] == ["results.json"]
    report = runner.invoke(app, ["report", str(output.parent), "--output", str(tmp_path / "report.html")])
    assert report.exit_code == 0, report.output
    assert "results" in (tmp_path / "report.html").read_text(encoding="utf8")


def test_columns_and_a_catalog_of_ones_own(corpus: dict[str, Path], catalog_path: Path, tmp_path: Path) -> None:
    columns = tmp_path / "test.bio"
    columns.write_text("play O\nHello B-Song\n\nread O\nSolaris B-Book\n", encoding="utf8")
    output = tmp_path / "out.json"
    arguments = ("--catalog", catalog_path, "--filter", "accept_all", "--set-lang", "en", "-o", output)
    result = run({**corpus, "test": columns}, *arguments, splits=("train", "test"))
    assert result.exit_code == 0, result.output
    found = json.loads(output.read_text(encoding="utf8"))
    assert found["strict"] == {"p": 1.0, "r": 0.5, "f": 2 / 3, "ci95": found["strict"]["ci95"], "n": 2}
    assert found["missed_by_catalog"]["not_in_catalog"] == 1
    assert found["missed_by_catalog"]["examples"] == [["Solaris", "Book", "not_in_catalog"]]
    index = tmp_path / "index"
    assert runner.invoke(app, ["catalog", "build", str(catalog_path), "--output", str(index)]).exit_code == 0
    # A built index has a normalizer of its own; its entries are matched as --attr says all the same.
    arguments = ("--catalog", index, "--filter", "accept_all", "-o", output)
    result = run({**corpus, "test": columns}, *arguments, splits=("train", "test"))
    assert result.exit_code == 0, result.output
    assert json.loads(output.read_text(encoding="utf8"))["strict"]["r"] == 0.5


def test_coverage_and_distractors(corpus: dict[str, Path], catalog_path: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    arguments = ("--filter", "prior", "--coverage", 0.5, "--distractors", catalog_path, "-o", output)
    result = run(corpus, *arguments)
    assert result.exit_code == 0, result.output
    catalog = json.loads(output.read_text(encoding="utf8"))["protocol"]["catalog"]
    assert catalog["coverage"] == 0.5
    assert catalog["removed"] > 0
    assert catalog["distractors_added"] > 0
    assert "coverage 0.5" in result.stdout
    assert "distractors" in result.stdout


def test_claude(corpus: dict[str, Path], server: Server, tmp_path: Path) -> None:  # noqa: F811
    output = tmp_path / "out.json"
    asked = ("--filter", "anthropic", "--base-url", server.url, "--k", 2, "-o", output)
    server.reply = lambda query, body: select(1)
    plan = run(corpus, *asked, "--dry-run", splits=("train", "test"))
    assert plan.exit_code == 0, plan.output
    assert "4 utterances, 4 to ask a language model about: 4 calls" in plan.stdout
    assert not server.bodies
    assert not output.exists()
    result = run(corpus, *asked, splits=("train", "test"))
    assert result.exit_code == 0, result.output
    found = json.loads(output.read_text(encoding="utf8"))
    assert found["llm"]["calls"] == len(TEST)
    assert found["statuses"] == {"ok": len(TEST)}
    assert found["utterances_per_s"] > 0
    assert found["strict"]["r"] >= 2 / 3
    assert any("no --labels" in note for note in found["notes"])
    assert "Language model: 4 calls" in result.stderr
    assert "Song" in json.dumps(server.bodies[0]["system"])  # labels are named though nobody described them
    again = run(corpus, *asked, "--max-calls", 0, splits=("train", "test"))
    assert again.exit_code == 0, again.output
    assert json.loads(output.read_text(encoding="utf8"))["llm"]["stored"] == len(TEST)  # beside the output
    assert len(server.bodies) == len(TEST)


def test_claude_without_a_key(corpus: dict[str, Path], tmp_path: Path) -> None:
    result = run(corpus, "--filter", "anthropic", "-o", tmp_path / "out.json")
    assert result.exit_code == 1
    assert "ANTHROPIC_API_KEY" in result.stderr
    assert not (tmp_path / "out.json").exists()


def test_faults_end_as_one_message(corpus: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    no_label = write_jsonl(tmp_path / "bad.jsonl", [{"text": "Stay"}])
    empty = write_jsonl(tmp_path / "empty.jsonl", [{"text": "hi", "spans": []}])
    faulty = write_jsonl(
        tmp_path / "faulty.jsonl",
        [{"text": "hi", "spans": [{"start": 0, "end": 2, "label": ""}]}, parse_markup(TEST[0])],
    )
    none = tmp_path / "none.jsonl"
    for arguments, message in (
        (("--filter", "lineer"), "unknown filter 'lineer'; known: linear, prior"),
        (("--attr", "upper"), "--attr: expected one of orth, lower, norm"),
        (("--coverage", 1.5), "--coverage must be above 0"),
        (("--distractors", no_label), "bad.jsonl:1: field 'label'"),
        (("--distractors", none), "none.jsonl: no such file"),
        (("--catalog", none), "none.jsonl: no such file"),
        (("--catalog", "gold"), "expected oracle, train, or the path"),
        (("--seeds", "0,x"), "--seeds: expected numbers"),
        (("--seeds", "1,1"), "different numbers"),
        (("--exemplars-from", "test"), "--exemplars-from"),
        (("--max-usd", 1), "no language model is asked"),
        (("--dry-run",), "--dry-run: linear asks no language model"),
        (("--model", "x"), "asks no language model"),
        (("--labels", none), "none.jsonl: no such file"),
        (("--lang", "qq"), "--lang: unknown language"),
        (("--nested", "all"), "--nested: expected outermost or keep"),
        (("--train", none), "none.jsonl: no such file"),
        (("--test", empty), "no annotated entity"),
        (("--test", faulty), "faulty.jsonl:1: field 'spans[0].label'"),
        (("-o", corpus["test"]), "is an input"),
        (("-o", tmp_path), "is a folder"),
    ):
        result = run(corpus, "-o", output, *arguments)
        assert result.exit_code == 1, (arguments, result.output)
        assert message in " ".join(result.stderr.split()), (arguments, result.stderr)
        assert "Traceback" not in result.output
        assert not output.exists()
    assert run(corpus, "-o", output, "--test", faulty, "--skip-invalid").exit_code == 0
    assert json.loads(output.read_text(encoding="utf8"))["protocol"]["splits"]["test"]["invalid"] == 1
