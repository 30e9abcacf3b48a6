"""The tables that ``convner benchmark`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from .score_tables import interval, points, show_table


def show(found: Mapping[str, Any]) -> None:
    """Print the results to standard output, scores as 0 to 100."""
    protocol = found["protocol"]
    catalog = protocol["catalog"]
    spoiled = f", coverage {catalog['coverage']:g}" if catalog["coverage"] < 1 else ""
    spoiled += f", {catalog['distractors_added']:,} distractors" if catalog["distractors"] else ""
    typer.echo(
        f"{found['system']}: {protocol['filter']['@misc']}, {found['n_exemplars']:,} exemplars; catalog "
        f"{catalog['source']} ({catalog['names']:,} names{spoiled}), --attr {protocol['attr']}"
    )
    header = (
        "split",
        "gold",
        "cand. recall",
        "accept all F1",
        "prior F1",
        "perfect filter F1",
        "P",
        "R",
        "F1",
        "95 % CI",
    )
    rows = [
        _row(name, found if name == "test" else found[name]) for name in ("dev", "test") if name in {"test", *found}
    ]
    show_table(header, rows)
    macro = found.get("macro")
    if isinstance(macro, Mapping) and "f" in macro:
        typer.echo(f"macro over labels: P {points(macro['p'])}, R {points(macro['r'])}, F1 {points(macro['f'])}")
    seeds = found["seeds"]
    if len(seeds["seeds"]) > 1:
        each = ", ".join(f"{seed}: {points(f)}" for seed, f in zip(seeds["seeds"], seeds["f"], strict=True))
        typer.echo(f"F1 by seed: {each}; mean {points(seeds['mean'])}, standard deviation {points(seeds['sd'])}")
    missed = {key: n for key, n in found["missed_by_catalog"].items() if isinstance(n, int) and n and key != "n"}
    if missed:
        reasons = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in missed.items())
        typer.echo(f"gold that the catalog doesn't propose: {reasons}")
    speed = found["utterances_per_s"] or 0
    typer.echo(
        f"fit {found['fit_s']:.1f} s, filter {speed:,.0f} utterances/s, with matching "
        f"{found['pipeline_utterances_per_s'] or 0:,.0f}/s"
    )
    labels = [
        (label, f"{row['n']:,.0f}", *(points(row[key]) for key in "prf")) for label, row in found["per_label"].items()
    ]
    show_table(("label", "gold", "P", "R", "F1"), labels)
    if curve := found.get("learning_curve"):
        sizes = [
            (
                f"{row['n_exemplars']:,}",
                str(row["seeds"]),
                *(points(row[key]) for key in "pr"),
                points(row["f"]["mean"]),
                points(row["f"]["sd"]),
                points(row["prior_f"]),
                f"{row['fit_s']:.1f}",
            )
            for row in curve
        ]
        show_table(("exemplars", "seeds", "P", "R", "F1", "sd", "prior F1", "fit s"), sizes)


def show_estimate(found: Mapping[str, Any]) -> None:
    """Print what a language model would be asked, to standard output."""
    usd = f"about ${found['usd']:,.4f} (prices of {found['prices']})" if found["usd"] is not None else "price unknown"
    typer.echo(
        f"{found['utterances']:,} utterances, {found['asked']:,} to ask a language model about: {found['calls']:,} "
        f"calls, {found['stored']:,} answers already stored\nabout {found['input_tokens']:,} input and "
        f"{found['output_tokens']:,} output tokens: {usd}\nFor one seed. Nothing was sent."
    )


def _row(name: str, scores: Mapping[str, Any]) -> tuple[str, ...]:
    strict = scores["strict"]
    keys = ("candidate_recall", "accept_all_f", "prior_f", "ceiling_f")
    return (
        name,
        f"{strict['n']:,.0f}",
        *(points(scores[key]) for key in keys),
        *(points(strict[key]) for key in "prf"),
        interval(strict["ci95"]),
    )
