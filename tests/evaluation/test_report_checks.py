"""A damaged metrics file is named, with the field, before anything is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.errors import DataError
from spacy_convner.evaluation.report import render_report

from .report_data import benchmark, write

BAD_SET = [
    ("macro.f", 3),
    ("intervals.p", [0.1]),
    ("intervals.p", [0.1, 2]),
    ("per_lang.en.n", "many"),
    ("per_lang.en.f", None),
    ("slices.case.lower.r", -1),
    ("slices.words", [1]),
    ("slices", 7),
    ("partial.exact.p", "x"),
    ("partial.exact.correct", "x"),
    ("calibration.brier", 7),
    ("calibration.n", None),
    ("calibration.bins", 3),
    ("calibration.bins.0.share", None),
    ("error_kinds.label", "x"),
    ("error_kinds", [1]),
    ("utterance_counts.right", [1]),
    ("utterance_counts.right", ["x"]),
    ("utterance_counts.sha256", 3),
    ("errors", {"a": 1}),
    ("errors.0.kinds", "label"),
    ("errors.0.pred", [[3, 1, "x"]]),
]
BAD_FILE = [
    ("components", 3),
    ("notes", 7),
    ("strict.f", 7),
    ("ceiling_f", 80),
    ("dev", {"strict": {"p": 1}}),
    ("learning_curve", 1),
    ("learning_curve.0.f.mean", 7),
    ("learning_curve.0.n_exemplars", -1),
    ("learning_curve.0.f", 0.5),
    ("protocol.catalog", 3),
    ("protocol.splits.test", 3),
    ("missed_by_catalog", 3),
]


def damage(data: Any, field: str, value: Any) -> None:
    *keys, last = field.split(".")
    for key in keys:
        data = data[int(key)] if isinstance(data, list) else data[key]
    data[last] = value


@pytest.mark.parametrize(("field", "value"), BAD_SET)
def test_damaged_scores(tmp_path: Path, field: str, value: Any) -> None:
    data = benchmark("x", {0: 0.5})
    damage(data["sets"]["test"], field, value)
    refused(tmp_path, data, field)


@pytest.mark.parametrize(("field", "value"), BAD_FILE)
def test_damaged_benchmark(tmp_path: Path, field: str, value: Any) -> None:
    data = benchmark("x", {0: 0.5})
    damage(data, field, value)
    refused(tmp_path, data, field)


def comparison() -> dict[str, Any]:
    row = {"f_a": 0.5, "f_b": 0.6, "difference": 0.1, "ci95": [0.0, 0.2], "p_bootstrap": 0.1, "p_randomization": 0.1}
    return {"a": {"system": "a"}, "b": {"system": "b"}, "comparison": {"s": {**row, "docs": 3, "n": 3}}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("a.system", 3),
        ("a", 3),
        ("comparison.s", 3),
        ("comparison.s.f_a", 3),
        ("comparison.s.difference", -2),
        ("comparison.s.ci95", [0.0]),
        ("comparison.s.ci95", [0.0, "x"]),
        ("comparison.s.p_bootstrap", None),
        ("comparison.s.n", "x"),
    ],
)
def test_damaged_comparison(tmp_path: Path, field: str, value: Any) -> None:
    data = comparison()
    damage(data, field, value)
    refused(tmp_path, data, field)


def test_undamaged_files_are_drawn(tmp_path: Path) -> None:
    write(tmp_path, "bad", benchmark("x", {0: 0.5}))
    write(tmp_path, "comparison", comparison())
    html = render_report(tmp_path)
    assert 'id="benchmark"' in html
    assert 'id="comparison"' in html


def refused(folder: Path, data: Any, field: str) -> None:
    write(folder, "bad", data)
    with pytest.raises(DataError) as caught:
        render_report(folder)
    message = str(caught.value)
    assert "bad.json" in message
    around, _, last = re.sub(r"\.(\d+)(?=\.)", r"[\1]", field).rpartition(".")
    assert (around or last) in message
