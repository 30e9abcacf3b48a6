"""A request is sent once: the store, repeated utterances, limits of a run, retries and their gate."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.llm.backoff import backoff
from spacy_convner.llm.ledger import Ledger
from spacy_convner.llm.models import find_traits, request_parameters
from spacy_convner.llm.store import ResponseStore, existing_store
from spacy_convner.llm.store_merge import Merged, merge_store
from spacy_convner.ty import LLMAnswer

from .conftest import KEY, USAGE, Drop, Raw, Reply, Server, error, message, select

Make = Callable[..., Language]


def client_of(nlp: Language) -> Any:
    return nlp.get_pipe("llm_semantic_filter").client  # type: ignore[attr-defined]


def docbin(nlp: Language, texts: list[str]) -> bytes:
    return DocBin(store_user_data=True, docs=nlp.pipe(texts)).to_bytes()


def test_the_store_answers_the_second_run(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    texts = ["play hello", "stay", "good morning", "play hello"]
    store = str(tmp_path / "deep" / "answers.sqlite")
    first = make_llm_teacher(store=store)
    corpus = docbin(first, texts)
    assert len(server.requests) == 2
    summary = client_of(first).ledger.summary()
    assert summary.pop("shared", 0) + summary.pop("stored", 0) == 1
    assert summary == {
        "calls": 2,
        **{key: 2 * value for key, value in USAGE.items()},
        "cache_hit_rate": round(100 / 225, 4),
        "usd": round(2 * (120 * 0.1 + 7 * 0.5 + 5 * 0.125 + 100 * 0.01) / 1e6, 6),
        "prices": "2026-11-23",
    }
    second = make_llm_teacher(store=store, max_concurrency=7)
    assert docbin(second, texts) == corpus
    assert len(server.requests) == 2
    assert client_of(second).ledger.summary()["usd"] == 0
    other = make_llm_teacher(store=store, max_tokens=99)  # another request
    docbin(other, texts)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (select(1), 1),
        (message("prose"), 1),
        (message(None, "refusal"), 1),
        (message("{", "max_tokens"), 1),
        (error(500, "api_error", "x"), 0),
        (error(400, "invalid_request_error", "x"), 0),
        ((200, Raw(b"{")), 0),
    ],
)
def test_what_is_stored(server: Server, make_llm_teacher: Make, tmp_path: Path, reply: Reply, kept: int) -> None:
    server.reply = lambda query, body: reply
    place = tmp_path / "answers" / "a.sqlite"
    nlp = make_llm_teacher(store=str(place))
    nlp("play hello")
    store = ResponseStore(place)
    assert len(store) == kept
    assert store.stats()["with_prompts"] == 0
    data = b"".join(path.read_bytes() for path in place.parent.iterdir())
    assert b"play hello" not in data
    assert KEY.encode() not in data


def test_prompts_are_kept_when_asked_for(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    make_llm_teacher(store=str(tmp_path / "a.sqlite"), store_prompts=True)("play hello")
    store = existing_store(tmp_path / "a.sqlite")
    assert store.stats()["with_prompts"] == 1
    assert store.prune(prompts_only=True) == 1
    assert store.stats()["with_prompts"] == 0
    assert len(store) == 1


def test_repeated_utterances_are_asked_once(server: Server, make_llm_teacher: Make) -> None:
    late = threading.Event()

    def reply(query: str, body: dict[str, Any]) -> Reply:
        late.wait(0.2)
        return select(1)

    server.reply = reply
    texts = ["play hello", "stay"] * 20
    nlp = make_llm_teacher(max_concurrency=4)
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert {len(doc.ents) for doc in docs} == {1}
    assert len(server.requests) == 2
    assert client_of(nlp).ledger.summary()["shared"] == 38
    assert len({str(doc._.convner.usage) for doc in docs}) == 1


def test_failed_ones_are_asked_again(server: Server, make_llm_teacher: Make) -> None:
    nlp = make_llm_teacher()
    server.reply = lambda query, body: error(500, "api_error", "x")
    assert nlp("play hello")._.convner.status == "failed"
    server.reply = lambda query, body: select(1)
    assert nlp("play hello")._.convner.status == "ok"


@pytest.mark.parametrize("fault", [429, 529, 503, 500, 408, "drop", "not json", "not a message"])
def test_passing_faults_are_retried(server: Server, make_llm_teacher: Make, fault: object) -> None:
    seen: Counter[str] = Counter()

    def reply(query: str, body: dict[str, Any]) -> Reply:
        seen[query] += 1
        if seen[query] > 2:
            return select(1)
        if fault == "drop":
            raise Drop
        if fault == "not json":
            return 200, Raw(b'{"id": ')
        return (200, {}) if fault == "not a message" else error(int(str(fault)), "x", "later")

    server.reply = reply
    nlp = make_llm_teacher(max_retries=2)
    docs = list(nlp.pipe(["play hello", "stay"]))
    assert [doc._.convner.status for doc in docs] == ["ok", "ok"]
    assert len(server.requests) == 6
    summary = client_of(nlp).ledger.summary()
    assert (summary["calls"], summary["retries"]) == (6, 4)
    assert summary["output_tokens"] == 14


@pytest.mark.parametrize("headers", [{}, {"x-should-retry": "false"}])
def test_what_a_retry_cannot_help_is_sent_once(server: Server, make_llm_teacher: Make, headers: dict[str, str]) -> None:
    server.headers = headers
    server.reply = lambda query, body: error(429 if headers else 400, "x", "no")
    assert make_llm_teacher(max_retries=3)("play hello")._.convner.status == "failed"
    assert len(server.requests) == 1


def test_retry_after_has_a_ceiling_and_holds_for_all(server: Server, make_llm_teacher: Make) -> None:
    server.headers = {"retry-after": "4294967"}
    first = threading.Event()
    times: list[float] = []

    def reply(query: str, body: dict[str, Any]) -> Reply:
        times.append(time.monotonic())
        if not first.is_set():
            first.set()
            return error(429, "rate_limit_error", "later")
        return select(1)

    server.reply = reply
    nlp = make_llm_teacher(max_retries=1, max_wait=0.5, max_concurrency=1)
    docs = list(nlp.pipe(["play hello", "stay", "adele"]))
    assert [doc._.convner.status for doc in docs] == ["ok"] * 3
    assert 0.45 < times[1] - times[0] < 5
    assert times[3] - times[1] < 5


def test_a_limit_stops_the_calls_and_not_the_docs(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    texts = [f"play hello {i}" for i in range(10)]
    store = str(tmp_path / "a.sqlite")
    nlp = make_llm_teacher(max_calls=4, store=store, max_concurrency=3)
    statuses = Counter(doc._.convner.status for doc in nlp.pipe(texts))
    assert statuses == {"ok": 4, "over_budget": 6}
    assert len(server.requests) == 4
    statuses = Counter(doc._.convner.status for doc in make_llm_teacher(store=store).pipe(texts))
    assert statuses == {"ok": 10}
    assert len(server.requests) == 10
    # What an answer may cost at most is kept free, so no number of requests at once passes the limit.
    nlp = make_llm_teacher(max_usd=0.0013, max_tokens=2000, max_concurrency=4)
    assert {doc._.convner.status for doc in nlp.pipe(texts[:1])} == {"ok"}
    assert 0 < client_of(nlp).ledger.usd <= 0.0013
    nlp = make_llm_teacher(max_usd=0.0009, max_tokens=2000)
    assert {doc._.convner.status for doc in nlp.pipe(texts)} == {"over_budget"}
    assert len(server.requests) == 11


def test_prices_and_parameters() -> None:
    haiku = find_traits("claude-haiku-5-5")
    assert haiku is not None
    assert haiku.cost({"input_tokens": 1e6, "output_tokens": 1e6}) == pytest.approx(0.6)
    assert haiku.cost({"input_tokens": 1e6, "output_tokens": 1e6}, batch=True) == pytest.approx(0.3)
    assert find_traits("claude-haiku-4-5-20251001") == find_traits("claude-haiku-4-5")
    assert find_traits("local") is None
    assert request_parameters("claude-haiku-5-5", "off", None) == {"thinking": {"type": "disabled"}}
    assert request_parameters("claude-sonnet-5-5", "off", "low") == {
        "thinking": {"type": "between_tools"},
        "effort": "low",
    }
    assert request_parameters("claude-opus-5-5", "off", None) == {"effort": "low"}  # it always thinks
    assert request_parameters("claude-haiku-5-5", "default", None) == {}
    assert request_parameters("local", "off", None) == {}
    for model, thinking, effort in (
        ("claude-haiku-4-5", "off", "low"),
        ("local", "on", None),
        ("local", "maybe", None),
    ):
        with pytest.raises(ConfigError):
            request_parameters(model, thinking, effort)
    with pytest.raises(ConfigError, match="price of 'local' isn't known; limit it with max_calls"):
        Ledger("local", None, 1.0)
    with pytest.raises(ConfigError, match="0 or more"):
        Ledger("local", -1, None)


def test_backoff() -> None:
    assert backoff(3, 0.2, asked=1e9) <= 0.22
    assert all(0 < backoff(attempt, 0.2) <= 0.2 for attempt in range(50))
    assert backoff(10_000, 60.0) <= 60


def test_a_store_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE thesis (page TEXT)")
    before = file.read_bytes()
    with pytest.raises(DataError, match="is a database of something else"):
        ResponseStore(file).get("0" * 64)
    assert file.read_bytes() == before
    file.write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(DataError, match="the store can't be used"):
        ResponseStore(file).get("0" * 64)
    with pytest.raises(DataError, match="no such file"):
        existing_store(tmp_path / "none.sqlite")


def test_stores_are_shared_pickled_merged_and_pruned(tmp_path: Path) -> None:
    one, two = ResponseStore(tmp_path / "1.sqlite"), ResponseStore(tmp_path / "2.sqlite")
    answer = LLMAnswer("{}", usage={"calls": 1})
    one.put("a", "m", answer)
    one.put("a", "m", LLMAnswer("late"))
    two.put("b", "n", LLMAnswer("x", "refused"))
    again = pickle.loads(pickle.dumps(one))
    assert again.get("a") == LLMAnswer("{}", usage={"calls": 1}, request_sha256="a")
    assert merge_store(one, two.path) == Merged(added=1, known=0, differing=0, batches=0)
    assert merge_store(one, two.path) == Merged(added=0, known=1, differing=0, batches=0)
    assert one.stats()["models"] == {"m": {"ok": 1}, "n": {"refused": 1}}

    def write(name: str) -> None:
        mine = ResponseStore(one.path)
        for i in range(50):
            mine.put(f"{name}{i}", "m", answer)

    threads = [threading.Thread(target=write, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one) == 152
    assert one.prune(model="n") == 1
    assert one.prune(before=time.time() - 3600) == 0
    assert one.prune() == 151


def test_a_slow_answer_is_given_up_and_tried_again(server: Server, make_llm_teacher: Make) -> None:
    first = threading.Event()

    def reply(query: str, body: dict[str, Any]) -> Reply:
        if not first.is_set():
            first.set()
            time.sleep(1.5)
        return select(1)

    server.reply = reply
    nlp = make_llm_teacher(timeout=0.4, max_retries=1)
    assert nlp("play hello")._.convner.status == "ok"
    assert client_of(nlp).ledger.summary()["retries"] == 1
    first.clear()
    doc = make_llm_teacher(timeout=0.4)("play hello")
    assert doc._.convner.status == "failed"
    assert "Timeout" in doc._.convner.dropped[0]["text"]


def test_a_huge_answer_is_cut(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    server.reply = lambda query, body: message("x" * 10_000_000)
    place = tmp_path / "a.sqlite"
    doc = make_llm_teacher(store=str(place))("play hello")
    assert doc._.convner.status == "invalid"
    assert len(str(doc.user_data)) < 5000
    assert sum(path.stat().st_size for path in tmp_path.glob("a.sqlite*")) < 1_000_000


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "t", "name": "select", "input": {"selected": [1]}},
        {"type": "text", "text": None},
        {"type": "text"},
        {"type": "brand_new", "value": 1},
        "text",
        None,
    ],
)
def test_other_content_blocks_select_nothing(server: Server, make_llm_teacher: Make, block: Any) -> None:
    server.reply = lambda query, body: message(None, content=[block])
    doc = make_llm_teacher()("play hello")
    assert doc._.convner.status in ("invalid", "failed")
    assert doc.ents == ()


def test_inside_a_running_event_loop(server: Server, make_llm_teacher: Make) -> None:
    nlp = make_llm_teacher()

    async def notebook() -> list[str]:
        return [doc._.convner.status for doc in nlp.pipe(["play hello", "stay"])]

    assert asyncio.run(notebook()) == ["ok", "ok"]


def test_a_head_that_is_never_cached_is_said_once(
    server: Server, make_llm_teacher: Make, caplog: pytest.LogCaptureFixture
) -> None:
    usage = {**USAGE, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    server.reply = lambda query, body: message('{"selected": [1]}', usage=usage)
    texts = [f"play hello {i}" for i in range(25)]
    list(make_llm_teacher(model="claude-haiku-4-5").pipe(texts))
    assert caplog.text.count("nothing was cached") == 1
    assert "minimum of 4,096 tokens" in caplog.text
    caplog.clear()
    server.reply = lambda query, body: select(1)
    list(make_llm_teacher().pipe(texts))
    assert "cached" not in caplog.text
