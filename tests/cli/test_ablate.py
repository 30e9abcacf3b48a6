"""``convner ablate``: the paper's settings over HTTP, their tables and picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from typer.testing import CliRunner

from spacy_convner.cli import app

from ..conftest import write_jsonl
from ..llm.conftest import Reply, Server, error, make_llm_teacher, message, query_of, select, server  # noqa: F401

runner = CliRunner()
GOLD = {
    "play hello by adele": [(5, 10, "Song"), (14, 19, "Artist")],
    "put on hello": [(7, 12, "Song")],
    "adele please": [(0, 5, "Artist")],
    "good morning": [],
}


def answer(query: str, body: dict[str, Any]) -> Reply:
    """Right where candidates are offered; free extraction names something else too."""
    if "entities" in body["output_config"]["format"]["schema"]["properties"]:
        pairs = [{"span": query[s:e], "label": label} for s, e, label in GOLD[query]]
        return message(json.dumps({"entities": [*pairs, {"span": query.split()[0], "label": "Song"}]}))
    return select(*range(1, len(GOLD[query]) + 1))


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    rows = [
        {"text": text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans]}
        for text, spans in GOLD.items()
    ]
    write_jsonl(path, rows)
    return path


@pytest.fixture
def pipeline(make_llm_teacher: Callable[..., Language], tmp_path: Path) -> Path:  # noqa: F811
    path = tmp_path / "teacher.cfg"
    make_llm_teacher().config.to_disk(path)
    return path


def run(*arguments: object) -> Any:
    return runner.invoke(app, ["ablate", *map(str, arguments)])


@pytest.mark.slow
def test_the_papers_tables(server: Server, pipeline: Path, test_set: Path, tmp_path: Path) -> None:  # noqa: F811
    server.reply = answer
    out, plot = tmp_path / "ablation.json", tmp_path / "ablation.svg"
    command = (pipeline, test_set, "-o", out, "--plot", plot, "--k", 1, "--k", 2, "--k", 3)
    result = run(*command)
    assert result.exit_code == 0, result.output
    data = json.loads(out.read_text(encoding="utf8"))
    f = {(row["method"], row["k"]): row["sets"]["mine"]["strict"]["f"] for row in data["rows"]}
    assert list(f) == [
        ("ICL", 2), ("ICL+PS", 2), ("SF", 2), ("SF+PS", 2), ("SF+DER", 2), ("SF+DER+PS", 2), ("SF+DER+PS", 1),
        ("SF+DER+PS", 3),
    ]  # fmt: skip
    assert f["ICL", 2] == pytest.approx(8 / 12)  # four made up
    assert f["ICL+PS", 2] == 1.0
    assert f["SF", 2] == f["SF+DER+PS", 1] == 1.0
    base = data["baseline"]["sets"]["mine"]["f"]
    row = data["rows"][1]["sets"]["mine"]
    assert row["relative"] == pytest.approx(100 * (1 - base) / base)
    assert "**all**" not in result.stdout  # it would be the same set again
    assert "| ICL | 2 | 50.0 | 100.0 | 66.7" in result.stdout
    assert "| SF+DER+PS | 3 | 100.0 | 100.0 | 100.0" in result.stdout
    assert "Language model: " in result.stderr
    # Post-processing asks nothing new; exemplars drawn at random and retrieved ones are other requests.
    assert data["rows"][0]["usage"]["calls"] == 4
    assert "calls" not in data["rows"][1]["usage"] or data["rows"][1]["usage"]["calls"] == 0
    texts = [element.text for element in ET.fromstring(plot.read_text(encoding="utf8")).iter() if element.text]
    assert "SF+DER+PS, k = 3" in texts
    sent = len(server.requests)
    assert run(*command).exit_code == 0
    assert len(server.requests) == sent
    bodies = [body["messages"][0]["content"] for body in server.bodies if query_of(body) == "put on hello"]
    assert {content.count("<example>") for content in bodies} == {1, 2, 3}


def test_what_was_not_answered_is_an_error(
    server: Server,  # noqa: F811
    pipeline: Path,
    test_set: Path,
    tmp_path: Path,
) -> None:
    server.reply = lambda query, body: error(500, "api_error", "x") if "put" in query else answer(query, body)
    result = run(pipeline, test_set, "-o", tmp_path / "a.json", "--k", 2)
    assert result.exit_code == 1
    assert "6 utterances weren't answered, so these scores are too low" in result.stderr
    assert result.stdout.startswith("**6 utterances weren't answered")
    server.reply = answer
    assert run(pipeline, test_set, "-o", tmp_path / "a.json", "--k", 2).exit_code == 0
    result = run(pipeline, test_set, "-o", tmp_path / "b.json", "--k", 2, "--max-calls", 1)
    assert result.exit_code == 1
    assert "weren't answered" in result.stderr


def test_without_a_language_model(make_teacher: Callable[..., Language], test_set: Path, tmp_path: Path) -> None:
    path = tmp_path / "local.cfg"
    make_teacher().config.to_disk(path)
    result = run(path, test_set, "-o", tmp_path / "a.json", "--k", 2)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))["rows"]
    assert [row["method"] for row in rows] == ["SF", "SF+PS", "SF+DER", "SF+DER+PS"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--plot", "x.png"], "expected a .svg file"),
        (["--k", 2, "--k", 2], "expected different numbers"),
    ],
)
def test_bad_options(pipeline: Path, test_set: Path, tmp_path: Path, options: list[object], words: str) -> None:
    result = run(pipeline, test_set, "-o", tmp_path / "a.json", *options)
    assert result.exit_code == 1
    assert words in result.stderr


def test_other_pipelines(test_set: Path, tmp_path: Path) -> None:
    import spacy

    spacy.blank("en").to_disk(tmp_path / "blank")
    result = run(tmp_path / "blank", test_set, "-o", tmp_path / "a.json")
    assert result.exit_code == 1
    assert "needs a pipeline with exemplar_retriever and llm_semantic_filter" in result.stderr
