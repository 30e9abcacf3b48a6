"""Train a student with spaCy's own loop, after looking at everything that would end it badly an hour later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from confection import Config, ConfigValidationError

from ..errors import ConfigError, ConvnerError, DataError
from .training_catalog import CatalogCoverage, check_catalog
from .training_data import CorpusFacts, check_corpus_labels, configured_labels, read_corpus_facts
from .training_machine import check_files, check_gpu
from .training_memory import available_bytes, needed_bytes, out_of_memory
from .transformer_source import check_transformer, find_transformers
from .warmup_schedule import count_steps


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A training run that may begin: what it is trained and chosen on, its steps and what is worth saying about it.

    steps (int | None): None where the config doesn't tell. notes (tuple[str, ...]): For people, no errors.
    coverage (tuple[CatalogCoverage, ...]): Of a grounded student's corpora, what its catalog proposes.
    """

    train: CorpusFacts | None
    dev: CorpusFacts | None
    steps: int | None
    notes: tuple[str, ...]
    coverage: tuple[CatalogCoverage, ...] = ()


def plan_training(
    config: Config, *, gpu_id: int, labels: Collection[str] | None = None, where: str = ""
) -> TrainingPlan:
    """Check a training config against its data, its transformer and this machine.

    config (Config): As it was read, with overrides. gpu_id (int): -1 for the CPU. labels (Collection[str] | None): All
    that the data may have. where (str): The file that names them.
    RETURNS (TrainingPlan).
    RAISES: ConfigError, DataError or MissingExtraError, with the option to change.
    """
    try:
        filled = config.interpolate()
        settings = filled["training"]
        size = settings["batcher"].get("size")
        parts, frequency = settings["accumulate_gradient"], settings["eval_frequency"]
        epochs, max_steps = settings["max_epochs"], settings["max_steps"]
        pipeline, components = filled["nlp"]["pipeline"], filled["components"]
    except (ConfigValidationError, KeyError) as err:
        if config.get("components") and not config.get("training"):
            raise ConfigError("there is nothing to train in this config; put it together with: spacy assemble") from err
        raise ConfigError(f"not a complete training config: {str(err).strip()} (try: spacy init fill-config)") from err
    for name, value in {"accumulate_gradient": parts, "eval_frequency": frequency, "max_steps": max_steps}.items():
        if not isinstance(value, int):
            raise ConfigError(f"--training.{name}: expected a whole number, got {value!r}")
    if missing := [name for name in pipeline if name not in components]:
        raise ConfigError(f"[nlp] pipeline names {', '.join(map(str, missing))}, which [components] doesn't have")
    if 0 < max_steps < frequency:  # step max_steps is the last one, and may be looked at
        raise ConfigError(_never_looked_at(max_steps, frequency))
    check_files(filled)
    check_gpu(gpu_id)
    transformers = find_transformers(filled)
    if gpu_id < 0 and any(block.mixed_precision for block in transformers):
        raise ConfigError("mixed precision needs a GPU; add --gpu-id 0 or --system.mixed_precision false")
    train, dev = read_corpus_facts(filled, "train"), read_corpus_facts(filled, "dev")
    corpora = [facts for facts in (train, dev) if facts is not None]
    _check_labels(filled, corpora, labels, where)
    coverage = check_catalog(filled, corpora)
    parameters = [check_transformer(block.name) for block in transformers]

    notes = []
    steps = None
    if train is not None and isinstance(size, int) and (epochs > 0 or max_steps > 0):
        steps = count_steps(train.path, size, epochs, max_steps)
        if steps <= frequency and steps != max_steps:
            raise ConfigError(_never_looked_at(steps, frequency))
        warmup = settings["optimizer"].get("learn_rate")
        warmup = warmup.get("warmup_steps", 0) if isinstance(warmup, Mapping) else 0
        if steps <= 2 * warmup:
            notes.append(
                f"{warmup} of {steps} steps are warm-up: with so little data, more epochs (--training.max_epochs) or "
                "fewer warm-up steps (--training.optimizer.learn_rate.warmup_steps) train better"
            )
    if train is not None and dev is not None and (missing := sorted(dev.labels.keys() - train.labels.keys())):
        notes.append(
            f"labels of the dev set that the training set lacks, so that nobody learns them: {', '.join(missing)}"
        )
    for part in coverage:
        if rare := part.rare():
            notes.append(f"of these labels in {part.path} the catalog proposes less than half: {', '.join(rare)}")
    for block, count in zip(transformers, parameters, strict=True):
        free = available_bytes(gpu_id)
        if count is None or free is None or train is None or not isinstance(size, int):
            continue
        need = needed_bytes(count, utterances=-(-size // max(1, parts)), tokens=train.longest)
        if need > free:
            notes.append(
                f"{block.name} with {count:,} parameters needs about {need / 1e9:.1f} GB to be trained, "
                f"{free / 1e9:.1f} GB are free: {memory_advice(parts)}"
            )
    return TrainingPlan(train, dev, steps, tuple(notes), tuple(coverage))


def _check_labels(
    config: Mapping[str, Any], corpora: list[CorpusFacts], labels: Collection[str] | None, where: str
) -> None:
    for facts in corpora:
        if labels is not None:
            check_corpus_labels(facts, labels, where)
        for component, known in configured_labels(config).items():
            check_corpus_labels(facts, known, f"[initialize.components.{component}.labels]")


def run_training(config: Config, output: Path, *, gpu_id: int, stdout: IO[str], stderr: IO[str]) -> Path:
    """Initialize and train, as ``spacy train`` does.

    config (Config): Not interpolated. output (Path): Folder for model-best and model-last. gpu_id (int): -1 for the
    CPU. stdout, stderr (IO): Where spaCy writes its table.
    RETURNS (Path): model-best.
    RAISES: ConvnerError with what to change, for what can go wrong in spite of ``plan_training``.
    """
    from spacy.training.initialize import init_nlp
    from spacy.training.loop import train

    parts = config["training"].get("accumulate_gradient", 1)
    check_gpu(gpu_id)
    output.mkdir(parents=True, exist_ok=True)
    try:
        nlp = init_nlp(config, use_gpu=gpu_id)
        train(nlp, output, use_gpu=gpu_id, stdout=stdout, stderr=stderr)
    except ConvnerError:
        raise
    except ConfigValidationError as err:
        raise ConfigError(str(err).strip()) from err
    except Exception as err:
        if out_of_memory(err):
            raise ConvnerError(
                f"out of memory: {_first_line(err)}. {memory_advice(parts).capitalize()}. What was best so far, if "
                f"anything, is in {output / 'model-best'}"
            ) from err
        if isinstance(err, OSError) and find_transformers(config.interpolate()):
            raise DataError(f"the transformer can't be loaded: {_first_line(err)}") from err
        if isinstance(err, ValueError):  # spaCy's numbered messages
            raise ConfigError(f"training failed: {str(err).strip()}") from err
        raise
    return output / "model-best"


def _never_looked_at(steps: int, frequency: int) -> str:
    return (
        f"the training has {steps} steps and is looked at every {frequency}, so the best model would be the "
        f"untrained one; add: --training.eval_frequency {max(1, steps // 5)}"
    )


def memory_advice(parts: int) -> str:
    """parts (int): ``accumulate_gradient`` now. RETURNS (str): What to change, with the same result first."""
    return (
        f"put fewer utterances through the model at once with --training.accumulate_gradient {2 * max(1, parts)} "
        "(the result is the same), use --system.mixed_precision true on a GPU, or a smaller transformer"
    )


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")
