"""The trie and the PhraseMatcher find the same names."""

from __future__ import annotations

import pickle

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.vocab import Vocab

from spacy_convner.catalog.index.builder import SMALL, Kind, build_segment
from spacy_convner.catalog.index.catalog_index import CatalogIndex, Match
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.catalog.normalization.words import CONTROL
from spacy_convner.ty import CatalogEntry

NLP = spacy.blank("en")
NORMALIZER = make_normalizer()
WORDS = ["the", "Hello", "adele", "Dr.", "AC/DC", "cars", "car", "N'", "&", "and", "5", "Beyoncé", "a", "!!!",
         "R.E.M.", "kiss", "kisses", "box", "boxes", "é", "🎧", "東京", "Mark"]  # fmt: skip


def index_of(entries: list[CatalogEntry], kind: Kind) -> CatalogIndex:
    segment, _ = build_segment(entries, Vocab(), NORMALIZER, kind)
    return CatalogIndex(NLP.vocab, NORMALIZER, [segment], kind)


names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
entries = st.lists(
    st.tuples(names, st.sampled_from(["Song", "Artist"]), st.integers(0, 3)), min_size=1, max_size=12
).map(lambda rows: [CatalogEntry(text, label, id=f"{n}", popularity=p) for n, (text, label, p) in enumerate(rows)])
texts = st.lists(
    st.sampled_from([*WORDS, "play", "adele's", "kissess", "ac", "dc", "HELLO", "drs", ","]), max_size=8
).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(entries, texts)
def test_both_find_the_same(rows: list[CatalogEntry], text: str) -> None:
    doc = NLP.make_doc(text)
    found: list[list[Match]] = [index_of(rows, kind).find(doc) for kind in ("trie", "phrase")]  # type: ignore[arg-type]
    assert found[0] == found[1]
    for match in found[0]:
        assert 0 <= match.start < match.end <= len(doc)
        assert any(row.id == match.id and row.label == match.label for row in rows)
    assert len({(m.start, m.end, m.label) for m in found[0]}) == len(found[0])


@pytest.mark.parametrize("name", ["mark", "Number", "meta agent", "square root"])  # spaCy has symbols of these names
@pytest.mark.parametrize("kind", ["trie", "phrase"])
def test_names_that_spacy_uses_itself(name: str, kind: Kind) -> None:
    doc = NLP.make_doc(f"play {name} now")
    assert [(m.start, m.end) for m in index_of([CatalogEntry(name, "Song")], kind).find(doc)] == [(1, len(doc) - 1)]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5), st.text(max_size=30))
def test_both_find_the_same_in_any_text(raw: list[str], around: str) -> None:
    rows = [
        CatalogEntry(text, "Name", id=str(n)) for n, text in enumerate(raw) if text.strip() and not CONTROL.search(text)
    ]
    doc = NLP.make_doc(f"{around} {raw[0]} {around}")
    assert index_of(rows, "trie").find(doc) == index_of(rows, "phrase").find(doc)


@given(names)
@settings(deadline=None)
def test_a_name_is_found_as_it_is_written(name: str) -> None:
    doc = NLP.make_doc(f"play {name} now")
    index = index_of([CatalogEntry(name, "Name", id="1")], "trie")
    if name.split() != ["!!!"] * len(name.split()):
        assert [m for m in index.find(doc) if m.step == "exact"] or len(doc) == 0


def test_auto_goes_by_size() -> None:
    few = [CatalogEntry(f"name {i}", "Name", id=str(i)) for i in range(10)]
    assert index_of(few, "auto").segments[0].finder.kind == "phrase"
    many = [CatalogEntry(f"word{i} x", "Name", id=str(i)) for i in range(SMALL + 1)]
    assert index_of(many, "auto").segments[0].finder.kind == "trie"


@pytest.mark.parametrize("kind", ["trie", "phrase"])
def test_pickled(kind: Kind) -> None:
    index = index_of([CatalogEntry("Hello", "Song", id="1"), CatalogEntry("The Cars", "Artist", id="2")], kind)
    again = pickle.loads(pickle.dumps(index))
    doc = NLP.make_doc("hello cars")
    assert again.find(doc) == index.find(doc) != []


def test_the_best_entry_of_a_label_is_proposed() -> None:
    rows = [
        CatalogEntry("Hello", "Song", id="rare", popularity=1),
        CatalogEntry("Héllo", "Song", id="famous", popularity=99),
        CatalogEntry("Hi", "Song", id="alias", popularity=100, aliases=("hello",)),
    ]
    for kind in ("trie", "phrase"):
        index = index_of(rows, kind)  # type: ignore[arg-type]
        for written, step in (("hello", "accents"), ("héllo", "case"), ("Héllo", "exact")):
            (match,) = index.find(NLP.make_doc(written))
            assert (match.id, match.step) == ("famous", step)
