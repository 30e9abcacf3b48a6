"""The generator that asks a language model, against a real server on the loopback."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.patterns.guidance import read_guidance
from spacy_convner.datagen.patterns.llm_generator import make_llm_pattern_generator
from spacy_convner.datagen.patterns.validation import PatternChecks, validate_patterns
from spacy_convner.datagen.ty import Pattern, PatternGenerator, SeedGroup
from spacy_convner.errors import ConfigError, DataError, FilterError, MissingKeyError
from spacy_convner.llm.anthropic_batches import make_anthropic_batches
from spacy_convner.llm.anthropic_messages import make_anthropic_messages

from ...llm.conftest import Drop, Reply, Server, error, message, server  # noqa: F401
from .conftest import LABELS, group, patterns

Make = Callable[..., PatternGenerator]
NEAR = ("rejected", "near duplicate")
CHECKS = PatternChecks(LABELS, read_guidance())


def outcome(found: list[Pattern]) -> list[tuple[str, str]]:
    """RETURNS (list): Status and kind of reason, after the checks."""
    return [(pattern.status, pattern.reason.partition(":")[0]) for pattern in validate_patterns(found, CHECKS)]


def test_patterns_keep_their_provenance(server: Server, make_generator: Make) -> None:  # noqa: F811
    server.reply = lambda query, body: patterns("could you play <Song> by <Artist> again", "who sings <Song>")
    seeds = SeedGroup(("play hello by adele", "who sings hello"), "en", 3, "conversational", (4, 2))
    generator = make_generator()
    found = list(generator([seeds], "en"))
    assert [pattern.text for pattern in found] == ["could you play <Song> by <Artist> again", "who sings <Song>"]
    for pattern in found:
        assert (pattern.status, pattern.lang, pattern.cluster) == ("proposed", "en", 3)
        assert (pattern.generator, pattern.seeds, pattern.frequency) == ("llm", seeds.texts, 3)
        assert re.fullmatch("[0-9a-f]{64}", pattern.prompt_sha256)
    assert len({pattern.prompt_sha256 for pattern in found}) == 1
    (body,) = server.bodies
    assert body["output_config"]["format"]["schema"]["properties"]["patterns"]["items"] == {"type": "string"}
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (message('Here you are: {"patterns": ["play <Song>"]}'), [("rejected", "not JSON")]),
        (message('{"patterns": ["play <Song>"]} I hope that helps!'), [("rejected", "not JSON")]),
        (message('```json\n["play <Song>"]\n```'), [("rejected", "not JSON")]),
        (message("Sorry, I can't do that."), [("rejected", "not JSON")]),
        (message(""), [("rejected", "not JSON")]),
        (message(None), [("rejected", "not JSON")]),
        (message('{"patterns": ["play <So', "max_tokens"), [("rejected", "truncated")]),
        (message('{"patterns": []}', "refusal"), [("rejected", "refused")]),
        (message("{}"), [("rejected", "not the asked form")]),
        (message("null"), [("rejected", "not the asked form")]),
        (message('{"patterns": []}'), [("rejected", "nothing")]),
        (patterns(7, "", [1], "put <Song> on for me"), [("proposed", ""), *[("rejected", "not the asked form")] * 3]),
        (patterns("play <Tune> for me"), [("rejected", "unknown tag")]),
        (patterns("play <Song for me"), [("rejected", "brackets")]),
        (patterns("play hello for me"), [("rejected", "no tag")]),
        (patterns("¿me puedes poner <Song> en la cocina?"), [("rejected", "language")]),
        (patterns("put <Song> on please", "put <Song> on please"), [("proposed", ""), ("rejected", "duplicate")]),
        (patterns("put <Song> on please", "Put the <Movie> on, please"), [("proposed", ""), NEAR]),
        (patterns("<Song>"), [("rejected", "forbidden form")]),
        (message(json.dumps(["put <Song> on for me"])), [("proposed", "")]),  # a bare array, as the method has it
        (error(500, "api_error", "down"), [("rejected", "failed")]),
        ((200, b"<html>busy</html>"), [("rejected", "failed")]),
    ],
)  # fmt: skip
def test_every_wrong_answer_is_a_recorded_rejection(
    server: Server,  # noqa: F811
    make_generator: Make,
    reply: Reply,
    expected: list[tuple[str, str]],
) -> None:
    server.reply = lambda query, body: reply
    found = list(make_generator(patterns_per_seed=4)([group("play hello")], "en"))
    assert outcome(found) == expected
    for pattern in validate_patterns(found, CHECKS):
        assert pattern.text.strip()
        assert pattern.seeds == ("play hello",)
        assert pattern.prompt_sha256
        assert (pattern.reviewer == "validate") == (pattern.status == "rejected")


def test_a_broken_connection_is_a_recorded_rejection(server: Server, make_generator: Make) -> None:  # noqa: F811
    def reply(query: str, body: dict[str, Any]) -> Reply:
        raise Drop

    server.reply = reply
    (pattern,) = make_generator()([group("play hello")], "en")
    assert (pattern.status, pattern.text) == ("rejected", "play hello")
    assert pattern.reason.startswith("failed: APIConnectionError")


def test_more_than_was_asked_for(server: Server, make_generator: Make) -> None:  # noqa: F811
    server.reply = lambda query, body: patterns("play <Song> for me", "who sings <Song> these days")
    found = list(make_generator()([group("play hello")], "en"))
    assert outcome(found) == [("proposed", ""), ("rejected", "too many")]


def test_half_a_surrogate_pair(server: Server, make_generator: Make) -> None:  # noqa: F811
    server.reply = lambda query, body: message('["play \\ud83c <Song>"]')
    (pattern,) = make_generator()([group("play hello")], "en")
    pattern.text.encode("utf8")


def test_patience_with_a_busy_service(server: Server, make_generator: Make) -> None:  # noqa: F811
    def reply(query: str, body: dict[str, Any]) -> Reply:
        return error(429, "rate_limit_error", "later") if len(server.requests) < 3 else patterns("play <Song> again")

    server.reply = reply
    generator = make_generator({"max_retries": 4})
    assert outcome(list(generator([group("play hello")], "en"))) == [("proposed", "")]
    assert generator.client.ledger.summary()["retries"] == 2  # type: ignore[attr-defined]


def test_answers_come_from_the_store_the_second_time(
    server: Server,  # noqa: F811
    make_generator: Make,
    tmp_path: Path,
) -> None:
    server.reply = lambda query, body: patterns("play <Song> again")
    client = {"store": str(tmp_path / "answers.sqlite")}
    groups = [group("play hello", cluster=0), group("who sings stay", cluster=1)]
    first = list(make_generator(client)(groups, "en"))
    assert len(server.requests) == 2
    assert list(make_generator(client)(groups, "en")) == first
    assert len(server.requests) == 2


def test_over_budget_is_recorded_and_done_next_time(
    server: Server,  # noqa: F811
    make_generator: Make,
    tmp_path: Path,
) -> None:
    server.reply = lambda query, body: patterns("play <Song> again")
    groups = [group(f"play song number {i}", cluster=i) for i in range(5)]
    client = {"store": str(tmp_path / "answers.sqlite")}
    found = list(make_generator({**client, "max_calls": 2})(groups, "en"))
    assert len(server.requests) == 2
    assert sorted(pattern.status for pattern in found) == ["proposed"] * 2 + ["rejected"] * 3
    over = [pattern for pattern in found if pattern.status == "rejected"]
    assert {pattern.reason for pattern in over} == {"over_budget: max_calls or max_usd is reached"}
    assert len({pattern.text for pattern in over}) == 3
    assert all(pattern.status == "proposed" for pattern in make_generator(client)(groups, "en"))
    assert len(server.requests) == 5


def test_order_is_kept_whatever_takes_long(server: Server, make_generator: Make) -> None:  # noqa: F811
    def reply(query: str, body: dict[str, Any]) -> Reply:
        number = int(re.findall(r"number (\d+)", query)[0])
        time.sleep(0.05 if number % 4 == 0 else 0)
        return patterns(f"play <Song> from nineteen {number}")

    server.reply = reply
    groups = (group(f"play number {i}", cluster=i) for i in range(20))
    found = list(make_generator({"max_concurrency": 8})(groups, "en"))
    assert [pattern.cluster for pattern in found] == list(range(20))


def test_seeds_outside_of_clusters_share_prompts(server: Server, make_generator: Make) -> None:  # noqa: F811
    server.reply = lambda query, body: patterns("play <Song> again")
    groups = [
        *(group(f"cluster seed {i}", cluster=2) for i in range(2)),  # two groups, and each is a prompt
        *(group(f"seed {i}", cluster=-1) for i in range(5)),
        *(group(f"plain {i}", cluster=None) for i in range(2)),
    ]
    found = list(make_generator(group_size=3)(iter(groups), "en"))
    assert [(pattern.cluster, len(pattern.seeds)) for pattern in found] == [(2, 1), (2, 1), (-1, 3), (-1, 2), (None, 2)]
    (large,) = make_generator(group_size=3)([group("one", "two", "three")], "en")
    assert large.seeds == ("one", "two", "three")
    assert [len(p.seeds) for p in make_generator(group_size=3)([group("one", "two", "three", "four")], "en")] == [3, 1]
    assert list(make_generator()([], "en")) == []


def test_batches(server: Server, tmp_path: Path) -> None:  # noqa: F811
    server.reply = lambda query, body: patterns("play <Song> again")
    client = make_anthropic_batches(
        base_url=server.url, store=str(tmp_path / "answers.sqlite"), poll_seconds=0.01, max_batch=3, max_retries=0
    )
    generator = make_llm_pattern_generator(client, labels=LABELS)
    found = list(generator([group(f"play number {i}", cluster=i) for i in range(5)], "en"))
    assert [pattern.cluster for pattern in found] == list(range(5))
    assert len(server.batches) == 2


def test_a_refused_key_stops_the_run(server: Server, make_generator: Make) -> None:  # noqa: F811
    server.refuse = error(401, "authentication_error", "invalid key")
    with pytest.raises(FilterError, match="refused the request for good"):
        list(make_generator()([group("play hello")], "en"))


def test_nothing_is_read_before_it_is_asked(tmp_path: Path) -> None:
    client = make_anthropic_messages()
    generator = make_llm_pattern_generator(
        client, labels=str(tmp_path / "labels.yml"), guidance="no.yml", template="no"
    )
    with pytest.raises(DataError, match=r"labels\.yml: no such file"):
        next(iter(generator([group("play hello")], "en")))
    with pytest.raises(ConfigError, match="needs labels"):
        next(iter(make_llm_pattern_generator(client)([group("play hello")], "en")))
    with pytest.raises(MissingKeyError):
        next(iter(make_llm_pattern_generator(client, labels=LABELS)([group("play hello")], "en")))
    for wrong in ({"patterns_per_seed": 0}, {"group_size": 0}):
        with pytest.raises(ConfigError, match="of 1 or more"):
            make_llm_pattern_generator(client, **wrong)  # type: ignore[arg-type]
