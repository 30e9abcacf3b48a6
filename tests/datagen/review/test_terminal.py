from __future__ import annotations

from pathlib import Path

import pytest

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.examples import ExampleMaker
from spacy_convner.datagen.review.session import Filters, ReviewSession
from spacy_convner.datagen.review.terminal import TerminalReview
from spacy_convner.errors import DataError

from .conftest import PATTERNS, identity

FIRST = identity("play <Song> by <Artist>")


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def review(session: ReviewSession, lines: list[str], examples: ExampleMaker) -> TerminalReview:
    review = TerminalReview(session, lines.append, examples=examples)
    review.start()
    return review


def test_a_pattern_with_its_seeds_and_examples(review: TerminalReview, lines: list[str]) -> None:
    assert lines[:3] == [
        "",
        f"1 of 5 · en · cluster 0 · conversational · said 7 times · {FIRST}",
        "  play <Song> by <Artist>",
    ]
    assert all(line.startswith("    e.g. play ") and "<" not in line for line in lines[3:6])
    assert lines[6:] == ["    from Play hello by adele"]


def test_commands(review: TerminalReview, patterns_path: Path) -> None:
    for line in ("a", "r 3", "s", "e ¿quién  canta <Song>, dime?", "", "u", "b"):
        assert review.handle(line)
    found = read_patterns(patterns_path)
    assert [p.status for p in found[:4]] == ["accepted", "rejected", "proposed", "proposed"]
    assert found[1].reason == "too generic"
    assert review.handle(f"g {FIRST}")
    assert review.text() == PATTERNS[0]["text"]
    review.handle("r because of its ending")
    assert read_patterns(patterns_path)[0].reason == "because of its ending"
    assert not review.handle("q")
    assert review.summary() == f"{patterns_path}: 3 decisions by ana (1 accepted, 0 edited, 2 rejected); 3 to do"


def test_search_help_and_other_examples(review: TerminalReview, lines: list[str]) -> None:
    review.handle("/ dune")
    assert review.text() == "is <Movie> any good"
    review.handle("/ nowhere")
    assert lines[-1] == "Nothing matches; 5 to do in all."
    with pytest.raises(DataError, match="no pattern to decide on"):
        review.handle("a")
    review.handle("/")
    before = lines[-4:]
    review.handle("m")
    assert lines[-4:] != before
    review.handle("?")
    assert "3 too generic" in lines[-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x", "no command 'x'"),
        ("accept", "no command"),
        ("a now", "nothing may follow"),
        ("e", "new text"),
        ("e play <Sogn>", "did you mean"),
        ("g nowhere", "no pattern with the id"),
        ("u", "nothing to undo"),
    ],
)
def test_refused(review: TerminalReview, patterns_path: Path, line: str, words: str) -> None:
    before = patterns_path.read_bytes()
    with pytest.raises(DataError, match=words):
        review.handle(line)
    assert patterns_path.read_bytes() == before
    assert review.text() == PATTERNS[0]["text"]


def test_to_the_end(review: TerminalReview, lines: list[str]) -> None:
    for line in "aaraa":
        review.handle(line)
    assert lines[-1] == "Everything is decided."
    review.filters = Filters("rejected")
    review.start()
    assert "  rejected by ana" in lines


def test_utterances_cannot_control_the_terminal(session: ReviewSession, lines: list[str]) -> None:
    from dataclasses import replace

    evil = "play \x1b]0;title\x07\x1b[2J<Song>\r\x9b"
    session.patterns[0] = replace(session.patterns[0], text=evil, seeds=(evil,))
    TerminalReview(session, lines.append).start()
    assert all(character.isprintable() for line in lines for character in line)
