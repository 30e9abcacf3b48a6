"""Stores of several nodes become one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.errors import DataError
from spacy_convner.llm import store_merge
from spacy_convner.llm.batch_records import BatchRecords
from spacy_convner.llm.store import ResponseStore
from spacy_convner.llm.store_merge import Merged, merge_store
from spacy_convner.ty import LLMAnswer

runner = CliRunner()


def run(*arguments: object) -> Any:
    return runner.invoke(app, list(map(str, arguments)))


def make(path: Path, answers: dict[str, str]) -> ResponseStore:
    store = ResponseStore(path)
    for sha256, text in answers.items():
        store.put(sha256, "m", LLMAnswer(text, usage={"calls": 1}), prompt=f"prompt of {sha256}")
    return store


def answers(store: ResponseStore) -> dict[str, str]:
    with store.open() as db:
        return dict(db.execute("SELECT sha256, text FROM answers"))


def test_the_first_answer_stays_and_differing_ones_are_counted(tmp_path: Path) -> None:
    one = make(tmp_path / "1.sqlite", {"a": "1", "b": "1"})
    two = make(tmp_path / "2.sqlite", {"b": "2", "c": "2", "a": "1"})
    two.close()
    before = two.path.read_bytes()
    assert merge_store(one, two.path) == Merged(added=1, known=2, differing=1, batches=0)
    assert answers(one) == {"a": "1", "b": "1", "c": "2"}
    assert one.stats()["with_prompts"] == 3
    assert two.path.read_bytes() == before
    assert [path.name for path in tmp_path.glob("2.*")] == ["2.sqlite"]
    assert merge_store(one, two.path) == Merged(added=0, known=3, differing=1, batches=0)


def test_an_interrupted_merge_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_merge, "_CHUNK", 10)
    theirs = {f"{i:03}": "x" for i in range(95)}
    one, two = make(tmp_path / "1.sqlite", {"000": "x"}), make(tmp_path / "2.sqlite", theirs)
    seen: list[int] = []

    def stop(count: int) -> None:
        seen.append(count)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge_store(one, two.path, stop)
    assert len(one) == 40
    one.put("new", "m", LLMAnswer("still usable"))
    assert merge_store(one, two.path, seen.append) == Merged(added=55, known=40, differing=0, batches=0)
    assert sum(seen[4:]) == 95
    assert answers(one).keys() == {*theirs, "new"}


def test_batches_under_way_are_taken_up(tmp_path: Path) -> None:
    one, two = make(tmp_path / "1.sqlite", {"a": "1"}), make(tmp_path / "2.sqlite", {})
    records = BatchRecords(two)
    records.add("batch_1", ["x", "y"])
    records.add("batch_2", ["z"])
    records.end("batch_2", {"z": "succeeded"})
    assert merge_store(one, two.path) == Merged(added=0, known=0, differing=0, batches=1)
    assert BatchRecords(one).open() == ["batch_1"]
    assert BatchRecords(one).under_way() == {"x", "y"}
    assert merge_store(one, two.path).batches == 0


def test_what_is_no_store_is_refused_and_nothing_is_taken(tmp_path: Path) -> None:
    one = make(tmp_path / "1.sqlite", {"a": "1"})
    with pytest.raises(DataError, match="no such file"):
        merge_store(one, tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("no database " * 1000)
    with pytest.raises(DataError, match="the store can't be used"):
        merge_store(one, tmp_path / "text.sqlite")
    (tmp_path / "link.sqlite").symlink_to(one.path)
    with pytest.raises(DataError, match="is the store that it would be merged into"):
        merge_store(one, tmp_path / "link.sqlite")
    two = make(tmp_path / "2.sqlite", {f"{i:064}": "x" * 100 for i in range(500)})
    two.close()
    data = bytearray(two.path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    two.path.write_bytes(data)
    with pytest.raises(DataError, match=r"2\.sqlite: the store (is damaged|can't be used)"):
        merge_store(one, two.path)
    assert answers(one) == {"a": "1"}


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    one, two, three = tmp_path / "1.sqlite", tmp_path / "2.sqlite", tmp_path / "3.sqlite"
    make(two, {"a": "1", "b": "1"}).close()
    make(three, {"a": "1", "b": "2", "c": "1"}).close()
    result = run("store", "merge", one, two, three)
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert lines[0] == f"{two}: 2 answers added"
    assert lines[1] == (
        f"{three}: 1 answers added, 2 were known (1 of them with another answer: the one in 1.sqlite stays)"
    )
    assert lines[2] == f"{one}: 3 answers"
    result = run("store", "merge", one, two, one)
    assert result.exit_code == 1
    assert "is an input" in result.stderr
    result = run("store", "merge", tmp_path / "new.sqlite", two, tmp_path / "none.sqlite")
    assert result.exit_code == 1
    assert "no such file" in result.stderr
    assert not (tmp_path / "new.sqlite").exists()
    shutil.copy(two, tmp_path / "copy.sqlite")
    assert json.loads(run("store", "stats", tmp_path / "copy.sqlite", "--json").stdout)["answers"] == 2
