from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.review.examples import ExampleMaker, Piece, pattern_pieces, seed_pieces
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import DataError

from .conftest import HOSTILE


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def test_three_examples_the_same_each_time(examples: ExampleMaker) -> None:
    pattern = Pattern("play <Song> by <Artist>", "en")
    found = examples(pattern)
    assert found == examples(pattern)
    assert len({said(example) for example in found}) == 3
    for play, song, by, artist in found:
        assert (play.text, by.text) == ("play ", " by ")
        assert song.text in ("Hello", "Stay")
        assert (song.label, artist.label, artist.name) == ("Song", "Artist", True)
    assert examples(pattern, turn=1) != found


def test_an_index_stands_for_one_name(examples: ExampleMaker) -> None:
    for example in examples(Pattern("<Artist:1>, i said <Artist:1>, not <Artist>", "en")):
        first, _, second, _, third = example
        assert first.text == second.text != third.text


def test_articles_agree_as_when_populated(examples: ExampleMaker) -> None:
    for example in examples(Pattern("play a <Artist> record", "en")):
        vowel = example[1].text[0] in "AEIOU"
        assert example[0].text == ("play an " if vowel else "play a ")


def test_labels_without_names_stay_placeholders(examples: ExampleMaker) -> None:
    [example] = examples(Pattern("call <Person>", "en"))
    assert example[-1] == Piece("<Person>", "Person", name=False)
    songs = examples(Pattern("<Song>, <Song> or <Song>", "en"))
    assert all(sum(not piece.name for piece in example) == 1 for example in songs)  # the catalog has two


def test_broken_brackets_give_none(examples: ExampleMaker) -> None:
    assert examples(Pattern(HOSTILE, "en")) == []
    with pytest.raises(DataError):
        pattern_pieces(HOSTILE)


@pytest.mark.parametrize(
    ("text", "seed", "names"),
    [
        ("play <Song> by <Artist>", "Play hello  by adele", ["hello", "adele"]),
        ("<Song> please", "hello please ", ["hello"]),
        ("play <Song>", "play a by b", ["a by b"]),
        ("play <Song> now", "play now", []),
        ("play <Song>", "play ", []),
        ("<A><B>", "x y", []),
        ("play", "play", []),
        (HOSTILE, "play x by y", []),
    ],
)
def test_seeds_show_their_names(text: str, seed: str, names: list[str]) -> None:
    pieces = seed_pieces(text, seed)
    assert [piece.text for piece in pieces if piece.label] == names
    assert said(pieces) == " ".join(seed.split())


@given(st.text("<Ab> x", max_size=30), st.text("Ab x", max_size=30))
def test_a_seed_stays_what_was_said(text: str, seed: str) -> None:
    assert said(seed_pieces(text, seed)) == " ".join(seed.split())


def test_long_seeds_take_no_time() -> None:
    assert len(seed_pieces("<A> a <B> a <C> a <D> a <E> x", "a b " * 50_000)) == 1
