"""A grounded student whose catalog lacks its gold is told so before it is trained to find nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from confection import Config
from spacy.util import load_config

from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.records import parse_utterance
from spacy_convner.student.training import TrainingPlan, plan_training
from spacy_convner.ty import CatalogEntry

from ..conftest import CATALOG, ROOT, parse_markup, write_jsonl


@pytest.fixture
def config(corpora: Path, tmp_path: Path) -> Config:
    overrides = {
        "paths.train": str(corpora / "train.spacy"), "paths.dev": str(corpora / "dev.spacy"),
        "paths.catalog": str(write_jsonl(tmp_path / "catalog.jsonl", CATALOG)),
    }  # fmt: skip
    return load_config(ROOT / "configs" / "student_grounded.cfg", overrides=overrides, interpolate=False)


def plan(config: Config, **paths: Any) -> TrainingPlan:
    config["paths"].update({name: str(path) for name, path in paths.items()})
    return plan_training(config, gpu_id=-1)


def test_everything_is_proposed(config: Config) -> None:
    train, dev = plan(config).coverage
    assert train.share == dev.share == 1.0
    assert (train.gold["Artist"], train.proposed["Artist"]) == (50, 50)
    assert train.rare() == []


def test_a_catalog_of_something_else(config: Config, tmp_path: Path) -> None:
    other = write_jsonl(tmp_path / "other.jsonl", [{"text": "Hello", "label": "song"}, {"text": "Zorp", "label": "x"}])
    with pytest.raises(DataError, match=r"train\.spacy: the catalog proposes 0 of 180 .*Artist.* labels song, x"):
        plan(config, index=other)


def test_labels_that_the_catalog_hardly_has_are_noted(config: Config, tmp_path: Path) -> None:
    songs = write_jsonl(tmp_path / "songs.jsonl", [entry for entry in CATALOG if entry["label"] == "Song"])
    found = plan(config, index=songs)
    assert 0 < found.coverage[0].share < 0.5
    notes = [note for note in found.notes if "the catalog proposes less than half" in note]
    assert len(notes) == 2
    assert "Artist 0 % (0 of 50)" in notes[0]
    assert "Song" not in notes[0]


def test_a_sample_is_enough(config: Config, tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    docs = [exemplar_to_doc(nlp, parse_utterance(parse_markup("play [hello](Song)")))] * 5000
    write_docbin(tmp_path / "many.spacy", docs)
    assert 1500 < plan(config, train=tmp_path / "many.spacy").coverage[0].gold.total() <= 2000


def test_a_matcher_that_is_not_shown_in_training(config: Config) -> None:
    for shown, wanted in (([], r"\[\"catalog_matcher\"\]"), (["tok2vec"], r"\[\"tok2vec\", \"catalog_matcher\"\]")):
        config["training"]["annotating_components"] = shown
        with pytest.raises(ConfigError, match=f"--training.annotating_components '{wanted}'"):
            plan(config)
    config["components"]["rules"] = {"factory": "entity_ruler"}  # may write candidates for all we know
    config["nlp"]["pipeline"].insert(0, "rules")
    config["training"]["annotating_components"] = ["rules"]
    assert plan(config).coverage == ()


def test_a_matcher_of_another_pipeline(config: Config, tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add([CatalogEntry("Hello", "Song")])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "other")
    config["components"]["catalog_matcher"] = {"source": str(tmp_path / "other")}
    found = plan(config)
    assert found.coverage[0].proposed.keys() == {"Song"}


def test_a_catalog_that_cannot_be_used(config: Config, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n', encoding="utf8")
    with pytest.raises(DataError, match=r"bad\.jsonl:1: field 'label'"):
        plan(config, index=tmp_path / "bad.jsonl")
    config["components"]["catalog_matcher"]["index"] = "hash"
    with pytest.raises(ConfigError, match="can't be used"):
        plan(config)


def test_a_student_without_a_catalog(corpora: Path, tmp_path: Path) -> None:
    overrides = {
        "paths.train": str(corpora / "train.spacy"), "paths.dev": str(corpora / "dev.spacy"),
        "paths.catalog": str(write_jsonl(tmp_path / "catalog.jsonl", CATALOG)),
    }  # fmt: skip
    plain = load_config(ROOT / "configs" / "student_cpu.cfg", overrides=overrides, interpolate=False)
    assert plan_training(plain, gpu_id=-1).coverage == ()


def test_the_last_step_may_be_the_only_one_looked_at(config: Config) -> None:
    config["training"].update(max_steps=30, eval_frequency=30)
    assert plan(config).steps is None
    config["training"]["eval_frequency"] = 31
    with pytest.raises(ConfigError, match="30 steps and is looked at every 31"):
        plan(config)
