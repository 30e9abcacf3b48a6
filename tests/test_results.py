"""Figures in the README are those that ``docs/results`` keeps, with the command and date that made them."""

from __future__ import annotations

import json
import re
import runpy

import pytest

from spacy_convner.evaluation.student_ablation import markdown

from .conftest import ROOT

RESULTS = ROOT / "docs" / "results"
README = (ROOT / "README.md").read_text(encoding="utf8")


def test_every_result_says_how_it_was_made() -> None:
    files = list(RESULTS.glob("*.json"))
    assert files
    for path in files:
        result = json.loads(path.read_text(encoding="utf8"))
        assert result["command"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", result["date"])


def test_readme_has_the_table_of_the_demo_run() -> None:
    result = json.loads((RESULTS / "demo.json").read_text(encoding="utf8"))
    script = runpy.run_path(str(ROOT / "benchmarks" / "demo_run.py"))
    assert script["table"](result) in README
    assert script["testsets_table"](result) in README
    assert script["testsets_table"](result) in (ROOT / "docs" / "testsets.md").read_text(encoding="utf8")
    assert result["date"] in README
    minutes = result["total_s"] / 60
    assert f"{minutes:.0f} minutes" in README


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("catalog", "catalogs.md"),
        ("llm_cost", "teacher.md"),
        ("llm_gate", "teacher.md"),
        ("labelling", "scale.md"),
        ("detection", "testsets.md"),
        ("clustering", "testsets.md"),
        ("population", "testsets.md"),
        ("xlmr_speed", "students.md"),
        ("students", "students.md"),
    ],
)
def test_docs_have_the_tables_of_the_benchmarks(name: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))  # a benchmark may use another
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf8"))
    table = runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"))["table"]
    shown = table(result["rows"]) if name in ("catalog", "llm_cost", "population") else table(result)
    assert shown in (ROOT / "docs" / page).read_text(encoding="utf8"), f"docs/{page} has other figures than {name}.json"


def test_the_page_of_the_filters_has_every_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    result = json.loads((RESULTS / "filters.json").read_text(encoding="utf8"))
    script = runpy.run_path(str(ROOT / "benchmarks" / "filters.py"))
    page = (ROOT / "docs" / "filters.md").read_text(encoding="utf8")
    for part, name in (("table", "table"), ("curve", "curve_table"), ("ablation", "ablation_table")):
        assert script[name](result) in page, f"docs/filters.md has other figures than the {part} of filters.json"
        assert result[part]["date"] in page
        assert result[part]["command"].endswith(f"--only {part}")


def test_the_page_of_the_students_has_the_ablation() -> None:
    result = json.loads((RESULTS / "ablation.json").read_text(encoding="utf8"))
    page = (ROOT / "docs" / "students.md").read_text(encoding="utf8")
    assert markdown(result) in page
    assert result["date"] in page
    assert result["seeds"] == [0, 1, 2]
