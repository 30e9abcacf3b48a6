from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.pattern_files import pattern_id
from spacy_convner.datagen.review.decisions import ACTIONS, check_text, decide, is_decided, is_kept, propose_again
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import ConfigError, DataError

PATTERN = Pattern("play <Song>", "en", seeds=("play hello",), generator="teacher")


def test_accept() -> None:
    done = decide(PATTERN, "accept", reviewer="ana")
    assert (done.status, done.text, done.original, done.reviewer) == ("accepted", PATTERN.text, "", "ana")
    assert datetime.fromisoformat(done.decided_at).utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    assert is_decided(done)
    assert is_kept(done)


def test_reject_with_a_reason() -> None:
    done = decide(PATTERN, "reject", reason=" too  generic ")
    assert (done.status, done.reason) == ("rejected", "too generic")
    assert not is_kept(done)


def test_an_edit_keeps_what_was_proposed() -> None:
    done = decide(PATTERN, "edit", text="please  play <Song>")
    assert (done.status, done.text, done.original) == ("edited", "please play <Song>", "play <Song>")
    again = decide(done, "edit", text="do play <Song>")
    assert (again.text, again.original) == ("do play <Song>", "play <Song>")
    assert decide(again, "accept").status == "edited"
    back = decide(again, "edit", text="play <Song>")
    assert (back.status, back.original) == ("accepted", "")


def test_accepting_keeps_white_space_and_so_the_id() -> None:
    pattern = Pattern("play  <Song> ", "en")
    done = decide(pattern, "accept")
    assert done.text == pattern.text
    assert decide(pattern, "edit", text="play <Song>").status == "accepted"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" ", "empty"),
        ("play it", "no placeholder"),
        ("play <Song", "without '>'"),
        ("play <Sogn>", "did you mean <Song>?"),
        ("play <Xyzzy>", "known labels: Artist, Song"),
        ("play <Song> \ud800", "surrogate"),
    ],
)
def test_what_is_no_pattern(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words.replace("?", r"\?")):
        check_text(text, ["Song", "Artist"])
    with pytest.raises(DataError):
        decide(PATTERN, "edit", text=text, labels=["Song", "Artist"])


@pytest.mark.parametrize("reviewer", ["validate", "generate"])
def test_what_no_person_rejected_is_not_decided(reviewer: str) -> None:
    assert not is_decided(Pattern("play", "en", status="rejected", reviewer=reviewer))
    with pytest.raises(ConfigError, match="another --reviewer"):
        decide(PATTERN, "reject", reviewer=reviewer)


def test_unknown_action_and_missing_text() -> None:
    with pytest.raises(ConfigError, match="accept, edit, reject"):
        decide(PATTERN, "maybe")
    with pytest.raises(DataError, match="new text"):
        decide(PATTERN, "edit")


@pytest.mark.parametrize("field", ["reason", "reviewer"])
def test_what_cannot_be_written(field: str) -> None:
    with pytest.raises(DataError, match="surrogate"):
        decide(PATTERN, "reject", **{field: "\udcff"})


TEXTS = st.sampled_from(["play <Song>", "play  <Song>", "hear <Song>", "<Song:1> or <Song:1>", "who sings <Song>"])


@given(TEXTS, st.lists(st.tuples(st.sampled_from(ACTIONS), TEXTS), max_size=6))
def test_the_id_outlives_every_decision(start: str, steps: list[tuple[str, str]]) -> None:
    proposed = pattern = Pattern(start, "en")
    for action, text in steps:
        pattern = decide(pattern, action, text=text)
        assert pattern_id(pattern) == pattern_id(proposed)
        assert (pattern.status == "edited") <= (pattern.original == start != pattern.text)
    assert propose_again(pattern) == proposed
