"""``convner label`` and ``convner split`` as people run them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from click.testing import Result
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import read_docbin

from ..conftest import write_jsonl

runner = CliRunner()


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Song", "pattern": "hello"}])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "in.jsonl", [{"text": f"play hello {i}"} for i in range(23)] + [{"text": ""}])


def label(source: Path, output: Path, pipeline: Path | str, *more: str) -> Result:
    return runner.invoke(app, ["label", str(source), str(output), "-p", str(pipeline), *more])


def shard(first: int, last: int) -> str:
    return f"part-000001-{first:010d}-{last:010d}.spacy"


def fails(result: Result, *words: str) -> None:
    """One message on standard error, nothing else."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_file_and_metrics(source: Path, pipeline: Path, tmp_path: Path) -> None:
    out, metrics = tmp_path / "corpus" / "silver.spacy", tmp_path / "metrics" / "label.json"
    result = label(source, out, pipeline, "--metrics", str(metrics), "--shard-size", "5")
    assert result.exit_code == 0, result.output
    docs = list(read_docbin(out, Vocab()))
    assert [doc.text for doc in docs] == [*(f"play hello {i}" for i in range(23)), ""]
    assert json.loads(metrics.read_text(encoding="utf8"))["entities"] == 23
    assert "24 utterances" in result.stderr
    assert "23 entities" in result.stderr
    assert os.listdir(tmp_path / "corpus") == ["silver.spacy"]


def test_folder(source: Path, pipeline: Path, tmp_path: Path) -> None:
    result = label(source, tmp_path / "shards", pipeline, "--shard-size", "10", "--n-process", "2", "--batch-size", "3")
    assert result.exit_code == 0, result.output
    assert sorted(os.listdir(tmp_path / "shards")) == ["manifest.json", shard(1, 10), shard(11, 20), shard(21, 24)]


def test_config_is_assembled(teacher: Language, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher.config.to_disk(tmp_path / "teacher.cfg")
    result = label(source, tmp_path / "out.spacy", tmp_path / "teacher.cfg")
    assert result.exit_code == 0, result.output
    docs = list(read_docbin(tmp_path / "out.spacy", Vocab()))
    assert [doc._.convner.status for doc in docs] == ["ok"] * 23 + ["no_candidates"]


@pytest.mark.parametrize("n_process", ["1", "2"])
def test_the_key_that_is_missing_is_named(
    catalog_path: Path, source: Path, tmp_path: Path, n_process: str, capfd: pytest.CaptureFixture[str]
) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog_path)})
    nlp.add_pipe("llm_semantic_filter")
    nlp.to_disk(tmp_path / "claude")
    result = label(source, tmp_path / "out.spacy", tmp_path / "claude", "--n-process", n_process)
    fails(result, "ANTHROPIC_API_KEY", "LinearFilter")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"text": "a"}\n{"text": "b"\n', ["in.jsonl:2:", "not valid JSON"]),
        (b'{"text": "a"}\n\n{"text": 7}\n', ["in.jsonl:3:", "field 'text'"]),
        ('{"text": "a"}\n{"text": "canción"}\n'.encode("latin1"), ["in.jsonl:2:", "not UTF-8", "iconv"]),
        ('{"text": "a"}\n'.encode("utf-16"), ["in.jsonl:1:", "not UTF-8"]),
        (b"", ["in.jsonl", "the file is empty"]),
        (b"\n \n", ["in.jsonl", "no records"]),
        (None, ["in.jsonl", "no such file"]),
    ],
)
def test_bad_input_is_found_before_the_pipeline_is_loaded(
    tmp_path: Path, content: bytes | None, words: list[str]
) -> None:
    source = tmp_path / "in.jsonl"
    if content is not None:
        source.write_bytes(content)
    fails(label(source, tmp_path / "out.spacy", "no_such_pipeline"), *words)
    assert not (tmp_path / "out.spacy.parts").exists()


def test_wrong_places(source: Path, pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fails(label(tmp_path / "empty", tmp_path / "out.spacy", pipeline), "no file of utterances (.jsonl")
    fails(label(source.parent, source.parent, pipeline), "is an input")
    fails(label(source, source / "out.spacy", pipeline), str(source), "can't be written")
    fails(label(source, source / "out", pipeline), "can't be written")
    fails(label(source, source, pipeline), "is an input", "choose another output")
    fails(label(source.parent, source.parent / "out" / "en", pipeline), "is inside the input", "choose another output")
    fails(label(source, tmp_path / "out", pipeline, "--metrics", str(source)), "is an input")
    fails(label(source, tmp_path / "o.spacy", pipeline, "--metrics", str(tmp_path / "o.spacy")), "as an output twice")
    fails(label(source, pipeline, pipeline), "no labelling run made it")
    fails(label(source, tmp_path / "out.spacy", "no_such_pipeline"), "no_such_pipeline", "no such pipeline")
    fails(label(source, tmp_path / "out.spacy", tmp_path / "empty"), "is no pipeline: config.cfg isn't in it")
    fails(label(source, tmp_path / "out.spacy", tmp_path / "no.cfg"), "no.cfg", "no such config file")
    fails(label(source, tmp_path / "out.spacy", source), str(source))
    fails(label(source, tmp_path / "out.spacy", pipeline, "--metrics", str(tmp_path)), "is a folder")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("option", ["--shard-size", "--n-process", "--batch-size"])
def test_numbers_that_make_no_sense(source: Path, pipeline: Path, tmp_path: Path, option: str) -> None:
    result = label(source, tmp_path / "out.spacy", pipeline, option, "0")
    assert result.exit_code == 2
    assert option in result.stderr


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_an_earlier_run_left_and_was_damaged(source: Path, pipeline: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert label(source, out, pipeline, "--shard-size", "5").exit_code == 0
    (name, *_) = sorted(path.name for path in out.glob("part-*"))
    (out / name).write_bytes((out / name).read_bytes()[:-3])
    result = label(source, out, pipeline, "--shard-size", "5")
    assert result.exit_code == 0
    assert f"what an earlier run left wasn't whole and was made again: {name}\n" in result.stderr


def test_nothing_but_null(pipeline: Path, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": None}])
    result = label(source, tmp_path / "out", pipeline)
    assert "1 utterances, 0 entities (none labelled)" in re.sub(" at .*/s", "", result.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "more", "said"),
    [
        (signal.SIGINT, (), "Interrupted."),
        (signal.SIGTERM, (), "Stopped by SIGTERM."),
        (signal.SIGTERM, ("--n-process", "2"), "Stopped by SIGTERM."),
        (signal.SIGTERM, ("--engine", "ray"), "Stopped by SIGTERM."),
    ],
)
def test_stopped_and_again(pipeline: Path, tmp_path: Path, number: int, more: tuple[str, ...], said: str) -> None:
    source = write_jsonl(tmp_path / "big.jsonl", [{"text": f"play hello number {i} for me"} for i in range(3000)])
    out = tmp_path / "shards"
    command = [sys.executable, "-m", "spacy", "convner", "label", str(source), str(out), "-p", str(pipeline),
               "--shard-size", "25", *more]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: len(list(out.glob("part-*.spacy"))) >= 3, process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert stdout == ""
    assert f"✘ {said} Nothing is half-written; run the same command again" in stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    finished = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("part-*.spacy")}
    assert 3 <= len(finished) < 120
    for path in finished:
        assert len(DocBin().from_disk(path)) == 25
    assert not [path for path in out.glob(".*") if "ray" not in more]  # its workers end as they are told

    result = label(source, out, pipeline, "--shard-size", "25", "--metrics", str(tmp_path / "m.json"))
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf8"))["resumed"] == 25 * len(finished)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished} == finished
    result = label(source, tmp_path / "expected", pipeline, "--shard-size", "25")
    assert result.exit_code == 0, result.output
    assert {p.name: p.read_bytes() for p in out.glob("part-*")} == {
        p.name: p.read_bytes() for p in (tmp_path / "expected").glob("part-*")
    }


def test_split(source: Path, pipeline: Path, tmp_path: Path) -> None:
    label(source, tmp_path / "silver.spacy", pipeline)
    train, dev = tmp_path / "train.spacy", tmp_path / "dev.spacy"
    gold = write_jsonl(tmp_path / "gold.jsonl", [{"text": "play hello 3", "spans": []}])
    command = ["split", str(tmp_path / "silver.spacy"), "--train", str(train), "--dev", str(dev), "--dev-share", "0.3"]
    result = runner.invoke(app, [*command, "--exclude", str(gold)])
    assert result.exit_code == 0, result.output
    assert "1 excluded, 1 unusable" in result.stderr
    found = [doc.text for path in (train, dev) for doc in read_docbin(path, Vocab())]
    assert sorted(found) == sorted(f"play hello {i}" for i in range(23) if i != 3)
    fails(runner.invoke(app, [*command[:-1], "2"]), "between 0 and 1")
    fails(runner.invoke(app, ["split", str(tmp_path / "none"), *command[2:]]), "no such file")


def test_split_and_convert_keep_their_inputs(source: Path, pipeline: Path, tmp_path: Path) -> None:
    label(source, tmp_path / "a.spacy", pipeline)
    before = (tmp_path / "a.spacy").read_bytes()
    a, b = str(tmp_path / "a.spacy"), str(tmp_path / "b.spacy")
    fails(runner.invoke(app, ["split", a, "--train", a, "--dev", b]), "is an input")
    fails(runner.invoke(app, ["split", a, "--train", b, "--dev", b]), "as an output twice")
    fails(runner.invoke(app, ["convert", a, a]), "is an input")
    assert (tmp_path / "a.spacy").read_bytes() == before


def test_what_spacy_could_not_store_is_listed(source: Path, pipeline: Path, tmp_path: Path) -> None:
    hostile = [
        (json.dumps({"text": "x" * 1_000_001}), "field 'text': 1,000,001 characters"),
        ('{"text": "a", "lang": "\\ud800"}', "field 'lang': lone surrogate"),
        ('{"text": "a", "meta": {"id": "\\ud800"}}', "field 'meta': lone surrogate"),
    ]
    source.write_text("\n".join(['{"text": "play hello"}', *(line for line, _ in hostile)]) + "\n", encoding="utf8")
    result = label(source, tmp_path / "out.spacy", pipeline)
    assert result.exit_code == 0, result.output
    assert "3 utterances can't be labelled; " in result.stderr
    assert [doc.text for doc in read_docbin(tmp_path / "out.spacy", Vocab())] == ["play hello"]
    rows = [json.loads(line) for line in (tmp_path / "out.rejected.jsonl").read_text(encoding="utf8").splitlines()]
    assert [(row["file"], row["row"]) for row in rows] == [(str(source), number) for number in (2, 3, 4)]
    assert all(row["reason"].startswith(reason) for row, (_, reason) in zip(rows, hostile, strict=True))


def test_an_unknown_language_of_a_config(source: Path, tmp_path: Path) -> None:
    config = tmp_path / "t.cfg"
    config.write_text('[nlp]\nlang = "qqq"\npipeline = []\n\n[components]\n')
    result = label(source, tmp_path / "out.spacy", config)
    assert result.exit_code == 1
    assert "t.cfg" in result.stderr
    assert "qqq" in result.stderr


def test_failed_requests_are_said_and_tried_again(
    catalog_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    from spacy_convner.filtering.filters.llm import LLMFilter
    from spacy_convner.ty import FilterResponse

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog_path)})
    client = {"@misc": "spacy_convner.AnthropicMessages.v1", "base_url": f"http://127.0.0.1:{port}", "max_retries": 0}
    nlp.add_pipe("llm_semantic_filter", config={"filter": {"@misc": "spacy_convner.LLMFilter.v1", "client": client}})
    nlp.to_disk(tmp_path / "claude")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-none")
    rows = [{"text": "good morning"}, {"text": "play hello"}, {"text": "so what"}, {"text": "nice day"}]
    source = write_jsonl(tmp_path / "in.jsonl", rows)
    out = tmp_path / "shards"
    result = label(source, out, tmp_path / "claude", "--shard-size", "2", "--metrics", str(tmp_path / "m.json"))
    assert result.exit_code == 1
    assert "1 utterances failed: " in result.stderr
    assert "again" in result.stderr
    kept = (out / shard(3, 4)).stat().st_mtime_ns
    assert json.loads((tmp_path / "m.json").read_text())["statuses"] == {"no_candidates": 3, "failed": 1}

    def answer(self: LLMFilter, requests: list[object], task: object) -> object:
        return iter([FilterResponse(selected=(0,) if request.candidates else ()) for request in requests])  # type: ignore[attr-defined]

    with monkeypatch.context() as patch:
        patch.setattr(LLMFilter, "__call__", answer)
        result = label(source, out, tmp_path / "claude", "--shard-size", "2", "--metrics", str(tmp_path / "m.json"))
    assert result.exit_code == 0, result.output
    assert (out / shard(3, 4)).stat().st_mtime_ns == kept
    assert "failed" not in json.loads((tmp_path / "m.json").read_text())["statuses"]

    source = write_jsonl(tmp_path / "all.jsonl", [{"text": f"play hello {i}"} for i in range(40)])
    result = label(source, tmp_path / "none", tmp_path / "claude", "--shard-size", "4")
    assert result.exit_code == 1
    assert f"all 4 utterances of {shard(1, 4)} failed" in result.stderr
    assert len(list((tmp_path / "none").glob("part-*"))) == 1


@pytest.mark.slow
def test_ctrl_c_with_processes(pipeline: Path, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "big.jsonl", [{"text": f"play hello number {i} for me"} for i in range(20_000)])
    out = tmp_path / "shards"
    command = [sys.executable, "-m", "spacy", "convner", "label", str(source), str(out), "-p", str(pipeline),
               "--shard-size", "50", "--n-process", "2"]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: len(list(out.glob("part-*.spacy"))) >= 2, process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, stderr
    assert "Nothing is half-written; run the same command again" in stderr
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # nobody is left
