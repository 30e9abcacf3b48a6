"""Entries of one label whose names differ in capitals or marks only: which of them is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.catalog.index import catalog_index
from spacy_convner.catalog.index.catalog_index import CatalogIndex
from spacy_convner.catalog.index.update import build_index, update_index
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.ty import CatalogEntry

NORMALIZER = make_normalizer()
NLP = spacy.blank("en")
HELLOS = [CatalogEntry(text, "Song", id=text) for text in ("HELLO", "Hello", "hello", "Héllo")]


def index_of(entries: Sequence[CatalogEntry], kind: Any = "trie", steps: Sequence[str] | None = None) -> CatalogIndex:
    index = CatalogIndex(NLP.vocab, make_normalizer(steps) if steps is not None else NORMALIZER, kind=kind)
    index.add(entries)
    return index


def found(index: CatalogIndex, text: str) -> set[tuple[str, str, str]]:
    """Label, id and step."""
    return {(match.label, match.id, match.step) for match in index.find(NLP.make_doc(text))}


@pytest.mark.parametrize("kind", ["trie", "phrase"])
@pytest.mark.parametrize("turned", [False, True])
def test_of_equally_popular_ones_the_one_written_alike(kind: str, turned: bool) -> None:
    index = index_of(HELLOS[::-1] if turned else HELLOS, kind)
    for entry in HELLOS:
        assert found(index, f"play {entry.text} now") == {("Song", entry.id, "exact")}
    ((_, _, step),) = found(index, "play hELLO now")  # as nobody writes it: any of them
    assert step in {"case", "accents"}


def test_a_more_popular_one_wins_however_it_is_written() -> None:
    index = index_of([CatalogEntry("HELLO", "Song", id="known", popularity=9.0), *HELLOS])
    assert found(index, "hello") == {("Song", "known", "case")}
    assert found(index, "HELLO") == {("Song", "known", "exact")}
    # Of two that are as popular as each other and more than the rest, the one written alike.
    index = index_of(
        [CatalogEntry(e.text, "Song", id=e.id, popularity=9.0 - 9.0 * (e.text == "hello")) for e in HELLOS]
    )
    assert found(index, "Hello") == {("Song", "Hello", "exact")}
    ((_, best, step),) = found(index, "hello")
    assert best != "hello"
    assert step != "exact"


def test_each_label_for_itself() -> None:
    movies = [CatalogEntry("Hello", "Movie", id="m1"), CatalogEntry("hello", "Movie", id="m2", popularity=5.0)]
    index = index_of([*HELLOS, *movies])
    assert found(index, "Hello") == {("Song", "Hello", "exact"), ("Movie", "m2", "case")}
    assert found(index, "hello") == {("Song", "hello", "exact"), ("Movie", "m2", "exact")}


def test_aliases_are_no_namesakes() -> None:
    entries = [CatalogEntry("Greeting", "Song", id="g", aliases=("hello",)), CatalogEntry("Hello", "Song", id="h")]
    assert found(index_of(entries), "hello") == {("Song", "h", "case")}
    assert found(index_of(entries), "Hello") == {("Song", "h", "exact")}


@pytest.mark.parametrize(("text", "step"), [("Adele's album", "possessive"), ("the Adeles", "plural")])
def test_endings_keep_their_step(text: str, step: str) -> None:
    entries = [CatalogEntry(name, "Artist", id=name) for name in ("ADELE", "Adele", "adele")]
    for order in (entries, entries[::-1]):
        ((label, entry_id, found_step),) = found(index_of(order), text)
        assert (label, found_step) == ("Artist", step)
        assert entry_id in {"ADELE", "Adele", "adele"}


def test_a_namesake_with_marks_of_its_own() -> None:
    index = index_of([CatalogEntry(name, "Company", id=name) for name in ("Yahoo", "yahoo", "Yahoo!")])
    assert found(index, "I use Yahoo daily") == {("Company", "Yahoo", "exact")}
    assert found(index, "I use yahoo daily") == {("Company", "yahoo", "exact")}


def test_where_case_matters_only_the_same_is_found() -> None:
    index = index_of(HELLOS, steps=[])
    for entry in HELLOS:
        assert found(index, entry.text) == {("Song", entry.id, "exact")}
    assert found(index, "hELLO") == set()


@pytest.mark.parametrize("kind", ["trie", "phrase"])
def test_one_that_was_removed_is_never_given(tmp_path: Path, kind: Any) -> None:
    folder = tmp_path / "index"
    build_index(HELLOS, folder, NLP.vocab, NORMALIZER, kind)
    assert found(CatalogIndex.open(folder, NLP.vocab, NORMALIZER), "Hello") == {("Song", "Hello", "exact")}
    update_index(folder, NLP.vocab, NORMALIZER, remove=[HELLOS[1]])
    index = CatalogIndex.open(folder, NLP.vocab, NORMALIZER)
    ((_, entry_id, step),) = found(index, "Hello")
    assert entry_id in {"HELLO", "hello", "Héllo"}
    assert step in {"case", "accents"}
    assert found(index, "hello") == {("Song", "hello", "exact")}


def test_what_an_update_adds_is_meant_where_it_is_written_alike(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build_index([HELLOS[0]], folder, NLP.vocab, NORMALIZER, "trie")
    index = CatalogIndex.open(folder, NLP.vocab, NORMALIZER)
    assert found(index, "Hello") == {("Song", "HELLO", "case")}
    index.add([HELLOS[1]])
    assert found(index, "Hello") == {("Song", "Hello", "exact")}
    assert found(index, "HELLO") == {("Song", "HELLO", "exact")}


def spellings(word: str) -> list[str]:
    return ["".join(c.upper() if at >> i & 1 else c for i, c in enumerate(word)) for at in range(1 << len(word))]


def test_so_many_namesakes_are_compared_at_most() -> None:
    names = spellings("goodbye")
    assert len(names) == 128 > catalog_index._MOST_NAMESAKES
    index = index_of([CatalogEntry(name, "Song", id=name) for name in names])
    steps = []
    for name in names:
        ((_, entry_id, step),) = found(index, name)
        assert (entry_id == name) == (step == "exact")
        steps.append(step)
    assert steps.count("exact") == catalog_index._MOST_NAMESAKES + 1  # and the first, which is known without
    assert set(steps) == {"exact", "case"}


words = st.sampled_from(spellings("abc"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(words, st.integers(0, 2)), min_size=1, max_size=8), words)
def test_whatever_the_catalog_holds(entries: list[tuple[str, int]], text: str) -> None:
    made = [CatalogEntry(name, "Song", id=str(i), popularity=float(p)) for i, (name, p) in enumerate(entries)]
    (match,) = index_of(made).find(NLP.make_doc(text))
    best = max(popularity for _, popularity in entries)
    assert match.popularity == best
    name, popularity = entries[int(match.id)]
    assert popularity == best
    assert (match.step == "exact") == (name == text) == ((text, best) in entries)
