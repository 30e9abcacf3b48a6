"""``benchmarks/students.py``: its scores, its table, its messages. What measures latency has tests of its own."""

from __future__ import annotations

import argparse
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar

from .conftest import ROOT, parse_markup

SETS = {
    "gold.en": [
        parse_utterance(parse_markup(line))
        for line in ("play [hello](Song) by [adele](Artist)", "watch [dune](Movie)", "stay here please")
    ]
}
COST = {"p50_ms": 1.234, "p99_ms": 5.678, "utterances_per_s": 12345.6, "load_s": 0.5, "bytes": 2_500_000,
        "max_rss_mb": 321.4}  # fmt: skip


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "students.py"))


@Language.component("test_selects_the_last_token")
def selects_the_last_token(doc: Doc) -> Doc:
    """Selects the last token of every Doc as an artist; as entities it finds nothing."""
    doc.spans["sc"] = [doc.char_span(len(doc.text) - len(doc[-1]), len(doc.text), "Artist")]
    return doc


def test_the_rule_baseline_has_every_name_and_alias(script: dict[str, Any], catalog_path: Path) -> None:
    ruler = script["entity_ruler"](catalog_path)
    assert {(ent.text, ent.label_) for ent in ruler("HELLO by queen bey").ents} == {
        ("HELLO", "Song"),
        ("queen bey", "Artist"),
    }
    found = script["scores"](ruler, SETS, ents=True, typed=True)["gold.en"]
    # It takes "stay" for the song, and one of the two labels of "dune".
    assert found["r"] in (1.0, pytest.approx(2 / 3))
    assert found["p"] == pytest.approx(3 / 4 if found["r"] == 1.0 else 2 / 4)
    offsets = script["scores"](ruler, SETS, ents=True, typed=False)["gold.en"]
    assert (offsets["p"], offsets["r"]) == (pytest.approx(3 / 4), 1.0)


def test_spans_or_entities_with_labels_or_without(script: dict[str, Any]) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_selects_the_last_token")
    score: Callable[..., dict[str, Any]] = script["scores"]
    assert score(nlp, SETS, ents=False, typed=True)["gold.en"]["p"] == pytest.approx(1 / 3)
    assert score(nlp, SETS, ents=False, typed=False)["gold.en"]["p"] == pytest.approx(2 / 3)  # "dune" is no artist
    assert score(nlp, SETS, ents=True, typed=True)["gold.en"]["f"] == 0.0


def test_scores_of_another_run(script: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "student.json"
    path.write_text(json.dumps({"sets": {"gold.en": {"strict": {"f": 0.5}}, "other": {}}}), encoding="utf8")
    assert script["scores_from"](path, SETS) == {"gold.en": {"f": 0.5}}
    with pytest.raises(SystemExit, match=r"student\.json has no gold\.es"):
        script["scores_from"](path, {**SETS, "gold.es": list[Exemplar]()})


def test_a_name_and_its_path(script: dict[str, Any]) -> None:
    assert script["pair"]("cpu=training/a=b") == ("cpu", "training/a=b")
    for given in ("cpu", "=path", "cpu="):
        with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=PATH"):
            script["pair"](given)


def test_the_table(script: dict[str, Any]) -> None:
    rows = {
        "cpu": {"kind": "student", "strict": {"gold.en": {"f": 0.9123}}, "cost": COST},
        "EntityRuler": {"kind": "baseline", "strict": {"gold.en": {"f": 0.5}}, "cost": {**COST, "bytes": None}},
        "sm": {"kind": "peer", "offsets": {"gold.en": {"f": 0.25}}, "cost": {**COST, "max_rss_mb": None}},
    }
    assert script["table"]({"sets": ["gold.en"], "rows": rows}).splitlines() == [
        "|  | `gold.en` | p50 ms | p99 ms | utt/s | load s | MB | MiB resident |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| cpu | 91.2 | 1.23 | 5.68 | 12,346 | 0.50 | 2.5 | 321 |",
        "| EntityRuler (baseline) | 50.0 | 1.23 | 5.68 | 12,346 | 0.50 | – | 321 |",
        "| sm (peer) | 25.0 ¹ | 1.23 | 5.68 | 12,346 | 0.50 | 2.5 | – |",
        "",
        "¹ Offsets alone: its labels are others.",
    ]
    alone = script["table"]({"sets": ["gold.en"], "rows": {"cpu": rows["cpu"]}})
    assert "¹" not in alone
    assert len(alone.splitlines()) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--student", "cpu=nowhere"], "nowhere: no such pipeline"),
        (["--ents", "nobody"], "no system is named nobody"),
        (["--student", "a={}", "--student", "a={}"], "two systems are named 'a'"),
    ],
)
def test_bad_input(
    script: dict[str, Any], catalog_path: Path, exemplars_path: Path, tmp_path: Path, more: list[str], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    spacy.blank("xx").to_disk(tmp_path / "blank")
    output = tmp_path / "students.json"
    options = [part.format(tmp_path / "blank") for part in more]
    command = ["students.py", "--test", exemplars_path, "--catalog", catalog_path, "--output", output, *options]
    monkeypatch.setattr("sys.argv", [str(part) for part in command])
    with pytest.raises(SystemExit, match=message):
        script["main"]()
    assert not output.exists()
