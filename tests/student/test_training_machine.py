"""A training needs its files and its GPU, and says so before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confection import Config
from spacy.util import load_config

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.student.training import plan_training

from ..conftest import CATALOG, ROOT, write_jsonl


def config(corpora: Path, tmp_path: Path, **more: Any) -> Config:
    write_jsonl(tmp_path / "catalog.jsonl", CATALOG)
    overrides = {
        "paths.train": str(corpora / "train.spacy"),
        "paths.dev": str(corpora / "dev.spacy"),
        "paths.catalog": str(tmp_path / "catalog.jsonl"),
        **more,
    }
    return load_config(ROOT / "configs" / "student_grounded.cfg", overrides=overrides)


def test_a_config_whose_files_are_there(corpora: Path, tmp_path: Path) -> None:
    plan = plan_training(config(corpora, tmp_path), gpu_id=-1)
    assert plan.train is not None
    assert plan.train.docs == 220


@pytest.mark.parametrize("path", ["paths.index", "paths.catalog", "paths.unseen"])
def test_a_file_that_is_not_there(corpora: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match="no such file or folder") as caught:
        plan_training(config(corpora, tmp_path, **{path: str(tmp_path / "nowhere.jsonl")}), gpu_id=-1)
    assert "nowhere.jsonl" in str(caught.value)


def test_steps_that_nobody_looks_at(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="20 steps and is looked at every 200"):
        plan_training(config(corpora, tmp_path, **{"training.max_steps": 20}), gpu_id=-1)
    with pytest.raises(ConfigError, match="max_steps: expected a whole number, got 'ten'"):
        plan_training(config(corpora, tmp_path, **{"training.max_steps": "ten"}), gpu_id=-1)


def test_a_gpu_that_is_not_there(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--gpu-id 99: no such GPU"):
        plan_training(config(corpora, tmp_path), gpu_id=99)


def test_a_config_without_training() -> None:
    hybrid = Config().from_disk(ROOT / "configs" / "student_hybrid.cfg", interpolate=False)
    with pytest.raises(ConfigError, match=r"nothing to train.*spacy assemble"):
        plan_training(hybrid, gpu_id=-1)
