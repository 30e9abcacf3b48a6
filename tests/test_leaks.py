"""Names and forms that training must not have seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.leaks import (
    FILLERS,
    NamesInTexts,
    fold_name,
    form_of,
    form_of_pattern,
    forms_of_patterns,
    has_name,
    literal_form,
    literal_form_of_pattern,
    read_names,
)
from spacy_convner.records import parse_utterance

from .conftest import parse_markup, write_jsonl


@pytest.mark.parametrize(
    ("name", "folded"),
    [("Beyoncé", "beyonce"), ("Guns N' Roses", "guns n roses"), ("AC/DC", "ac dc"), ("  The  Who ", "the who"),
     ("!!!", "!!!"), ("Ñu", "nu"), ("ß", "ss"), ("a_b", "a b"), ("", "")],
)  # fmt: skip
def test_fold(name: str, folded: str) -> None:
    assert fold_name(name) == folded


@given(st.text())
def test_folding_is_done_once(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)


def test_names_in_texts() -> None:
    names = NamesInTexts(
        {fold_name(n) for n in ("Adele", "Guns N' Roses", "Stay", "McDonald's", "Manchester", "AC/DC")}
    )
    assert names.find("play ADELE's first, or adele!") == {"adele": 2}
    assert names.find("guns n’ roses; ac-dc") == {"guns n roses": 1, "ac dc": 1}
    assert names.find("a mcdonald's") == {"mcdonalds": 1}
    assert names.find("Manchester United stayed") == {"manchester": 1}
    assert not names.find("")
    assert not NamesInTexts([]).find("adele")


def test_forms() -> None:
    exemplar = parse_utterance(parse_markup("Play, please, [Hello](Song) by [Adele](Artist)!"))
    assert form_of(exemplar) == "play please <song> by <artist>"
    assert form_of_pattern("play please <Song> by <Artist:2>") == form_of(exemplar)
    assert forms_of_patterns(["hello there", "<Song>!"]) == {"<song>"}
    both = parse_utterance({"text": "dune", "spans": [{"start": 0, "end": 4, "label": x} for x in ("Movie", "Book")]})
    assert form_of(both) == "<book|movie>"
    assert has_name(exemplar, {"adele"})
    assert not has_name(exemplar, {"play"})


@pytest.mark.parametrize(
    ("one", "other"),
    [("play <Song>", "um okay so play <Song>"), ("so play the <Song>", "hmm, play <Song>!"),
     ("an <Album> please", "A <Album> please"), ("a ver, pon <Song>", "pon la <Song>"),
     ("<Song> & 5 more", "<Song> and five more"),
     ("105 or 1905 <Movie>", "one hundred and five or nineteen oh five <Movie>"),
     ("pon 31 de <Artist>", "pon treinta y uno de <Artist>"), ("the U.S. <Song>", "the us <Song>"),
     ("80's <Song>", "eighty's <Song>"), ("<Song> & <Song>", "<Song> y <Song>")],
)  # fmt: skip
def test_one_form_of_what_populating_may_change(one: str, other: str) -> None:
    assert form_of_pattern(one) == form_of_pattern(other)
    assert literal_form_of_pattern(one) != literal_form_of_pattern(other)


def test_different_forms() -> None:
    texts = ["play <Song>", "play <Song> so", "play and <Song>", "play 5 <Song>", "play some <Song>", "<Song> one"]
    assert len(forms_of_patterns(texts)) == len(texts)


def test_no_filler_begins_another() -> None:
    fillers = [f"{filler} " for of_lang in FILLERS.values() for filler in of_lang]
    assert not [(one, other) for one in fillers for other in fillers if one != other and other.startswith(one)]


def test_literal_form() -> None:
    assert literal_form(parse_utterance(parse_markup("So, play the [5](Song)"))) == "so play the <song>"


def test_read_names(tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("Beyoncé\n\nThe Who\n", encoding="utf8")
    annotated = write_jsonl(tmp_path / "names.jsonl", [parse_markup("play [AC/DC](Artist) now")])
    assert read_names([listed, annotated]) == {"beyonce", "the who", "ac dc"}
    assert read_names(str(listed)) == {"beyonce", "the who"}
    assert read_names([]) == set()
    records = [{"text": "Beyoncé", "label": "Artist", "aliases": ["Queen Bey"]}, {"text": "U2", "label": "Artist"}]
    assert read_names(write_jsonl(tmp_path / "c.jsonl", records)) == {"beyonce", "queen bey", "u2"}


def test_bad_sources(tmp_path: Path) -> None:
    for records, message in (
        ([{"text": "", "label": "Artist"}], r"c.jsonl:1: field 'text': expected a name, got ''"),
        ([{"text": "U2", "label": "Artist", "aliases": [2]}], "field 'aliases'"),
        ([{"text": "hello there", "spans": []}], "no name in the file"),
        ([{"name": "U2"}], "neither annotated nor a catalog record"),
    ):
        with pytest.raises(DataError, match=message):
            read_names(write_jsonl(tmp_path / "c.jsonl", records))
    (tmp_path / "blank.txt").write_text("\n \n", encoding="utf8")
    with pytest.raises(DataError, match="no name in the file"):
        read_names(tmp_path / "blank.txt")
    with pytest.raises(ConfigError, match="path of a file"):
        read_names("")
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="spans"):
        read_names(write_jsonl(tmp_path / "raw.jsonl", [{"text": "hello"}]))
