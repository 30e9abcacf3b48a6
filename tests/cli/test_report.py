from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()


def test_report(tmp_path: Path) -> None:
    strict = {"p": 1, "r": 0.5, "f": 2 / 3, "ci95": [0.5, 0.8], "n": 4}
    (tmp_path / "teacher.json").write_text(json.dumps({"sets": {"gold.en": {"strict": strict}}}), encoding="utf8")
    output = tmp_path / "out" / "report.html"
    result = runner.invoke(app, ["report", str(tmp_path), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert output.read_text(encoding="utf8").startswith("<!doctype html>")
    assert "report.html" in result.stderr


def test_nothing_to_report(tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    result = runner.invoke(app, ["report", str(tmp_path), "-o", str(output)])
    assert result.exit_code == 1
    assert "no metrics file in this folder" in result.stderr
    assert not output.exists()


def test_help_shows_an_example() -> None:
    result = runner.invoke(app, ["report", "--help"])
    assert result.exit_code == 0
    assert "Example: convner report" in result.stdout


def test_page_stays_small_with_many_errors(tmp_path: Path) -> None:
    text = "play hello and then something else by someone, please, number"
    for system in ("one", "two"):
        sets = {}
        for name in "abcdefgh":
            errors = [
                {
                    "text": f"{text} {name} {i}",
                    "gold": [[5, 10, "Song"]],
                    "pred": [],
                    "candidates": [[5, 10, "Song"]],
                    "kinds": ["missed: refused"],
                }
                for i in range(1500)
            ]
            sets[name] = {"strict": {"p": 0, "r": 0, "f": 0, "n": 1500}, "errors": errors}
        (tmp_path / f"{system}.json").write_text(json.dumps({"system": system, "sets": sets}), encoding="utf8")
    output = tmp_path / "report.html"
    assert runner.invoke(app, ["report", str(tmp_path), "-o", str(output)]).exit_code == 0
    assert 300_000 < output.stat().st_size < 2_000_000


def test_damaged_file_leaves_the_report_alone(tmp_path: Path) -> None:
    scores = {"strict": {"p": 1, "r": 1, "f": 1, "n": 1}, "calibration": {"n": 3}}
    (tmp_path / "odd.json").write_text(json.dumps({"sets": {"s": scores}}), encoding="utf8")
    output = tmp_path / "report.html"
    output.write_text("before", encoding="utf8")
    result = runner.invoke(app, ["report", str(tmp_path), "-o", str(output)])
    assert result.exit_code == 1
    assert "odd.json" in result.stderr
    assert "sets.s.calibration.brier" in result.stderr
    assert output.read_text(encoding="utf8") == "before"
