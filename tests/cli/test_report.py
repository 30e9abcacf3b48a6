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
