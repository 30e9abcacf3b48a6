"""Names that a pattern still has as words: whatever the catalog matcher finds between its tags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from ...attrs import CANDIDATES_KEY, set_doc_lang
from ...errors import ConfigError, DataError
from ...records import without_accents
from ..placeholders import parse_placeholders
from ..ty import Pattern
from .languages import is_number, stop_words

# How a name matched, where what matched is more often a word: "bear" for The Bear, "suits" for Suit.
_LOOSE = frozenset({"articles", "plural", "apostrophes", "numbers", "suffixes"})


class LiteralEntity(NamedTuple):
    """A name that stands in a pattern as words."""

    text: str
    label: str
    popularity: float

    def __str__(self) -> str:
        return f"{self.text!r} ({self.label}, popularity {self.popularity:g})"


def find_literal_entities(
    patterns: Sequence[Pattern],
    nlp: Language,
    *,
    popularity_floor: float,
    labels: Collection[str] | None = None,
    everyday: Mapping[str, Collection[str]] | None = None,
) -> list[list[LiteralEntity]]:
    """Look for catalog names outside of tags.

    nlp (Language): With a ``catalog_matcher``; its other components don't run. popularity_floor (float): Names below
        it pass.
    labels (Collection[str] | None): Labels that count. everyday (Mapping): Language → words that may stay.
    RETURNS (list[list[LiteralEntity]]): Of each pattern, most popular first. Everyday words, function words, numbers
        and loose matches don't count.
    RAISES: ConfigError if the pipeline has no matcher.
    """
    matcher = matcher_name(nlp)
    if matcher is None:
        raise ConfigError(f"the pipeline has no catalog_matcher, its components are {nlp.pipe_names}")
    key = getattr(nlp.get_pipe(matcher), "spans_key", CANDIDATES_KEY)
    found: list[list[LiteralEntity]] = [[] for _ in patterns]
    # Between the tags each piece alone, so that no name is put together across a tag.
    pieces = [(i, piece) for i, pattern in enumerate(patterns) for piece in _pieces(pattern)]
    docs = ((_make_doc(nlp, piece, patterns[i].lang), i) for i, piece in pieces)
    with nlp.select_pipes(enable=matcher):
        for doc, i in nlp.pipe(docs, as_tuples=True):
            lang = patterns[i].lang
            for span, popularity in _candidates(doc.spans[key], lang, (everyday or {}).get(lang, ())):
                if popularity >= popularity_floor and (labels is None or span.label_ in labels):
                    found[i].append(LiteralEntity(span.text, span.label_, popularity))
    return [sorted(set(names), key=lambda name: (-name.popularity, name)) for names in found]


def matcher_name(nlp: Language) -> str | None:
    """RETURNS (str | None): Name of the pipeline's ``catalog_matcher``."""
    return next((name for name, factory in nlp.pipe_factories.items() if factory == "catalog_matcher"), None)


def _pieces(pattern: Pattern) -> Iterator[str]:
    try:
        parts = parse_placeholders(pattern.text)
    except DataError:
        return
    yield from (part for part in parts if isinstance(part, str) and part.strip())


def _make_doc(nlp: Language, text: str, lang: str) -> Doc:
    doc = nlp.make_doc(text)
    set_doc_lang(doc, lang)
    return doc


def _candidates(group: SpanGroup, lang: str, everyday: Collection[str]) -> Iterator[tuple[Span, float]]:
    for span, popularity, step, common in zip(
        group, group.attrs["popularity"], group.attrs["steps"], group.attrs["common_word"], strict=True
    ):
        # A name with an accent may be written without it; the other way round it is another word.
        accented = step == "accents" and span.text != without_accents(span.text)
        words = [token.lower_ for token in span if not token.is_punct]
        function_words = all(word in stop_words(lang) or is_number(word, lang) for word in words)
        if not (common or accented or function_words or step in _LOOSE or span.text.casefold() in everyday):
            yield span, float(popularity)
