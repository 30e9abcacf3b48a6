from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.exchange import FORMATS, get_format
from spacy_convner.datagen.review.exchange.tasks import read_tasks, write_tasks
from spacy_convner.datagen.review.importing import ImportCounts, import_verdicts
from spacy_convner.datagen.review.reviewed_file import ReviewedFile
from spacy_convner.datagen.review.session import ReviewSession
from spacy_convner.errors import ConfigError, DataError
from tests.conftest import write_jsonl

from .conftest import PATTERNS, identity

FIRST = identity("play <Song> by <Artist>")
SECOND = identity("put on some <Artist> will you")
LATER = "2036-01-01T10:00:00.123456Z"


def answer_prodigy(task: dict[str, Any], answer: str, text: str | None, who: str, when: str) -> dict[str, Any]:
    """As ``prodigy db-out`` writes it."""
    edited = {} if text is None else {"edited": text}
    return {**task, **edited, "answer": answer, "_input_hash": 1, "_task_hash": 2, "_view_id": "blocks",
            "_annotator_id": who, "_session_id": who, "_timestamp": 2082794400 if when else 0}  # fmt: skip


def answer_argilla(task: dict[str, Any], answer: str, text: str | None, who: str, when: str) -> dict[str, Any]:
    """As ``Record.to_dict`` gives it."""
    responses = {"decision": [{"value": answer, "user_id": who}]}
    if text is not None:
        responses["edited"] = [{"value": text, "user_id": who}]
    return {**task, "responses": responses, "status": "completed", "_server_id": "0"}


def answer_label_studio(task: dict[str, Any], answer: str, text: str | None, who: str, when: str) -> dict[str, Any]:
    """As the export "JSON" has it."""
    result: list[dict[str, Any]] = [
        {"id": "x", "from_name": "decision", "to_name": "pattern", "type": "choices", "origin": "manual",
         "value": {"choices": [answer]}},
    ]  # fmt: skip
    if text is not None:
        result.append(
            {"id": "y", "from_name": "edited", "to_name": "pattern", "type": "textarea", "value": {"text": [text]}}
        )
    annotation = {"id": 1, "result": result, "was_cancelled": False, "completed_by": {"id": 1, "email": who},
                  "created_at": when, "updated_at": when, "lead_time": 4.2}  # fmt: skip
    return {"id": 7, **task, "annotations": [annotation], "predictions": [], "project": 1}


Answerer = Callable[[dict[str, Any], str, str | None, str, str], dict[str, Any]]
TOOLS: dict[str, Answerer] = {
    "prodigy": answer_prodigy,
    "argilla": answer_argilla,
    "label-studio": answer_label_studio,
}


def take(path: Path, tool: str, tasks: Path, **settings: Any) -> ImportCounts:
    with ReviewedFile(path) as file:
        verdicts = [v for task in read_tasks(tasks) for v in get_format(tool).to_verdicts(task)]
        return import_verdicts(file, verdicts, **settings)


def export(path: Path, tool: str) -> list[dict[str, Any]]:
    return [FORMATS[tool].to_task(pattern) for pattern in read_patterns(path)]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_there_and_back(patterns_path: Path, tmp_path: Path, tool: str, suffix: str) -> None:
    tasks, answer = export(patterns_path, tool), TOOLS[tool]
    answered = [
        answer(tasks[0], "accept", None, "ben", LATER),
        answer(tasks[1], "accept", "put on <Artist>", "ben", LATER),
        answer(tasks[3], "reject", None, "ben", LATER),
        tasks[4],
    ]
    path = tmp_path / f"answers{suffix}"
    assert write_tasks(path, answered) == 4
    counts = take(patterns_path, tool, path)
    assert (counts.decided, counts.unknown, counts.conflicts) == (3, 0, [])
    found = read_patterns(patterns_path)
    assert [p.status for p in found] == ["accepted", "edited", "proposed", "rejected", "proposed", "rejected"]
    assert (found[1].text, found[1].original) == ("put on <Artist>", PATTERNS[1]["text"])
    assert {found[i].reviewer for i in (0, 1, 3)} == {"ben"}
    if tool != "argilla":  # which doesn't say when
        assert found[0].decided_at[:19] == "2036-01-01T10:00:00"
    again = take(patterns_path, tool, path)
    assert (again.same, again.decided, again.changed) == (3, 0, 0)


@pytest.mark.parametrize("tool", TOOLS)
def test_decisions_survive_the_way(session: ReviewSession, patterns_path: Path, tmp_path: Path, tool: str) -> None:
    session.decide(0, "accept")
    session.decide(1, "edit", "put on <Artist>")
    session.decide(3, "reject", reason="too generic")
    session.file.close()
    before = patterns_path.read_bytes()
    path = tmp_path / "tasks.jsonl"
    write_tasks(path, export(patterns_path, tool))
    take(patterns_path, tool, path)
    assert patterns_path.read_bytes() == before
    if tool != "argilla":  # whose responses belong to users of a server
        fresh = write_jsonl(tmp_path / "fresh.jsonl", PATTERNS)
        assert take(fresh, tool, path).decided == 3
        assert [p for p in read_patterns(fresh) if p.status != "rejected" or p.reviewer == "ana"] == [
            p for p in read_patterns(patterns_path) if p.status != "rejected" or p.reviewer == "ana"
        ]


@pytest.mark.parametrize("tool", TOOLS)
def test_other_decisions_than_before(session: ReviewSession, patterns_path: Path, tmp_path: Path, tool: str) -> None:
    session.decide(0, "edit", "play <Song>, by <Artist>")
    session.decide(1, "accept")
    session.file.close()
    tasks = [TOOLS[tool](task, "reject", None, "ben", LATER) for task in export(patterns_path, tool)[:2]]
    path = tmp_path / "tasks.json"
    write_tasks(path, tasks)
    assert take(patterns_path, tool, path, reviewer="eva").changed == 2
    found = read_patterns(patterns_path)
    assert [(p.status, p.reviewer) for p in found[:2]] == [("rejected", "eva")] * 2
    assert found[0].text == PATTERNS[0]["text"]


def test_older_answers_do_not_overrule(session: ReviewSession, patterns_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    stale = answer_prodigy(export(patterns_path, "prodigy")[0], "reject", None, "ben", "")
    write_tasks(path, [stale])
    session.decide(0, "accept")
    session.file.close()
    assert take(patterns_path, "prodigy", path).older == 1
    assert read_patterns(patterns_path)[0].status == "accepted"


@pytest.mark.parametrize("tool", TOOLS)
def test_people_who_disagree(patterns_path: Path, tmp_path: Path, tool: str) -> None:
    first, second, *_ = export(patterns_path, tool)
    answer = TOOLS[tool]
    path = tmp_path / "tasks.jsonl"
    rows = [answer(first, "accept", None, "ana", LATER), answer(first, "reject", None, "ben", LATER),
            answer(second, "reject", None, "ana", LATER), answer(second, "reject", None, "ben", LATER)]  # fmt: skip
    write_tasks(path, rows)
    counts = take(patterns_path, tool, path)
    assert (counts.conflicts, counts.decided) == ([FIRST], 1)
    assert [p.status for p in read_patterns(patterns_path)[:2]] == ["proposed", "rejected"]


def test_what_people_skip(patterns_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    write_tasks(path, [answer_prodigy(export(patterns_path, "prodigy")[0], "ignore", None, "ana", LATER)])
    assert take(patterns_path, "prodigy", path).ignored == 1
    skipped = answer_label_studio(export(patterns_path, "label-studio")[0], "accept", None, "ana", LATER)
    skipped["annotations"][0]["was_cancelled"] = True
    write_tasks(path, [skipped])
    assert take(patterns_path, "label-studio", path) == ImportCounts()


DECISION = {"from_name": "decision", "to_name": "pattern", "type": "choices"}


@pytest.mark.parametrize(
    ("tool", "task", "words"),
    [
        ("prodigy", {"text": "x"}, "'meta.id': missing"),
        ("prodigy", {"meta": {"id": FIRST}, "answer": "yes"}, "'answer': expected accept, reject or ignore"),
        ("prodigy", {"meta": {"id": FIRST}, "answer": 1}, "'answer': expected a string"),
        ("prodigy", {"meta": {"id": FIRST}, "answer": "accept", "edited": "x <"}, "'edited': '<' without"),
        ("prodigy", {"meta": {"id": FIRST}, "answer": "accept", "_timestamp": 1e300}, "'_timestamp': expected a time"),
        ("prodigy", {"meta": {"id": "other"}, "answer": "accept"}, "none of the 1 ids"),
        ("argilla", {"fields": {}}, "'id': missing"),
        ("argilla", {"id": FIRST, "responses": []}, "'responses': expected an object"),
        ("argilla", {"id": FIRST, "responses": {"decision": "accept"}}, "'responses.decision': expected a list"),
        ("argilla", {"id": FIRST, "responses": {"decision": [{"user_id": "x"}]}}, r"responses.decision\[0\]"),
        ("argilla", {"id": FIRST, "responses": {"decision": [{"value": "maybe"}]}}, "expected accept or reject"),
        ("label-studio", {"id": 1, "text": "x", "decision": "accept"}, "'data': missing .*JSON-MIN"),
        ("label-studio", {"data": {}}, "'data.id': missing"),
        ("label-studio", {"data": {"id": FIRST}, "annotations": [{"result": 3}]}, r"'annotations\[0\].result'"),
        ("label-studio", {"data": {"id": FIRST}, "annotations": [{"result": [3]}]}, r"result\[0\].value"),
        (
            "label-studio",
            {"data": {"id": FIRST}, "annotations": [{"result": [{**DECISION, "value": {"choices": ["no"]}}]}]},
            "expected accept or reject as decision",
        ),
        (
            "label-studio",
            {"data": {"id": FIRST}, "annotations": [{"result": [{**DECISION, "value": {"choices": 3}}]}]},
            "expected a list of strings",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_malformed(
    patterns_path: Path, tmp_path: Path, tool: str, task: dict[str, Any], words: str, suffix: str
) -> None:
    before = patterns_path.read_bytes()
    path = tmp_path / f"tasks{suffix}"
    write_tasks(path, [task])
    if suffix == ".json":
        words = words.replace("'meta", r"'\[0\].meta").replace("'data", r"'\[0\].data")
        words = words.replace("'answer'", r"'\[0\].answer'").replace("'edited'", r"'\[0\].edited'")
        words = words.replace("'_timestamp'", r"'\[0\]._timestamp'").replace("'id'", r"'\[0\].id'")
        words = words.replace("'responses", r"'\[0\].responses").replace("'annotations", r"'\[0\].annotations")
    with pytest.raises(DataError, match=words):
        take(patterns_path, tool, path)
    assert patterns_path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "empty"), ("[]", "no tasks"), ("[3]", r"'\[0\]': expected an object"), ("[{]", "not valid JSON"),
     ("{}\n3\n", ":2: expected a JSON object"), ("[" * 100_000, "not valid JSON")],
)  # fmt: skip
def test_faulty_files(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "tasks"
    path.write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=words):
        list(read_tasks(path))


def test_unknown_format() -> None:
    with pytest.raises(ConfigError, match="prodigy, argilla, label-studio"):
        get_format("doccano")


def test_an_array_may_be_indented(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_text("\n" + json.dumps([{"a": 1}, {"b": 2}], indent=2), encoding="utf8")
    assert [task.record for task in read_tasks(path)] == [{"a": 1}, {"b": 2}]
