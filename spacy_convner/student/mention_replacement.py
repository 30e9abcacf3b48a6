"""Training examples with other names in them: what a small student can't learn from a few thousand utterances alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import accumulate
from math import sqrt

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..attrs import SELECTED_KEY
from ..ty import EntrySource
from .recasing import recase

Augmenter = Callable[[Language, Example], Iterator[Example]]


def make_replace_mentions(names: EntrySource, variants: int = 2, seed: int = 0, recased: float = 0.0) -> Augmenter:
    """Create a ``spacy_convner.replace_mentions.v1``: an augmenter that swaps names for others of their label.

    Mention replacement as in Dai and Adel (2020), *An Analysis of Simple Data Augmentation for Named Entity
    Recognition*; names are drawn from a catalog with the square root of their popularity as weight. An utterance is
    followed by its variants; one without entities, or whose labels the catalog lacks, has none. Of a variant's and a
    recased utterance's annotation entities and selected spans are kept; the rest are given on as they are.

    names (EntrySource): Where names come from, read when the first example is. variants (int): Variants an utterance.
    seed (int): Seed of the draws. recased (float): Share of the utterances and variants, 0 to 1, that are
        given in another case: a third of them each in lower case (which many are already), capitals and title case.
    RETURNS (Augmenter): Called with the pipeline and an example.
    """
    if not isinstance(variants, int) or variants < 0:
        raise ValueError(f"replace_mentions: variants must be a whole number, 0 or more, got {variants!r}")
    if not isinstance(recased, int | float) or not 0 <= recased <= 1:  # an override of .25, without its 0, is text
        raise ValueError(f"replace_mentions: recased is a number from 0 to 1 (such as 0.25), got {recased!r}")
    generator = random.Random(seed)
    pools: dict[str, tuple[list[str], list[float]]] = {}

    def read_names() -> None:
        weights: dict[str, dict[str, float]] = {}
        for entry in names():
            of_label = weights.setdefault(entry.label, {})
            of_label[entry.text] = max(of_label.get(entry.text, 0.0), 1.0 + sqrt(entry.popularity))
        pools.update({label: (list(found), list(accumulate(found.values()))) for label, found in weights.items()})

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        for each in replace(nlp, example):
            yield recase(nlp, each, generator) if recased and generator.random() < recased else each

    def replace(nlp: Language, example: Example) -> Iterator[Example]:
        yield example
        if not pools:
            read_names()
        if any(ent.label_ in pools for ent in example.reference.ents):
            for _ in range(variants):
                variant = _replaced(nlp, example.reference, pools, generator)
                if variant is not None:
                    yield variant

    return augment


def _replaced(
    nlp: Language, doc: Doc, pools: dict[str, tuple[list[str], list[float]]], generator: random.Random
) -> Example | None:
    """RETURNS (Example | None): None where a new name doesn't end at a token of the new text."""
    source, text, end, found = doc.text, "", 0, []  # spaCy puts a Doc's text together anew each time it is asked
    for ent in doc.ents:
        text += source[end : ent.start_char]
        name = old = source[ent.start_char : ent.end_char]
        if ent.label_ in pools:
            choices, weights = pools[ent.label_]
            name = generator.choices(choices, cum_weights=weights)[0]
            if old == old.lower():
                name = name.lower()
        found.append((len(text), len(text) + len(name), ent.label_))
        text += name
        end = ent.end_char
    text += source[end:]
    new = nlp.make_doc(text)
    spans = [span for item in found if (span := new.char_span(*item)) is not None]
    if len(spans) < len(found):
        return None
    new.set_ents(spans, default="outside" if all(token.ent_iob for token in doc) else "missing")
    if SELECTED_KEY in doc.spans:  # for a span categoriser; what was nested in a name went with it
        new.spans[SELECTED_KEY] = spans
    return Example(nlp.make_doc(text), new)
