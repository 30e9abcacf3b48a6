from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.detection.detect_file import detect_file
from spacy_convner.datagen.detection.heuristic_detector import HeuristicDetector
from spacy_convner.errors import DataError
from spacy_convner.records import read_utterances

from ...conftest import write_jsonl

RECORDS: list[dict[str, Any]] = [
    {"text": "well i think i'd rather hear that one again", "lang": "en", "meta": {"count": 3}, "extra": [1]},
    {"text": "play jazz", "lang": "en", "spans": [{"start": 5, "end": 9, "label": "Genre"}]},
    {"text": "oye no sé, quizás otra cosa", "lang": "es", "meta": None},
    {"text": "", "lang": "en"},
]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def test_records_are_kept_in_order(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", RECORDS)
    out, rest = tmp_path / "new" / "out.jsonl", tmp_path / "rest.jsonl"
    counts = detect_file(HeuristicDetector(None, None), source, out, rest=rest)
    assert counts == {"en": (3, 1), "es": (1, 1)}
    chat, commands = lines(out), lines(rest)
    assert [record["text"] for record in chat] == [RECORDS[0]["text"], RECORDS[2]["text"]]
    assert [record["text"] for record in commands] == ["play jazz", ""]
    assert chat[0]["extra"] == [1]
    assert chat[0]["meta"].pop("conversational").keys() == {"score", "is"}
    assert chat[0]["meta"] == {"count": 3}
    assert commands[0]["spans"] == RECORDS[1]["spans"]
    assert [record["meta"]["conversational"]["is"] for record in commands] == [False, False]
    assert len(list(read_utterances(out))) == 2


def test_explained(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", RECORDS)
    detect_file(HeuristicDetector(None, None), source, tmp_path / "out.jsonl", explain=True)
    features = lines(tmp_path / "out.jsonl")[0]["meta"]["conversational"]["features"]
    assert features["discourse_markers"]["words"] == ["well"]
    assert features["hedges"]["added"] > 0


def test_the_default_language_is_for_those_without_one(tmp_path: Path) -> None:
    source = write_jsonl(
        tmp_path / "in.jsonl", [{"text": "oye no sé, quizás otra cosa"}, {**RECORDS[0], "lang": "en-GB"}]
    )
    detect_file(HeuristicDetector(None, None), source, tmp_path / "out.jsonl", lang="es")
    assert [record["lang"] for record in lines(tmp_path / "out.jsonl")] == ["es", "en-GB"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"text": "hello"}, "field 'lang': missing"),
        ({"text": "bonjour", "lang": "fr"}, "field 'lang': no word lists for language 'fr'"),
        ({"text": "x", "lang": "../en"}, "no word lists"),
        ({"lang": "en"}, "field 'text': missing"),
        ({"text": "x", "lang": "en", "meta": []}, "field 'meta'"),
    ],
)
def test_a_bad_line_leaves_nothing_behind(bad: dict[str, Any], words: str, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [RECORDS[0], bad])
    with pytest.raises(DataError, match=r"in\.jsonl:2: .*" + words):
        detect_file(HeuristicDetector(None, None), source, tmp_path / "out.jsonl", rest=tmp_path / "rest.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    line = json.dumps({"text": "well i think so", "lang": "en", "meta": {"note": "x" * 3000}}) + "\n"
    source.write_text(line * 500, encoding="utf8")
    detector = HeuristicDetector(None, None)
    detector("hello", "en")
    tracemalloc.start()
    detect_file(detector, source, tmp_path / "out.jsonl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000
    assert source.stat().st_size > 1_500_000
