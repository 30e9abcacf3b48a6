"""``configs/student_xlmr.cfg`` trains, on an XLM-R that is built here: real architecture, tiny, random weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.records import parse_utterance

from ..conftest import EXEMPLARS, ROOT, parse_markup

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny_xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a sentencepiece vocabulary and save a random XLM-R beside it, as a hub folder is laid out."""
    pytest.importorskip("spacy_transformers")
    spm = pytest.importorskip("sentencepiece")
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    folder = tmp_path_factory.mktemp("xlmr")
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(parse_markup(line)["text"] for line in EXEMPLARS) * 5, encoding="utf8")
    spm.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(folder / "sp"), vocab_size=90, minloglevel=2)
    # spacy-transformers needs the sentencepiece model itself; a fast tokenizer alone fails.
    (folder / "sp.model").rename(folder / "sentencepiece.bpe.model")
    tokenizer = XLMRobertaTokenizer(vocab_file=str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=140,
        pad_token_id=1,
    )
    XLMRobertaModel(config).save_pretrained(folder)
    return folder


def test_xlmr_student_trains_and_loads(tiny_xlmr: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    docs = [exemplar_to_doc(nlp, parse_utterance(parse_markup(line))) for line in EXEMPLARS]
    write_docbin(tmp_path / "train.spacy", docs)
    write_docbin(tmp_path / "dev.spacy", docs[:8])
    done = subprocess.run(
        [
            sys.executable, "-m", "spacy", "train", str(ROOT / "configs" / "student_xlmr.cfg"),
            "--output", str(tmp_path / "out"),
            "--paths.train", str(tmp_path / "train.spacy"),
            "--paths.dev", str(tmp_path / "dev.spacy"),
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
    assert "convner" not in student.config.to_str()
