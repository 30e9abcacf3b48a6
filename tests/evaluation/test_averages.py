from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.evaluation.averages import intervals, label_counts, macro, per_lang
from spacy_convner.evaluation.bootstrap import f_interval
from spacy_convner.evaluation.scoring import Judged, count, per_label, strict
from spacy_convner.ty import LabelledSpan

from .strategies import judged_lists, word_span

SONG, MOVIE, BOOK = (word_span(i, i + 1, label) for i, label in enumerate(["Song", "Movie", "Book"]))


def judged(gold: set[LabelledSpan], pred: set[LabelledSpan], lang: str | None = None) -> Judged:
    return Judged("", frozenset(gold), frozenset(pred), lang=lang)


def test_macro_by_hand() -> None:
    items = [judged({SONG, MOVIE}, {SONG}), judged({SONG}, {SONG, BOOK})]  # Song 1, Movie 0, Book only predicted
    assert macro(items) == pytest.approx({"p": 1 / 3, "r": 1 / 3, "f": 1 / 3, "labels": 3})
    assert macro([]) == {"p": 0.0, "r": 0.0, "f": 0.0, "labels": 0}
    assert macro([judged(set(), set())])["labels"] == 0


def test_languages() -> None:
    found = per_lang([judged({SONG}, {SONG}, "es"), judged({SONG}, set()), judged(set(), {SONG}, "en")], n_bootstrap=0)
    assert list(found) == ["en", "es", "und"]
    assert found["es"] == {"p": 1.0, "r": 1.0, "f": 1.0, "ci95": None, "n": 1, "docs": 1}
    assert (found["en"]["n"], found["und"]["n"]) == (0, 1)


@given(judged_lists)
def test_languages_add_up(items: list[Judged]) -> None:
    rows = per_lang(items, n_bootstrap=0).values()
    assert sum(row["n"] for row in rows) == sum(len(item.gold) for item in items)
    assert sum(row["docs"] for row in rows) == len(items)


@given(judged_lists)
def test_label_counts_are_those_of_the_utterances(items: list[Judged]) -> None:
    rows, times = label_counts(items)
    assert times.sum() == len(items)
    expected = count((item.gold, item.pred) for item in items).sum(axis=0)
    assert np.einsum("ulk,u->k", rows, times).tolist() == expected.tolist()
    assert rows.shape[1] == macro(items)["labels"]


@given(judged_lists, st.randoms())
def test_order_changes_nothing(items: list[Judged], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(items)
    random.shuffle(shuffled)
    assert intervals(items, n_bootstrap=20) == intervals(shuffled, n_bootstrap=20)
    assert macro(items) == pytest.approx(macro(shuffled))


def test_intervals_are_those_of_resampling_utterances() -> None:
    rng = np.random.default_rng(3)
    items = []
    for _ in range(80):
        gold = {span for span in (SONG, MOVIE) if rng.random() < 0.5}
        items.append(judged(gold, {span for span in (SONG, MOVIE) if (span in gold) == (rng.random() < 0.8)}))
    items[0] = judged({BOOK}, {BOOK})  # a label that a third of the resamples don't have
    found = intervals(items, n_bootstrap=3000)
    samples: dict[str, list[float]] = {"p": [], "r": [], "f": [], "macro_f": []}
    for _ in range(1500):
        drawn = [items[i] for i in rng.integers(0, len(items), len(items))]
        scores = strict(((item.gold, item.pred) for item in drawn), n_bootstrap=0)
        for key in "prf":
            samples[key].append(scores[key])
        samples["macro_f"].append(float(np.mean([row["f"] for row in per_label(drawn).values()])))
    for key, values in samples.items():
        assert found[key] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.015), key
    assert found["f"] == f_interval(count((item.gold, item.pred) for item in items), n_bootstrap=3000)


def test_no_interval_without_resamples_or_utterances() -> None:
    none = {"p": None, "r": None, "f": None, "macro_f": None}
    assert intervals([judged({SONG}, {SONG})], n_bootstrap=0) == none
    assert intervals([]) == none
    assert intervals([judged(set(), set())])["macro_f"] == [0.0, 0.0]
