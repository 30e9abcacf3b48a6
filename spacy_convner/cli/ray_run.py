"""What ``convner label --engine ray`` adds: its options, and how workers get their language model's client."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language

from ..errors import ConfigError, MissingExtraError
from ..request_gate import RequestGate
from .llm_run import prepare_client

if TYPE_CHECKING:
    from ..silver.ray_engine import RayEngine, RayOptions


def ray_options(
    engine: str, num_actors: int | None, batch_size: int, resources: str | None, address: str | None, n_process: int
) -> RayOptions | None:
    """RETURNS (RayOptions | None): None for the local engine. RAISES: ConfigError for options of the other engine."""
    if engine == "local":
        given = {"--num-actors": num_actors, "--resources": resources, "--address": address}
        if names := [name for name, value in given.items() if value is not None]:
            raise ConfigError(f"{', '.join(names)}: only with --engine ray")
        return None
    if n_process > 1:
        raise ConfigError("--n-process: only with --engine local; use --num-actors")
    from ..silver.ray_engine import RayOptions

    return RayOptions(num_actors, batch_size, parse_resources(resources or ""), address)


def parse_resources(text: str) -> dict[str, float]:
    """text (str): ``num_cpus=2,memory=4e9``, or a JSON object. RETURNS (dict). RAISES: ConfigError."""
    if not text.strip():
        return {}
    try:
        if text.lstrip().startswith("{"):
            items = json.loads(text)
        else:
            items = dict(pair.split("=", 1) for pair in text.split(","))
        found = {str(name).strip(): float(amount) for name, amount in items.items()}
    except (ValueError, TypeError, AttributeError) as err:
        raise ConfigError(f"--resources: expected 'num_cpus=1,memory=4e9' or a JSON object, got {text!r}") from err
    if bad := [name for name, amount in found.items() if not name or not 0 <= amount < float("inf")]:
        raise ConfigError(f"--resources: expected amounts of 0 or more, got {found[bad[0]]} for {bad[0]!r}")
    return found


def check_ray() -> None:
    """RAISES: MissingExtraError if Ray isn't installed."""
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise MissingExtraError("--engine ray", "ray", "ray")


@contextmanager
def ray_run(
    nlp: Language,
    options: RayOptions,
    client: Any,
    place: Path,
    wanted: Path | None,
    on_docs: Callable[[int], object],
) -> Iterator[RayEngine]:
    """Start or join Ray for a run, and hold all workers to the limits of the driver's client together.

    client (Any): Of ``prepare_client``. place, wanted (Path): Of the store, as there.
    YIELDS (RayEngine): For ``label_file``.
    """
    from ..silver.ray_engine import RayEngine, ray_session
    from ..silver.ray_gate import start_gate

    with ray_session(options):
        if client is None:
            yield RayEngine(nlp, options, None, on_docs)
            return
        if not hasattr(client, "share"):
            raise ConfigError("this client counts for one process only: use --engine local")
        gate = start_gate(client.limits)
        client.share(gate)
        try:
            prepare = WorkerClient(gate, str(place.resolve()), wanted is not None, platform.node())
            yield RayEngine(nlp, options, prepare, on_docs)
        finally:
            client.share(None)


@dataclass(frozen=True, slots=True)
class WorkerClient:
    """Gives a worker's client its store and the gate of all. Other nodes than the driver's have stores of their own.

    gate (RequestGate): Of the run. place (str): Of the driver's store. wanted (bool): Whether it takes the place of the
        config's. home (str): The driver's host.
    """

    gate: RequestGate
    place: str
    wanted: bool
    home: str

    def __call__(self, nlp: Language) -> Callable[[], object]:
        """RETURNS (Callable): Tells the gate what it wasn't told yet."""
        here = platform.node()
        place = Path(self.place if here == self.home else f"{self.place}.{here}")
        client = prepare_client(nlp, place, place if self.wanted else None, None, None)
        client.share(self.gate)
        if hasattr(self.gate, "forget_me"):
            self.gate.forget_me()
        flush: Callable[[], object] = client.ledger.flush
        return flush
