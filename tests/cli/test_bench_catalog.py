"""``convner bench catalog``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("play hello by adele\nwatch dune\n\ngood morning\n" * 20, encoding="utf8")
    return path


@pytest.mark.slow
def test_figures_of_records_and_of_their_index(catalog_path: Path, texts: Path, tmp_path: Path) -> None:
    index, output = tmp_path / "index", tmp_path / "costs.json"
    command = ["catalog", "build", str(catalog_path), "--output", str(index), "--steps", "case"]
    assert runner.invoke(app, command).exit_code == 0
    done = runner.invoke(app, ["bench", "catalog", f"records={catalog_path}", str(index), "--texts", str(texts),
                               "--rounds", "1", "--limit", "30", "--output", str(output)])  # fmt: skip
    assert done.exit_code == 0, done.output
    result = json.loads(output.read_text(encoding="utf8"))
    assert (result["texts"], result["rounds"], result["lang"]) == (30, 1, "xx")
    records, built = result["catalogs"]["records"], result["catalogs"]["index"]
    assert records["build_s"] > 0
    assert built["build_s"] is built["build_peak_mb"] is None
    for found in (records, built):
        assert found["entries"] == 12
        assert found["bytes"] > 1000
        assert found["load_s"] > 0
        assert found["tokens_per_s"] > 1000
        assert found["candidates_per_utterance"] == pytest.approx(4 / 3)
    assert "| records | 12 | " in done.stdout
    assert "| index | 12 | – | – | " in done.stdout


def test_bad_input(catalog_path: Path, texts: Path, tmp_path: Path) -> None:
    for more, message in (
        ([tmp_path / "none.jsonl"], "no such file"),
        ([catalog_path, catalog_path], "two catalogs are named 'catalog.jsonl'"),
        ([catalog_path, "--lang", "klingon"], "--lang: unknown language 'klingon'"),
        ([catalog_path, "--output", catalog_path], "is an input"),
        ([catalog_path, "--texts", tmp_path / "none.txt"], "no such file"),
    ):
        done = runner.invoke(app, ["bench", "catalog", "--texts", str(texts), *map(str, more)])
        assert done.exit_code == 1, more
        assert message in done.stderr
        assert "Traceback" not in done.stderr
