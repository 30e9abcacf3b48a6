"""Evidence about candidates: counts that can be taken out again, numbers that name no label and no word."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.filtering.filters.evidence import COLD, FEATURES, GROUPS, describe
from spacy_convner.filtering.filters.evidence_counts import CandidateContext, EvidenceCounts
from spacy_convner.filtering.filters.evidence_rows import make_rows
from spacy_convner.filtering.filters.exemplar_views import as_request
from spacy_convner.filtering.filters.features import COLD_WEIGHTS, stop_words, telling_words
from spacy_convner.ty import Candidate, Exemplar, FilterRequest, FilterTask, Floats, LabelledSpan

from .exemplar_data import LABELS, TASK, ask, exemplars_of, requests, rivals, tiny

some_exemplars = st.lists(exemplars_of(), max_size=5)


def count(exemplars: list[Exemplar]) -> EvidenceCounts:
    return EvidenceCounts.from_exemplars((e, CandidateContext(as_request(e))) for e in exemplars)


def without_zeros(counts: EvidenceCounts) -> dict[str, Any]:
    data = copy.deepcopy(counts.to_dict())
    data["tables"] = {n: {k: v for k, v in table.items() if v != [0, 0]} for n, table in data["tables"].items()}
    data["words"] = {n: {k: v for k, v in table.items() if v} for n, table in data["words"].items()}
    return data


@settings(deadline=None, max_examples=60)
@given(some_exemplars, exemplars_of())
def test_what_is_added_can_be_taken_out(exemplars: list[Exemplar], one: Exemplar) -> None:
    counts, context = count(exemplars), CandidateContext(as_request(one))
    before = without_zeros(counts)
    counts.add(one, context)
    after = without_zeros(count([*exemplars, one]))
    assert without_zeros(counts) == after
    counts.add(one, context, sign=-1)
    assert without_zeros(counts) == before
    assert (before == after) == (not one.candidates and not context.words)


@settings(deadline=None, max_examples=30)
@given(some_exemplars)
def test_counts_are_read_back(exemplars: list[Exemplar]) -> None:
    counts = count(exemplars)
    assert EvidenceCounts.from_dict(counts.to_dict()).to_dict() == counts.to_dict()
    proposed = sum(len(e.candidates) for e in exemplars)
    accepted = sum(c.key in e.spans for e in exemplars for c in e.candidates)
    assert counts.total == [accepted, proposed]
    for table in counts.tables.values():
        assert all(0 <= accepted <= proposed for accepted, proposed in table.values())


def row(request: FilterRequest, at: int = 0, task: FilterTask = TASK, exemplars: list[Exemplar] | None = None) -> Any:
    rows = describe(CandidateContext(request), count(exemplars or []), telling_words(task))
    return dict(zip(FEATURES, rows[at].tolist(), strict=True))


@settings(deadline=None, max_examples=80)
@given(some_exemplars, requests())
def test_numbers_for_whatever_is_sent(exemplars: list[Exemplar], request: FilterRequest) -> None:
    task = FilterTask({"Song": "a song that people play", "Movie": ""})
    rows = describe(CandidateContext(request), count(exemplars), telling_words(task))
    assert rows.shape == (len(request.candidates), len(FEATURES))
    assert np.isfinite(rows).all()


def test_groups_are_the_features() -> None:
    assert len(set(FEATURES)) == len(FEATURES) == sum(len(group.split()) for group in GROUPS.values())
    assert set(FEATURES) == {name for group in GROUPS.values() for name in group.split()}
    assert FEATURES[COLD] == "cold"
    assert len(FEATURES) < 256  # trees are saved with a byte for each


def test_each_number_stands_in_its_own_column() -> None:
    text = "Please play Hello Again by #Adele's 5 songs"
    found = [
        Candidate(12, 17, "Song", step="case", popularity=3.0),
        Candidate(12, 17, "Movie", popularity=7.0),
        Candidate(12, 23, "Album", popularity=2.0),
        Candidate(28, 35, "Artist", popularity=9.0),
        Candidate(36, 37, "Artist"),
    ]
    request = FilterRequest(text, tuple(found))
    n_words = len(CandidateContext(request).words)
    nested, rival, longer, artist, number = (row(request, i) for i in range(5))
    assert {key: nested[key] for key in ("words", "chars", "sentence", "candidates", "labels", "rivals")} == {
        "words": 1, "chars": 5, "sentence": n_words, "candidates": 5, "labels": 4, "rivals": 1
    }  # fmt: skip
    assert (nested["exact"], rival["exact"]) == (0, 1)
    assert (nested["popularity_known"], rival["popularity_known"]) == (1, 1)
    assert (nested["most_popular"], rival["most_popular"]) == (0, 1)
    assert nested["popularity_share"] == 4 / 12
    assert (nested["nested"], nested["contains"], nested["crossing"], nested["overlap_length"]) == (1, 0, 0, 11 / 5)
    assert (longer["nested"], longer["contains"], longer["overlap_length"], longer["words"]) == (0, 2, 0, 2)
    assert (artist["mark_left"], artist["glued_left"], nested["mark_left"], nested["glued_left"]) == (0, 1, -2, 0)
    assert (number["digit"], artist["digit"]) == (1, 0)
    assert (nested["said"], nested["rival_said"]) == (0, 0)
    assert (longer["capital"], longer["title"], longer["upper"], longer["lower"]) == (1, 1, 0, 0)
    said = ask("play the song hello", ("hello", "Song"), ("hello", "Movie"))
    movie, song = row(said, 0), row(said, 1)
    assert (song["said"], song["rival_said"], movie["said"], movie["rival_said"]) == (1, 0, 0, 1)
    assert song["cold"] == COLD_WEIGHTS["bias"] + COLD_WEIGHTS["label_word"]
    assert movie["cold"] == COLD_WEIGHTS["bias"] + COLD_WEIGHTS["rival_label_word"]
    assert (song["whole"], song["first"], row(ask("hello", ("hello", "Song")))["whole"]) == (0, 0, 1)
    assert row(ask("the of", ("the", "Song")))["stop"] == 1
    described = row(ask("play hello", ("hello", "Song")), task=FilterTask({"Song": "what people play"}))
    assert (described["described"], row(ask("play hello", ("hello", "Song")))["described"]) == (1, 0)


def test_what_exemplars_said_is_counted() -> None:
    request = ask("let us watch dune tonight", ("dune", "Movie"), ("dune", "Book"))
    book, movie = (row(request, at, exemplars=rivals()) for at in (0, 1))
    assert (movie["pair_seen"], movie["pair_accepted"]) == (math.log1p(3), math.log1p(1))
    assert movie["left_label"] > 0 > book["left_label"]  # "watch"
    assert movie["context_max"] > book["context_max"]
    assert movie["name"] == book["name"]
    new = row(ask("let us watch tenet tonight", ("tenet", "Movie")), exemplars=rivals())
    assert new["pair_seen"] == new["name_seen"] == 0
    assert new["left_label"] == movie["left_label"]


def renamed(exemplar: Exemplar, labels: Mapping[str, str], words: Callable[[str], str]) -> Exemplar:
    return replace(
        exemplar,
        text=words(exemplar.text),
        spans=tuple(replace(s, label=labels[s.label]) for s in exemplar.spans),
        candidates=tuple(replace(c, label=labels[c.label]) for c in exemplar.candidates),
    )


# None is a word of a label or a function word, all are of one length.
VOCABULARY = ("quix", "zorb", "plim", "drax", "vonk", "frob")
SAME = dict.fromkeys(LABELS, "") | {label: label for label in LABELS}


@st.composite
def sentences(draw: st.DrawFn) -> Exemplar:
    """Of the vocabulary, some words with a capital, with any of them proposed and meant."""
    words = draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=10))
    words = [word.title() if draw(st.booleans()) else word for word in words]
    place = st.tuples(st.integers(0, len(words) - 1), st.integers(1, 3), st.sampled_from(LABELS))
    keys = draw(st.lists(place, max_size=6, unique=True))
    candidates = [Candidate(5 * a, min(5 * (a + n), 5 * len(words)) - 1, label) for a, n, label in keys]
    candidates = list({c.key: c for c in candidates}.values())
    gold = tuple(c.key for c in candidates if draw(st.booleans()))
    return Exemplar(" ".join(words), gold, candidates=tuple(candidates))


def rows_of(exemplars: list[Exemplar]) -> Floats:
    """Of the last one, by the counts of the others."""
    return describe(CandidateContext(as_request(exemplars[-1])), count(exemplars[:-1]), {})


@settings(deadline=None, max_examples=50)
@given(
    st.lists(sentences(), min_size=1, max_size=6),
    st.permutations(["Song", "Podcast", "Zebra", "Artist", "Movie"]),
    st.permutations(VOCABULARY),
)
def test_no_number_names_a_label_or_a_word(exemplars: list[Exemplar], labels: list[str], words: list[str]) -> None:
    assert not stop_words() & set(VOCABULARY)
    expected = rows_of(exemplars)
    other = dict(zip(LABELS, labels, strict=False))
    np.testing.assert_array_equal(rows_of([renamed(e, other, str) for e in exemplars]), expected)
    table = dict(zip(VOCABULARY, words, strict=True))
    table |= {a.title(): b.title() for a, b in table.items()}

    def exchange(text: str) -> str:
        return " ".join(table[word] for word in text.split(" "))

    np.testing.assert_array_equal(rows_of([renamed(e, SAME, exchange) for e in exemplars]), expected)


def test_no_exemplar_sees_its_own_answer() -> None:
    # Turning the answer of one round changes the rows of others, and never its own.
    exemplars = tiny()
    turned = [replace(e, spans=()) if i == 0 else e for i, e in enumerate(exemplars)]
    assert exemplars[0].spans
    _, one, _ = make_rows(exemplars, TASK, most_spoken=0, sentences=False, seed=0)
    _, other, _ = make_rows(turned, TASK, most_spoken=0, sentences=False, seed=0)
    at = [e.text for e in one.exemplars].index(exemplars[0].text)
    np.testing.assert_array_equal(one.rows[at], other.rows[at])
    np.testing.assert_array_equal(one.more[at], other.more[at])
    changed = sum((a != b).any() for a, b in zip(one.rows, other.rows, strict=True))
    assert len(one.rows) / 2 < changed < len(one.rows)


def test_rows_and_answers_belong_together() -> None:
    exemplars = [*tiny(), Exemplar("nothing is proposed here", (LabelledSpan(0, 7, "Song"),)), Exemplar("")]
    counts, written, spoken = make_rows(exemplars, TASK, most_spoken=5, sentences=False, seed=0)
    assert (
        len(written.rows) == len(written.more) == len(written.exemplars) == sum(bool(e.candidates) for e in exemplars)
    )
    assert len(spoken.rows) == len(spoken.exemplars) == 5
    assert all(e.text.islower() for e in spoken.exemplars)
    matrix, answers, spans = written.matrix(range(len(written.rows)))
    proposed = sum(len(e.candidates) for e in exemplars)
    assert matrix.shape == (2 * proposed, len(FEATURES))
    meant = sum(c.key in e.spans for e in exemplars for c in e.candidates)
    assert answers.sum() == 2 * meant
    assert counts.total == [meant, proposed]
    assert without_zeros(counts) == without_zeros(count(exemplars))  # all that was taken out was put back
    assert spans == 2 * [[(c.start, c.end) for c in e.candidates] for e in written.exemplars]
    nothing, _, none = written.matrix([])
    assert nothing.shape == (0, len(FEATURES))
    assert none == []


def test_popularity_only_tells_rivals_apart() -> None:
    # Demo catalogs have a popularity for every name; a name that was added today has none and is no worse for it.
    alone = [ask_popular("play zorbal", {"Song": popularity}) for popularity in (0.0, 1.0, 90.0)]
    assert all(np.array_equal(alone[0], rows) for rows in alone)
    unknown, known = (
        ask_popular("play zorbal", {"Movie": 90.0, "Song": 0.0}),
        ask_popular("play zorbal", {"Movie": 0.0, "Song": 0.0}),
    )
    assert np.array_equal(unknown, known)


def ask_popular(text: str, popularity: Mapping[str, float]) -> Floats:
    start, end = text.rindex(" ") + 1, len(text)
    candidates = tuple(Candidate(start, end, label, popularity=value) for label, value in popularity.items())
    return describe(CandidateContext(FilterRequest(text, candidates)), EvidenceCounts(), {})


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("see the London Fashion Week", "London", ("the", "Fashion")),
        ("see 40 London, please", "London", ("40", ",")),
        ("London", "London", ("", "")),
        ("in  London \t now", "London", ("in", "now")),
    ],
)
def test_words_that_a_name_may_be_a_part_of(text: str, name: str, expected: tuple[str, str]) -> None:
    start = text.index(name)
    request = FilterRequest(text, (Candidate(start, start + len(name), "City"),))
    assert CandidateContext(request).adjoining(0) == expected


def adjoining(text: str, name: str) -> dict[str, float]:
    start = text.index(name)
    request = FilterRequest(text, (Candidate(start, start + len(name), "City"),))
    row = describe(CandidateContext(request), EvidenceCounts(), {})[0]
    return {name: float(row[FEATURES.index(name)]) for name in GROUPS["adjoining"].split()}


def test_a_capital_beside_a_name_says_less_among_many() -> None:
    lone = adjoining("they went to see the London Fashion week there", "London")
    assert lone == {
        "left_capital": 0, "right_capital": 1, "left_digit": 0, "right_digit": 0,
        "left_odd": 0, "right_odd": pytest.approx(1 - 3 / 8),
    }  # fmt: skip
    headline = adjoining("They Went To See The London Fashion Week There", "London")
    assert (headline["left_capital"], headline["right_capital"]) == (1, 1)
    assert (headline["left_odd"], headline["right_odd"]) == (0, 0)
    numbers = adjoining("the 3 London 40", "London")
    assert (numbers["left_digit"], numbers["right_digit"]) == (1, 1)


def test_the_capital_that_starts_a_sentence_says_nothing() -> None:
    assert adjoining("In London", "London")["left_capital"] == 0
    assert adjoining("now In London", "London")["left_capital"] == 1
