"""Where a filter that learns finds its exemplars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from spacy.language import Language
from spacy.training import Example

from ..attrs import get_candidates
from ..docbin import doc_to_exemplar
from ..ty import Exemplar, ExemplarSource


def find_exemplars(nlp: Language, component: object) -> Sequence[Exemplar]:
    """RETURNS (Sequence[Exemplar]): Of the first source among the components before this one."""
    for _, pipe in nlp.components:  # disabled ones too: the fit outlives this call
        if pipe is component:
            break
        if isinstance(pipe, ExemplarSource):
            return pipe.matched_exemplars()
    return ()


def exemplars_from(examples: Iterable[Example], nlp: Language, name: str, candidates_key: str) -> list[Exemplar]:
    """Make exemplars of annotated examples, with the candidates that components before ``name`` propose.

    RETURNS (list[Exemplar])
    """
    exemplars = []
    for example in examples:
        doc = nlp.make_doc(example.reference.text)
        for pipe_name, pipe in nlp.pipeline:
            if pipe_name == name:
                break
            doc = pipe(doc)
        gold = doc_to_exemplar(example.reference)
        exemplars.append(replace(gold, candidates=get_candidates(doc, candidates_key)))
    return exemplars
