from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.detection.features import SIGNS
from spacy_convner.datagen.detection.heuristic_detector import HeuristicDetector, make_heuristic_detector
from spacy_convner.datagen.detection.labelled import read_labelled, score
from spacy_convner.datagen.detection.lexicon import BUILT_IN, read_lexicon
from spacy_convner.datagen.detection.weights_file import read_weights
from spacy_convner.datagen.ty import ConversationDetector
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.records import read_utterances

from ...conftest import ROOT, SHARED
from .conftest import EU_LISTS, write_language

DETECTOR = HeuristicDetector(None, None)
WEIGHTS = {"weights": {"discourse_markers": 2.0, "plain_request": -2.0}, "bias": -1.0, "threshold": 0.5}


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("well i was wondering if you could play that one again", "en"),
        ("my kids won't sleep, can you put on something calm?", "en"),
        ("no, not that one, the one we heard yesterday", "en"),
        ("honestly i've had a rotten day so maybe just some jazz", "en"),
        ("oye ponme otra vez la de ayer, que me encantó", "es"),
        ("es que no me acuerdo de cómo se llamaba la peli esa", "es"),
        ("pues mi madre viene a cenar y no sé qué hacer", "es"),
        ("che, fijate si hay algo para ver que estoy aburrida", "es-AR"),
    ],
)
def test_conversation(text: str, lang: str) -> None:
    assert DETECTOR(text, lang).conversational


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("play You Belong With Me by Taylor Swift", "en"),
        ("play you belong with me by taylor swift", "en"),
        ("Well Well Well John Lennon", "en"),
        ("what's the weather in boston", "en"),
        ("set a timer for ten minutes please", "en"),
        ("add oat milk to the shopping list", "en"),
        ("pon música de Rosalía", "es"),
        ("Pon No me doy por vencido de Luis Fonsi", "es"),
        ("qué tiempo hace en sevilla", "es"),
        ("", "en"),
        (" ?! ", "es"),
    ],
)
def test_commands(text: str, lang: str) -> None:
    assert not DETECTOR(text, lang).conversational


@given(st.text(max_size=60), st.sampled_from(["en", "es"]))
def test_what_features_added_is_the_score(text: str, lang: str) -> None:
    found = DETECTOR(text, lang)
    assert 0 <= found.score <= 1
    json.dumps(found.features)
    if found.features:
        logit = sum(feature["added"] for feature in found.features.values())
        assert found.score == pytest.approx(1 / (1 + math.exp(-logit)))


def test_the_factory() -> None:
    detector = make_heuristic_detector(threshold=1.0)
    assert isinstance(detector, ConversationDetector)
    assert not detector("well i think so, maybe you know", "en").conversational
    with pytest.raises(ConfigError, match="expected 0 to 1"):
        make_heuristic_detector(threshold=1.5)


def test_a_language_is_needed() -> None:
    with pytest.raises(ConfigError, match="isn't known"):
        DETECTOR("hello", None)
    with pytest.raises(ConfigError, match="no word lists for language 'fr'; there are: en, es"):
        DETECTOR("bonjour", "fr")


def test_constructing_reads_nothing(tmp_path: Path) -> None:
    make_heuristic_detector(str(tmp_path / "none"))


def test_a_folder_adds_a_language(resources: Path) -> None:
    (resources / "eu" / "weights.json").write_text(json.dumps(WEIGHTS), encoding="utf8")
    detector = HeuristicDetector(resources, None)
    assert detector("beno, nik hori nahi dut", "eu").score == pytest.approx(1 / (1 + math.exp(-1)))
    assert detector("well, i think so", "en") == DETECTOR("well, i think so", "en")


def test_a_folder_replaces_a_built_in_language(tmp_path: Path) -> None:
    write_language(tmp_path / "en", EU_LISTS, WEIGHTS)
    assert not HeuristicDetector(tmp_path, None)("well, i think so", "en").conversational


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        {"weights": {}, "bias": 0},
        {"weights": {}, "bias": "0", "threshold": 0.5},
        {"weights": {}, "bias": 0, "threshold": 2},
        {"weights": {"clauses": True}, "bias": 0, "threshold": 0.5},
        {"weights": {"clauses": float("nan")}, "bias": 0, "threshold": 0.5},
        {"weights": {"claws": 1.0}, "bias": 0, "threshold": 0.5},
        {"weights": ["clauses"], "bias": 0, "threshold": 0.5},
    ],
)
def test_bad_weights(bad: Any, resources: Path) -> None:
    (resources / "eu" / "weights.json").write_text(bad if isinstance(bad, str) else json.dumps(bad), encoding="utf8")
    with pytest.raises(DataError, match=r"weights\.json"):
        HeuristicDetector(resources, None)("beno", "eu")


def test_no_weights_yet(resources: Path) -> None:
    with pytest.raises(DataError, match="convner detector calibrate"):
        HeuristicDetector(resources, None)("beno", "eu")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_built_in_weights_were_calibrated_with_the_lists_as_they_are(lang: str) -> None:
    weights = read_weights(lang)
    assert weights.provenance["lists_sha256"] == read_lexicon(lang).sha256, (
        f"the word lists have changed; run: convner detector calibrate assets/detection/{lang}.jsonl --lang {lang} "
        f"--output {BUILT_IN / lang / 'weights.json'}"
    )
    assert all(weights.weights[name] * sign >= 0 for name, sign in SIGNS.items())


@pytest.mark.parametrize("lang", ["en", "es"])
def test_held_out_utterances(lang: str) -> None:
    items = [item for item in read_labelled(ROOT / "assets" / "detection" / f"{lang}.jsonl") if item.split == "test"]
    found = score([i.conversational for i in items], [DETECTOR(i.text, lang).conversational for i in items])
    assert found.n >= 200
    assert found.f1 >= 0.9


@pytest.mark.skipif(not (SHARED / "data" / "snips").is_dir(), reason="Snips isn't here")
def test_commands_of_another_data_set() -> None:
    utterances = list(read_utterances(SHARED / "data" / "snips" / "test.jsonl"))
    assert sum(DETECTOR(utterance.text, "en").conversational for utterance in utterances) < 0.1 * len(utterances)
