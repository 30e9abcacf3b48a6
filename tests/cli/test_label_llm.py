"""``convner label`` with a language model: estimate, limits, store, batches; ``convner store``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app

from ..conftest import write_jsonl
from ..llm.conftest import KEY, USAGE, Server, error, make_llm_teacher, select, server  # noqa: F401

runner = CliRunner()
TEXTS = ["play hello", "good morning", "play hello", "stay", *[f"play hello number {i}" for i in range(6)]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    write_jsonl(path, [{"text": text} for text in TEXTS])
    return path


@pytest.fixture
def config(make_llm_teacher: Callable[..., Language], tmp_path: Path) -> Callable[..., Path]:  # noqa: F811
    def make(**settings: Any) -> Path:
        path = tmp_path / "teacher.cfg"
        make_llm_teacher(**settings).config.to_disk(path)
        return path

    return make


def run(*arguments: object) -> Any:
    return runner.invoke(app, list(map(str, arguments)))


def statuses(path: Path) -> list[str]:
    docs = DocBin(store_user_data=True).from_disk(path).get_docs(Vocab())
    return [doc.user_data["convner"]["status"] for doc in docs]


def test_estimate(server: Server, config: Callable[..., Path], source: Path, tmp_path: Path) -> None:  # noqa: F811
    out, pipeline = tmp_path / "out.spacy", config()
    result = run("label", source, out, "-p", pipeline, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "10 utterances, 9 to ask a language model about: 8 calls, 0 answers already stored" in result.stdout
    assert "prices of 2026-11-23" in result.stdout
    assert "Nothing was sent." in result.stdout
    assert server.requests == []
    assert [path.name for path in tmp_path.glob("out*")] == []
    assert run("label", source, out, "-p", pipeline).exit_code == 0
    result = run("label", source, out, "-p", pipeline, "--dry-run")
    assert "0 calls, 8 answers already stored" in result.stdout
    assert "about $0.0000" in result.stdout


def test_a_limit_stops_and_the_next_run_goes_on(
    server: Server,  # noqa: F811
    config: Callable[..., Path],
    source: Path,
    tmp_path: Path,
) -> None:
    out, metrics, pipeline = tmp_path / "out.spacy", tmp_path / "m.json", config()
    result = run("label", source, out, "-p", pipeline, "--max-calls", 3, "--shard-size", 4)
    assert result.exit_code == 1
    assert "max_calls or max_usd is reached" in result.stderr
    assert len(server.requests) == 3
    assert not out.exists()
    result = run("label", source, out, "-p", pipeline, "--metrics", metrics, "--shard-size", 4)
    assert result.exit_code == 0, result.output
    assert "Language model: 5 calls (0 retries), " in result.stderr
    assert len(server.requests) == 8
    assert statuses(out) == ["ok", "no_candidates", *["ok"] * 8]
    assert json.loads(metrics.read_text())["llm"]["calls"] == 5
    # The limit isn't part of what is labelled, so nothing is done again.
    result = run("store", "stats", f"{out}.answers.sqlite", "--json")
    assert json.loads(result.stdout)["models"] == {"claude-haiku-5-5": {"ok": 8}}
    assert run("store", "stats", f"{out}.answers.sqlite").stdout.startswith("8 answers")
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path


def test_processes_share_limits_and_are_counted_together(
    server: Server,  # noqa: F811
    config: Callable[..., Path],
    tmp_path: Path,
) -> None:
    out, metrics, pipeline = tmp_path / "out.spacy", tmp_path / "m.json", config()
    source = tmp_path / "in.jsonl"  # two processes may ask the same at the same time, so nothing is said twice
    write_jsonl(source, [{"text": f"play hello number {i}"} for i in range(8)])
    options = ["-p", pipeline, "--shard-size", 4, "-n", 2, "--batch-size", 2, "--metrics", metrics]
    result = run("label", source, out, *options, "--max-calls", 3)
    assert result.exit_code == 1
    assert "max_calls or max_usd is reached" in result.stderr
    assert len(server.requests) == 3
    result = run("label", source, out, *options, "--max-usd", 1)
    assert result.exit_code == 0, result.output
    assert len(server.requests) == 8
    assert statuses(out) == ["ok"] * 8
    stats = json.loads(metrics.read_text())
    counts = stats["llm"]
    assert counts["calls"] == 5
    assert counts["output_tokens"] == 5 * USAGE["output_tokens"]
    assert stats["resumed"] + counts["calls"] + counts["stored"] == 8
    assert "Language model: 5 calls (0 retries), " in result.stderr
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path


def test_failed_utterances_are_tried_again(
    server: Server,  # noqa: F811
    config: Callable[..., Path],
    source: Path,
    tmp_path: Path,
) -> None:
    out, pipeline = tmp_path / "out.spacy", config()
    server.reply = lambda query, body: error(500, "api_error", "x") if "number 3" in query else select(1)
    result = run("label", source, out, "-p", pipeline)
    assert result.exit_code == 1
    assert "1 utterances failed: InternalServerError" in result.stderr
    sent = len(server.requests)
    server.reply = lambda query, body: select(1)
    assert run("label", source, out, "-p", pipeline).exit_code == 0
    assert len(server.requests) == sent + 1


def test_batches_detached(server: Server, config: Callable[..., Path], source: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "out.spacy"
    pipeline = config(
        api="AnthropicBatches", store=str(tmp_path / "answers.sqlite"), poll_seconds=0.01, max_batch=5, max_retries=0
    )
    server.polls = 5
    result = run("label", source, out, "-p", pipeline, "--detach")
    assert result.exit_code == 0, result.output
    assert "2 batches submitted, 2 under way" in result.stderr
    assert not out.exists()
    result = run("label", source, out, "-p", pipeline, "--detach")
    assert "0 batches submitted" in result.stderr
    result = run("label", source, out, "-p", pipeline, "--resume")
    assert result.exit_code == 1
    assert "batches are still under way" in result.stderr
    assert not out.exists()
    server.polls = 1
    assert run("label", source, out, "-p", pipeline, "--resume").exit_code == 0
    assert statuses(out) == ["ok", "no_candidates", *["ok"] * 8]
    assert len(server.batches) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--detach"], "--detach needs spacy_convner.AnthropicBatches.v1"),
        (["--resume"], "--resume needs spacy_convner.AnthropicBatches.v1"),
    ],
)
def test_options_that_do_not_fit(
    server: Server,  # noqa: F811
    config: Callable[..., Path],
    source: Path,
    tmp_path: Path,
    options: list[object],
    message: str,
) -> None:
    result = run("label", source, tmp_path / "out.spacy", "-p", config(), *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert server.requests == []


def test_options_without_a_language_model(source: Path, tmp_path: Path, make_teacher: Callable[..., Language]) -> None:
    pipeline = tmp_path / "local.cfg"
    make_teacher().config.to_disk(pipeline)
    result = run("label", source, tmp_path / "out.spacy", "-p", pipeline, "--max-usd", 1)
    assert result.exit_code == 1
    assert "no language model is asked" in result.stderr
    result = run("label", source, tmp_path / "out.spacy", "-p", pipeline, "--dry-run")
    assert result.exit_code == 1
    assert "asks no language model, labelling costs nothing" in result.stderr


def test_store_commands(tmp_path: Path) -> None:
    from spacy_convner.llm.store import ResponseStore
    from spacy_convner.ty import LLMAnswer

    one, two = tmp_path / "1.sqlite", tmp_path / "2.sqlite"
    ResponseStore(one).put("a", "m", LLMAnswer("{}"))
    ResponseStore(two).put("b", "n", LLMAnswer("{}"))
    assert "1 answers added" in run("store", "merge", one, two).stderr
    assert run("store", "prune", one).exit_code == 1
    assert "0 answers deleted" in run("store", "prune", one, "--older-than", 1).stderr
    assert "1 answers deleted" in run("store", "prune", one, "--model", "n").stderr
    assert "1 answers deleted" in run("store", "prune", one, "--all").stderr
    for command in (["stats", tmp_path / "x"], ["prune", tmp_path / "x", "--all"], ["merge", one, tmp_path / "x"]):
        result = run("store", *command)
        assert result.exit_code == 1
        assert "no such file" in result.stderr
