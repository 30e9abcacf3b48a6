"""From labelled Docs to training and development corpora for a student."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..attrs import CANDIDATES_KEY, SELECTED_KEY, get_doc_lang, get_probabilities, set_doc_lang, set_probabilities
from ..docbin import doc_to_exemplar, read_docbin, write_docbin
from ..errors import ConfigError, DataError
from ..leaks import NamesInTexts, form_of, forms_of_patterns, read_names
from ..records import normalize_text, read_exemplars, read_jsonl, unique_texts

USABLE = ("ok", "no_candidates", "")  # "" is what a person annotated


def split_corpora(
    sources: Sequence[Path],
    train: Path,
    dev: Path,
    *,
    dev_share: float,
    seed: int,
    exclude: Sequence[Path] = (),
    exclude_entities: Sequence[Path] = (),
    exclude_patterns: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write train and dev DocBins for ``spacy train``: no duplicates, no test utterance, only what training uses.

    sources (Sequence[Path]): DocBin files or folders of shards. train, dev (Path): ``.spacy`` files to write.
    dev_share (float): Share (0..1) of utterances for development; the side depends on the text and seed alone.
    exclude (Sequence[Path]): Test sets whose utterances are left out.
    exclude_entities (Sequence[Path]): Names (see ``leaks.read_names``): an utterance with one in it, annotated or not,
        is left out.
    exclude_patterns (Sequence[Path]): Patterns of test sets, JSONL: their seeds and utterances of their form are left
        out.
    RETURNS (dict): Counts: train, dev, duplicates, excluded, unusable (a status other than ok and no_candidates);
        and, where asked for, excluded_entities and excluded_patterns.
    """
    if not 0 < dev_share < 1:
        raise ConfigError(f"the development share must be between 0 and 1, got {dev_share}")
    if train.resolve() == dev.resolve():
        raise ConfigError(f"the training and the development corpus can't be the same file: {train}")
    banned: set[str] = set()
    for path in exclude:
        banned |= unique_texts(read_exemplars(path))
    names, forms = NamesInTexts(read_names(list(exclude_entities))), set[str]()
    seeds: set[str] = set()
    for path in exclude_patterns:
        known_forms, known_seeds = _read_patterns(path)
        forms |= known_forms
        seeds |= known_seeds
    counts = {"train": 0, "dev": 0, "duplicates": 0, "excluded": 0, "unusable": 0}
    counts |= {"excluded_entities": 0} if exclude_entities else {}
    counts |= {"excluded_patterns": 0} if exclude_patterns else {}
    sides: dict[str, list[Doc]] = {"train": [], "dev": []}
    seen: set[str] = set()
    for doc in _stream(sources):
        key = normalize_text(doc.text)
        if doc._.convner.status not in USABLE or not len(doc):
            counts["unusable"] += 1
        elif key in banned:
            counts["excluded"] += 1
        elif exclude_entities and names.find(doc.text):
            counts["excluded_entities"] += 1
        elif exclude_patterns and (key in seeds or form_of(doc_to_exemplar(doc)) in forms):
            counts["excluded_patterns"] += 1
        elif doc.text in seen:
            counts["duplicates"] += 1
        else:
            seen.add(doc.text)
            draw = int.from_bytes(hashlib.sha256(f"{seed}\n{key}".encode()).digest()[:8], "big") / 2**64
            side = "dev" if draw < dev_share else "train"
            counts[side] += 1
            sides[side].append(_bare(doc))
    for side in ("train", "dev"):
        if not sides[side]:
            raise DataError(f"no utterance left for the {side} corpus", path=sources[0] if sources else None)
    write_docbin(train, sides["train"])
    write_docbin(dev, sides["dev"])
    return counts


def _read_patterns(path: Path) -> tuple[set[str], set[str]]:
    """RETURNS (tuple[set[str], set[str]]): Forms, and normalised seeds, of the patterns in a file."""
    forms: set[str] = set()
    seeds: set[str] = set()
    for line, record in read_jsonl(path):
        text, found = record.get("text"), record.get("seeds") or []
        if not isinstance(text, str) or not isinstance(found, list) or not all(isinstance(s, str) for s in found):
            raise DataError("expected a pattern with a text and maybe seeds, a list of strings", path=path, line=line)
        forms |= forms_of_patterns([text])
        seeds.update(normalize_text(seed) for seed in found)
    return forms, seeds


def _stream(sources: Iterable[Path]) -> Iterable[Doc]:
    vocab = Vocab()
    for source in sources:
        yield from read_docbin(source, vocab)


def _bare(doc: Doc) -> Doc:
    # A student trains on words, entities, selected spans and what the teacher thought of its candidates; exemplars and
    # provenance would only make the file large.
    copy = Doc(doc.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
    set_doc_lang(copy, get_doc_lang(doc))
    copy.ents = [Span(copy, e.start, e.end, label=e.label_) for e in doc.ents]
    copy.spans[SELECTED_KEY] = [
        Span(copy, s.start, s.end, label=s.label_) for s in doc.spans.get(SELECTED_KEY, doc.ents)
    ]
    probabilities = get_probabilities(doc, CANDIDATES_KEY)
    if probabilities is not None:
        spans = [Span(copy, s.start, s.end, label=s.label_) for s in doc.spans[CANDIDATES_KEY]]
        copy.spans[CANDIDATES_KEY] = spans
        set_probabilities(copy, CANDIDATES_KEY, probabilities)
    return copy
