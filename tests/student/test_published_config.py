"""A published config names nothing of the machine that trained it."""

from __future__ import annotations

import pytest
from confection import Config

from spacy_convner.errors import ConfigError
from spacy_convner.student.published_config import publish_config

TEXT = """
[paths]
train = "corpus/train.spacy"
catalog = "/home/me/catalogs"
index = ${paths.catalog}
base = "/home/me/xlm-roberta-base"
transformer = ${paths.base}

[nlp]
lang = "xx"

[components]

[components.catalog_matcher]
factory = "catalog_matcher"
catalog = ${paths.index}

[components.transformer]
factory = "transformer"
name = ${paths.transformer}

[initialize]
files = ["C:\\\\Users\\\\me\\\\names.txt", "relative.txt"]
"""


def test_blanks_paths_and_keeps_what_components_use() -> None:
    before = Config().from_str(TEXT, interpolate=False)
    config, changed = publish_config(before)
    assert "/me" not in config.to_str(interpolate=False)
    assert "Users" not in config.to_str(interpolate=False)
    full = config.interpolate()
    assert full["components"]["catalog_matcher"]["catalog"] is None
    assert full["components"]["transformer"]["name"] == "xlm-roberta-base"
    assert full["paths"]["train"] is None
    assert full["initialize"]["files"] == ["names.txt", "relative.txt"]
    assert set(changed) >= {"paths.train", "paths.catalog", "paths.index", "paths.base", "initialize.files.0"}
    assert before["paths"]["train"] == "corpus/train.spacy"
    assert publish_config(config) == (config, [])


def test_a_callback_for_training_alone_goes() -> None:
    ours, other = {"@callbacks": "spacy_convner.numpy_gemm.v1"}, {"@callbacks": "mine.v1"}
    config, changed = publish_config(Config({"initialize": {"before_init": ours}}))
    assert config["initialize"] == {"before_init": None}
    assert changed == ["initialize.before_init"]
    assert publish_config(Config({"initialize": {"before_init": other}}))[0]["initialize"] == {"before_init": other}


def test_a_key_is_refused_and_not_shown() -> None:
    config = Config({"paths": {}, "nlp": {}, "components": {"x": {"factory": "x", "api": "sk-" + "a1" * 12}}})
    with pytest.raises(ConfigError, match=r"components\.x\.api") as err:
        publish_config(config)
    assert "a1a1" not in str(err.value)
