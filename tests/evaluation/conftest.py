"""A tiny pipeline that proposes, knows exemplars and decides, made of spaCy's own rulers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_convner.ty import Candidate, Exemplar, LabelledSpan

EXEMPLARS = (
    Exemplar("play hello", (LabelledSpan(5, 10, "Song"),), candidates=(Candidate(5, 10, "Song"),)),
    Exemplar(
        "play dune", (LabelledSpan(5, 9, "Movie"),), candidates=(Candidate(5, 9, "Movie"), Candidate(5, 9, "Book"))
    ),
    Exemplar("read dune now", (), candidates=(Candidate(5, 9, "Book"),)),
)


class Exemplars:
    """Holds exemplars, changes nothing."""

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def matched_exemplars(self) -> Sequence[Exemplar]:
        return EXEMPLARS


@Language.factory("test_evaluation_exemplars", assigns=["doc._.exemplars"])
def make_exemplars(nlp: Language, name: str) -> Exemplars:
    return Exemplars()


@pytest.fixture
def student() -> Language:
    """Only entities: Hello is a Song, Dune a Movie."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": "Song", "pattern": "hello"}, {"label": "Movie", "pattern": "dune"}])
    return nlp


@pytest.fixture
def teacher(student: Language) -> Language:
    """The same with candidates (Dune may be a Book too) and exemplars."""
    ruler = student.add_pipe(
        "span_ruler", first=True, config={"spans_key": "candidates", "phrase_matcher_attr": "LOWER"}
    )
    ruler.add_patterns(
        [
            {"label": "Song", "pattern": "hello"},
            {"label": "Movie", "pattern": "dune"},
            {"label": "Book", "pattern": "dune"},
        ]
    )
    student.add_pipe("test_evaluation_exemplars")
    return student


@pytest.fixture
def gold() -> list[Exemplar]:
    """Right, wrong label, missed because no catalog has it, spurious."""
    return [
        Exemplar("play hello", (LabelledSpan(5, 10, "Song"),), "en"),
        Exemplar("read dune", (LabelledSpan(5, 9, "Book"),), "en"),
        Exemplar("play yellow", (LabelledSpan(5, 11, "Song"),), "en"),
        Exemplar("hello, can you hear me", (), "en"),
    ]
