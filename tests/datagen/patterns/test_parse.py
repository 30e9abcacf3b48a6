from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.datagen.patterns.parse import LONGEST_SHOWN, parse_patterns

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('Sure: ["play <Song>"]', "not JSON: text before it"),
        ('["play <Song>"] Enjoy.', "not JSON: text after it"),
        ('Sure: {"patterns": ["play <Song>"]} Enjoy.', "not JSON: text before and after it"),
        ('```json\n["play <Song>"]\n```', "not JSON: a code fence around it"),
        ('{"patterns": ["play', "not JSON: it breaks off or was never JSON"),
        ("[1, 2", "not JSON: it breaks off or was never JSON"),
        ("no patterns today", "not JSON: prose only"),
        (" \n", "not JSON: an empty answer"),
        ("[" * 100_000, "not JSON: it breaks off or was never JSON"),
        ('"play <Song>"', "not the asked form: no array of patterns"),
        ('{"patterns": "play <Song>"}', "not the asked form: no array of patterns"),
        ("[]", "nothing: the answer has no pattern"),
    ],
)
def test_no_patterns(answer: str, reason: str) -> None:
    found = parse_patterns(answer, 3)
    assert found.texts == ()
    ((text, why),) = found.refused
    assert why == reason
    assert 0 < len(text) <= LONGEST_SHOWN


def test_white_space_is_collapsed() -> None:
    assert parse_patterns('[" play\\n <Song>\\t"]', 3).texts == ("play <Song>",)


def test_a_flood() -> None:
    found = parse_patterns(json.dumps([f"play <Song> {i}" for i in range(1000)]), 2)
    assert len(found.texts) == 2
    assert len(found.refused) == 199


@settings(max_examples=50)
@given(JSON, st.integers(1, 5))
def test_nothing_is_lost_in_silence(data: Any, n: int) -> None:
    found = parse_patterns(json.dumps(data), n)
    items = data.get("patterns") if isinstance(data, dict) else data
    if isinstance(items, list) and items:
        assert len(found.texts) + len(found.refused) == len(items)
    else:
        assert len(found.refused) == 1
    assert len(found.texts) <= n
    assert all(text.strip() for text, _ in found.refused)
    json.dumps([*found.texts, *found.refused], ensure_ascii=False).encode("utf8")


@given(st.text())
def test_any_text_is_an_answer(answer: str) -> None:
    found = parse_patterns(answer, 3)
    assert found.texts or found.refused
