"""``spacy_convner.AnthropicMessages.v1`` in a whole pipeline, over HTTP."""

from __future__ import annotations

import gzip
import io
import json
import logging
import pickle
import threading
import traceback
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_convner.errors import ConfigError, FilterError, MissingKeyError
from spacy_convner.filtering.prompt import SCHEMA
from spacy_convner.llm.anthropic_messages import make_anthropic_messages

from .conftest import KEY, USAGE, Raw, Reply, Server, error, message, select

Make = Callable[..., Language]
TEXT = "play hello by adele"  # candidates: 1 hello (Song), 2 adele (Artist)


def labelled(nlp: Language, text: str = TEXT) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in nlp(text).ents]


def answering(server: Server, reply: Reply) -> None:
    server.reply = lambda query, body: reply


def test_selects_what_the_model_says(server: Server, make_llm_teacher: Make) -> None:
    nlp = make_llm_teacher()
    answering(server, select(1, 2))
    doc = nlp(TEXT)
    assert [(e.text, e.label_, e.id_) for e in doc.ents] == [
        ("hello", "Song", "song:hello"),
        ("adele", "Artist", "artist:adele"),
    ]
    assert doc._.convner.status == "ok"
    assert doc._.convner.filter == "llm"
    assert len(doc._.convner.request_sha256) == 64
    assert doc._.convner.dropped == []
    answering(server, select(2))
    assert labelled(make_llm_teacher()) == [("adele", "Artist")]
    answering(server, select())
    assert labelled(make_llm_teacher()) == []


def test_what_is_sent(server: Server, make_llm_teacher: Make) -> None:
    nlp = make_llm_teacher(model="claude-haiku-5-5", max_tokens=300)
    nlp(TEXT)
    ((path, headers, body),) = server.requests
    assert path == "/v1/messages"
    assert KEY in (headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer "))
    assert KEY not in json.dumps(body)
    assert body["model"] == "claude-haiku-5-5"
    assert body["max_tokens"] == 300
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert not {"temperature", "top_p", "top_k", "tool_choice", "tools", "stream"} & set(body)
    (system,) = body["system"]
    assert system["cache_control"] == {"type": "ephemeral"}
    assert '"Song": "title of one track"' in system["text"]
    (turn,) = body["messages"]
    assert turn["role"] == "user"
    assert turn["content"].count("<example>") == 3
    assert 'Input: "play hello by adele"' in turn["content"]


def test_schema_and_head_are_constant(server: Server, make_llm_teacher: Make) -> None:
    list(make_llm_teacher().pipe([TEXT, "watch dune", "is boston or manchester united in the news"]))
    assert len(server.bodies) == 3
    for key in ("output_config", "system"):
        assert len({json.dumps(body[key]) for body in server.bodies}) == 1
    said = json.dumps([server.bodies[0]["output_config"], server.bodies[0]["system"]])
    assert "adele" not in said.lower()


def test_without_candidates_nothing_is_asked(
    server: Server, make_llm_teacher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    docs = list(make_llm_teacher().pipe(["good morning", "", " "]))
    assert [doc._.convner.status for doc in docs] == ["no_candidates"] * 3
    assert [doc._.convner.usage for doc in docs] == [{}] * 3
    assert server.requests == []


@pytest.mark.parametrize(
    ("reply", "status", "ents", "reasons"),
    [
        (message('I choose {1}: ```{"selected": [1]}```.'), "ok", ["hello"], []),
        (message('{"selected": [1, 9, 0, -2]}'), "ok", ["hello"], ["not a candidate"] * 3),
        (message('{"selected": ["1", "hello", 2]}'), "ok", ["adele"], ["not a candidate"] * 2),
        (message('{"selected": [1, 1]}'), "ok", ["hello"], ["duplicate"]),
        (message('{"selected": [1, 2'), "invalid", [], ["not the asked JSON object"]),
        (message("hello is a Song"), "invalid", [], ["not the asked JSON object"]),
        (message(""), "invalid", [], ["not the asked JSON object"]),
        (message(None), "invalid", [], ["not the asked JSON object"]),
        (message('{"selected": ["\ud800"]}'), "ok", [], ["not a candidate"]),
        (message("\ud800"), "invalid", [], ["not the asked JSON object"]),
        (message('{"selected": [1]}', "refusal"), "refused", [], ["refused"]),
        (message(None, "refusal"), "refused", [], ["refused"]),
        (message('{"selected": [1]}', "max_tokens"), "truncated", [], ["truncated"]),
        (message("", "model_context_window_exceeded"), "truncated", [], ["truncated"]),
        (message(None, content=[{"type": "thinking", "thinking": "{}", "signature": "x"},
                                {"type": "text", "text": '{"selected": [2]}'}]), "ok", ["adele"], []),
    ],
)  # fmt: skip
def test_answers(
    server: Server, make_llm_teacher: Make, reply: Reply, status: str, ents: list[str], reasons: list[str]
) -> None:
    answering(server, reply)
    nlp = make_llm_teacher()
    doc = nlp(TEXT)
    assert doc._.convner.status == status
    assert [ent.text for ent in doc.ents] == ents
    assert [item["reason"] for item in doc._.convner.dropped] == reasons
    # What was paid for is on record, whatever came of it.
    assert doc._.convner.usage == {"calls": 1, **USAGE}
    (copy,) = DocBin().from_bytes(DocBin(store_user_data=True, docs=[doc]).to_bytes()).get_docs(nlp.vocab)
    assert dict(copy._.convner) == {**dict(doc._.convner), "dropped": list(copy._.convner.dropped)}


@pytest.mark.parametrize(
    "reply",
    [
        error(500, "api_error", "broken"),
        error(529, "overloaded_error", "busy"),
        error(429, "rate_limit_error", "slow down"),
        error(400, "invalid_request_error", "too long"),
        (502, b"<html>Bad gateway</html>"),
        (200, b"<html>a captive portal</html>"),
        (200, Raw(b'{"type": "message", "content": [{"ty')),
        (200, Raw(b"")),
        (204, Raw(b"")),
        (200, Raw(b'{"text": "\xff\xfe"}')),
        (200, Raw(b"[" * 5000)),
        (200, {}),
        (200, {"type": "message", "content": None, "usage": USAGE}),
        (200, {"type": "message", "content": [{"type": "text", "text": '{"selected": [1]}'}], "usage": None}),
        (200, []),
        (200, None),
    ],
)
def test_a_failed_request_leaves_the_doc(server: Server, make_llm_teacher: Make, reply: Reply) -> None:
    answering(server, reply)
    doc = make_llm_teacher()(TEXT)
    assert doc._.convner.status == "failed"
    assert doc.ents == ()
    assert list(doc.spans["sc"]) == []
    assert [item["reason"] for item in doc._.convner.dropped] == ["failed"]
    assert doc._.convner.dropped[0]["text"]
    assert [s.text for s in doc.spans["candidates"]] == ["hello", "adele"]
    with pytest.raises(FilterError, match=f"ended 'failed' for: {TEXT}"):
        make_llm_teacher(on_error="raise")(TEXT)


def test_nobody_listens(make_llm_teacher: Make) -> None:
    # The port is free again once it was ours.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    doc = make_llm_teacher(base_url=f"http://127.0.0.1:{port}")(TEXT)
    assert doc._.convner.status == "failed"
    assert f"Connection error. (http://127.0.0.1:{port})" in doc._.convner.dropped[0]["text"]


def test_one_failure_costs_one_doc_and_order_is_kept(server: Server, make_llm_teacher: Make) -> None:
    late = threading.Event()

    def reply(query: str, body: dict[str, Any]) -> Reply:
        if query.startswith("first"):
            late.wait(20)  # answered after the second one
        if query.startswith("second"):
            late.set()
        return error(500, "api_error", "broken") if "break" in query else select(1)

    server.reply = reply
    texts = ["first hello", "second adele", "break hello", "good morning", *[f"hello number {i}" for i in range(30)]]
    docs = list(make_llm_teacher().pipe(texts, batch_size=8))
    assert late.is_set()
    assert [doc.text for doc in docs] == texts
    statuses = ["ok", "ok", "failed", "no_candidates", *["ok"] * 30]
    assert [doc._.convner.status for doc in docs] == statuses
    assert [len(doc.ents) for doc in docs] == [int(status == "ok") for status in statuses]
    assert len(server.requests) == 33


def test_requests_are_concurrent_within_the_limit(server: Server, make_llm_teacher: Make) -> None:
    together = threading.Barrier(3, timeout=20)
    lock, under_way, most = threading.Lock(), 0, 0

    def reply(query: str, body: dict[str, Any]) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait()  # broken unless three come at once
        with lock:
            under_way -= 1
        return select(1)

    server.reply = reply
    docs = list(make_llm_teacher(max_concurrency=3).pipe([f"hello {i}" for i in range(12)]))
    assert [doc._.convner.status for doc in docs] == ["ok"] * 12
    assert most == 3


def test_a_retry_helps(server: Server, make_llm_teacher: Make) -> None:
    server.reply = lambda query, body: error(500, "api_error", "x") if len(server.requests) == 1 else select(1)
    doc = make_llm_teacher(max_retries=1)(TEXT)
    assert doc._.convner.status == "ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "authentication_error"), (403, "permission_error"), (404, "not_found_error")],
)
def test_what_is_wrong_for_every_doc_is_raised_once(
    server: Server, make_llm_teacher: Make, status: int, kind: str
) -> None:
    server.reply = lambda query, body: error(status, kind, f"no: {KEY}")
    nlp = make_llm_teacher(max_retries=1, model="claude-x")
    with pytest.raises(FilterError, match=r"refused the request for good: .*no: \[key\].*'claude-x'") as info:
        list(nlp.pipe([f"hello {i}" for i in range(200)]))
    # Those under way ended; the rest were never sent.
    assert len(server.requests) < 100
    assert KEY not in "".join(traceback.format_exception(info.value))


@pytest.mark.parametrize("value", [f" {KEY}\n", f"{KEY}\r\n"])
def test_white_space_about_the_key_is_no_part_of_it(
    server: Server, make_llm_teacher: Make, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", value)
    assert labelled(make_llm_teacher()) == [("hello", "Song")]


@pytest.mark.parametrize(
    ("value", "match"),
    [("", "No key for Claude"), ("  \n", "No key for Claude"), (f"“{KEY}”", "is no key"), (f"{KEY}\nx", "is no key")],
)
def test_what_is_no_key(
    server: Server, make_llm_teacher: Make, monkeypatch: pytest.MonkeyPatch, value: str, match: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", value)
    with pytest.raises(MissingKeyError, match=match) as info:
        make_llm_teacher()(TEXT)
    assert KEY not in "".join(traceback.format_exception(info.value))
    assert server.requests == []


def unpacked(data: bytes) -> list[bytes]:
    """The bytes as they are, and as they are inside archives."""
    found = [data]
    if data[:2] == b"\x1f\x8b":
        found += unpacked(gzip.decompress(data))
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                found += unpacked(archive.read(name))
    if data[:1] == b"\x78":
        found += unpacked(zlib.decompress(data))
    return found


def test_the_key_is_nowhere(
    server: Server, make_llm_teacher: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nlp = make_llm_teacher()
    # The server repeats the key in what it says.
    server.reply = lambda query, body: error(500, "api_error", f"bad {KEY}") if "stay" in query else select(1)
    docs = list(nlp.pipe([TEXT, "stay"]))
    assert [doc._.convner.status for doc in docs] == ["ok", "failed"]
    assert "bad [key]" in docs[1]._.convner.dropped[0]["text"]
    nlp.to_disk(tmp_path / "model")
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    filter_ = nlp.get_pipe("llm_semantic_filter").filter  # type: ignore[attr-defined]
    kept = {
        **{str(path): path.read_bytes() for path in files},
        "pickle": pickle.dumps(filter_),
        "bytes": nlp.to_bytes(),
        "docbin": DocBin(store_user_data=True, docs=docs).to_bytes(),
        "log": caplog.text.encode(),
        "repr": repr((filter_, vars(filter_), vars(filter_.client))).encode(),
        "fingerprint": filter_.client.fingerprint.encode(),
    }
    assert len(kept) > 12
    assert "/v1/messages" in caplog.text
    for name, data in kept.items():
        assert not [part for part in unpacked(data) if KEY.encode() in part], name


def test_a_saved_pipeline_asks_again(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    nlp = make_llm_teacher()
    assert labelled(nlp) == [("hello", "Song")]
    nlp.to_disk(tmp_path / "model")
    assert labelled(spacy.load(tmp_path / "model")) == [("hello", "Song")]
    assert server.bodies[0] == server.bodies[1]
    client = pickle.loads(pickle.dumps(nlp.get_pipe("llm_semantic_filter").filter)).client  # type: ignore[attr-defined]
    assert client("system", 'Input: "x"', SCHEMA).text == '{"selected": [1]}'


def test_processes(server: Server, make_llm_teacher: Make) -> None:
    docs = list(make_llm_teacher().pipe([TEXT, "hello", "stay"], n_process=2, batch_size=1))
    assert [[ent.text for ent in doc.ents] for doc in docs] == [["hello"], ["hello"], ["stay"]]
    assert len(server.requests) == 3


def test_processes_after_a_call(server: Server, make_llm_teacher: Make) -> None:
    """Connections that are open already aren't shared between processes."""
    nlp = make_llm_teacher(max_concurrency=4)
    server.reply = lambda query, body: select(1) if "hello" in query else select()
    texts = [f"{word} number {i}" for i in range(20) for word in ("hello", "stay")]
    list(nlp.pipe(["hello", "stay"]))
    docs = list(nlp.pipe(texts, n_process=2, batch_size=4))
    assert [doc.text for doc in docs] == texts
    assert [len(doc.ents) for doc in docs] == [1, 0] * 20


def test_a_base_url_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"base_url: expected http://… or https://…, got '127.0.0.1:9'"):
        make_anthropic_messages(base_url="127.0.0.1:9")


@pytest.mark.parametrize("setting", [{"max_concurrency": 0}, {"max_tokens": 0}, {"timeout": 0}, {"max_retries": -1}])
def test_bad_settings(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected max_concurrency >= 1"):
        make_anthropic_messages(**setting)  # type: ignore[arg-type]
