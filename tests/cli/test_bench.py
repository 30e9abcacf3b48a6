"""``convner bench student``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()


@pytest.fixture
def students(tmp_path: Path) -> Path:
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    small = spacy.blank("xx")
    ruler = small.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "Song", "pattern": "hello"}])  # type: ignore[attr-defined]
    small.to_disk(tmp_path / "small" / "model-best")
    large = spacy.blank("xx")
    ruler = large.add_pipe("entity_ruler")
    patterns = [{"label": "Song", "pattern": f"song number {i}"} for i in range(3000)]
    ruler.add_patterns(patterns)  # type: ignore[attr-defined]
    large.to_disk(tmp_path / "large" / "model-best")
    (tmp_path / "texts.txt").write_text("play hello\nplay song number 5\n\n" * 30, encoding="utf8")
    (tmp_path / "small.whl").write_bytes(b"x" * 2_000_000)
    return tmp_path


def run(folder: Path, *arguments: str) -> Any:
    texts = ["--texts", str(folder / "texts.txt")]
    return runner.invoke(app, ["bench", "student", *arguments, *texts, "--rounds", "2", "--loads", "1"])


@pytest.mark.slow
def test_figures_of_two_students(students: Path) -> None:
    done = run(
        students, str(students / "small" / "model-best"), f"big={students / 'large' / 'model-best'}",
        "--limit", "40", "--wheel", f"small={students / 'small.whl'}", "--output", str(students / "latency.json"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    result = json.loads((students / "latency.json").read_text(encoding="utf8"))
    assert result["texts"] == 40
    assert list(result["latency"]) == ["small", "big"]
    for found in result["latency"].values():
        assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
        assert found["utterances_per_s"] > 0
        assert found["load_s"] > 0
        assert found["import_s"] > 0.05
        assert found["max_rss_mb"] > 30
    small, big = result["latency"].values()
    assert small["wheel_bytes"] == 2_000_000
    assert "wheel_bytes" not in big
    assert big["bytes"] > small["bytes"] > 1000
    assert "| small | " in done.stdout
    assert "| 2.0 |" in done.stdout


def test_bad_input(students: Path) -> None:
    small = str(students / "small" / "model-best")
    for arguments, message in (
        ([str(students / "nowhere")], "no such pipeline"),
        ([small, small], "two students are named 'small'"),
        ([small, "--wheel", "other=x.whl"], "expected NAME=FILE with one of small"),
        ([small, "--wheel", "small=x.whl"], "no such wheel"),
        ([str(students)], "can't be measured"),
    ):
        done = run(students, *arguments)
        assert done.exit_code == 1, arguments
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    (students / "texts.txt").write_text("\n", encoding="utf8")
    done = run(students, small)
    assert done.exit_code == 1
    assert "no utterance in the file" in done.stderr
