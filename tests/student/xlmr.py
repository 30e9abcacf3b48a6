"""An XLM-R that is made here: the real architecture and tokenizer, tiny, with random weights."""

from __future__ import annotations

from pathlib import Path

from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar

from ..conftest import EXEMPLARS, parse_markup

# Any accented letter and a few that no sentence of ours has: what trimming may throw away.
_MORE = ["canciones de ayer y hoy", "une chanson française", "zwölf große äpfel", "what about the weather in quito"]


def exemplars() -> list[Exemplar]:
    return [parse_utterance(parse_markup(line)) for line in EXEMPLARS]


def build_tiny_xlmr(folder: Path) -> Path:
    """Train a sentencepiece vocabulary and save a random XLM-R beside it, as a hub folder is laid out."""
    import sentencepiece as spm
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder.parent / "corpus.txt"
    corpus.write_text("\n".join([e.text for e in exemplars()] * 5 + _MORE * 5), encoding="utf8")
    spm.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / "sp"), vocab_size=110, minloglevel=2, character_coverage=1.0
    )
    # spacy-transformers needs the sentencepiece model itself; a fast tokenizer alone fails.
    (folder / "sp.model").rename(folder / "sentencepiece.bpe.model")
    (folder / "sp.vocab").unlink()
    tokenizer = XLMRobertaTokenizer(vocab_file=str(folder / "sentencepiece.bpe.model"), model_max_length=138)
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
    torch.manual_seed(0)
    XLMRobertaModel(config).save_pretrained(folder)
    return folder
