from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.detection.calibration import calibrate, calibrate_language
from spacy_convner.datagen.detection.features import SIGNS
from spacy_convner.datagen.detection.heuristic_detector import HeuristicDetector
from spacy_convner.datagen.detection.labelled import read_labelled, score
from spacy_convner.datagen.detection.lexicon import read_lexicon
from spacy_convner.datagen.detection.weights_file import weights_to_json
from spacy_convner.errors import ConfigError, DataError

from ...conftest import ROOT, write_jsonl
from .conftest import EU_CHAT, EU_COMMANDS

GOOD = {"text": "beno", "lang": "eu", "conversational": True, "split": "train"}


def test_calibrate_a_new_language(resources: Path, labelled: Path) -> None:
    weights = calibrate_language(labelled, "eu", resources, command="convner detector calibrate …")
    assert all(weights.weights[name] * sign >= 0 for name, sign in SIGNS.items())
    assert weights.provenance["test"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n": 10}
    assert weights.provenance["lists_sha256"] == read_lexicon("eu", resources).sha256
    (resources / "eu" / "weights.json").write_text(weights_to_json(weights), encoding="utf8")
    detector = HeuristicDetector(resources, None)
    assert all(detector(text, "eu").conversational for text in EU_CHAT)
    assert not any(detector(text, "eu").conversational for text in EU_COMMANDS)


def test_the_same_twice(resources: Path, labelled: Path) -> None:
    assert calibrate_language(labelled, "eu", resources) == calibrate_language(labelled, "eu", resources)


def test_the_test_split_plays_no_part(resources: Path, labelled: Path, tmp_path: Path) -> None:
    records = [json.loads(line) for line in labelled.read_text(encoding="utf8").splitlines()]
    for record in records:
        if record["split"] == "test":
            record["conversational"] = not record["conversational"]
    other = calibrate_language(write_jsonl(tmp_path / "other.jsonl", records), "eu", resources)
    weights = calibrate_language(labelled, "eu", resources)
    assert (other.weights, other.bias, other.threshold) == (weights.weights, weights.bias, weights.threshold)
    assert other.provenance["test"]["f1"] == 0


def test_a_feature_left_out_weighs_nothing(resources: Path, labelled: Path) -> None:
    items = read_labelled(labelled)
    fitted = calibrate(items, read_lexicon("eu", resources), without=["discourse_markers"])
    assert fitted.weights.weights["discourse_markers"] == 0


def test_precision_has_a_price() -> None:
    lexicon = read_lexicon("en")
    items = read_labelled(ROOT / "assets" / "detection" / "en.jsonl")[:150]
    train = [item for item in items if item.split == "train"]
    best, precise = calibrate(train, lexicon), calibrate(train, lexicon, precision=1.0)
    assert precise.cross_validated.recall <= best.cross_validated.recall
    assert precise.weights.threshold >= best.weights.threshold


def test_too_little_or_too_much_asked(resources: Path, labelled: Path) -> None:
    items, lexicon = read_labelled(labelled), read_lexicon("eu", resources)
    with pytest.raises(ConfigError, match="at least 20 conversational"):
        calibrate([item for item in items if not item.conversational], lexicon)
    with pytest.raises(ConfigError, match="no utterance with the language 'en'"):
        calibrate_language(labelled, "en")
    mixed = [*items, *(type(item)(item.text, item.lang, not item.conversational, item.split) for item in items)]
    with pytest.raises(ConfigError, match=r"precision 0\.99: no threshold gives it in cross-validation; the best is"):
        calibrate(mixed, lexicon, precision=0.99)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_scores_are_shares(pairs: list[tuple[bool, bool]]) -> None:
    found = score([gold for gold, _ in pairs], [said for _, said in pairs])
    assert all(0 <= value <= 1 for value in found[:3])
    assert found.n == len(pairs)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": None}, "text"),
        ({"lang": None}, "lang"),
        ({"conversational": "yes"}, "conversational"),
        ({"conversational": 1}, "conversational"),
        ({"split": "dev"}, "split"),
    ],
)
def test_a_bad_record_is_named(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [GOOD, {**GOOD, **change}])
    with pytest.raises(DataError, match=rf"a\.jsonl:2: field '{field}'"):
        read_labelled(path)
