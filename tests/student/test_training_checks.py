"""What would end a training badly is said before it begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from confection import Config
from spacy.util import load_config, registry

from spacy_convner.errors import ConfigError, ConvnerError, DataError
from spacy_convner.student import training, transformer_source
from spacy_convner.student.training import plan_training, run_training
from spacy_convner.student.training_memory import available_bytes, needed_bytes, out_of_memory
from spacy_convner.student.transformer_source import check_transformer, count_parameters

from ..conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a transformer's folder looks like from outside."""
    pytest.importorskip("spacy_transformers")
    folder = tmp_path / "xlmr"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "xlm-roberta"}')
    header = json.dumps({"__metadata__": {}, "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(48))
    (folder / "sentencepiece.bpe.model").write_bytes(b"x")
    return folder


def config(corpora: Path, transformer: Path | str, **more: Any) -> Config:
    overrides = {
        "paths.train": str(corpora / "train.spacy"),
        "paths.dev": str(corpora / "dev.spacy"),
        "paths.transformer": str(transformer),
        "training.eval_frequency": 2,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return load_config(ROOT / "configs" / "student_xlmr.cfg", overrides=overrides, interpolate=False)


def test_a_plan(corpora: Path, folder: Path) -> None:
    plan = plan_training(config(corpora, folder), gpu_id=-1)
    assert plan.train is not None
    assert plan.train.docs == 220
    assert plan.train.labels["Artist"] == 50
    assert plan.steps == 10
    assert [note for note in plan.notes if "warm-up" in note]
    small = {"training.optimizer.learn_rate.warmup_steps": 2}
    assert plan_training(config(corpora, folder, **small), gpu_id=-1).notes == ()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("sentencepiece.bpe.model", r"no sentencepiece.bpe.model .*copy it"),
    ],
)
def test_an_incomplete_folder(corpora: Path, folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(DataError, match=message):
        plan_training(config(corpora, folder), gpu_id=-1)


def test_a_damaged_folder(folder: Path) -> None:
    assert check_transformer(str(folder)) == 12
    assert count_parameters(folder / "no.safetensors") is None
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n" * 3)
    with pytest.raises(DataError, match="LFS"):
        check_transformer(str(folder))
    (folder / "config.json").write_text("[]")
    with pytest.raises(DataError, match="not a transformer's config"):
        check_transformer(str(folder))
    with pytest.raises(DataError, match="is a file"):
        check_transformer(str(folder / "config.json"))


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("spacy_transformers")
    for name in ("./nope", "/no/such", "~/no/such", str(tmp_path / "x")):
        with pytest.raises(DataError, match="no such transformer folder"):
            check_transformer(name)
    with pytest.raises(ConfigError, match="neither a folder nor a name"):
        check_transformer("no such name")
    # Nobody listens there.
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}")
    with pytest.raises(DataError, match=r"can't be reached \(\w+\) .*--paths.transformer FOLDER"):
        check_transformer("no-such-org/no-such-model")


def test_an_empty_dev_set(corpora: Path, folder: Path) -> None:
    with pytest.raises(DataError, match=r"empty.spacy: the dev set, .* is empty"):
        plan_training(config(corpora, folder, paths__dev=str(corpora / "empty.spacy")), gpu_id=-1)
    with pytest.raises(ConfigError, match=r"add: --paths\.dev"):
        plan_training(config(corpora, folder, paths__dev=None), gpu_id=-1)


def test_unknown_labels(corpora: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train.spacy: has labels that labels.yml lacks: Book \(30 ×\), City"):
        plan_training(config(corpora, folder), gpu_id=-1, labels=["Song", "Artist"], where="labels.yml")
    every = ["Artist", "Book", "City", "Movie", "Song", "SportsTeam"]
    (tmp_path / "ner.json").write_text(json.dumps(every[1:]))
    settings = config(corpora, folder)
    settings["initialize"]["components"]["ner"] = {
        "labels": {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "ner.json"), "require": True}
    }
    with pytest.raises(DataError, match=r"\[initialize.components.ner.labels\] lacks: Artist \(50 ×\)"):
        plan_training(settings, gpu_id=-1)
    (tmp_path / "ner.json").write_text(json.dumps(every))
    assert plan_training(settings, gpu_id=-1, labels=every, where="labels.yml").steps == 10


def test_settings_that_make_no_sense(corpora: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="needs a GPU"):
        plan_training(config(corpora, folder, system__mixed_precision=True), gpu_id=-1)
    with pytest.raises(ConfigError, match=r"10 steps .*--training.eval_frequency 2"):
        plan_training(config(corpora, folder, training__eval_frequency=10), gpu_id=-1)
    with pytest.raises(ConfigError, match="--gpu-id 99"):
        run_training(config(corpora, folder), folder, gpu_id=99, stdout=None, stderr=None)  # type: ignore[arg-type]


def test_too_little_memory_is_said(corpora: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert needed_bytes(278_000_000, utterances=32, tokens=20) > 16 * 278_000_000
    assert available_bytes(-1) is None or available_bytes(-1) > 1 << 20
    monkeypatch.setattr(transformer_source, "count_parameters", lambda path: 10**12)
    assert "--training.accumulate_gradient 8" in plan_training(config(corpora, folder), gpu_id=-1).notes[-1]


@pytest.fixture
def greedy_training(corpora: Path) -> Config:
    """A small CNN's training whose second step asks numpy for a thousand terabytes."""
    import numpy as np

    @registry.callbacks("test.ask_for_too_much.v1")
    def make_callback() -> Any:
        def ask(nlp: Any, info: dict[str, int]) -> None:
            if info["step"]:
                np.empty(10**15)

        return ask

    overrides = {
        "paths.train": str(corpora / "train.spacy"), "paths.dev": str(corpora / "dev.spacy"),
        "corpora.train.augmenter": None,
        "training.before_update": {"@callbacks": "test.ask_for_too_much.v1"},
    }  # fmt: skip
    return load_config(ROOT / "configs" / "student_cpu.cfg", overrides=overrides, interpolate=False)


def test_out_of_memory_is_one_message(greedy_training: Config, tmp_path: Path, capsys: Any) -> None:
    import sys

    with pytest.raises(ConvnerError, match=r"out of memory: .*--training.accumulate_gradient 2 .*model-best") as caught:
        run_training(greedy_training, tmp_path / "out", gpu_id=-1, stdout=sys.stdout, stderr=sys.stderr)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out" / "model-best" / "config.cfg").is_file()


def test_other_errors_are_not_memory() -> None:
    assert out_of_memory(MemoryError())
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    assert not out_of_memory(ValueError("out of memory"))
    assert not out_of_memory(RuntimeError("shapes differ"))
    assert training.memory_advice(0).count("--training.accumulate_gradient 2") == 1
