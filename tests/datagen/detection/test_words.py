from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.detection.words import LONGEST, find_capital_names, fold, split_words


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("Qué", "que"),
        ("I’m", "i'm"),
        ("sooo", "so"),
        ("Rocky", "rocky"),
        ("VIII", "viii"),
        ("2000", "2000"),
        ("ñoño", "nono"),
    ],
)
def test_fold(word: str, folded: str) -> None:
    assert fold(word) == folded


def test_where_clauses_and_sentences_begin() -> None:
    words = split_words("Well, lo-fi at 7.15. ¿Y tú?")
    assert words.folded == ["well", "lo", "fi", "at", "7", "15", "y", "tu"]
    assert [i for i, begins in enumerate(words.clause) if begins] == [0, 1, 6]
    assert [i for i, begins in enumerate(words.sentence) if begins] == [0, 6]
    assert words.surface(1, 3) == "lo-fi"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("play You Belong With Me by Taylor Swift", "You Belong With Me by Taylor Swift"),
        ("Well Well Well John Lennon", "Well Well Well John Lennon"),
        ("I Know What You Did Last Summer", "I Know What You Did Last Summer"),
        ("Actually, make it two", ""),
        ("Well, I think I like Adele", ""),
        ("Could you text Leila", ""),
        ("WELL I THINK SO", ""),
        ('put on "stay with me" please', "stay with me"),
    ],
)
def test_names_by_capitals(text: str, names: str) -> None:
    words = split_words(text)
    marked = find_capital_names(words)
    assert [words.folded[i] for i, is_name in enumerate(marked) if is_name] == split_words(names).folded


@given(st.text(max_size=60))
def test_any_text_can_be_cut(text: str) -> None:
    words = split_words(text)
    assert len(words) == len(words.spans) == len(words.clause) == len(words.capital) == len(find_capital_names(words))
    assert all(text[start:end].strip() for start, end in words.spans)
    if len(words):
        assert words.clause[0]
        assert words.sentence[0]


def test_a_long_text_costs_no_more_than_its_start() -> None:
    assert len(split_words("and then " * 100_000)) == LONGEST
