"""Corpora, and the tiny XLM-R, that the student's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from spacy_convner.docbin import exemplar_to_doc, write_docbin

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
