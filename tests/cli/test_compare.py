from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()
WORDS = ["hello", "dune", "yellow", "clocks"]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Metrics of two systems on two sets: one knows two names, the other four."""
    folder = tmp_path_factory.mktemp("compare")
    files = []
    for name, offset in (("one.en", 0), ("two.en", 1)):
        records = [
            {"text": f"play {word}", "spans": [{"start": 5, "end": 5 + len(word), "label": "Song"}]}
            for word in WORDS[offset:] * 10
        ]
        files.append(folder / f"{name}.jsonl")
        files[-1].write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    for system, known in (("a", WORDS[:2]), ("b", WORDS)):
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "Song", "pattern": word} for word in known])
        nlp.to_disk(folder / system)
        arguments = ["evaluate", str(folder / system), *map(str, files), "-o", str(folder / f"{system}.json")]
        assert runner.invoke(app, arguments).exit_code == 0
    return {system: json.loads((folder / f"{system}.json").read_text(encoding="utf8")) for system in ("a", "b")}


@pytest.fixture
def paths(metrics: dict[str, Any], tmp_path: Path) -> tuple[Path, Path]:
    for system, data in metrics.items():
        (tmp_path / f"{system}.json").write_text(json.dumps(data), encoding="utf8")
    return tmp_path / "a.json", tmp_path / "b.json"


def compare(*arguments: object) -> Any:
    return runner.invoke(app, ["compare", *map(str, arguments)])


def test_two_systems(paths: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "out" / "comparison.json"
    result = compare(*paths, "--output", output, "--n-resamples", 500)
    assert result.exit_code == 0, result.output
    for part in ("one.en", "two.en", "all", "+33.33", "p bootstrap", "p randomization"):
        assert part in result.stdout
    record = json.loads(output.read_text(encoding="utf8"))
    assert (record["a"]["system"], record["b"]["system"]) == ("a", "b")
    assert "sets" not in record  # a report would take it for metrics
    assert list(record["comparison"]) == ["one.en", "two.en", "all"]
    found = record["comparison"]["one.en"]
    assert (found["f_a"], found["f_b"]) == pytest.approx((2 / 3, 1.0))
    assert found["difference"] == pytest.approx(1 / 3)
    assert 0 < found["ci95"][0] < 1 / 3 < found["ci95"][1]
    assert max(found["p_bootstrap"], found["p_randomization"]) < 0.01
    assert (found["docs"], found["n"], found["n_resamples"]) == (40, 40, 500)
    assert record["comparison"]["all"]["docs"] == 70


def test_a_system_and_itself(paths: tuple[Path, Path], tmp_path: Path) -> None:
    result = compare(paths[0], paths[0], "-o", tmp_path / "c.json")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "c.json").read_text(encoding="utf8"))["comparison"]["all"]
    assert (found["difference"], found["p_bootstrap"], found["p_randomization"]) == (0, 1, 1)


def test_sets_that_only_one_has_are_left_out(paths: tuple[Path, Path]) -> None:
    data = json.loads(paths[1].read_text(encoding="utf8"))
    del data["sets"]["two.en"]
    paths[1].write_text(json.dumps(data), encoding="utf8")
    result = compare(*paths)
    assert result.exit_code == 0, result.output
    assert "two.en: left out" in result.stderr
    assert "all" not in result.stdout  # it would pool other utterances than the files' own


def change(data: dict[str, Any], **counts: object) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(data))
    changed["sets"]["one.en"]["utterance_counts"].update(counts)
    return changed


def test_faults_end_as_one_message(paths: tuple[Path, Path], metrics: dict[str, Any], tmp_path: Path) -> None:
    data = metrics["b"]
    ones = [1] * 40
    output = tmp_path / "comparison.json"
    old = json.loads(json.dumps(data))
    del old["sets"]["one.en"]["utterance_counts"]
    for content, message in (
        ("{", "not valid JSON"),
        ("[1]", "has no sets"),
        ('{"sets": {}}', "has no sets"),
        ('{"sets": {"x": 1}}', "sets.x.utterance_counts"),
        (json.dumps(old), "sets.one.en.utterance_counts': missing"),
        (json.dumps({"sets": {"other": data["sets"]["one.en"]}}), "no set in common"),
        (json.dumps(change(data, sha256="0" * 64)), "other utterances, another order or other gold"),
        (json.dumps(change(data, sha256=None)), "expected a hash"),
        (json.dumps(change(data, right="x")), "expected a list of counts"),
        (json.dumps(change(data, right=[True] * 40)), "expected a list of counts"),
        (json.dumps(change(data, right=[-1] * 40)), "expected a list of counts"),
        (json.dumps(change(data, right=ones[1:])), "as many right"),
        (json.dumps(change(data, right=[2] * 40)), "more right than"),
        (json.dumps(change(data, right=ones[1:], gold=ones[1:], predicted=ones[1:])), "not as many counts"),
        (json.dumps(change(data, right=[0] * 40, gold=[2] * 40)), "gold of utterance 1 differs"),
    ):
        paths[1].write_text(content, encoding="utf8")
        result = compare(*paths, "-o", output)
        assert result.exit_code == 1, content[:200]
        assert message in result.stderr
        assert "Traceback" not in result.output
        assert not output.exists()


def test_wrong_paths(paths: tuple[Path, Path], tmp_path: Path) -> None:
    for other, message in ((tmp_path / "none.json", "no such file"), (tmp_path, "is a folder")):
        result = compare(paths[0], other)
        assert result.exit_code == 1
        assert message in result.stderr
    before = paths[0].read_bytes()
    result = compare(*paths, "-o", paths[0])
    assert result.exit_code == 1
    assert "is an input" in result.stderr
    assert paths[0].read_bytes() == before
