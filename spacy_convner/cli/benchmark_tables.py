"""The tables that ``convner benchmark`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from wasabi.tables import table


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
    typer.echo(_table(rows, header))
    macro = found.get("macro")
    if isinstance(macro, Mapping) and "f" in macro:
        typer.echo(f"macro over labels: P {_points(macro['p'])}, R {_points(macro['r'])}, F1 {_points(macro['f'])}")
    seeds = found["seeds"]
    if len(seeds["seeds"]) > 1:
        each = ", ".join(f"{seed}: {_points(f)}" for seed, f in zip(seeds["seeds"], seeds["f"], strict=True))
        typer.echo(f"F1 by seed: {each}; mean {_points(seeds['mean'])}, standard deviation {_points(seeds['sd'])}")
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
        (label, f"{row['n']:,.0f}", *(_points(row[key]) for key in "prf")) for label, row in found["per_label"].items()
    ]
    if labels:
        typer.echo(_table(labels, ("label", "gold", "P", "R", "F1")))
    if curve := found.get("learning_curve"):
        points = [
            (
                f"{row['n_exemplars']:,}",
                str(row["seeds"]),
                *(_points(row[key]) for key in "pr"),
                _points(row["f"]["mean"]),
                _points(row["f"]["sd"]),
                _points(row["prior_f"]),
                f"{row['fit_s']:.1f}",
            )
            for row in curve
        ]
        typer.echo(_table(points, ("exemplars", "seeds", "P", "R", "F1", "sd", "prior F1", "fit s")))


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
    ci = strict["ci95"]
    keys = ("candidate_recall", "accept_all_f", "prior_f", "ceiling_f")
    return (
        name,
        f"{strict['n']:,.0f}",
        *(_points(scores[key]) for key in keys),
        *(_points(strict[key]) for key in "prf"),
        f"{_points(ci[0])}–{_points(ci[1])}" if ci else "–",
    )


def _table(rows: list[tuple[str, ...]], header: tuple[str, ...]) -> str:
    return str(table(rows, header=header, divider=True, aligns=("l", *"r" * (len(header) - 1))))


def _points(score: float | None) -> str:
    return "–" if score is None else f"{100 * score:.1f}"
