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
from spacy.util import load_config

from ..atomic import write_text
from ..docbin import write_docbin
from ..errors import ConfigError, ConvnerError
from ..pipelines import read_config
from ..student.latency import ONE_THREAD
from ..student.training import plan_training
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
    on_note: Callable[[str], object] = lambda note: None,
) -> dict[Run, dict[str, Any]]:
    """Train and evaluate what wasn't yet.

    configs: Student → training config. train, dev: Commands and conversation of each corpus. work (Path): Folder of
        models and of what they scored; a run that is there with the same config, data and settings isn't done again.
    given: Settings of ``spacy train``, for the configs that have them. jobs (int): Trainings at a time, a thread each.
    evaluate: Run and pipeline folder → {"sets": …}. on_run: Called after each run, with whether it was there already.
    on_note: Called, once each, with what is worth knowing of a student's data before it is trained.
    RETURNS (dict): Run → n_train, sets.
    RAISES: ConvnerError if a student of the plan can't be trained, before any is (``plan_training``); and with the end
        of its output if a training fails all the same.
    """
    results: dict[Run, dict[str, Any]] = {}
    waiting: dict[Run, tuple[dict[str, str], str, int]] = {}
    for run in runs:
        folder = work / run.name
        overrides, fingerprint, n_train = _prepare(run, configs[run.student], train, dev, folder, given)
        done = _read(folder / "result.json", fingerprint)
        if done is None:
            waiting[run] = overrides, fingerprint, n_train
            continue
        results[run] = done
        if on_run:
            on_run(run, True)
    for note in _check(waiting, configs):
        on_note(note)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {}
        for run, (overrides, fingerprint, n_train) in waiting.items():
            command = [sys.executable, "-m", "spacy", "train", str(configs[run.student])]
            command += ["--output", str(work / run.name), *_options(overrides)]
            futures[pool.submit(_train, command, work / run.name)] = run, fingerprint, n_train
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
) -> tuple[dict[str, str], str, int]:
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
    digest = hashlib.sha256(path.read_bytes())
    for name in ("train", "dev"):
        digest.update((folder / f"{name}.spacy").read_bytes())
    digest.update(json.dumps(sorted(overrides.items())).encode("utf8"))
    return overrides, digest.hexdigest(), len(corpora["train"])


def _options(overrides: Mapping[str, str]) -> list[str]:
    return [part for key, value in overrides.items() for part in (f"--{key}", value)]


def _check(waiting: Mapping[Run, tuple[dict[str, str], str, int]], configs: Mapping[str, Path]) -> list[str]:
    """Plan one training of each student and amount: other seeds draw as much from the same.

    RETURNS (list[str]): Notes. RAISES: ConvnerError.
    """
    from spacy.cli._util import parse_config_overrides

    first: dict[tuple[str, float], Run] = {}
    for run in waiting:
        first.setdefault((run.student, run.amount), run)
    notes = []
    for run in first.values():
        who = f"{run.student} with {100 * run.amount:g} % of the conversation"
        try:
            overrides = parse_config_overrides(_options(waiting[run][0]), env_var=None)
            config = load_config(configs[run.student], overrides=overrides, interpolate=False)
            notes += [f"{who}: {note}" for note in plan_training(config, gpu_id=-1).notes]
        except (ConvnerError, ValueError) as err:
            raise ConvnerError(f"{who} can't be trained: {err}") from err
    return notes


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
