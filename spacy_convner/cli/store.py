"""``convner store``: look into the answers that were paid for, and clear them up."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import typer

from ..errors import ConfigError
from .app import Arg, Opt, command, group, keep_inputs, say, show_progress

store_app = group("store", "Answers of language models, kept in SQLite.", "convner store stats answers.sqlite")
_DAY = 86_400.0


@command(store_app, "stats")
def stats_cli(
    path: Path = Arg(..., metavar="STORE", help="SQLite file of a client"),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
) -> None:
    """Say how many answers a store has, of which model, how old.

    Example: convner store stats corpus/silver.en.spacy.answers.sqlite
    """
    from ..llm.store import existing_store

    stats = existing_store(path).stats()
    if as_json:
        typer.echo(json.dumps(stats, indent=2))
        return
    lines = [f"{stats['answers']:,} answers, {stats['bytes'] / 1e6:,.2f} MB, {stats['with_prompts']:,} with prompts"]
    if stats["oldest"]:
        oldest, newest = (datetime.fromtimestamp(stats[key], UTC).date() for key in ("oldest", "newest"))
        lines.append(f"from {oldest} to {newest}")
    for model, counts in stats["models"].items():
        lines.append(f"{model}: " + ", ".join(f"{count:,} {status}" for status, count in counts.items()))
    typer.echo("\n".join(lines))


@command(store_app, "prune")
def prune_cli(
    path: Path = Arg(..., metavar="STORE", help="SQLite file of a client"),
    older_than: float | None = Opt(None, "--older-than", min=0, metavar="DAYS", help="Only answers older than this"),
    model: str | None = Opt(None, "--model", help="Only answers of this model"),
    prompts: bool = Opt(False, "--prompts", help="Delete the prompts and keep the answers"),
    everything: bool = Opt(False, "--all", help="All of them"),
) -> None:
    """Delete answers. What is deleted is asked, and paid, again when it is needed.

    Example: convner store prune answers.sqlite --older-than 90
    """
    from ..llm.store import existing_store

    if older_than is None and model is None and not prompts and not everything:
        raise ConfigError("say what to delete: --older-than DAYS, --model MODEL, --prompts or --all")
    before = time.time() - older_than * _DAY if older_than is not None else None
    count = existing_store(path).prune(before, model, prompts)
    say(f"{path}: {count:,} {'prompts' if prompts else 'answers'} deleted")


@command(store_app, "merge")
def merge_cli(
    path: Path = Arg(..., metavar="STORE", help="SQLite file to add to"),
    others: list[Path] = Arg(..., metavar="OTHER...", help="Stores to take answers from"),
) -> None:
    """Take up the answers of other stores, for example of other machines, which stay as they are.

    Where two answer the same request, the first stays: those of STORE, then those of the first OTHER. An interrupted
    merge goes on when the command is run again. Copy a store only when nobody uses it, or with its -wal file.

    Example: convner store merge answers.sqlite machine2.sqlite machine3.sqlite
    """
    from tqdm import tqdm

    from ..llm.store import ResponseStore, existing_store
    from ..llm.store_merge import merge_store

    keep_inputs([path], others)
    sizes = [existing_store(other).stats()["answers"] for other in others]
    store = ResponseStore(path)
    with tqdm(total=sum(sizes), unit=" answers", disable=not show_progress(), desc=path.name) as bar:
        merged = [merge_store(store, other, bar.update) for other in others]
    for other, found in zip(others, merged, strict=True):
        known = f", {found.known:,} were known" if found.known else ""
        differ = f" ({found.differing:,} of them with another answer: the one in {path.name} stays)"
        batches = f", {found.batches:,} batches under way" if found.batches else ""
        say(f"{other}: {found.added:,} answers added{known}{differ if found.differing else ''}{batches}")
    say(f"{path}: {len(store):,} answers")
