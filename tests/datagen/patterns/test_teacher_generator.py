from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_convner.attrs import set_candidates, set_selected
from spacy_convner.datagen.patterns.teacher_generator import (
    TeacherPatternGenerator,
    fill_in,
    make_teacher_pattern_generator,
)
from spacy_convner.datagen.placeholders import parse_placeholders
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import ConfigError, DataError

from .conftest import group

BLANK = spacy.blank("xx")
# word → (label, score) that a stand-in for the teacher gives it; a second one loses against the first.
KNOWN = {
    "adele": [("Artist", 0.95)],
    "hello": [("Song", 0.9)],
    "stay": [("Song", 0.8)],
    "yes": [("Artist", 0.85)],
    "maybe": [("Song", 0.4)],
    "dune": [("Movie", 0.9), ("Book", 0.85)],
    "heat": [("Movie", 0.9), ("SportsTeam", 0.5)],
    "adeles": [("Artist", 0.9)],
    "nothing": [("Song", float("nan"))],
}


@Language.component("test_teacher")
def label_known_words(doc: Doc) -> Doc:
    spans = [
        (Span(doc, token.i, token.i + 1, label), score) for token in doc for label, score in KNOWN.get(token.lower_, ())
    ]
    selected = [span for span, _ in spans]
    steps = ["plural" if span.text == "adeles" else "exact" for span in selected]
    marks = {"common_word": [span.text.lower() == "yes" for span in selected]}
    set_candidates(doc, "candidates", selected, steps, [50.0] * len(selected), marks)
    set_selected(doc, "sc", selected, [score for _, score in spans])
    doc.ents = spacy.util.filter_spans(selected)
    doc._.convner.status = "failed" if "broken" in doc.text else "ok"
    return doc


@pytest.fixture
def generator() -> TeacherPatternGenerator:
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_teacher")
    return TeacherPatternGenerator(nlp, min_score=0.7, min_score_everyday=0.9, min_margin=0.15)


def made(generator: TeacherPatternGenerator, *texts: str, **more: Any) -> list[Pattern]:
    return list(generator([group(*texts, **more)], "en"))


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        ("play Hello by Adele, please", "play <Song> by <Artist>, please"),
        ("adele's hello is great", "<Artist>'s <Song> is great"),
        ("adele’s voice", "<Artist>’s voice"),
        ("is it hello or stay", "is it <Song> or <Song>"),
        ("hello, and then Hello again, and stay", "<Song:1>, and then <Song:1> again, and <Song>"),
        ("hello hello stay stay", "<Song:1> <Song:1> <Song:2> <Song:2>"),
        ("  play\n hello \t now ", "play <Song> now"),
        ("watch heat tonight", "watch <Movie> tonight"),
    ],
)
def test_names_become_placeholders(generator: TeacherPatternGenerator, seed: str, text: str) -> None:
    (pattern,) = made(generator, seed, cluster=4, frequencies=(3,))
    assert pattern == Pattern(text, "en", "proposed", 4, (seed,), "teacher", frequency=3)


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        ("good morning", "no entity: the teacher selected none"),
        ("play maybe by adele", "unsure: 'maybe' (Song, 0.40 < 0.7)"),
        ("play nothing by adele", "unsure: 'nothing' (Song, nan)"),
        ("oh yes please adele", "unsure: 'yes' (Artist, 0.85 < 0.9, an everyday word)"),
        ("put dune on", "ambiguous: 'dune' (Movie, 0.90) or 'dune' (Book, 0.85)"),
        ("play adeles record", "inflected: 'adeles'"),
        ("play <hello> now", "angle brackets: the seed has some of its own"),
        ("broken adele", "teacher: failed"),
    ],
)
def test_seeds_that_become_no_pattern_say_why(generator: TeacherPatternGenerator, seed: str, reason: str) -> None:
    (pattern,) = made(generator, seed)
    assert (pattern.status, pattern.text, pattern.seeds) == ("rejected", seed, (seed,))
    assert (pattern.reason, pattern.reviewer) == (reason, "validate")


def test_seeds_with_one_text_are_one_pattern(generator: TeacherPatternGenerator) -> None:
    groups = [
        group("play hello", "who is adele", cluster=-1, frequencies=(2, 1)),
        group("play stay", "play stay", cluster=3, frequencies=(5, 1)),
    ]
    one, two = generator(groups, "en")
    assert (one.text, one.cluster, one.frequency, one.seeds) == ("play <Song>", 3, 8, ("play hello", "play stay"))
    assert (two.text, two.cluster, two.frequency) == ("who is <Artist>", -1, 1)


def test_another_language_needs_a_language_model(generator: TeacherPatternGenerator) -> None:
    with pytest.raises(ConfigError, match=r"seeds in 'en' make no patterns in 'es'.*--generator llm"):
        list(generator([group("play hello")], "es"))
    (pattern,) = generator([group("pon hello", lang="es")], "es")
    assert (pattern.text, pattern.lang) == ("pon <Song>", "es")


def test_any_pipeline_with_entities_will_do() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Artist", "pattern": "Adele"}])  # type: ignore[attr-defined]
    (pattern,) = TeacherPatternGenerator(nlp, 0.9, 0.9, 0.9)([group("play Adele")], "en")
    assert pattern.text == "play <Artist>"


def test_with_the_four_components(make_teacher: Callable[..., Language], tmp_path: Path) -> None:
    make_teacher().to_disk(tmp_path / "teacher")
    generator = make_teacher_pattern_generator(str(tmp_path / "teacher"), min_score=0.5)
    seeds = ["play stay by adele again", "weather in boston on friday", "good morning", "is manchester united winning"]
    found = list(generator([group(*seeds)], "en"))
    assert "weather in <City> on friday" in [p.text for p in found if p.status == "proposed"]
    assert [p.seeds[0] for p in found] == seeds
    assert found[2].reason.startswith("no entity")


def test_settings() -> None:
    with pytest.raises(ConfigError, match="needs a pipeline"):
        list(make_teacher_pattern_generator()([group("play hello")], "en"))
    with pytest.raises(DataError, match="no such pipeline"):
        list(make_teacher_pattern_generator("nowhere")([group("play hello")], "en"))
    for name in ("min_score", "min_score_everyday", "min_margin"):
        with pytest.raises(ConfigError, match=f"{name} must be between 0 and 1"):
            make_teacher_pattern_generator(**{name: 1.5})  # type: ignore[arg-type]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["adele", "hello", "stay", "play", "'s", "to", ",", "Adele"]), min_size=1, max_size=9))
def test_outside_of_placeholders_nothing_changes(words: list[str]) -> None:
    doc = BLANK.make_doc(" ".join(words))
    spans = [Span(doc, t.i, t.i + 1, KNOWN[t.lower_][0][0]) for t in doc if t.lower_ in KNOWN]
    text = fill_in(doc, spans)
    pieces = parse_placeholders(text)
    assert "".join(map(str, pieces)) == text
    tags = [str(piece) for piece in pieces if not isinstance(piece, str)]
    assert len(tags) == len(spans)
    # The same placeholder twice if and only if it is the same name.
    for one, first in zip(tags, spans, strict=True):
        for other, second in zip(tags, spans, strict=True):
            if first is not second:
                assert (":" in one and one == other) == (first.text.lower() == second.text.lower())
    names = iter(span.text for span in spans)
    assert re.sub("<[^>]*>", lambda _: next(names), text) == doc.text
