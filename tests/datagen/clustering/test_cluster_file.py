from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.util import registry

from spacy_convner.datagen.clustering.cluster_file import (
    ClusteredTraffic,
    cluster_traffic,
    clustered_lines,
    read_traffic,
    summarize,
)
from spacy_convner.datagen.clustering.hdbscan_clusterer import make_hdbscan_clusterer
from spacy_convner.errors import DataError

from ...conftest import write_jsonl


def cluster(path: Path, representatives: int = 3) -> ClusteredTraffic:
    embedder = registry.misc.get("spacy_convner.HashedNgramEmbedder.v1")()
    return cluster_traffic(read_traffic(path), embedder, make_hdbscan_clusterer(), representatives)


def rows(clustered: ClusteredTraffic) -> list[dict[str, Any]]:
    return [json.loads(line) for line in clustered_lines(clustered)]


def test_every_record_comes_out_in_order(traffic_path: Path, records: list[dict[str, Any]]) -> None:
    clustered = cluster(traffic_path)
    out = rows(clustered)
    assert [row["text"] for row in out] == [record["text"] for record in records]
    found = [row["meta"]["cluster"] for row in out]
    assert [one["id"] for one in found[:8]] == [found[0]["id"]] * 8
    assert [one["id"] for one in found[16:22]] == [2] * 6  # the smallest
    assert {one["id"] for one in found[:16]} == {0, 1}
    for number in range(3):
        ranks = [one["representative"] for one in found if one["id"] == number and one["representative"]]
        assert sorted(ranks) == [1, 2, 3]
    assert all(0 <= one["strength"] <= 1 for one in found)
    assert {"timer", "minutes"} <= set(clustered.clusters[2].words)
    assert clustered.noise == sum(one["id"] == -1 for one in found)


def test_repeated_texts_are_one_and_are_counted(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    again = [
        {"text": "Play the new song by  ADELE!", "lang": "en", "meta": {"count": 40, "x": [1]}},
        {"text": records[0]["text"], "lang": "en"},
    ]
    clustered = cluster(write_jsonl(tmp_path / "t.jsonl", [*records, *again]))
    out = rows(clustered)
    assert len(clustered.traffic.texts) == len(records)
    first, loud, twin = (out[i]["meta"]["cluster"] for i in (0, -2, -1))
    assert first["id"] == loud["id"] == twin["id"] == 0
    assert loud["representative"] is twin["representative"] is None
    assert out[-2]["meta"]["x"] == [1]
    assert out[-2]["text"] == "Play the new song by  ADELE!"
    largest = clustered.clusters[0]
    assert (largest.records, largest.count) == (largest.texts + 2, largest.texts + 41)


def test_languages_are_apart_and_ids_unique(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    spanish = [{**record, "lang": "es"} for record in records[:7]]
    nowhere = [{"text": record["text"]} for record in records]
    clustered = cluster(write_jsonl(tmp_path / "t.jsonl", [*records, *spanish, *nowhere]))
    langs: dict[int, set[Any]] = {}
    for row in rows(clustered):
        langs.setdefault(row["meta"]["cluster"]["id"], set()).add(row.get("lang"))
    langs.pop(-1)
    assert all(len(found) == 1 for found in langs.values())
    assert sorted(langs) == list(range(len(langs)))
    sizes = [one.records for one in clustered.clusters]
    assert sizes == sorted(sizes, reverse=True)
    summary = summarize(clustered)
    assert set(summary["langs"]) == {"en", "es", ""}
    assert sum(one["utterances"] for one in summary["langs"].values()) == summary["utterances"]
    assert sum(one["size"] for one in summary["by_cluster"]) + summary["noise"] == summary["utterances"]


def test_all_members_are_ranked_with_zero(traffic_path: Path) -> None:
    clustered = cluster(traffic_path, representatives=0)
    for number in range(3):
        ranks = clustered.ranks[clustered.labels == number]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
    assert (clustered.ranks[clustered.labels < 0] == 0).all()


def test_few_empty_and_blank_utterances(tmp_path: Path) -> None:
    clustered = cluster(write_jsonl(tmp_path / "t.jsonl", [{"text": ""}, {"text": "  \n"}, {"text": "?!"}]))
    assert [row["meta"]["cluster"] for row in rows(clustered)] == [
        {"id": -1, "strength": 0.0, "representative": None}
    ] * 3
    assert clustered.traffic.texts == ["?!"]
    only_blank = cluster(write_jsonl(tmp_path / "b.jsonl", [{"text": " "}]))
    assert summarize(only_blank)["noise_share"] == 1.0


def test_the_same_bytes_again(traffic_path: Path) -> None:
    assert list(clustered_lines(cluster(traffic_path))) == list(clustered_lines(cluster(traffic_path)))


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"lang": "en"}', "text"),
        ('{"text": "a", "lang": 3}', "lang"),
        ('{"text": "a", "meta": {"count": 0}}', "meta.count"),
        ('{"text": "a", "meta": {"count": true}}', "meta.count"),
        ('{"text": "a", "meta": []}', "meta"),
        ('{"text": "\\ud800"}', "text"),
        ("nonsense", "JSON"),
        ("", "empty"),
    ],
)
def test_bad_input(tmp_path: Path, line: str, field: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"text": "fine"}}\n{line}\n' if line else "", encoding="utf8")
    with pytest.raises(DataError, match=field) as caught:
        read_traffic(path)
    assert caught.value.path == path
    if line:
        assert caught.value.line == 2


def test_records_of_one_text_weigh_no_more(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    often = write_jsonl(tmp_path / "often.jsonl", [*records, *records[-1:] * 30])
    once = write_jsonl(tmp_path / "once.jsonl", records)
    assert np.array_equal(cluster(often).strengths, cluster(once).strengths)
