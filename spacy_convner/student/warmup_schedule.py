"""A learning rate that warms up and falls to nothing at the end of the training, wherever the data puts that end."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path

from spacy.tokens import DocBin

from ..docbin import quick_msgpack
from ..errors import ConfigError, DataError
from ..records import check_file


def make_warmup_linear_epochs(
    path: Path | None, batch_size: int, epochs: int, max_steps: int, warmup_steps: int, initial_rate: float
) -> Iterator[float]:
    """Create a ``spacy_convner.warmup_linear_epochs.v1``: thinc's ``warmup_linear.v1`` that knows when training ends.

    The rate rises from 0 to ``initial_rate`` in ``warmup_steps`` steps and falls linearly to 0 at the last step (Devlin
    et al., 2019). The corpus is counted when the first value after step 0 is asked for.

    path (Path | None): Training corpus, a .spacy file or a folder of them. batch_size (int): Utterances a step.
    epochs (int): Passes over the corpus; 0 means ``max_steps`` says when to end. max_steps (int): Steps at most; 0 for
    no limit. warmup_steps (int): Steps. initial_rate (float): The highest rate.
    RETURNS (Iterator[float]): A rate a step, without end.
    RAISES: ConfigError if nothing says when training ends; DataError for a corpus that can't be read.
    """
    yield 0.0
    total = count_steps(path, batch_size, epochs, max_steps)
    step = 1
    while True:
        if step < warmup_steps:
            yield initial_rate * step / warmup_steps
        else:
            yield initial_rate * max(0.0, (total - step) / max(1.0, total - warmup_steps))
        step += 1


def count_steps(path: Path | None, batch_size: int, epochs: int, max_steps: int) -> int:
    """RETURNS (int): Steps of a training run, each on ``batch_size`` utterances. RAISES: ConfigError, DataError."""
    if batch_size < 1:
        raise ConfigError(f"[training.batcher] size: expected 1 or more, got {batch_size}")
    if epochs < 1:
        if max_steps < 1:
            raise ConfigError("[training]: max_epochs and max_steps are both 0, so nothing says when to end")
        return max_steps
    if path is None:
        raise ConfigError("paths.train isn't set; add: --paths.train corpus/train.spacy")
    total = epochs * ceil(count_utterances(Path(path)) / batch_size)
    return min(total, max_steps) if max_steps else total


def count_utterances(path: Path) -> int:
    """RETURNS (int): Docs that spaCy trains on: those with a token. RAISES: DataError if it isn't a DocBin."""
    count = 0
    with quick_msgpack():
        for file in sorted(path.rglob("*.spacy")) if path.is_dir() else [path]:
            check_file(file)
            try:
                count += sum(len(tokens) > 0 for tokens in DocBin().from_disk(file).tokens)
            except Exception as err:  # zlib, msgpack and key errors alike
                raise DataError(f"not a readable DocBin ({type(err).__name__})", path=file) from err
    return count
