"""What conversation that a teacher labelled adds to students trained on commands alone (paper, Table 3)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.tokens import Doc

from ..attrs import get_doc_lang
from ..datagen.detection.heuristic_detector import make_heuristic_detector
from ..errors import DataError
from .bootstrap import f_interval
from .scoring import Counts
from .significance import compare_counts
from .utterance_counts import read_counts

BASELINE = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a student, the share of conversation beside all commands, and a seed of draw and weights."""

    student: str
    amount: float
    seed: int

    @property
    def name(self) -> str:
        return f"{self.student}.{self.amount:g}.{self.seed}"


def plan(students: Sequence[str], amounts: Sequence[float], seeds: Sequence[int]) -> list[Run]:
    """RETURNS (list[Run]): Without conversation first, which is the baseline; seed by seed, so that what is done early
    is a whole table already.
    """
    shares = sorted({BASELINE, *amounts})
    return [Run(student, amount, seed) for seed in seeds for student in students for amount in shares]


def part_by_style(docs: Iterable[Doc], path: Path | None = None) -> tuple[list[Doc], list[Doc]]:
    """RETURNS (tuple[list[Doc], list[Doc]]): Commands, the "traditional" data; and conversation, by the detector.

    path (Path | None): Their file, for messages.
    RAISES: DataError where one of them is empty, or for a Doc whose language isn't known.
    """
    detector = make_heuristic_detector()
    commands: list[Doc] = []
    conversation: list[Doc] = []
    for doc in docs:
        lang = get_doc_lang(doc)
        if lang is None:
            known = f"convner convert {path or 'CORPUS.spacy'} WITH_LANG.spacy --set-lang en"
            raise DataError(f"the language of {doc.text!r:.60} isn't known", path=path, hint=f"say it: {known}")
        (conversation if detector(doc.text, lang).conversational else commands).append(doc)
    if not commands or not conversation:
        raise DataError(
            f"{len(commands):,} commands and {len(conversation):,} conversational utterances: some of both are needed",
            path=path,
        )
    return commands, conversation


def draw(conversation: Sequence[Doc], amount: float, seed: int) -> list[Doc]:
    """RETURNS (list[Doc]): A share (0..1) of them; a larger share of one seed has all of a smaller one."""
    order = list(range(len(conversation)))
    random.Random(seed).shuffle(order)
    return [conversation[i] for i in sorted(order[: round(amount * len(order))])]


def summarize(runs: Mapping[Run, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Put runs into rows, over seeds.

    runs: Run → {"n_train", "sets": {name: {"strict", "utterance_counts"}}}, as a metrics file has them.
    RETURNS (dict): Student → rows by amount: amount, n_train, sets → {f (mean over seeds, 0..1), std, by_seed, ci95 (of
        utterances drawn anew, with all seeds' answers), relative (percent of the baseline's F1), difference (to it,
        ci95 and p by paired bootstrap)}; relative and difference are None for the baseline itself.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for student in dict.fromkeys(run.student for run in runs):
        own = {run: metrics for run, metrics in runs.items() if run.student == student}
        base = _by_set(own, BASELINE)
        rows = []
        for amount in sorted({run.amount for run in own}):
            sets = _by_set(own, amount)
            members = [metrics for run, metrics in own.items() if run.amount == amount]
            rows.append(
                {
                    "amount": amount,
                    "n_train": round(float(np.mean([metrics["n_train"] for metrics in members]))),
                    "sets": {
                        name: _row(scores, counts, None if amount == BASELINE else base[name])
                        for name, (scores, counts) in sets.items()
                    },
                }
            )
        found[student] = rows
    return found


def _by_set(runs: Mapping[Run, Mapping[str, Any]], amount: float) -> dict[str, tuple[list[float], Counts]]:
    """RETURNS (dict): Set → F1 of each seed, and counts of each utterance summed over them."""
    members = [
        metrics["sets"] for run, metrics in sorted(runs.items(), key=lambda item: item[0].seed) if run.amount == amount
    ]
    return {
        name: (
            [sets[name]["strict"]["f"] for sets in members],
            sum(read_counts(sets[name]["utterance_counts"], name)[0] for sets in members),  # type: ignore[misc]
        )
        for name in members[0]
    }


def _row(scores: list[float], counts: Counts, base: tuple[list[float], Counts] | None) -> dict[str, Any]:
    mean = float(np.mean(scores))
    row: dict[str, Any] = {
        "f": mean,
        "std": float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0,
        "by_seed": scores,
        "ci95": f_interval(counts),
        "relative": None,
        "difference": None,
    }
    if base is not None:
        before = float(np.mean(base[0]))
        row["relative"] = 100.0 * (mean - before) / before if before else None
        compared = compare_counts(base[1], counts, n_resamples=2000)
        row["difference"] = {"f": mean - before, "ci95": compared.ci95, "p": compared.p_bootstrap}
    return row


def markdown(result: Mapping[str, Any]) -> str:
    """RETURNS (str): The paper's Table 3: strict F1 without and with conversation, and the relative gain."""
    names = list(next(iter(result["students"].values()))[0]["sets"])
    teacher = result.get("teacher") or {}
    lines = [
        f"| strict F1 | {' | '.join(names)} |",
        f"| --- | {' | '.join('---:' for _ in names)} |",
    ]
    for student, rows in result["students"].items():
        for row in rows:
            what = "commands alone" if row["amount"] == BASELINE else f"+ {100 * row['amount']:g} % of conversation"
            cells = [_cell(row["sets"][name]) for name in names]
            lines.append(f"| {student}, {what} ({row['n_train']:,}) | {' | '.join(cells)} |")
    if teacher:
        cells = [f"{100 * teacher[name]:.1f}" if name in teacher else "" for name in names]
        lines.append(f"| teacher | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Mapping[str, Any]) -> str:
    text = f"{100 * row['f']:.1f} ± {100 * row['std']:.1f}"
    return text if row["relative"] is None else f"{text} ({row['relative']:+.1f} %)"
