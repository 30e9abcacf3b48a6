"""``configs/student_grounded_xlmr.cfg``: the grounded student on a transformer's vectors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from ..conftest import CATALOG, ROOT, write_jsonl

pytestmark = pytest.mark.slow


def test_trains_and_takes_todays_catalog(tiny_xlmr: Path, corpora: Path, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "catalog.jsonl", CATALOG)
    done = subprocess.run(
        [
            sys.executable, "-m", "spacy", "train", str(ROOT / "configs" / "student_grounded_xlmr.cfg"),
            "--output", str(tmp_path / "out"),
            "--paths.train", str(corpora / "train.spacy"), "--paths.dev", str(corpora / "dev.spacy"),
            "--paths.catalog", str(tmp_path / "catalog.jsonl"), "--paths.transformer", str(tiny_xlmr),
            "--training.max_steps", "30", "--training.max_epochs", "0", "--training.eval_frequency", "10",
            "--training.batcher.size", "32", "--training.optimizer.learn_rate", "0.003",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    student = spacy.load(tmp_path / "out" / "model-last")
    doc = student("watch dune tonight")
    assert {span.label_ for span in doc.spans["candidates"]} == {"Movie", "Book"}
    scores = student.evaluate(list(spacy.training.Corpus(corpora / "dev.spacy")(student)))
    assert scores["spans_sc_f"] > 0.7  # accepting all gives less than 0.6
    today = tmp_path / "today.jsonl"
    today.write_text(json.dumps({"text": "Zorp", "label": "Movie"}) + "\n", encoding="utf8")
    student.get_pipe("catalog_matcher").load_catalog(today)  # type: ignore[attr-defined]
    new, old = student("watch zorp tonight"), student("watch dune tonight")
    assert [span.text for span in new.spans["candidates"]] == ["zorp"]
    assert not old.spans["candidates"]
