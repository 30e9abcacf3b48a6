from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.evaluation.scoring import Judged
from spacy_convner.evaluation.slices import known_names, slice_scores
from spacy_convner.ty import Exemplar, LabelledSpan

from .strategies import TEXT, any_spans, judged_lists


def spans(*items: tuple[int, int, str]) -> frozenset[LabelledSpan]:
    return frozenset(LabelledSpan(*item) for item in items)


training = st.lists(st.builds(lambda found: Exemplar(TEXT, tuple(found)), any_spans), max_size=3)


@given(judged_lists, training)
def test_each_kind_divides_gold_and_predictions(judged: list[Judged], train: list[Exemplar]) -> None:
    gold, pred = sum(len(item.gold) for item in judged), sum(len(item.pred) for item in judged)
    found = slice_scores(judged, known_names(train))
    assert set(found) == {"seen", "seen_pair", "ambiguous", "nested", "candidate", "common_word", "words", "case"}
    for kind, slices in found.items():
        assert sum(row["n"] for row in slices.values()) == gold, kind
        assert sum(row["predicted"] for row in slices.values()) == pred, kind
        right = sum((row["r"] or 0) * row["n"] for row in slices.values())
        assert right == pytest.approx(sum(len(item.gold & item.pred) for item in judged)), kind
    pairs, names = found["seen_pair"].get("yes"), found["seen"].get("yes")
    assert pairs is None or (names is not None and names["n"] >= pairs["n"])


@given(judged_lists, st.randoms())
def test_order_changes_nothing(judged: list[Judged], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(judged)
    random.shuffle(shuffled)
    assert slice_scores(shuffled) == slice_scores(judged)


def test_seen_names_by_how_they_fold() -> None:
    known = known_names([Exemplar("play Beyoncé", (LabelledSpan(5, 12, "Artist"),))])
    judged = [Judged("BEYONCE dune", spans((0, 7, "Song"), (8, 12, "Movie")), spans((0, 7, "Artist")))]
    found = slice_scores(judged, known)
    assert found["seen"]["yes"] == {"p": 0.0, "r": 0.0, "f": 0.0, "n": 1, "predicted": 1}
    assert found["seen"]["no"]["n"] == 1
    assert (found["seen_pair"]["yes"]["n"], found["seen_pair"]["yes"]["predicted"]) == (0, 1)
    assert found["seen_pair"]["no"]["n"] == 2


def test_what_candidates_say() -> None:
    text = "play hello goodbye dune"
    song, part, movie, book = (5, 18, "Song"), (5, 10, "Song"), (19, 23, "Movie"), (19, 23, "Book")
    outside = (0, 4, "App")
    candidates = spans(song, part, movie, book)
    found = slice_scores([Judged(text, spans(song, book, outside), spans(song, part, movie), candidates)])
    assert {value: (row["n"], row["predicted"]) for value, row in found["nested"].items()} == {
        "inside": (0, 1),
        "contains": (1, 1),
        "neither": (2, 1),
    }
    assert found["ambiguous"]["yes"] == {"p": 0.0, "r": 0.0, "f": 0.0, "n": 1, "predicted": 1}
    assert found["candidate"]["no"] == {"p": None, "r": 0.0, "f": None, "n": 1, "predicted": 0}
    assert found["candidate"]["yes"]["p"] == pytest.approx(1 / 3)
    middle = spans((0, 3, "X"), (0, 2, "X"), (0, 1, "X"))
    assert set(slice_scores([Judged("a b", middle, middle, middle)])["nested"]) == {"inside", "contains", "both"}


def test_what_the_text_says() -> None:
    text = "hello The Dark Side of the Moon hola"
    gold = spans((0, 5, "Song"), (6, 31, "Album"), (32, 36, "Song"))
    found = slice_scores([Judged(text, gold, gold, lang="en")])
    assert set(found) == {"common_word", "words", "case"}  # no candidates, no training
    assert {value: row["n"] for value, row in found["words"].items()} == {"1": 2, "4+": 1}
    assert {value: row["n"] for value, row in found["case"].items()} == {"lower": 2, "capitals": 1}
    assert found["common_word"]["yes"]["n"] == 1  # hello; "hola" is everyday in Spanish
    assert slice_scores([Judged(text, gold, gold, lang="es")])["common_word"]["yes"]["n"] == 1
    assert slice_scores([Judged(text, gold, gold)])["common_word"]["yes"]["n"] == 2


def test_nothing_to_slice() -> None:
    assert slice_scores([]) == {"common_word": {}, "words": {}, "case": {}}
    assert slice_scores([Judged("", spans(), spans())], known_names([]))["seen"] == {}
