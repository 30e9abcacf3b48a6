"""A mistyped setting is an error, every setting that works is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from confection import Config
from spacy.util import load_config

from spacy_convner.errors import ConfigError
from spacy_convner.student.training_overrides import check_settings, has_setting

from ..conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("student_*.cfg"))


def leaves(block: dict[str, object], prefix: str = "") -> list[str]:
    found = []
    for name, value in block.items():
        found += leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return found


@pytest.fixture
def grounded() -> Config:
    return load_config(ROOT / "configs" / "student_grounded.cfg", interpolate=False)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_a_config_has(path: Path) -> None:
    config = load_config(path, interpolate=False)
    keys = leaves(config)
    assert len(keys) > 5
    check_settings(config, keys)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("paths.trian", "paths.train"),
        ("path.train", "paths.train"),
        ("training.max_step", "training.max_steps"),
        ("training.optimizer.learnrate", "training.optimizer.learn_rate"),
        ("training.batcher.size.strat", "training.batcher.size.start"),
        ("components.catalog_spancat.treshold", "components.catalog_spancat.threshold"),
        ("components.tok2vec.model.encode.widht", "components.tok2vec.model.encode.width"),
        ("components.catalog_matcher.normalizer.step", "components.catalog_matcher.normalizer.steps"),
        ("nlp.batchsize", "nlp.batch_size"),
        ("system.sed", "system.seed"),
        ("corpora.train.pth", "corpora.train.path"),
        ("corpora.train.shuffle", ""),
        ("nothing.like.this", ""),
    ],
)
def test_what_it_does_not_have(grounded: Config, key: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"--{key}: the config has no such setting") as caught:
        check_settings(grounded, ["paths.train", key])
    assert str(caught.value).endswith(f"; did you mean {meant}?" if meant else "no such setting")


def test_what_it_may_have(grounded: Config) -> None:
    del grounded["training"]["dropout"]  # spaCy's default fills it in
    del grounded["training"]["optimizer"]["beta1"]  # as the function's own does
    del grounded["components"]["catalog_spancat"]["threshold"]
    del grounded["paths"]["unseen"]  # the config refers to it
    for key in (
        "training.dropout", "training.optimizer.beta1", "components.catalog_spancat.threshold", "paths.unseen",
        "training.score_weights.ents_per_type", "initialize.components.ner",
    ):  # fmt: skip
        assert has_setting(grounded, key), key
    for key in ("components.catalog_spancat.nlp", "components.catalog_spancat.name"):  # arguments, but no settings
        assert not has_setting(grounded, key), key
    grounded["components"]["catalog_spancat"]["factory"] = "of_another_language"
    assert has_setting(grounded, "components.catalog_spancat.anything")
    grounded["components"]["catalog_spancat"] = {"source": "training/other"}
    assert has_setting(grounded, "components.catalog_spancat.replace_listeners")
    assert not has_setting(grounded, "components.catalog_spancat.threshold")
