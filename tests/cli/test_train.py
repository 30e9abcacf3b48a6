"""``convner train --dry-run``: what is said before a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.records import parse_utterance

from ..conftest import CATALOG, EXEMPLARS, ROOT, parse_markup, write_jsonl

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nlp = spacy.blank("xx")
    docs = [exemplar_to_doc(nlp, parse_utterance(parse_markup(line))) for line in EXEMPLARS]
    write_docbin(tmp_path / "train.spacy", docs)
    write_docbin(tmp_path / "dev.spacy", docs)
    write_jsonl(tmp_path / "catalog.jsonl", CATALOG)
    return tmp_path


def dry_run(folder: Path, *more: str) -> Any:
    return runner.invoke(
        app,
        [
            "train", str(ROOT / "configs" / "student_grounded.cfg"), "--output", str(folder / "out"), "--dry-run",
            "--paths.train", str(folder / "train.spacy"), "--paths.dev", str(folder / "dev.spacy"),
            "--paths.catalog", str(folder / "catalog.jsonl"), *more,
        ],
    )  # fmt: skip


def test_what_the_catalog_proposes_is_said(folder: Path) -> None:
    done = dry_run(folder)
    assert done.exit_code == 0, done.output
    assert f"Catalog: proposes 100.0 % of 18 annotated spans of {folder / 'train.spacy'}" in done.stderr
    songs = write_jsonl(folder / "songs.jsonl", CATALOG[:2])
    done = dry_run(folder, "--paths.index", str(songs))
    assert "Catalog: proposes 11.1 % of 18" in done.stderr
    assert "less than half: Artist 0 % (0 of 5)" in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--paths.trian", "x"], "--paths.trian: the config has no such setting; did you mean paths.train?"),
        (["--training.max_step=3"], "did you mean training.max_steps?"),
        (["--fast"], "No such option"),
    ],
)
def test_bad_settings(folder: Path, more: list[str], message: str) -> None:
    done = dry_run(folder, *more)
    assert done.exit_code == 1, done.output
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "out").exists()


def test_a_catalog_without_the_gold_is_refused(folder: Path) -> None:
    other = write_jsonl(folder / "other.jsonl", [{"text": "Zorp", "label": "Thing"}])
    done = dry_run(folder, "--paths.index", str(other))
    assert done.exit_code == 1, done.output
    assert "the catalog proposes 0 of 18 annotated spans" in done.stderr
    assert "Traceback" not in done.stderr
