"""``spacy_convner.AnthropicBatches.v1``: results in any order, errored ones again, an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_convner.errors import ConfigError, FilterError
from spacy_convner.llm.anthropic_batches import make_anthropic_batches
from spacy_convner.llm.requests import most_usage

from .conftest import KEY, Server, error, query_of

Make = Callable[..., Language]
TEXTS = ["play hello", "good morning", "stay", "play hello", *[f"hello number {i}" for i in range(7)]]
STATUSES = ["ok", "no_candidates", *["ok"] * 9]


@pytest.fixture
def make(make_llm_teacher: Make, tmp_path: Path) -> Make:
    def make(**client: Any) -> Language:
        settings = {"store": str(tmp_path / "s" / "answers.sqlite"), "poll_seconds": 0.01, "max_batch": 4, **client}
        return make_llm_teacher(api="AnthropicBatches", **settings)

    return make


def client_of(nlp: Language) -> Any:
    return nlp.get_pipe("llm_semantic_filter").client  # type: ignore[attr-defined]


def posted(server: Server) -> list[list[str]]:
    return [[query_of(r["params"]) for r in requests] for requests, _ in server.batches]


def test_labels_as_the_messages_client_does(server: Server, make: Make, make_llm_teacher: Make) -> None:
    docs = list(make().pipe(TEXTS))
    assert [doc.text for doc in docs] == TEXTS
    assert [doc._.convner.status for doc in docs] == STATUSES
    assert [len(batch) for batch in posted(server)] == [2, 4, 3]
    assert sorted(text for batch in posted(server) for text in batch) == sorted({*TEXTS} - {"good morning"})
    params = server.batches[0][0][0]["params"]
    make_llm_teacher()("play hello")
    assert server.bodies[-1] == params
    assert KEY not in json.dumps(server.batches)


def test_errored_and_expired_ones_are_submitted_again(server: Server, make: Make) -> None:
    def fate(request: dict[str, Any], number: int) -> dict[str, Any] | None:
        text = query_of(request["params"])
        if number == 0 and text == "play hello":
            return {"type": "expired"}
        if text == "stay":
            return {"type": "errored", "error": {"type": "error", "error": {"type": "api_error", "message": "broken"}}}
        return None

    server.fate = fate
    nlp = make(max_retries=2, max_batch=100)
    docs = list(nlp.pipe(TEXTS))
    assert [doc._.convner.status for doc in docs] == ["ok", "no_candidates", "failed", *["ok"] * 8]
    assert posted(server)[1:] == [["play hello", "stay"], ["stay"]]
    assert docs[2]._.convner.dropped[0]["text"] == "errored: broken"
    summary = client_of(nlp).ledger.summary()
    assert summary["output_tokens"] == 7 * 8
    assert summary["usd"] == pytest.approx(8 * (120 * 0.1 + 7 * 0.5 + 5 * 0.125 + 100 * 0.01) / 2e6, rel=0.01)


def test_submit_leave_and_collect(server: Server, make: Make) -> None:
    nlp = make()
    filter_ = nlp.get_pipe("llm_semantic_filter")
    for name in ("catalog_matcher", "exemplar_retriever"):
        assert nlp.has_pipe(name)
    with nlp.select_pipes(enable=["catalog_matcher", "exemplar_retriever"]):
        requests = list(filter_.plan(list(nlp.pipe(TEXTS))))  # type: ignore[attr-defined]
    assert len(requests) == 10
    ids = client_of(nlp).submit_all(requests)
    assert ids == ["batch_0", "batch_1", "batch_2"]
    assert client_of(nlp).submit_all(requests) == []
    assert client_of(nlp).collect() == 3
    # Another process, later.
    docs = list(make().pipe(TEXTS))
    assert [doc._.convner.status for doc in docs] == STATUSES
    assert len(server.batches) == 3
    gets = len([path for path, _, _ in server.requests if path.endswith("/results")])
    corpus = DocBin(store_user_data=True, docs=docs).to_bytes()
    assert DocBin(store_user_data=True, docs=make().pipe(TEXTS)).to_bytes() == corpus
    assert (len(server.batches), gets) == (3, 3)


def test_limits_and_refusals(server: Server, make: Make) -> None:
    docs = list(make(max_calls=3).pipe(TEXTS))
    statuses = [doc._.convner.status for doc in docs]
    assert statuses.count("over_budget") == 6  # "play hello" is said twice
    assert sum(len(batch) for batch in posted(server)) == 3
    assert [doc._.convner.status for doc in make().pipe(TEXTS)] == STATUSES
    assert sum(len(batch) for batch in posted(server)) == 9


def test_money_holds_for_all_batches_together(server: Server, tmp_path: Path) -> None:
    def submit(max_usd: float) -> int:
        made: Any = make_anthropic_batches(
            str(tmp_path / "a.sqlite"),
            base_url=server.url,
            max_batch=3,
            max_tokens=100,
            max_usd=max_usd,
            poll_seconds=0,
        )
        requests = [made.request("task", f"hello {i}", {}) for i in range(12)]
        most = made.ledger.price(most_usage(requests[0]))
        if max_usd < 1:
            made.ledger.limit(None, 7.5 * most)
        ids = made.submit_all(requests)
        assert made.submit_all(requests) == []
        made.wait()
        assert made.ledger.summary()["calls"] == sum(len(batch) for batch in posted(server)[-len(ids) :])
        return len(ids)

    assert submit(0.5) == 3
    assert [len(batch) for batch in posted(server)] == [3, 3, 1]
    assert submit(1.0) == 2
    assert sum(len(batch) for batch in posted(server)) == 12


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (400, 1), (529, 3)])
def test_what_the_service_refuses(server: Server, make: Make, status: int, calls: int) -> None:
    server.refuse = error(status, "x", f"no: {KEY}")
    with pytest.raises(FilterError, match=r"the batch service said: .*no: \[key\]"):
        list(make(max_retries=2).pipe(TEXTS))
    assert len(server.requests) == calls
    server.refuse = None
    assert [doc._.convner.status for doc in make().pipe(TEXTS)] == STATUSES


def test_bad_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 <= max_batch <= 100000"):
        make_anthropic_batches(str(tmp_path / "x"), max_batch=100_001)
