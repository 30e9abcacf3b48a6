"""``convner bench catalog``: what catalogs cost to build, load and match with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .app import Arg, Opt, bench_app, command, keep_inputs, say, show_progress
from .bench import megabytes, name_sources, sample_texts


@command(bench_app, "catalog")
def catalog_cli(
    catalogs: Annotated[
        list[str], Arg(metavar="CATALOG...", help="Records or an index that catalog build made, or NAME=PATH")
    ],
    texts: Annotated[list[Path], Opt("--texts", help="Utterances: .spacy, .jsonl, or a line each; may be repeated")],
    output: Annotated[Path | None, Opt("--output", "-o", help="Write the figures to this JSON file")] = None,
    lang: Annotated[str, Opt("--lang", help="Tokenizer")] = "xx",
    rounds: Annotated[int, Opt(min=1, help="Fresh processes in which each is loaded, by turns; medians count")] = 3,
    limit: Annotated[int, Opt(min=1, help="Utterances at most, drawn evenly from all")] = 5000,
) -> None:
    """Measure a catalog's build, load, memory (its own, and what processes share), tokens a second and candidates.

    Records are built into a scratch index first; of an index only what using it costs is measured. One thread; all of
    catalog_matcher, candidates as spans. The first pass over the utterances is apart: later ones find what it kept.

    Example: convner bench catalog assets/catalogs --texts corpus/conversational.en.spacy --output catalog_costs.json

    Example: convner bench catalog today=index last_month=old_index --texts traffic.jsonl --lang en
    """
    from tqdm import tqdm

    from ..atomic import write_text
    from ..catalog.costs_by_turns import measure_catalogs
    from ..pipelines import blank_pipeline

    sources = {name: Path(source) for name, source in name_sources(catalogs, "catalogs").items()}
    blank_pipeline(lang, "--lang")
    keep_inputs([output], [*texts, *sources.values()])
    found = sample_texts(texts, limit)
    say(f"Measuring {len(sources)} catalog{'s' if len(sources) > 1 else ''} with {len(found):,} utterances …")
    with tqdm(total=len(sources) * (1 + rounds), unit="step", disable=not show_progress()) as bar:
        costs = measure_catalogs(sources, found, lang=lang, rounds=rounds, on_step=lambda: bar.update(1))
    typer.echo(cost_table(costs))
    if output is not None:
        result = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "texts": len(found),
            "rounds": rounds,
            "lang": lang,
            "catalogs": costs,
        }
        write_text(output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        say(f"Wrote {output}")


def cost_table(costs: dict[str, dict[str, Any]]) -> str:
    """costs (dict): What ``measure_catalogs`` gave. RETURNS (str): Markdown."""
    head = ["", "entries", "build s", "peak MiB", "MB on disk", "load s", "added MiB", "private", "shared",
            "thousand tokens/s", "first pass", "candidates/utterance"]  # fmt: skip
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, got in costs.items():
        memory = [_number(got[key], 1) for key in ("added_rss_mb", "private_mb", "shared_mb")]
        speed = [f"{got[key] / 1e3:,.0f}" for key in ("tokens_per_s", "first_pass_tokens_per_s")]
        rows.append(
            [name, f"{got['entries']:,}", _number(got["build_s"], 2), _number(got["build_peak_mb"], 0),
             megabytes(got["bytes"]), f"{got['load_s']:.3f}", *memory, *speed,
             f"{got['candidates_per_utterance']:.2f}"]
        )  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
