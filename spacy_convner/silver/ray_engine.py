"""The engine of many machines: Ray Data hands units of input ranges to a pool of actors and retries where one dies."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from spacy.language import Language

from ..errors import ConfigError, ConvnerError, MissingExtraError
from .folder import Folder
from .input_ranges import InputRange
from .pipeline_bundle import pack_pipeline
from .ray_actor import Job, Prepare, RangeLabeller
from .shards import Making, Record
from .unit_labelling import Row, split_work, sum_workers, take_records

_DEATHS = 5  # of the actor that holds a unit, until the run stops
_LOGGERS = ("ray", "ray.data", "ray.tune", "ray.rllib", "ray.train", "ray.serve")


@dataclass(frozen=True, slots=True)
class RayOptions:
    """num_actors (int | None): None takes as many as the cluster has room for. batch_size (int): For ``nlp.pipe``.

    resources (Mapping): Of each actor: ``num_cpus``, ``num_gpus``, ``memory`` (bytes), or names of your own.
    address (str | None): Of a cluster; None starts Ray in this machine for the time of the run.
    """

    num_actors: int | None = None
    batch_size: int = 128
    resources: Mapping[str, float] = field(default_factory=dict)
    address: str | None = None


@contextmanager
def ray_session(options: RayOptions) -> Iterator[Any]:
    """Start or join Ray, quiet and without telemetry, and leave it again. One that is there already is used and kept.

    YIELDS (module): ray. RAISES: MissingExtraError; ConfigError if no cluster answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ImportError as err:
        raise MissingExtraError("--engine ray", "ray", "ray") from err
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    ours = not ray.is_initialized()
    # What nodes say of a dead worker is printed to standard output, where results belong; no setting turns it off.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if ours else nullcontext():
        try:
            if ours:
                _start_quietly(ray, options)
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.CRITICAL)
            yield ray
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            if ours:
                ray.shutdown()


class RayEngine:
    """Labels ranges on a cluster; see ``labelling.Engine``. The driver holds one record a shard and no utterance.

    nlp (Language): Saved once and sent to every node; this process needs it no more. options (RayOptions).
    prepare (Callable | None): See ``Job``. on_docs (Callable | None): Told how many were labelled just now.
    """

    def __init__(
        self,
        nlp: Language,
        options: RayOptions,
        prepare: Prepare | None = None,
        on_docs: Callable[[int], object] | None = None,
    ) -> None:
        self._nlp, self._options, self._prepare, self._on_docs = nlp, options, prepare, on_docs
        self._workers: dict[str, float | None] = {}

    @property
    def summary(self) -> dict[str, Any]:
        """RETURNS (dict): See ``sum_workers``."""
        return sum_workers(self._workers)

    def __call__(self, ranges: Sequence[InputRange], folder: Folder, making: Making) -> Iterator[Record]:
        """YIELDS (dict): Record of each shard, in the order in which units end. RAISES: ConvnerError."""
        with ray_session(self._options) as ray:
            data = ray.put(pack_pipeline(self._nlp))
            job = Job([data], folder, making, self._options.batch_size, self._prepare)
            with closing(self._rows(ray, ranges, job)) as rows:
                for record in take_records(rows, folder, self._workers):
                    if self._on_docs:
                        self._on_docs(record["utterances"] + len(record["rejected"]))
                    yield record

    def _rows(self, ray: Any, ranges: Sequence[InputRange], job: Job) -> Generator[Row, None, None]:
        each = {"num_cpus": 1.0, **self._options.resources}
        num_actors = self._options.num_actors or _room(ray.cluster_resources(), each)
        units = [{"unit": pickle.dumps(unit)} for unit in split_work(ranges, num_actors)]
        num_actors = min(num_actors, len(units))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        named = {name: each.pop(name) for name in ("num_cpus", "num_gpus", "memory") if name in each}
        with warnings.catch_warnings():  # ray_remote_args_fn goes with 2.64, and what comes in its place isn't known
            warnings.simplefilter("ignore", DeprecationWarning)
            labelled = ray.data.from_items(units, override_num_blocks=len(units)).map_batches(
                RangeLabeller,
                fn_constructor_args=(job,),
                compute=ray.data.ActorPoolStrategy(size=num_actors, max_tasks_in_flight_per_actor=2),
                batch_size=1,
                ray_remote_args_fn=_retries,
                **named,
                **({"resources": each} if each else {}),
            )
        try:
            # Closed at once: an executor that outlives its session would start Ray once more.
            with closing(iter(labelled.iter_rows())) as found:
                for item in found:
                    row: Row = json.loads(item["row"])
                    yield {**row, "error": f"{row['error']} [on {row['node']}]"} if "error" in row else row
        except ray.exceptions.RayError as err:
            message = " ".join(str(err).split())
            raise ConvnerError(
                f"Ray gave up: {message:.400}. What was labelled is kept, run the same command again to go on"
            ) from err


def _start_quietly(ray: Any, options: RayOptions) -> None:
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        with _no_native_log():
            _start(ray, options)
    except Exception as err:  # what Ray raises has no common class, not even RuntimeError
        message = next(iter(str(err).strip().splitlines()), type(err).__name__)
        raise ConfigError(f"Ray can't be started (--address {options.address or 'local'}): {message}") from err
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own prints a native trace


def _start(ray: Any, options: RayOptions) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if options.address is not None:
        _knock(options.address)
        ray.init(address=options.address, **quiet)
        return
    num_actors, own = options.num_actors or 1, dict(options.resources)
    cpus = max(round(num_actors * own.pop("num_cpus", 1)), os.cpu_count() or 1)
    gpus = {"num_gpus": num_actors * own.pop("num_gpus")} if "num_gpus" in own else {}
    own.pop("memory", None)
    ray.init(address="local", include_dashboard=False, num_cpus=cpus, **gpus, **quiet,
             resources={name: amount * num_actors for name, amount in own.items()})  # fmt: skip


def _knock(address: str) -> None:
    """RAISES: OSError if nobody listens at HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _retries() -> dict[str, int]:
    """RETURNS (dict): What Ray Data lets be said of an actor this way only; its own default is to retry for ever."""
    return {"max_restarts": -1, "max_task_retries": _DEATHS}


@contextmanager
def _no_native_log() -> Iterator[None]:
    """Ray's C++ core writes to the terminal as it starts, whatever Python's logging says."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _room(cluster: Mapping[str, float], each: Mapping[str, float]) -> int:
    """RETURNS (int): Actors that a cluster has room for. RAISES: ConfigError for none."""
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    needed = {names.get(name, name): amount for name, amount in each.items() if amount > 0}
    room = min((int(cluster.get(name, 0) / amount) for name, amount in needed.items()), default=1)
    if room < 1:
        raise ConfigError(f"--resources: the cluster has no room for one actor of {needed}, it has {dict(cluster)}")
    return room
