"""Runs of ``spacy train`` for an ablation, several at a time, each done once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from confection import Config
from spacy.tokens import Doc

from ..atomic import write_text
from ..docbin import write_docbin
from ..errors import ConfigError, ConvnerError
from ..pipelines import read_config
from ..student.latency import ONE_THREAD
from ..student.training_overrides import did_you_mean, has_setting
from .student_ablation import Run, draw

Parts = tuple[Sequence[Doc], Sequence[Doc]]  # commands, conversation


def overrides_for(config: Config, given: Mapping[str, str], required: Mapping[str, str]) -> dict[str, str]:
    """RETURNS (dict): Of the settings that were given those that a config has; and the required ones."""
    return {key: value for key, value in given.items() if has_setting(config, key)} | dict(required)


def check_overrides(configs: Mapping[str, Path], given: Mapping[str, str]) -> None:
    """RAISES: ConfigError for a setting that none of the configs has."""
    read = {name: read_config(path) for name, path in configs.items()}
    for key in given:
        if not any(has_setting(config, key) for config in read.values()):
            files = ", ".join(map(str, configs.values()))
            raise ConfigError(f"--set {key}: none of these configs has it: {files}{did_you_mean(key, read.values())}")


def train_all(
    runs: Sequence[Run],
    configs: Mapping[str, Path],
    train: Parts,
    dev: Parts,
    work: Path,
    *,
    given: Mapping[str, str],
    jobs: int,
    evaluate: Callable[[Run, Path], dict[str, Any]],
    on_run: Callable[[Run, bool], object] | None = None,
) -> dict[Run, dict[str, Any]]:
    """Train and evaluate what wasn't yet.

    configs: Student → training config. train, dev: Commands and conversation of each corpus. work (Path): Folder of
        models and of what they scored; a run that is there with the same config, data and settings isn't done again.
    given: Settings of ``spacy train``, for the configs that have them. jobs (int): Trainings at a time, a thread each.
    evaluate: Run and pipeline folder → {"sets": …}. on_run: Called after each run, with whether it was there already.
    RETURNS (dict): Run → n_train, sets. RAISES: ConvnerError with the end of its output if a training fails.
    """
    results: dict[Run, dict[str, Any]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        futures = {}
        for run in runs:
            folder = work / run.name
            command, fingerprint, n_train = _prepare(run, configs[run.student], train, dev, folder, given)
            done = _read(folder / "result.json", fingerprint)
            if done is not None:
                results[run] = done
                if on_run:
                    on_run(run, True)
                continue
            futures[pool.submit(_train, command, folder)] = run, fingerprint, n_train
        try:
            for future in as_completed(futures):
                run, fingerprint, n_train = futures[future]
                future.result()
                made = {"fingerprint": fingerprint, "n_train": n_train, **evaluate(run, work / run.name / "model-best")}
                write_text(work / run.name / "result.json", json.dumps(made) + "\n")
                results[run] = made
                if on_run:
                    on_run(run, False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {run: results[run] for run in runs}


def _prepare(
    run: Run, path: Path, train: Parts, dev: Parts, folder: Path, given: Mapping[str, str]
) -> tuple[list[str], str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    corpora = {}
    for name, (commands, conversation) in (("train", train), ("dev", dev)):
        corpora[name] = [*commands, *draw(conversation, run.amount, run.seed)]
        write_docbin(folder / f"{name}.spacy", corpora[name])
    required = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "system.seed": str(run.seed),
    }
    overrides = overrides_for(read_config(path), given, required)
    command = [sys.executable, "-m", "spacy", "train", str(path), "--output", str(folder)]
    command += [part for key, value in overrides.items() for part in (f"--{key}", value)]
    digest = hashlib.sha256(path.read_bytes())
    for name in ("train", "dev"):
        digest.update((folder / f"{name}.spacy").read_bytes())
    digest.update(json.dumps(sorted(overrides.items())).encode("utf8"))
    return command, digest.hexdigest(), len(corpora["train"])


def _train(command: list[str], folder: Path) -> None:
    env = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    write_text(folder / "training.log", done.stdout + done.stderr)
    if done.returncode:
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-3:]
        raise ConvnerError(f"training failed, see {folder / 'training.log'}: {' '.join(last)}")


def _read(path: Path, fingerprint: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("fingerprint") == fingerprint else None
