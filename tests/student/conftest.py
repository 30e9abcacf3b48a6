"""Corpora, and the tiny XLM-R, that the student's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.util import load_config

from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.student.training import run_training

from ..conftest import ROOT
from .xlmr import build_tiny_xlmr, exemplars


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.spacy (220 utterances), dev.spacy (22) and empty.spacy."""
    folder = tmp_path_factory.mktemp("corpora")
    nlp = spacy.blank("xx")
    docs = [exemplar_to_doc(nlp, exemplar) for exemplar in exemplars()]
    write_docbin(folder / "train.spacy", docs * 10)
    write_docbin(folder / "dev.spacy", docs)
    write_docbin(folder / "empty.spacy", [])
    return folder


@pytest.fixture(scope="session")
def tiny_xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny XLM-R; takes the seconds that torch takes to import."""
    pytest.importorskip("spacy_transformers")
    pytest.importorskip("sentencepiece")
    return build_tiny_xlmr(tmp_path_factory.mktemp("xlmr") / "tiny")


@pytest.fixture(scope="session")
def trained_xlmr(tiny_xlmr: Path, corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of the config people start from, trained for some seconds until it knows its sentences."""
    output = tmp_path_factory.mktemp("trained")
    overrides = {
        "paths.train": str(corpora / "train.spacy"),
        "paths.dev": str(corpora / "dev.spacy"),
        "paths.transformer": str(tiny_xlmr),
        "training.batcher.size": 8,
        "training.accumulate_gradient": 1,
        "training.max_epochs": 5,
        "training.eval_frequency": 138,
        "training.optimizer.learn_rate.initial_rate": 0.005,
        "training.optimizer.learn_rate.warmup_steps": 20,
    }
    config = load_config(ROOT / "configs" / "student_xlmr.cfg", overrides=overrides, interpolate=False)
    with (output / "log.txt").open("w") as log:
        return run_training(config, output, gpu_id=-1, stdout=log, stderr=log)
