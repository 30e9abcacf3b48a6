"""How far two reviewers of the same patterns agree: Cohen's kappa and the patterns that they disagree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import DataError
from ..pattern_files import number_patterns, pattern_id, pattern_to_record
from ..ty import Pattern
from .decisions import is_decided, is_kept, propose_again
from .session import labels_of


class Conflict(NamedTuple):
    """A pattern that two reviewers decided differently. kind (str): "keep" (one rejects it) or "wording"."""

    kind: str
    first: Pattern
    second: Pattern


class Agreement(NamedTuple):
    """Agreement on the patterns that both decided.

    counts (dict): Patterns that both, only the first, only the second, neither decided.
    observed (float): Share of the same decision, keep or reject, 0..1.
    kappa (float | None): Cohen's kappa (1960) of keep or reject, -1..1; None where chance alone would give agreement,
        because both decided everything alike.
    kappa_edits (float | None): The same with three classes: accepted, edited, rejected.
    labels (dict): Label → (patterns with it, observed, kappa).
    """

    counts: dict[str, int]
    observed: float
    kappa: float | None
    kappa_edits: float | None
    labels: dict[str, tuple[int, float, float | None]]
    conflicts: list[Conflict]


def measure_agreement(first: Sequence[Pattern], second: Sequence[Pattern]) -> Agreement:
    """Compare two reviews by pattern id. What the automatic checks rejected is no decision.

    first, second (Sequence[Pattern]): Two copies of a file, each with one reviewer's decisions.
    RETURNS (Agreement): Conflicts in the order of ``first``. RAISES: DataError if they share no decided pattern.
    """
    others = {pattern_id(pattern): pattern for pattern in second}
    pairs = [(pattern, others[identity]) for pattern in first if (identity := pattern_id(pattern)) in others]
    if not pairs:
        raise DataError("the two files have no pattern in common", hint="compare two copies of one pattern file")
    decided = [(a, b) for a, b in pairs if is_decided(a) and is_decided(b)]
    counts = {
        "both": len(decided),
        "only_first": sum(is_decided(a) and not is_decided(b) for a, b in pairs),
        "only_second": sum(is_decided(b) and not is_decided(a) for a, b in pairs),
        "neither": sum(not is_decided(a) and not is_decided(b) for a, b in pairs),
        "not_in_common": len(first) + len(second) - 2 * len(pairs),
    }
    if not decided:
        message = f"of {len(pairs):,} patterns in common none is decided in both files"
        raise DataError(message, hint="review them: convner patterns review")
    labels = sorted({label for pair in decided for label in labels_of(propose_again(pair[0]))})
    by_label = {label: [pair for pair in decided if label in labels_of(propose_again(pair[0]))] for label in labels}
    return Agreement(
        counts=counts,
        observed=_observed(decided),
        kappa=_kappa(decided),
        kappa_edits=cohen_kappa([a.status for a, _ in decided], [b.status for _, b in decided]),
        labels={label: (len(some), _observed(some), _kappa(some)) for label, some in by_label.items()},
        conflicts=[Conflict(kind, a, b) for a, b in decided if (kind := _conflict(a, b))],
    )


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """RETURNS (float | None): Cohen's kappa of two lists of answers; None if all answers are the same one."""
    from sklearn.metrics import cohen_kappa_score

    if len({*first, *second}) < 2:
        return None
    return float(cohen_kappa_score(first, second))


def read_review(path: Path) -> list[Pattern]:
    """RETURNS (list[Pattern]): Of a pattern file. RAISES: DataError; also for one pattern twice."""
    lines: dict[str, int] = {}
    patterns = []
    for line, pattern in number_patterns(path):
        identity = pattern_id(pattern)
        if identity in lines:
            raise DataError(f"the same pattern as in line {lines[identity]}", path=path, line=line, field="text")
        lines[identity] = line
        patterns.append(pattern)
    return patterns


def conflict_records(conflicts: Iterable[Conflict]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): Pattern records for a third reviewer: proposed again, with both ``opinions``."""
    return [
        {
            **pattern_to_record(propose_again(conflict.first)),
            "opinions": [
                {"reviewer": one.reviewer, "status": one.status, "text": one.text, "reason": one.reason}
                for one in (conflict.first, conflict.second)
            ],
        }
        for conflict in conflicts
    ]


def _observed(pairs: Sequence[tuple[Pattern, Pattern]]) -> float:
    return sum(is_kept(a) == is_kept(b) for a, b in pairs) / len(pairs)


def _kappa(pairs: Sequence[tuple[Pattern, Pattern]]) -> float | None:
    return cohen_kappa(*([("reject", "keep")[is_kept(pair[i])] for pair in pairs] for i in (0, 1)))


def _conflict(first: Pattern, second: Pattern) -> str:
    if is_kept(first) != is_kept(second):
        return "keep"
    return "wording" if is_kept(first) and first.text != second.text else ""
