"""An example in another case has the same labels at the same places."""

from __future__ import annotations

import random

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example

from spacy_convner.attrs import SELECTED_KEY
from spacy_convner.student.recasing import recase, title_case

NLP = spacy.blank("xx")


def example(
    text: str, entities: list[tuple[int, int, str]], selected: list[tuple[int, int, str]] | None = None
) -> Example:
    doc = NLP.make_doc(text)
    doc.set_ents([doc.char_span(*span) for span in entities])
    if selected is not None:
        doc.spans[SELECTED_KEY] = [doc.char_span(*span) for span in selected]
    return Example(NLP.make_doc(text), doc)


def recased(source: Example, count: int = 20) -> list[Example]:
    generator = random.Random(0)
    return [recase(NLP, source, generator) for _ in range(count)]


def test_lower_case_capitals_and_title_case_each_come() -> None:
    source = example("put on Bad guy, o'clock", [(7, 14, "Song")])
    assert {each.reference.text for each in recased(source)} == {
        "put on bad guy, o'clock",
        "PUT ON BAD GUY, O'CLOCK",
        "Put On Bad Guy, O'clock",
    }


@given(st.text(alphabet="aBß çÑ'-.¿ǆİﬁ1\n", min_size=1, max_size=12), st.text(alphabet="aBßİÉ ", max_size=9))
def test_labels_stay_where_they_are(before: str, name: str) -> None:
    text = f"{before} x{name}x end"
    start, end = len(before) + 1, len(before) + len(name) + 3
    doc = NLP.make_doc(text)
    if doc.char_span(start, end) is None:
        return
    source = example(text, [(start, end, "Song")], [(start, end, "Song"), (start, end, "Movie")])
    for each in recased(source, 6):
        assert each.predicted.text == each.reference.text
        assert len(each.reference.text) == len(text)
        assert [(ent.start_char, ent.end_char, ent.label_) for ent in each.reference.ents] == [(start, end, "Song")]
        found = [(span.start_char, span.end_char, span.label_) for span in each.reference.spans[SELECTED_KEY]]
        assert found == [(start, end, "Song"), (start, end, "Movie")]


def test_nothing_selected_stays_apart_from_nothing_said() -> None:
    assert all(SELECTED_KEY not in each.reference.spans for each in recased(example("play Hello", [(5, 10, "Song")])))
    selected = recased(example("play Hello", [], []))
    assert all(list(each.reference.spans[SELECTED_KEY]) == [] for each in selected)


def test_what_would_change_its_length_is_left() -> None:
    source = example("play straße", [(5, 11, "Song")])
    found = recased(source)
    assert source in found  # of its capitals, STRASSE
    assert {each.reference.text for each in found} == {"play straße", "Play Straße"}


@pytest.mark.parametrize("selected", [False, True])
def test_a_label_that_would_end_inside_a_token_leaves_the_example(selected: bool) -> None:
    doc = Doc(NLP.vocab, words=["Xyz", "5"], spaces=[False, False])  # no tokenizer parts these
    doc.set_ents([] if selected else [doc.char_span(0, 3, label="Artist")])
    if selected:
        doc.spans[SELECTED_KEY] = [doc.char_span(0, 3, label="Artist")]
    source = Example(Doc(NLP.vocab, words=["Xyz", "5"], spaces=[False, False]), doc)
    assert all(each is source for each in recased(source))


def test_what_nobody_annotated_stays_so() -> None:
    doc = NLP.make_doc("play Hello now please")
    doc.set_ents([doc.char_span(5, 10, "Song")], outside=[doc[0:1]], default="missing")
    source = Example(NLP.make_doc(doc.text), doc)
    assert source.get_aligned_ner() == ["O", "U-Song", None, None]
    assert {tuple(each.get_aligned_ner()) for each in recased(source)} == {("O", "U-Song", None, None)}
    bare = Example(NLP.make_doc("play Hello"), NLP.make_doc("play Hello"))
    assert all(each.get_aligned_ner() == [None, None] for each in recased(bare))


def test_title_case() -> None:
    assert title_case("pon LA  canción\nde é.b, 24k") == "Pon La  Canción\nDe É.b, 24k"
