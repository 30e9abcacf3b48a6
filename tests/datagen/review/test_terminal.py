from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.commands import parse_command
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
    assert review.summary().splitlines() == [
        f"{patterns_path}: 3 decisions by ana (1 accepted, 0 edited, 2 rejected)",
        "                      todo  accepted    edited  rejected   invalid",
        "conversational           3         0         0         2         1",
    ]


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
        ("a now", "nothing may follow a but an id"),
        (f"a {FIRST} now", "nothing may follow"),
        (f"e {FIRST}", "new text"),
        ("a 00000000", "no pattern with the id"),
        ("r 2024 and more", "write the id of its pattern before it"),
        ("l 0", "number of patterns"),
        ("l some", "number of patterns"),
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
    assert lines[-1] == "Nothing is left to do. What is decided: g ID, or --view"
    review.filters = Filters("rejected")
    review.start()
    assert "  rejected by ana" in lines


def test_commands_that_name_their_pattern(review: TerminalReview, patterns_path: Path, lines: list[str]) -> None:
    spanish, movie = identity("¿quién canta <Song>?", "es"), identity("is <Movie> any good")
    del lines[:]
    review.handle(f"a {spanish[:4].upper()}")
    review.handle(f"r {movie} 3")
    review.handle(f"e {movie[:6]} is <Movie> 2024 worth it")
    assert lines == [
        f"accepted {spanish}: ¿quién canta <Song>?",
        f"rejected {movie}: is <Movie> any good",
        f"edited {movie}: is <Movie> 2024 worth it",
    ]
    assert review.text() == PATTERNS[0]["text"]  # is still to be decided
    assert [p.status for p in read_patterns(patterns_path)[3:5]] == ["accepted", "edited"]
    review.handle(f"r {FIRST} odd")
    assert review.text() == PATTERNS[1]["text"]
    assert read_patterns(patterns_path)[0].reason == "odd"


def test_beginnings_of_ids(session: ReviewSession) -> None:
    positions = session.file.positions
    for number, start in enumerate(("fadedfaded00", "fadedfaded11", "12345678abcd")):
        positions[start] = number
    assert parse_command("a 1234", session) == ("a", 2, "")
    assert parse_command("g fadedfaded1", session) == ("g", 1, "")
    assert parse_command("r fadedfaded00 odd", session) == ("r", 0, "odd")
    assert parse_command("r decade of <Song>", session) == ("r", None, "decade of <Song>")
    assert parse_command("r bad", session) == ("r", None, "bad")
    with pytest.raises(DataError, match="2 ids begin with 'faded'"):
        parse_command("a faded", session)
    with pytest.raises(DataError, match="'faded' is a word or stands for fadedfaded00"):
        parse_command("e faded <Song>", session)


def test_lists(review: TerminalReview, lines: list[str]) -> None:
    review.handle("a")
    del lines[:]
    review.handle("l 2")
    assert lines[0] == "\t".join(
        (identity("put on some <Artist> will you"), "put on some <Artist> will you", "put on some adele will you")
    )
    assert len(lines) == 2
    assert review.text() == PATTERNS[1]["text"]
    review.handle("l")
    assert len(lines) == 2 + 4
    review.handle("/ nowhere")
    review.handle("l")
    assert lines[-1].startswith("Nothing matches")


def test_quiet(session: ReviewSession, lines: list[str]) -> None:
    review = TerminalReview(session, lines.append, quiet=True)
    review.start()
    for line in ("a", "r odd", "s", "b", "u", "u"):
        review.handle(line)
    assert [line.split()[0] for line in lines] == ["accepted", "rejected", "undone", "undone"]


def test_a_rejection_without_a_reason_is_saved_and_said(review: TerminalReview, patterns_path: Path) -> None:
    warnings: list[str] = []
    review.warn = warnings.append
    for line in ("r", "r odd", "a " + identity("is <Movie> any good")):
        review.handle(line)
    assert warnings == [f"{FIRST}: rejected without a reason"]
    assert read_patterns(patterns_path)[0].status == "rejected"


def test_undo_says_what_it_takes_back(open_session: Callable[..., ReviewSession], lines: list[str]) -> None:
    review = TerminalReview(open_session(), lines.append, quiet=True)
    review.start()
    for line in ("r odd", "e put on <Artist>", "u"):
        review.handle(line)
    second = identity("put on some <Artist> will you")
    assert lines[-1] == f"undone {second}: put on some <Artist> will you (was edited: put on <Artist>)"
    review = TerminalReview(open_session(), lines.append, quiet=True)
    review.start()
    review.handle("u")
    said = re.escape(f"undone {FIRST}: play <Song> by <Artist> (was rejected: odd, in an earlier session, ")
    assert re.fullmatch(said + r"\d{4}-\d\d-\d\d\)", lines[-1])


def test_going_to_what_the_list_leaves_out(review: TerminalReview, lines: list[str]) -> None:
    review.handle("a")
    review.handle(f"g {FIRST}")
    assert f"decided already · en · cluster 0 · conversational · said 7 times · {FIRST}" in lines
    assert "  accepted by ana" in lines
    review.handle(f"g {identity('play')}")
    assert any(line.startswith("refused by the checks · ") for line in lines)
    review.handle("/ dune")
    review.handle(f"g {identity('¿quién canta <Song>?', 'es')}")
    assert any(line.startswith("beside the filter · es") for line in lines)
    assert not any("not in this list" in line for line in lines)


def test_the_summary_counts_by_style(open_session: Callable[..., ReviewSession]) -> None:
    session = open_session()
    session.patterns[1] = replace(session.patterns[1], style="command")
    session.decide(1, "accept")
    assert TerminalReview(session, print).summary().splitlines() == [
        f"{session.file.path}: 1 decision by ana (1 accepted, 0 edited, 0 rejected)",
        "                      todo  accepted    edited  rejected   invalid",
        "conversational           4         0         0         0         1",
        "command                  0         1         0         0         0",
        "in all                   4         1         0         0         1",
    ]


def test_utterances_cannot_control_the_terminal(session: ReviewSession, lines: list[str]) -> None:
    evil = "play \x1b]0;title\x07\x1b[2J<Song>\r\x9b"
    session.patterns[0] = replace(session.patterns[0], text=evil, seeds=(evil,))
    review = TerminalReview(session, lines.append)
    review.start()
    review.handle("r")
    review.handle("u")
    assert all(character.isprintable() for line in lines for character in line)


def test_hints_block_nothing(review: TerminalReview, lines: list[str]) -> None:
    warned: list[str] = []
    review.warn = warned.append
    review.handle("e play the <Song> of <Artist>'s")
    hint = "an article before <Song>, 's after <Artist>: most names must fit"
    assert warned == [f"{FIRST}: {hint}"]
    review.handle(f"g {FIRST}")
    assert f"  {hint}" in lines
    review.handle("a")
    assert len(warned) == 1  # it was on the screen
    review.quiet = True
    review.handle(f"a {FIRST}")
    assert len(warned) == 2
