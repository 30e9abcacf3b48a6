from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.evaluation.axes import cut_axis, difference_axis
from spacy_convner.evaluation.calibration_view import diagrams
from spacy_convner.evaluation.comparison import compare_systems, comparison_record, read_system
from spacy_convner.evaluation.comparison_view import compared_pairs, flipped
from spacy_convner.evaluation.curve_view import curve_figures
from spacy_convner.evaluation.error_data import error_data
from spacy_convner.evaluation.metrics_files import Metrics, read_metrics
from spacy_convner.evaluation.mistakes_view import kind_rows, partial_rows
from spacy_convner.evaluation.report import render_report
from spacy_convner.evaluation.side_by_side import label_groups, slice_groups
from spacy_convner.evaluation.views import main_view, set_views
from spacy_convner.ty import LabelledSpan

from .report_data import BOOK, HOSTILE, SONG, benchmark, judged, right_and_wrong, system_of, write


@pytest.fixture
def two(tmp_path: Path) -> Metrics:
    """A is right on 30 of 40 and 5 of 10 utterances, b on 10 and 5."""
    for name, n_right in (("a", 30), ("b", 10)):
        sets = {"one": right_and_wrong(n_right, 40 - n_right), "two": right_and_wrong(5, 5, offset=100)}
        write(tmp_path, name, system_of(sets, name))
    return read_metrics(tmp_path)


def test_tables_have_every_score_of_both(two: Metrics) -> None:
    averages, labels = label_groups(two, "one")
    assert [row.title for row in averages.rows] == ["micro average", "macro average"]
    assert [row.title for row in labels.rows] == ["Song", "Book"]
    assert labels.rows[0].ns == (40,)
    assert labels.rows[0].scores["a"]["r"] == pytest.approx(0.75)
    assert labels.rows[0].scores["b"]["r"] == pytest.approx(0.25)
    found = {group.title: [row.title for row in group.rows] for group in slice_groups(two, "all")}
    assert found["Language"] == ["en"]
    assert found["Name in the training data"] == ["seen"]
    assert found["Labels that the catalog offers for the span"] == ["several"]
    assert found["Length"] == ["1 word"]
    assert [title.split(":")[0] for title, _ in partial_rows(two, "one")] == [
        "strict",
        "exact",
        "partial",
        "entity type",
    ]
    (row,) = kind_rows(two, "one")
    assert (row.title, row.counts, row.shares) == ("label", {"a": 10, "b": 30}, {"a": 1.0, "b": 1.0})


def test_pairs_are_what_compare_says(two: Metrics) -> None:
    (pair,) = compared_pairs(two)
    assert [row.name for row in pair.rows] == ["one", "two", "all"]
    expected = compare_systems(*(read_system(two.paths[name]) for name in "ab"))["all"]
    assert pair.main is pair.rows[-1]
    row = pair.rows[-1]
    assert (row.difference, [row.low, row.high]) == (expected.difference, expected.ci95)
    assert (row.p_bootstrap, row.p_randomization) == (expected.p_bootstrap, expected.p_randomization)
    assert row.difference == pytest.approx(-0.4)
    assert row.is_sure
    assert not pair.rows[1].is_sure
    assert row.outcomes == (15, 20, 0, 15)
    back = flipped(pair).rows[-1]
    assert (back.difference, back.low, back.f_a, back.outcomes) == (
        -row.difference,
        -row.high,
        row.f_b,
        (15, 0, 20, 15),
    )


def test_why_two_systems_cant_be_compared(two: Metrics, tmp_path: Path) -> None:
    write(tmp_path, "c", system_of({"one": right_and_wrong(1, 1)}, "c"))
    write(tmp_path, "d", system_of({"else": right_and_wrong(1, 1)}, "d"))
    old = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))
    for scores in old["sets"].values():
        scores.pop("utterance_counts", None)
    write(tmp_path, "e", {**old, "system": "e"})
    pairs = {(pair.a, pair.b): pair for pair in compared_pairs(read_metrics(tmp_path))}
    assert "other utterances or other gold" in pairs["a", "c"].reasons[0]
    assert pairs["a", "d"].reasons == ("They have no test set in common.",)
    assert all("e has no utterance counts" in reason for reason in pairs["b", "e"].reasons)
    assert pairs["b", "e"].main is None
    assert "other gold" in render_report(tmp_path)


def test_comparison_files_are_read(two: Metrics, tmp_path: Path) -> None:
    systems = read_system(tmp_path / "b.json"), read_system(tmp_path / "a.json")
    record = comparison_record(*systems, compare_systems(*systems))
    for name in "ab":
        data = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf8"))
        for scores in data["sets"].values():
            scores.pop("utterance_counts", None)
        write(tmp_path, name, data)
    write(tmp_path, "comparison", record)
    (pair,) = compared_pairs(read_metrics(tmp_path))
    assert (pair.a, pair.b, pair.source) == ("a", "b", "comparison.json")  # turned: the file has b first
    assert pair.main is not None
    assert pair.main.difference == pytest.approx(-0.4)
    assert "read from comparison.json" in render_report(tmp_path)


def test_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "x", system_of({"test": right_and_wrong(2, 1)}, "x"))
    write(tmp_path, "y", system_of({"test": right_and_wrong(1, 2)}, "y"))
    write(tmp_path, "z", system_of({"test": right_and_wrong(3, 9)}, "z"))
    metrics = read_metrics(tmp_path)
    assert [list(data["sets"]) for data in metrics.systems.values()] == [["test (x)"], ["test (x)"], ["test (z)"]]
    views = {view.name: view for view in set_views(metrics)}
    assert [row.title for row in views["test (x)"].rows if not row.is_baseline] == ["x", "y"]
    assert views["test (z)"].n == 12
    pairs = {(pair.a, pair.b): pair for pair in compared_pairs(metrics)}
    assert pairs["x", "y"].main is not None
    assert "other gold" in pairs["x", "z"].reasons[0]


def test_the_page_opens_with_the_pooled_set_or_the_first(two: Metrics, tmp_path: Path) -> None:
    view = main_view(set_views(two))
    assert view is not None
    assert view.name == "all"
    data = system_of({"test": right_and_wrong(3, 1), "dev": right_and_wrong(2, 2)}, "x")
    del data["sets"]["all"]
    write(tmp_path / "benchmark", "x", data)
    view = main_view(set_views(read_metrics(tmp_path / "benchmark")))
    assert view is not None
    assert view.name == "test"


def test_calibration(two: Metrics) -> None:
    found = diagrams(two, "all")
    assert [diagram.system for diagram in found] == ["a", "b"]
    assert [(dot.n, dot.x, dot.y) for dot in found[0].dots] == [
        (50, pytest.approx(0.2), 0.0),
        (50, pytest.approx(0.9), 1.0),
    ]
    assert found[0].verdict == "on average 5.0 points too high"
    assert diagrams(two, "nothing") == []


def test_learning_curves_of_one_test_set_share_a_figure(tmp_path: Path) -> None:
    write(tmp_path, "x", benchmark("x", {0: 0.5, 10: 0.6, 100: 0.7, 1000: 0.8}))
    write(tmp_path, "y", benchmark("y", {0: 0.5, 100: 0.9}))
    write(tmp_path, "z", benchmark("z", {0: 0.3, 9: 0.4}, sha256="other"))
    first, second = curve_figures(read_metrics(tmp_path))
    assert [curve.system for curve in first.curves] == ["x", "y"]
    assert [curve.system for curve in second.curves] == ["z"]
    places = [point.x for point in first.curves[0].points]
    assert places[0] == 0  # no exemplars stand apart, the rest is evenly spaced: powers of ten
    assert places[2] - places[1] == pytest.approx(places[3] - places[2], abs=0.02)
    assert places[-1] == 100
    assert [n for _, n in first.ticks] == [0, 10, 100, 1000]
    assert first.axis.low <= 0.35
    html = render_report(tmp_path)
    assert 'id="curve"' in html
    assert html.count('class="band ') == 3


def test_benchmark_says_what_the_catalog_gave_away(tmp_path: Path) -> None:
    write(tmp_path, "x", benchmark("x", {}))
    html = render_report(tmp_path)
    for text in ("oracle: every name that any split has, 4,567 names", "80 % of names, 89 removed", "10 names added",
                 "whatever the case (lower)", "1,234, from train", "candidate recall 97.0", "every candidate 50.0",
                 "prior 60.0", "ceiling 98.0", "2 not in the catalog", "4,321"):  # fmt: skip
        assert text in html
    assert HOSTILE not in html
    assert 'id="curve"' not in html


def test_a_sample_of_the_errors_is_the_same_every_time(tmp_path: Path) -> None:
    items = right_and_wrong(0, 700) + [judged(f"say hello {i}", [], [SONG]) for i in range(5)]
    write(tmp_path, "x", system_of({"one": items}, "x"))
    found = error_data(read_metrics(tmp_path))
    kinds = [tuple(found["kinds"][k] for k in error["k"]) for error in found["errors"]]
    assert (kinds.count(("label",)), kinds.count(("spurious",))) == (200, 5)
    (total,) = found["totals"]
    assert total["n"] == 705
    assert {found["kinds"][k]: n for k, n in total["k"].items()} == {"label": 700, "spurious": 5}
    assert found == error_data(read_metrics(tmp_path))
    write(tmp_path / "turned", "x", system_of({"one": items[::-1]}, "x"))
    turned = error_data(read_metrics(tmp_path / "turned"))
    assert {text["t"] for text in turned["texts"]} == {text["t"] for text in found["texts"]}
    small = error_data(read_metrics(tmp_path), most_bytes=5_000)
    assert 0 < len(small["errors"]) < 60
    assert len(json.dumps(small)) <= 5_000


def test_where_two_systems_differ(tmp_path: Path) -> None:
    texts = ["play hello 0", "play hello 1", "play hello 2", "play hello 3"]
    none: list[Any] = []
    answers = {"a": [[SONG], none, none, none], "b": [none, [SONG], [BOOK], none]}
    for name, predictions in answers.items():
        items = [judged(text, [SONG], pred) for text, pred in zip(texts, predictions, strict=True)]
        write(tmp_path, name, system_of({"one": items}, name))
    found = error_data(read_metrics(tmp_path))
    shown = {}
    for pair in found["pairs"]:
        ((first, second),) = pair["e"]
        error = found["errors"][second if first < 0 else first]
        shown[pair["w"]] = (found["texts"][error["u"]]["t"], first >= 0, second >= 0)
    # The last is wrong in the same way in both, so there is nothing to see.
    assert shown == {0: (texts[0], False, True), 1: (texts[1], True, False), 2: (texts[2], True, True)}


def test_overlapping_spans_come_drawn_and_escaped(tmp_path: Path) -> None:
    inner = LabelledSpan(8, 10, HOSTILE)
    text = f"play hello {HOSTILE}"
    write(tmp_path, "a", system_of({"one": [judged(text, [SONG, inner], [SONG]), judged(text, [SONG], [])]}, "a"))
    found = error_data(read_metrics(tmp_path))
    assert ["h" in error for error in found["errors"]] == [True, False]
    drawn = [*found["errors"][0]["h"], found["texts"][0]["h"]]
    assert len(drawn) == 3
    for html in drawn:
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    assert 'class="spans"' in drawn[0]


@given(st.lists(st.floats(-1, 1), max_size=5))
def test_axis_of_differences_holds_them(values: list[float]) -> None:
    axis = difference_axis(values)
    assert axis.low == -axis.high
    assert all(axis.low <= value <= axis.high for value in values)
    assert axis.at(0) == 50


@given(st.lists(st.floats(0, 1), max_size=5))
def test_axis_of_scores_holds_them(values: list[float]) -> None:
    axis = cut_axis(values)
    assert all(axis.low <= value <= 1 for value in values)
    assert axis.ticks[-1] == 1
