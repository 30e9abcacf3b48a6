"""Whatever a model says, only numbers of candidates come out."""

from __future__ import annotations

import json

import pytest
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.filtering.parse import MAX_RECORDED, parse_selection


@pytest.mark.parametrize(
    ("answer", "selected", "reasons"),
    [
        ('{"selected": [1, 3]}', (0, 2), []),
        ('{"selected": []}', (), []),
        ('{"selected": [3, 1]}', (0, 2), []),
        ('Sure! Of {Hello} I take:\n```json\n{"selected": [2]}\n```\nHope that helps {x}.', (1,), []),
        ('{"thought": "{\\"selected\\": [9]}", "selected": [2]}', (1,), []),
        ('{"answer": {"selected": [2]}}', (1,), []),
        ('{"selected": "none"} {"selected": [2]}', (1,), []),
        ('{"selected": [2, 2, 2]}', (1,), ["duplicate", "duplicate"]),
        ('{"selected": [0, -1, 4, 1000000000000000000000]}', (), ["not a candidate"] * 4),
        ('{"selected": ["1", 1.0, true, null, [1], {"n": 1}, 1e400, NaN, 2]}', (1,), ["not a candidate"] * 8),
        ('{"selected": ["\\ud800"]}', (), ["not a candidate"]),
    ],
)
def test_answers(answer: str, selected: tuple[int, ...], reasons: list[str]) -> None:
    parsed = parse_selection(answer, 3)
    assert parsed.valid
    assert parsed.selected == selected
    assert [item["reason"] for item in parsed.dropped] == reasons
    srsly.msgpack_dumps([dict(item) for item in parsed.dropped])  # as a DocBin does


@pytest.mark.parametrize(
    "answer",
    ["", "I can't help.", '{"selected": [1, 2', "[1, 2]", '{"selected": 1}', '{"chosen": [1]}', "null", "{" * 5000,
     '{"selected": [' + "9" * 5000 + "]}", "half \ud800 a pair"],
)  # fmt: skip
def test_no_answer(answer: str) -> None:
    parsed = parse_selection(answer, 3)
    assert not parsed.valid
    assert parsed.selected == ()
    assert [item["reason"] for item in parsed.dropped] == ["not the asked JSON object"]
    assert len(parsed.dropped[0]["text"]) <= 200
    srsly.msgpack_dumps([dict(item) for item in parsed.dropped])


@pytest.mark.parametrize("depth", [10, 300, 900, 980, 2000, 100_000])
def test_nested_too_deep(depth: int) -> None:
    parsed = parse_selection('{"selected": [' + "[" * depth + "]" * depth + "]}", 3)
    assert parsed.selected == ()
    assert len(parsed.dropped) == 1


def test_a_flood_of_refusals_is_cut() -> None:
    parsed = parse_selection(json.dumps({"selected": list(range(1, 5000))}), 2)
    assert parsed.selected == (0, 1)
    assert len(parsed.dropped) == MAX_RECORDED


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.just("selected"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30) | json_values.map(json.dumps) | json_values.map(lambda v: json.dumps({"selected": v})),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(0, 4),
)
def test_never_more_than_was_offered(answer: str, prose: str, n: int) -> None:
    for said in (answer, prose + answer, answer + prose, answer[: len(answer) // 2]):
        parsed = parse_selection(said, n)
        assert list(parsed.selected) == sorted(set(parsed.selected))
        assert all(type(i) is int and 0 <= i < n for i in parsed.selected)
        assert parsed.valid or not parsed.selected
        srsly.msgpack_dumps([dict(item) for item in parsed.dropped])


@given(st.lists(st.integers(1, 6), unique=True), st.text(st.characters(exclude_characters="{"), max_size=20))
def test_a_good_answer_is_read_whatever_prose_is_about_it(numbers: list[int], prose: str) -> None:
    parsed = parse_selection(f"{prose}{json.dumps({'selected': numbers})}{prose}", 6)
    assert parsed.selected == tuple(sorted(n - 1 for n in numbers))
    assert parsed.dropped == ()
