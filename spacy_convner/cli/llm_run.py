"""What ``convner label`` does where a language model is asked: limits, estimate, batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from spacy.language import Language

from ..errors import ConfigError
from .app import say, show_progress


def prepare_client(
    nlp: Language, place: Path, wanted: Path | None, max_calls: int | None, max_usd: float | None
) -> Any:
    """Give the pipeline's client its store and limits.

    place (Path): Of a store, where the config names none. wanted (Path | None): The one asked for.
    RETURNS (Any): The client; None where no language model is asked.
    """
    from ..llm.store import ResponseStore
    from ..silver.estimate import find_llm_component

    component = find_llm_component(nlp)
    if component is None:
        if max_calls is not None or max_usd is not None or wanted is not None:
            raise ConfigError("--store, --max-calls and --max-usd: no language model is asked by this pipeline")
        return None
    client = component.client
    if getattr(client, "store", place) is None or wanted is not None:
        client.store = ResponseStore(place)
    if max_calls is not None or max_usd is not None:
        client.ledger.limit(max_calls, max_usd)
    return client


@contextmanager
def shared_client(client: Any, n_process: int) -> Iterator[None]:
    """Hold the workers that the block starts to the client's limits together; afterwards it knows what all used.

    client (Any): Of ``prepare_client``. RAISES: ConfigError if it has limits and can't share them.
    """
    if client is None or n_process == 1:
        yield
        return
    if not hasattr(client, "share"):
        if getattr(client, "ledger", None) is not None:
            raise ConfigError("this client counts for one process only: leave out --n-process")
        yield
        return
    from ..llm.file_gate import FileGate

    folder = Path(mkdtemp(prefix="convner-gate-"))  # on this machine's own disk, wherever the store may be
    try:
        client.share(FileGate(folder / "gate.sqlite", client.limits))
        yield
    finally:
        client.share(None)
        rmtree(folder, ignore_errors=True)


def say_estimate(nlp: Language, source: str) -> None:
    """Print utterances, calls, tokens and cost to standard output."""
    import typer
    from tqdm import tqdm

    from ..silver.estimate import LETTERS_A_TOKEN, estimate

    with tqdm(unit=" utterances", disable=not show_progress(), desc=Path(source).name) as bar:
        found = estimate(nlp, source, bar.update)
    usd = f"about ${found['usd']:,.4f} (prices of {found['prices']})" if found["usd"] is not None else "price unknown"
    typer.echo(
        f"{found['utterances']:,} utterances, {found['asked']:,} to ask a language model about: "
        f"{found['calls']:,} calls, {found['stored']:,} answers already stored\n"
        f"about {found['input_tokens']:,} input and {found['output_tokens']:,} output tokens "
        f"({LETTERS_A_TOKEN} letters a token, nothing cached): {usd}\n"
        "Nothing was sent."
    )


def submit_batches(nlp: Language, source: str, client: Any) -> None:
    """Submit everything that is neither answered nor under way."""
    from ..silver.estimate import planned_requests

    if not hasattr(client, "submit_all"):
        raise ConfigError("--detach needs spacy_convner.AnthropicBatches.v1 as the filter's client")
    ids = client.submit_all(planned_requests(nlp, source))
    say(
        f"{len(ids):,} batches submitted, {client.collect():,} under way, kept in {client.store.path}. "
        "Run the same command with --resume, or without --detach to wait for them."
    )


def check_batches(client: Any) -> None:
    """RAISES: ConfigError while batches are under way; what has ended is in the store."""
    if not hasattr(client, "submit_all"):
        raise ConfigError("--resume needs spacy_convner.AnthropicBatches.v1 as the filter's client")
    if under_way := client.collect():
        raise ConfigError(
            f"{under_way:,} batches are still under way; run the same command again later, or without --resume to wait"
        )


def usage_line(usage: dict[str, Any]) -> str:
    """RETURNS (str): What a run used, for people."""
    cost = f"${usage['usd']:,.4f}" if usage["usd"] is not None else "price unknown"
    hits = f", {usage['cache_hit_rate']:.0%} of input from the prompt cache" if usage["cache_hit_rate"] else ""
    lost = f", {usage['lost']:,} lost with killed processes, at a cost that isn't known" if usage.get("lost") else ""
    return (
        f"Language model: {usage.get('calls', 0):,} calls ({usage.get('retries', 0):,} retries{lost}), "
        f"{usage.get('stored', 0):,} from the store, {usage.get('shared', 0):,} repeated, "
        f"{usage.get('input_tokens', 0):,} input and {usage.get('output_tokens', 0):,} output tokens{hits}: {cost}"
    )
