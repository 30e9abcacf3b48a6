"""How ``convner evaluate`` and ``convner compare`` show scores: tables on standard output, scores 0 to 100."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from ..evaluation.significance import Comparison

_BASELINES = ("accept_all", "prior", "ceiling")
_SLICES = {
    "seen": "name seen",
    "seen_pair": "name and label seen",
    "ambiguous": "several labels",
    "nested": "nested",
    "candidate": "candidate",
    "common_word": "everyday word",
    "words": "words",
    "case": "case",
}


def show_scores(metrics: Mapping[str, Any], names: Sequence[str]) -> None:
    """Print the scores of each set, and of the last one those of labels, languages and slices, and kinds of errors."""
    typer.echo(f"{metrics['system']}: strict scores (0–100; baselines: F1)")
    header = ("set", "utterances", "gold", "P", "R", "F1", "95 % CI", "macro F1", "cand. recall", *_BASELINES, "utt/s")
    show_table(header, [_set_row(name, metrics["sets"][name]) for name in names])
    scores = metrics["sets"][names[-1]]
    show_table(("label", "gold", "P", "R", "F1"), [(label, *_prf(row)) for label, row in scores["per_label"].items()])
    if len(scores["per_lang"]) > 1:
        show_table(
            ("language", "gold", "P", "R", "F1"), [(lang, *_prf(row)) for lang, row in scores["per_lang"].items()]
        )
    rows = [
        (_SLICES.get(kind, kind) if i == 0 else "", value, *_slice_row(row))
        for kind, slices in scores["slices"].items()
        for i, (value, row) in enumerate(slices.items())
    ]
    show_table(("slice", "", "gold", "predicted", "P", "R", "F1"), rows, n_text=2)
    columns = ("correct", "incorrect", "partial", "missed", "spurious")
    show_table(
        ("scheme", *columns, "P", "R", "F1"),
        [(name, *(f"{row[key]:,}" for key in columns), *_scores(row)) for name, row in scores["partial"].items()],
    )
    if kinds := scores["error_kinds"]:
        typer.echo("errors: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()))
    if found := scores["calibration"]:
        typer.echo(
            f"calibration of {found['n']:,} candidates: ECE {points(found['ece_10'])} (adaptive "
            f"{points(found['ece_adaptive'])}), Brier {found['brier']:.4f}"
        )


def show_comparison(a: str, b: str, compared: Mapping[str, Comparison]) -> None:
    """Print both systems' F1 on each set, the difference, its interval, and p of both tests."""
    typer.echo(f"A: {a}\nB: {b}\nstrict F1 (0–100), two-sided p of each set alone")
    header = ("set", "utterances", "gold", "A", "B", "B − A", "95 % CI", "p bootstrap", "p randomization")
    show_table(
        header,
        [
            (
                name,
                f"{found.docs:,}",
                f"{found.n:,}",
                points(found.f_a),
                points(found.f_b),
                f"{100 * found.difference:+.2f}",
                f"{100 * found.ci95[0]:+.2f} to {100 * found.ci95[1]:+.2f}",
                f"{found.p_bootstrap:.4f}",
                f"{found.p_randomization:.4f}",
            )
            for name, found in compared.items()
        ],
    )


def interval(ends: Sequence[float] | None) -> str:
    """RETURNS (str): Both ends, 0 to 100."""
    return f"{points(ends[0])}–{points(ends[1])}" if ends else "–"


def points(score: float | None) -> str:
    """RETURNS (str): A score of 0..1 on the scale of 0 to 100."""
    return "–" if score is None else f"{100 * score:.1f}"


def _set_row(name: str, scores: Mapping[str, Any]) -> tuple[str, ...]:
    strict, base = scores["strict"], scores.get("baselines", {})
    speed = scores["utterances_per_s"]
    return (
        name,
        f"{scores['docs']:,}",
        f"{strict['n']:,}",
        *_scores(strict),
        interval(strict["ci95"]),
        points(scores["macro"]["f"]),
        points(scores["candidate_recall"]),
        *(points(base[column]["f"]) if column in base else "–" for column in _BASELINES),
        f"{speed:,.0f}" if speed else "–",
    )


def _prf(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"{row['n']:,}", *_scores(row))


def _slice_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Of what a slice doesn't have there is no score: predictions for precision, gold for recall."""
    p, r = row["p"] if row["predicted"] else None, row["r"] if row["n"] else None
    return f"{row['n']:,}", f"{row['predicted']:,}", points(p), points(r), points(row["f"])


def _scores(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(points(row[key]) for key in "prf")


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, n_text: int = 1) -> None:
    """Print a table, nothing without rows. n_text (int): Columns that are text; the others are numbers."""
    from wasabi.tables import table

    if rows:
        aligns: list[Literal["l", "r"]] = ["l" if i < n_text else "r" for i in range(len(header))]
        typer.echo(table(rows, header=header, divider=True, aligns=aligns))
