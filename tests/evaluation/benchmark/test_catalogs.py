"""Which names a benchmark's catalog holds, and what is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.evaluation.benchmark.catalogs import BenchmarkCatalog, CatalogPlan, gold_entries
from spacy_convner.leaks import fold_name
from spacy_convner.ty import CatalogEntry, Exemplar, LabelledSpan

from ...conftest import write_jsonl
from .conftest import exemplars

SPLITS = {
    "train": exemplars(["play [Hello](Song)", "play [hello](Song)", "see [Dune](Movie)"]),
    "test": exemplars(["read [Dune](Book)", "play [Stay](Song)"]),
}


def names(plan: CatalogPlan) -> tuple[list[tuple[str, str]], BenchmarkCatalog]:
    catalog = BenchmarkCatalog(plan, SPLITS)
    return [(entry.text, entry.label) for entry in catalog.entries()], catalog


def test_oracle_and_train() -> None:
    found, catalog = names(CatalogPlan())
    train = [("Hello", "Song"), ("hello", "Song"), ("Dune", "Movie")]
    assert found == [*train, ("Dune", "Book"), ("Stay", "Song")]
    assert catalog.describe()["labels"] == {"Book": 1, "Movie": 1, "Song": 3}
    assert names(CatalogPlan("train"))[0] == train
    assert {entry.popularity for entry in gold_entries(SPLITS["test"])} == {0.0}
    with pytest.raises(ConfigError, match="--train"):
        BenchmarkCatalog(CatalogPlan("train"), {"test": SPLITS["test"]})


def test_a_catalog_of_ones_own(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [{"text": "Stay", "label": "Song", "popularity": 3}])
    catalog = BenchmarkCatalog(CatalogPlan(str(path)), SPLITS)
    assert [(entry.text, entry.popularity) for entry in catalog.entries()] == [("Stay", 3.0)]
    assert catalog.present == {("stay", "Song")}
    for source in ("gold", str(tmp_path / "none.jsonl")):
        with pytest.raises(DataError, match="no such"):
            list(BenchmarkCatalog(CatalogPlan(source), SPLITS).entries())


def test_distractors_tell_nothing_but_their_name(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "more.jsonl",
        [
            {"text": "Stay", "label": "Song", "popularity": 9, "id": "x"},
            {"text": "Please", "label": "Song", "popularity": 9, "id": "y"},
        ],
    )
    catalog = BenchmarkCatalog(CatalogPlan("oracle", [path]), SPLITS)
    entries = list(catalog.entries())
    assert entries[-1] == CatalogEntry("Please", "Song")
    assert catalog.describe()["distractors_added"] == 1  # Stay was there
    no_label = write_jsonl(tmp_path / "bad.jsonl", [{"text": "Stay"}])
    with pytest.raises(DataError, match="label"):
        list(BenchmarkCatalog(CatalogPlan("oracle", [no_label]), SPLITS).entries())


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.integers(0, 5))
def test_coverage_is_nested_and_by_name(one: float, other: float, seed: int) -> None:
    few, many = sorted([one, other])
    kept = [set(names(CatalogPlan("oracle", (), share, seed))[0]) for share in (few, many)]
    assert kept[0] <= kept[1]
    for share in kept:
        assert (("Hello", "Song") in share) == (("hello", "Song") in share)
        assert (("Dune", "Movie") in share) == (("Dune", "Book") in share)


def test_coverage_removes_that_share_and_keeps_it_away(tmp_path: Path) -> None:
    numbered = [Exemplar(f"name{i}", (LabelledSpan(0, len(f"name{i}"), "X"),)) for i in range(2000)]
    catalog = BenchmarkCatalog(CatalogPlan("oracle", (), 0.8, 1), {"test": numbered})
    entries = list(catalog.entries())
    assert 1550 < len(entries) < 1650
    assert len(catalog.removed) == catalog.n_removed == 2000 - len(entries)
    distractors = write_jsonl(tmp_path / "d.jsonl", [{"text": f"Name{i}", "label": "X"} for i in range(2000)])
    again = list(BenchmarkCatalog(CatalogPlan("oracle", [distractors], 0.8, 1), {"test": numbered}).entries())
    assert {fold_name(entry.text) for entry in again} == {fold_name(entry.text) for entry in entries}


@pytest.mark.parametrize("coverage", [0.0, -1.0, 1.01, float("nan")])
def test_coverage_out_of_range(coverage: float) -> None:
    with pytest.raises(ConfigError, match="--coverage"):
        CatalogPlan(coverage=coverage)
