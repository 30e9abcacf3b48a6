"""What ``convner label`` does before and beside labelling: places, plan, progress."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import ConfigError, DataError
from .app import keep_inputs, say, show_progress

_SECONDS = 30.0  # between two lines, where no progress bar would be seen


def check_places(source: str, output: str, metrics: Path | None) -> None:
    """RAISES: ConfigError or DataError if an output is an input, or no place for one."""
    from ..silver.sources import is_hidden, is_url

    outputs = [None, None, metrics] if is_url(output) else [Path(output), Path(rejected_place(output)), metrics]
    keep_inputs(outputs, [] if is_url(source) else [Path(source)])
    if not is_url(source) and not is_url(output) and Path(source).is_dir():
        out, lake = Path(output).resolve(), Path(source).resolve()
        if out.is_relative_to(lake) and not is_hidden(out.relative_to(lake).parts):
            raise ConfigError(f"{output} is inside the input, where the next run would read it; choose another output")
    if is_url(output) and output.endswith(".spacy"):
        raise ConfigError(f"{output}: one file is written on this machine only; name a folder there, for shards")
    if metrics is not None and metrics.is_dir():
        raise DataError("is a folder, a file was expected", path=metrics, hint="e.g. --metrics metrics/label.json")


def plan(source: str, output: str, shard_size: int, keep_meta: bool) -> list[Any]:
    """RETURNS (list[PlannedFile]): The input, looked through. RAISES: ConfigError if what is written would be read."""
    from ..silver.input_ranges import plan_file
    from ..silver.sources import find_files, is_url

    files = find_files(source)
    place = output.rstrip("/") if is_url(output) else str(Path(output).resolve())
    rejected = place if is_url(output) else str(Path(rejected_place(output)).resolve())
    for file in files:
        path = file.path if is_url(file.path) else str(Path(file.path).resolve())
        if path.startswith((f"{place}/", f"{place}.parts/")) or path == place:
            raise ConfigError(f"{output} holds an input: {file.path}; choose another output")
        if path == rejected:
            raise ConfigError(f"{rejected_place(output)} is an input, and would list what is rejected; choose another")
    return [plan_file(file, shard_size, keep_meta) for file in files]


def answers_beside(output: str) -> Path:
    """RETURNS (Path): Where answers of a language model are kept, unless somebody says where."""
    from ..silver.sources import is_url

    name = output.rstrip("/")
    return Path(name.rpartition("/")[2] + ".answers.sqlite") if is_url(name) else Path(name + ".answers.sqlite")


def rejected_place(output: str) -> str:
    """RETURNS (str): Which file lists the utterances that are in no shard."""
    from ..silver.labelling import rejected_file

    if output.endswith(".spacy"):
        return str(rejected_file(Path(output)))
    return f"{output.rstrip('/')}/manifest.json"


def damaged_line(names: Sequence[str]) -> str:
    """names (Sequence[str]): Files of an earlier run that weren't whole. RETURNS (str): What became of them."""
    first = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return f"what an earlier run left wasn't whole and was made again: {first}"


class Progress:
    """A bar on a terminal; elsewhere, as in the log of a cluster's job, a line now and then."""

    def __init__(self, source: str) -> None:
        from tqdm import tqdm

        name = source.rstrip("/").rpartition("/")[2]
        self._bar = tqdm(unit=" utterances", disable=not show_progress(), desc=name, smoothing=0.1)
        self._quiet = not show_progress()
        self._total = self._done = self._before = 0
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def start(self, total: int, done: int) -> None:
        """total, done (int): Utterances in all, and those of an earlier run."""
        self._total, self._done, self._before = total, done, done
        self._started = self._said = time.monotonic()
        self._bar.total = total
        self._bar.update(done)

    def update(self, n: int) -> None:
        """n (int): Utterances labelled just now."""
        self._done += n
        self._bar.update(n)
        now = time.monotonic()
        if self._quiet and now - self._said > _SECONDS:
            self._said = now
            speed = (self._done - self._before) / (now - self._started)
            say(f"{self._done:,} of {self._total:,} utterances, {speed:,.0f}/s")
