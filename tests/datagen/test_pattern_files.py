from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.pattern_files import pattern_id, read_patterns, write_patterns
from spacy_convner.datagen.placeholders import Placeholder, find_placeholders, parse_placeholders
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import DataError


def test_placeholders_in_order() -> None:
    assert parse_placeholders("play <Song:1> by <Artist>") == (
        "play ",
        Placeholder("Song", 1),
        " by ",
        Placeholder("Artist"),
    )
    assert find_placeholders("good morning") == ()


@pytest.mark.parametrize(
    "text", ["play <Song", "play Song>", "<>", "< Song>", "<<Song>>", "<a b>", "a > b", "<Song:x>"]
)
def test_bad_brackets(text: str) -> None:
    with pytest.raises(DataError):
        parse_placeholders(text)


@given(st.text(alphabet="ab<>: 1", max_size=20))
def test_pieces_are_the_text_again(text: str) -> None:
    try:
        pieces = parse_placeholders(text)
    except DataError:
        return
    assert "".join(map(str, pieces)) == text


PATTERNS = [
    Pattern("play <Song>", "en", cluster=3, seeds=("play hello",), generator="teacher", frequency=4),
    Pattern(
        "pon <Song>", "es", "edited", -1, original="pon la <Song>", reviewer="ana", decided_at="2026-11-27T10:00:00Z"
    ),
    Pattern("<script>alert(1)</script>", "en", "rejected", reason="unknown tag", style="command", prompt_sha256="ab"),
]


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "patterns.jsonl"
    write_patterns(path, PATTERNS)
    assert read_patterns(path) == PATTERNS


def test_an_edit_keeps_the_id() -> None:
    before = Pattern("pon la <Song>", "es")
    assert pattern_id(before) == pattern_id(PATTERNS[1])
    assert pattern_id(before) != pattern_id(Pattern("pon la <Song>", "en"))


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"lang": "en"}', "text"),
        ('{"text": " ", "lang": "en"}', "text"),
        ('{"text": "a"}', "lang"),
        ('{"text": "a", "lang": "en", "status": "ok"}', "status"),
        ('{"text": "a", "lang": "en", "cluster": "1"}', "cluster"),
        ('{"text": "a", "lang": "en", "seeds": [1]}', "seeds"),
        ('{"text": "a", "lang": "en", "frequency": 0}', "frequency"),
        ('{"text": "a", "lang": "en", "style": "x"}', "style"),
        ('{"text": "a", "lang": "en", "reason": 4}', "reason"),
    ],
)
def test_bad_records_name_line_and_field(tmp_path: Path, line: str, field: str) -> None:
    path = tmp_path / "patterns.jsonl"
    path.write_text('{"text": "play <Song>", "lang": "en"}\n' + line + "\n", encoding="utf8")
    with pytest.raises(DataError) as err:
        read_patterns(path)
    assert f"{path}" in str(err.value)
    assert "2" in str(err.value)
    assert field in str(err.value)
