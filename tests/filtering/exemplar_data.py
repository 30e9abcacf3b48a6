"""Exemplars, requests and strategies that the tests of local filters share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import spacy
from hypothesis import strategies as st

from spacy_convner.attrs import get_candidates
from spacy_convner.filtering.filters.boosted_linear import make_boosted_linear_filter
from spacy_convner.filtering.filters.linear import make_linear_filter
from spacy_convner.records import parse_utterance, read_exemplars
from spacy_convner.ty import Candidate, CatalogEntry, Exemplar, FilterRequest, FilterTask, LabelledSpan, SemanticFilter

from ..conftest import CATALOG, EXEMPLARS, SHARED, parse_markup

TASK = FilterTask()
# What a local filter is made by; few trees and folds, to be fast.
MAKERS: dict[str, Callable[..., Any]] = {
    "v1": make_linear_filter,
    "v2": partial(make_boosted_linear_filter, rounds=6, folds=2),
}
NAMES = ["dune", "emma", "holes", "carrie", "heat", "alien", "jaws", "up", "it", "ghost", "casino", "fargo"]


def fitted(make: Callable[..., Any], exemplars: Sequence[Exemplar], task: FilterTask = TASK, **settings: Any) -> Any:
    filter_ = make(**settings)
    filter_.fit(exemplars, task)
    return filter_


def match(exemplars: Sequence[Exemplar], entries: Sequence[CatalogEntry], lang: str = "en") -> list[Exemplar]:
    nlp = spacy.blank(lang)
    matcher: Any = nlp.add_pipe("catalog_matcher")
    matcher.add(entries)
    docs = nlp.pipe([exemplar.text for exemplar in exemplars])
    return [replace(e, candidates=get_candidates(doc, "candidates")) for e, doc in zip(exemplars, docs, strict=True)]


def tiny() -> list[Exemplar]:
    entries = [CatalogEntry(**{k: v for k, v in record.items() if k != "aliases"}) for record in CATALOG]  # type: ignore[arg-type]
    return match([parse_utterance(parse_markup(line)) for line in EXEMPLARS], entries)


def rivals() -> list[Exemplar]:
    """Titles of films that are books as well; what is done with them decides, and in a question neither is meant."""
    lines = [("let us watch {} tonight", "Movie"), ("let us read {} tonight", "Book"), ("what does {} mean", "")]
    made = []
    for i, name in enumerate(NAMES):
        for line, label in lines:
            text, start = f"{line.format(name)} {'now' if i % 2 else 'please'}", line.index("{")
            spans = [LabelledSpan(start, start + len(name), own) for own in ("Book", "Movie")]
            candidates = tuple(Candidate(span.start, span.end, span.label) for span in spans)
            made.append(Exemplar(text, tuple(s for s in spans if s.label == label), candidates=candidates))
    return made


def two_labels() -> list[Exemplar]:
    """Names that are films and books at once."""
    return [
        Exemplar(
            f"tell me about {name} {i}",
            tuple(LabelledSpan(14, 14 + len(name), label) for label in ("Book", "Movie")),
            candidates=(
                Candidate(14, 14 + len(name), "Book"),
                Candidate(14, 14 + len(name), "Movie"),
                Candidate(0, 4, "Song"),
            ),
        )
        for i, name in enumerate(["dune", "it", "carrie", "emma", "holes"] * 6)
    ]


def coin(n: int, share: float) -> list[Exemplar]:
    """The same evidence each time; a share of the candidates is meant."""
    generator = random.Random(1)
    made = []
    for _ in range(n):
        name = "".join(generator.choices("abcdefgh", k=6))
        gold = (LabelledSpan(3, 9, "Song"),) if generator.random() < share else ()
        made.append(Exemplar(f"go {name}", gold, candidates=(Candidate(3, 9, "Song"),)))
    return made


def annotated_with_capitals() -> list[Exemplar]:
    """Who annotates writes names with capitals, and the same words without where they are none."""
    names = ["Dune", "Emma", "Holes", "Carrie", "Heat", "Alien", "Jaws", "Up"]
    written = [f"watch {name} with me {i}" for i, name in enumerate(names * 4)]
    refused = [f"what does {name.lower()} mean {i}" for i, name in enumerate(names * 4)]
    exemplars = []
    for i, text in enumerate([*written, *refused]):
        name = names[i % len(names)]
        start = text.lower().index(name.lower())
        span = LabelledSpan(start, start + len(name), "Movie")
        step = "exact" if name in text else "case"
        candidate = Candidate(span.start, span.end, "Movie", step=step)
        exemplars.append(Exemplar(text, (span,) if name in text else (), candidates=(candidate,)))
    return exemplars


def snips() -> tuple[list[Exemplar], list[Exemplar]]:
    """Exemplars and other utterances, 400 each, with the candidates of a catalog of all their names."""
    path = SHARED / "data" / "snips" / "train.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    lines = read_exemplars(path)
    random.Random(0).shuffle(lines)
    lines = lines[:800]
    entries = [CatalogEntry(e.text[s.start : s.end], s.label) for e in lines for s in e.spans]
    matched = match(lines, entries, lang="xx")
    return matched[:400], matched[400:]


def ask(text: str, *names: tuple[str, str]) -> FilterRequest:
    """Candidates (name, label) at the first place where each name occurs."""
    found = [Candidate(text.index(name), text.index(name) + len(name), label) for name, label in names]
    return FilterRequest(text, tuple(sorted(found, key=lambda c: (c.start, -c.end, c.label))))


def chosen(filter_: SemanticFilter, request: FilterRequest, task: FilterTask = TASK) -> set[tuple[str, str]]:
    (response,) = filter_([request], task)
    picked = [request.candidates[i] for i in response.selected]
    return {(request.text[c.start : c.end], c.label) for c in picked}


def f1(filter_: SemanticFilter, exemplars: Sequence[Exemplar], task: FilterTask = TASK) -> float:
    correct = predicted = gold = 0
    responses = filter_([FilterRequest(e.text, e.candidates, lang=e.lang) for e in exemplars], task)
    for exemplar, response in zip(exemplars, responses, strict=True):
        found = {exemplar.candidates[i].key for i in response.selected}
        correct += len(found & set(exemplar.spans))
        predicted += len(found)
        gold += len(set(exemplar.spans))
    return 2 * correct / (predicted + gold)


WORDS = ["hello", "Hello", "DUNE", "dune", "play", "the", "I", "o'clock", "5", "#tag", "Beyoncé", "ß", "it's", "song"]
# Whatever a client may send: control characters, lone surrogates, text in any script.
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.text(st.characters(exclude_categories=()), max_size=40),
)
LABELS = ("Song", "Movie", "Artist")


@st.composite
def requests(draw: st.DrawFn) -> FilterRequest:
    """A text and any spans in it, empty ones too."""
    text = draw(TEXTS)
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    keys = draw(st.lists(st.tuples(places.map(tuple), st.sampled_from(LABELS)), max_size=8, unique=True))
    steps, popularity = st.sampled_from(["exact", "case", "alias", "possessive"]), st.floats(0, 1e12)
    candidates = [Candidate(a, b, label, "", draw(steps), draw(popularity)) for (a, b), label in keys]
    return FilterRequest(text, tuple(sorted(candidates, key=lambda c: (c.start, -c.end, c.label))))


@st.composite
def exemplars_of(draw: st.DrawFn) -> Exemplar:
    """A request of which some candidates are meant, and maybe a span that was never proposed."""
    request = draw(requests())
    gold = [c.key for c in request.candidates if draw(st.booleans())]
    if request.text and draw(st.booleans()):
        gold.append(LabelledSpan(0, len(request.text), "Song"))
    return Exemplar(request.text, tuple(dict.fromkeys(gold)), candidates=request.candidates)
