"""Names and forms that training must not have seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.leaks import (
    NamesInTexts,
    fold_name,
    form_of,
    form_of_pattern,
    forms_of_patterns,
    has_name,
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


def test_read_names(tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("Beyoncé\n\nThe Who\n", encoding="utf8")
    annotated = write_jsonl(tmp_path / "names.jsonl", [parse_markup("play [AC/DC](Artist) now")])
    assert read_names([listed, annotated]) == {"beyonce", "the who", "ac dc"}
    assert read_names(str(listed)) == {"beyonce", "the who"}
    assert read_names([]) == set()


def test_bad_sources(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="path of a file"):
        read_names("")
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="spans"):
        read_names(write_jsonl(tmp_path / "raw.jsonl", [{"text": "hello"}]))
