"""What ``measure_students`` reports, and what it says about a student that can't be measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from spacy_convner.errors import ConvnerError, DataError
from spacy_convner.student.latency import check_pipelines, measure_students

TEXTS = ["play hello", "stop", "what is the weather in boston"]


@pytest.fixture
def blank(tmp_path: Path) -> str:
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "blank")
    return str(tmp_path / "blank")


@pytest.mark.slow  # a process is as slow to start as spaCy is to import
def test_two_by_turns(blank: str) -> None:
    steps: list[int] = []
    held = bytearray(b"x") * (1 << 30)  # must not count as the students': a child's ru_maxrss would know it
    found = measure_students(
        {"a": blank, "b": blank}, TEXTS, rounds=3, loads=2, batch_size=2, on_step=lambda: steps.append(1)
    )
    assert len(steps) == 2 * (2 + 3)
    assert list(found) == ["a", "b"]
    for got in found.values():
        assert len(got["rounds"]) == 3
        assert sorted(part["p50_ms"] for part in got["rounds"])[1] == got["p50_ms"]
        assert 0 < got["p50_ms"] <= got["p95_ms"] <= got["p99_ms"]
        assert got["utterances_per_s"] > 0
        assert got["import_s"] > 0
        assert got["load_s"] > 0
        assert 20 < got["import_mb"] <= got["max_rss_mb"] < len(held) >> 20
        assert got["components"] == ["sentencizer"]
        assert got["bytes"] == sum(file.stat().st_size for file in Path(blank).rglob("*") if file.is_file())


@pytest.mark.slow
def test_a_student_that_fails_on_an_utterance(blank: str) -> None:
    texts = ["play hello", "x" * 1_000_001, "stop"]  # more than spaCy takes
    with pytest.raises(ConvnerError, match=r"^long fails on utterance 2, 'x{75,}: ValueError: \[E088\]"):
        measure_students({"long": blank}, texts, rounds=1, loads=1)


def test_bad_input(blank: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf8")
    (tmp_path / "empty").mkdir()
    for pipelines, message in (
        ({}, "no pipeline to measure"),
        ({"a": str(tmp_path / "nowhere")}, "no such pipeline"),
        ({"a": str(tmp_path / "file")}, "no such pipeline"),
        ({"a": "student.cfg"}, "is a config"),
    ):
        with pytest.raises(DataError, match=message):
            check_pipelines(pipelines)
    with pytest.raises(DataError, match="no utterance"):
        measure_students({"a": blank}, [])
    with pytest.raises(DataError, match="can't be started"):
        measure_students({"a": blank}, TEXTS, python=str(tmp_path / "nopython"))
    with pytest.raises(DataError, match=r"empty: can't be measured: OSError: \[E053\]"):
        measure_students({"a": str(tmp_path / "empty")}, TEXTS)
