"""Training examples in another case, for a student that people write to in capitals, or in none."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..attrs import SELECTED_KEY

_WORD = re.compile(r"\S+")


def title_case(text: str) -> str:
    """RETURNS (str): ``text`` with a capital after each space, if a letter is there (not in *¿qué*), nowhere else."""
    return _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


_CASES: tuple[Callable[[str], str], ...] = (str.lower, str.upper, title_case)


def recase(nlp: Language, example: Example, generator: random.Random) -> Example:
    """Write an example in lower case, in capitals or in title case, each as likely; labels stay where they are.

    nlp (Language): Makes the tokens of the new text. example (Example): Its reference has entities and, for a span
    categoriser, the selected spans; nothing else of it is kept. What nobody annotated stays so.
    RETURNS (Example): ``example`` itself where the other case has another length (*ß* is *SS* in capitals, anywhere in
        the text), or where the new text's tokens don't have a label's ends.
    """
    source = example.reference
    text = generator.choice(_CASES)(source.text)
    if len(text) != len(source.text):
        return example
    new = nlp.make_doc(text)
    entities = _moved(source.ents, new)
    missing = _moved([source[token.i : token.i + 1] for token in source if not token.ent_iob], new)
    selected = _moved(source.spans[SELECTED_KEY], new) if SELECTED_KEY in source.spans else []
    if entities is None or missing is None or selected is None:
        return example
    new.set_ents(entities, missing=missing)
    if SELECTED_KEY in source.spans:
        new.spans[SELECTED_KEY] = selected
    return Example(nlp.make_doc(text), new)


def _moved(spans: Iterable[Span], doc: Doc) -> list[Span] | None:
    """RETURNS (list or None): None where a span doesn't begin and end at tokens of ``doc``."""
    moved = [doc.char_span(span.start_char, span.end_char, span.label_) for span in spans]
    found = [span for span in moved if span is not None]
    return found if len(found) == len(moved) else None
