"""``convner label --engine ray`` as people run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from spacy.language import Language
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import read_docbin

from ..conftest import write_jsonl
from ..llm.conftest import Server, make_llm_teacher, server  # noqa: F401

runner = CliRunner()


def label(*arguments: object) -> Result:
    return runner.invoke(app, ["label", *map(str, arguments)])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "in.jsonl", [{"text": f"play hello number {i}"} for i in range(60)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--num-actors", 2], "--num-actors: only with --engine ray"),
        (["--address", "auto", "--resources", "x=1"], "--resources, --address: only with --engine ray"),
        (["--engine", "ray", "--n-process", 2], "--n-process: only with --engine local; use --num-actors"),
        (["--engine", "spark"], "--engine: expected local or ray, got 'spark'"),
        (["--engine", "ray", "--resources", "num_cpus"], "--resources: expected 'num_cpus=1,memory=4e9' or a JSON"),
        (
            ["--engine", "ray", "--resources", '{"num_cpus": -1}'],
            "expected amounts of 0 or more, got -1.0 for 'num_cpus'",
        ),
        (["--engine", "ray", "--resources", '{"num_cpus": "a"}'], "--resources: expected"),
        (["--engine", "ray", "--resources", "[1]"], "--resources: expected"),
    ],
)
def test_options_that_do_not_fit(source: Path, tmp_path: Path, options: list[object], message: str) -> None:
    result = label(source, tmp_path / "out", "-p", "nothing", *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_extra_that_is_missing_is_named(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = label(source, tmp_path / "out", "-p", "nothing", "--engine", "ray")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "--engine ray needs the package 'ray'" in result.stderr
    assert "pip install 'spacy-convner[ray]'" in result.stderr


def test_an_input_by_its_url_is_an_input(source: Path, tmp_path: Path) -> None:
    for place in (f"file://{source}", f"file:{source}", f"local://{source}"):
        fails(label(place, source, "-p", "x"), "is an input")
    lake = source.parent
    fails(label(f"file://{lake}", lake / "out", "-p", "x"), "is inside the input")
    fails(label(lake, f"file://{lake}/out", "-p", "x"), "is inside the input")
    named = write_jsonl(tmp_path / "deep" / "x.rejected.jsonl", [{"text": "a"}])
    for place in (str(named), f"{named.parent}/*.jsonl"):
        fails(label(place, named.parent / "x.spacy", "-p", "x"), "is an input")
    out = tmp_path / "shards"
    fails(label(source, out, "-p", "x", "--metrics", out / "manifest.json"), "as an output twice")


def test_what_would_read_its_own_output(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.jsonl").write_text('{"text": "a"}\n')
    result = label(f"{tmp_path}/*/*.jsonl", tmp_path / "out", "-p", "nothing")
    assert result.exit_code == 1
    assert "holds an input: " in result.stderr
    result = label(tmp_path, tmp_path / "new", "-p", "nothing")
    assert "is inside the input" in result.stderr
    assert "no such pipeline" in label(tmp_path, tmp_path / "_new", "-p", "nothing").stderr  # not read by the next run
    result = label(source, "s3://bucket/x.spacy", "-p", "nothing")
    assert "one file is written on this machine only" in result.stderr


@pytest.mark.slow
def test_one_budget_for_all_actors(
    server: Server,  # noqa: F811
    make_llm_teacher: Callable[..., Language],  # noqa: F811
    source: Path,
    tmp_path: Path,
) -> None:
    out, pipeline = tmp_path / "out", tmp_path / "teacher.cfg"
    make_llm_teacher().config.to_disk(pipeline)
    command: list[Any] = [source, out, "-p", pipeline, "--shard-size", 5, "--engine", "ray", "--num-actors", 2]
    result = label(*command, "--max-calls", 17)
    assert result.exit_code == 1
    assert "max_calls or max_usd is reached" in result.stderr
    assert len(server.requests) == 17  # not one more
    result = label(*command, "--metrics", tmp_path / "m.json")
    assert result.exit_code == 0, result.output
    assert len(server.requests) == 60  # and none twice: the answers of both runs are in one store
    stats = json.loads((tmp_path / "m.json").read_text())
    assert stats["llm"]["calls"] == 43
    assert stats["statuses"] == {"ok": 60}
    assert sorted(doc.text for doc in read_docbin(out, Vocab())) == sorted(f"play hello number {i}" for i in range(60))
    assert f"{out}: 60 utterances" in result.stderr


@pytest.mark.slow
def test_no_cluster_at_the_address(source: Path, tmp_path: Path, make_teacher: Callable[..., Language]) -> None:
    make_teacher().to_disk(tmp_path / "teacher")
    result = label(source, tmp_path / "out", "-p", tmp_path / "teacher", "--engine", "ray", "--address", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "Ray can't be started (--address 127.0.0.1:1): " in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
