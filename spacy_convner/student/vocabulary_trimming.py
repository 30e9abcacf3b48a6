"""A transformer without the sentence pieces of languages that nobody speaks to it.

Two thirds of xlm-roberta-base are the vectors of 250,002 pieces, of which traffic in two languages uses some ten
thousand (Abdaoui et al., 2020, *Load What You Need*). Unigram segmentation gives a text the same pieces as long as they
are all there: what is left out could only have been part of worse ones.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from ..errors import ConvnerError
from .agreement import entities
from .piece_alignment import windows
from .vocabulary_files import check_unigram, needed_ids, write_tokenizer

_CHUNK = 256
_HIDDEN_STATES = 256  # texts whose vectors are compared


@dataclass(frozen=True, slots=True)
class Trimming:
    """What became of a vocabulary: pieces and parameters before and after; of n texts, how many are cut otherwise."""

    pieces_before: int
    pieces_after: int
    parameters_before: int
    parameters_after: int
    texts: int
    texts_changed: int


def trim_folder(source: Path, folder: Path, texts: Sequence[str], min_count: int) -> Trimming:
    """Trim a transformer as the hub lays it out.

    source (Path): Folder with config, weights and tokenizer. folder (Path): An empty one.
    texts (Sequence[str]): What it will be asked about. min_count (int): Pieces used less often go too.
    RAISES: ConfigError for another kind of vocabulary, ConvnerError if a text comes out otherwise.
    """
    from transformers import AutoModel

    tokenizer = _tokenizer(source)
    check_unigram(tokenizer, str(source))
    model = AutoModel.from_pretrained(str(source)).eval()
    found = _trim(tokenizer, model, folder, texts, min_count)
    model.save_pretrained(folder)
    return found


def trim_pipeline(nlp: Language, component: str, folder: Path, texts: Sequence[str], min_count: int) -> Trimming:
    """Trim the transformer of a trained pipeline.

    nlp (Language): Loaded; it has the new vocabulary afterwards. component (str): Its transformer. folder (Path): An
    empty one. texts, min_count, RAISES: As ``trim_folder``; entities must be the same too.
    """
    shim: Any = nlp.get_pipe(component).model.layers[0].shims[0]  # type: ignore[attr-defined]
    held = shim._hfmodel
    before = [entities(doc) for doc in nlp.pipe(texts)] if min_count == 1 else []
    with tempfile.TemporaryDirectory(prefix="convner-trim-") as made:
        own = Path(made) / "own"
        own.mkdir()
        # The tokenizer was read from a folder that is gone; spacy-transformers keeps the file's contents.
        path = own / held.tokenizer.vocab_files_names["vocab_file"]
        path.write_bytes(held.vocab_file_contents)
        held.tokenizer.vocab_file = str(path)
        check_unigram(held.tokenizer, component)
        (Path(made) / "new").mkdir()
        found = _trim(held.tokenizer, held.transformer, Path(made) / "new", texts, min_count)
        held.tokenizer = _tokenizer(Path(made) / "new")
        held.vocab_file_contents = (Path(made) / "new" / path.name).read_bytes()
        nlp.to_disk(folder)
    changed = [
        text
        for text, old, doc in zip(texts, before, spacy.load(folder).pipe(texts), strict=False)
        if old != entities(doc)
    ]
    if changed:
        raise ConvnerError(f"{len(changed):,} texts have other entities after trimming, the first: {changed[0]!r:.80}")
    return found


def _trim(tokenizer: Any, model: Any, folder: Path, texts: Sequence[str], min_count: int) -> Trimming:
    import torch

    blank = spacy.blank("xx")
    # A student sees long texts through windows, whose first words may be cut otherwise there.
    parts = [text for text in texts if len(text) > _CHUNK]
    seen = [*texts, *(span.text for text in parts for span in windows(blank.make_doc(text), 128, 96))]
    cut = _cut(tokenizer, seen)
    kept = needed_ids(tokenizer, Counter(i for ids in cut for i in ids), min_count)
    write_tokenizer(tokenizer, kept, folder)
    trimmed = _tokenizer(folder)
    new = {old: place for place, old in enumerate(kept)}
    again = _cut(trimmed, seen)
    changed = [i for i, (old, now) in enumerate(zip(cut, again, strict=True)) if [new.get(p) for p in old] != now]
    if len(trimmed) != len(kept) or (changed and min_count == 1):
        example = f", the first: {seen[changed[0]]!r:.80}" if changed else ""
        raise ConvnerError(f"{len(changed):,} of {len(seen):,} texts are cut into other pieces after trimming{example}")
    _check_sentencepiece(tokenizer, trimmed, seen)

    pieces = model.get_input_embeddings().num_embeddings
    parameters = sum(parameter.numel() for parameter in model.parameters())
    sample = [i for i in range(len(texts)) if i not in set(changed)][:_HIDDEN_STATES]
    before = [_vectors(model, cut[i]) for i in sample]
    _shrink(model, kept, new)
    for i, expected in zip(sample, before, strict=True):
        found = _vectors(model, again[i])
        if not torch.allclose(expected, found, atol=1e-5):
            raise ConvnerError(f"the transformer answers otherwise after trimming, on {texts[i]!r:.80}")
    after = sum(parameter.numel() for parameter in model.parameters())
    return Trimming(pieces, len(kept), parameters, after, len(texts), len([i for i in changed if i < len(texts)]))


def _shrink(model: Any, kept: list[int], new: dict[int, int]) -> None:
    import torch

    old = model.get_input_embeddings()
    padding = None if old.padding_idx is None else new[old.padding_idx]
    table = torch.nn.Embedding(len(kept), old.embedding_dim, padding_idx=padding)
    with torch.no_grad():
        table.weight.copy_(old.weight[torch.tensor(kept, device=old.weight.device)])
    model.set_input_embeddings(table.to(old.weight.device))
    model.config.vocab_size = len(kept)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        value = getattr(model.config, name, None)
        if value is not None:
            setattr(model.config, name, new.get(value))


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    auto: Any = AutoTokenizer
    return auto.from_pretrained(str(folder))


def _cut(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    cut: list[list[int]] = []
    for start in range(0, len(texts), _CHUNK):
        cut += tokenizer(list(texts[start : start + _CHUNK]), verbose=False)["input_ids"]
    return cut


def _check_sentencepiece(tokenizer: Any, trimmed: Any, texts: Sequence[str]) -> None:
    """RAISES: ConvnerError if the sentencepiece model and tokenizer.json agreed on a text before, and don't now."""
    slow, before = (made.slow_tokenizer_class(vocab_file=made.vocab_file) for made in (trimmed, tokenizer))
    for text in dict.fromkeys(texts):
        if slow.tokenize(text) != trimmed.tokenize(text) and before.tokenize(text) == tokenizer.tokenize(text):
            raise ConvnerError(f"sentencepiece model and tokenizer.json differ after trimming, on {text!r:.80}")


def _vectors(model: Any, ids: list[int]) -> Any:
    import torch

    longest = model.config.max_position_embeddings - 2
    was = model.training
    model.eval()
    with torch.no_grad():
        vectors = model(input_ids=torch.tensor([ids[:longest]], device=model.device)).last_hidden_state
    model.train(was)
    return vectors
