from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.patterns.seeds import read_seed_groups
from spacy_convner.datagen.ty import SeedGroup
from spacy_convner.errors import DataError

from ...conftest import write_jsonl


def row(
    text: str, cluster: int | None = None, rank: int | None = None, lang: str | None = "en", **meta: Any
) -> dict[str, Any]:
    if cluster is not None:
        meta["cluster"] = {"id": cluster, "strength": 0.5, "representative": rank}
    return {"text": text, "lang": lang, "meta": meta}


def test_representatives_of_clusters(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "in.jsonl",
        [
            row("second of one", 1, 2),
            row("noise", -1),
            row("a member", 0),
            row("first of one", 1, 1, count=4),
            row("First of one!", 1, count=3),
            row("first of none", 0, 1),
            row("uno", 1, 1, lang="es"),
            row("a command", 1, 3, conversational={"score": 0.1, "is": False}),
        ],
    )
    found = read_seed_groups(path)
    assert found == [
        SeedGroup(("first of none",), "en", 0, "conversational", (1,)),
        SeedGroup(("a command",), "en", 1, "command", (1,)),
        SeedGroup(("first of one", "second of one"), "en", 1, "conversational", (7, 1)),
        SeedGroup(("uno",), "es", 1, "conversational", (1,)),
    ]
    assert read_seed_groups(path, noise=True) == [*found, SeedGroup(("noise",), "en", -1, "conversational", (1,))]
    assert {group.style for group in read_seed_groups(path, style="command")} == {"command"}


def test_plain_utterances(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "in.jsonl", [row("open spotify"), row("Open Spotify."), row("play hello", lang=None)])
    assert read_seed_groups(path, lang="es") == [
        SeedGroup(("open spotify",), "en", None, "conversational", (2,)),
        SeedGroup(("play hello",), "es", None, "conversational", (1,)),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", lang=None)], "in.jsonl:1: field 'lang': missing"),
        ([row(" ")], "in.jsonl:1: field 'text': empty"),
        ([{"text": 1}], "in.jsonl:1: field 'text'"),
        ([row("a", count=0)], "field 'meta.count': expected 1 or more, got 0"),
        ([row("a", count=True)], "field 'meta.count'"),
        ([row("a", 0, 1), row("b")], "in.jsonl:2: field 'meta.cluster': missing here, but other lines have it"),
        ([row("b"), row("a", 0, 1)], "in.jsonl:2: field 'meta.cluster': other lines have none"),
        ([row("a", cluster=-2)], "field 'meta.cluster': expected what convner cluster writes"),
        ([row("a", 0, 0)], "field 'meta.cluster'"),
        ([{"text": "a", "lang": "en", "meta": {"cluster": 3}}], "field 'meta.cluster'"),
        ([row("a", conversational=True)], "field 'meta.conversational': expected what convner detect writes"),
        ([row("a", 0), row("b", -1)], "no seeds: no utterance is a cluster's representative (--noise-seeds"),
    ],
)
def test_wrong_input(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_seed_groups(write_jsonl(tmp_path / "in.jsonl", rows))
    assert message in str(caught.value)


def test_no_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_seed_groups(tmp_path / "no.jsonl")
    with pytest.raises(DataError, match="the file is empty"):
        read_seed_groups(write_jsonl(tmp_path / "in.jsonl", []))
