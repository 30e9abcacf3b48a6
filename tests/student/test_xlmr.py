"""``configs/student_xlmr.cfg`` trains by ``spacy train`` and by ``convner train``, on an XLM-R that is built here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from spacy_convner.student.training_memory import out_of_memory

from ..conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", [["train"], ["convner", "train"]], ids=["spacy", "convner"])
def test_xlmr_student_trains_and_loads(tiny_xlmr: Path, corpora: Path, tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "spacy", *command, str(ROOT / "configs" / "student_xlmr.cfg"),
            "--output", str(tmp_path / "out"),
            "--paths.train", str(corpora / "train.spacy"),
            "--paths.dev", str(corpora / "dev.spacy"),
            "--paths.transformer", str(tiny_xlmr),
            "--training.max_steps", "4",
            "--training.eval_frequency", "2",
            "--training.batcher.size", "8",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    student = spacy.load(tmp_path / "out" / "model-last")
    assert student.pipe_names == ["transformer", "ner"]
    assert set(student.get_pipe("ner").labels) >= {"Song", "Artist", "Movie"}  # type: ignore[attr-defined]
    docs = list(student.pipe(["play hello by adele", ""]))
    assert [doc.text for doc in docs] == ["play hello by adele", ""]
    assert "convner" not in str({name: student.config[name] for name in ("nlp", "components", "initialize")})
    if command[0] == "convner":
        assert "4 steps" in done.stderr
        assert "220 utterances" in done.stderr


def test_torchs_own_message_is_known() -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert out_of_memory(caught.value)
