"""Take the answers of another tool over into a pattern file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...errors import DataError
from ..ty import Pattern
from .decisions import decide, is_decided, is_kept, propose_again
from .exchange.tasks import Verdict
from .reviewed_file import ReviewedFile


@dataclass(slots=True)
class ImportCounts:
    """What an import did, in patterns.

    decided: Newly decided. changed: Decided otherwise before. same: Decided like this before. older: The file's
    decision is newer, and stays. ignored: Skipped by people. unknown: Ids that the file doesn't have. conflicts: Ids
    that people answered differently, which stay as they were.
    """

    decided: int = 0
    changed: int = 0
    same: int = 0
    older: int = 0
    ignored: int = 0
    unknown: int = 0
    conflicts: list[str] = field(default_factory=list)


def import_verdicts(
    file: ReviewedFile, verdicts: Iterable[Verdict], *, reviewer: str = "", labels: Collection[str] = ()
) -> ImportCounts:
    """Apply answers and write the file once, all or nothing.

    file (ReviewedFile): Open. verdicts (Iterable[Verdict]): Of one tool. reviewer (str): Name for all of them; "" takes
    the tool's. labels (Collection[str]): Known labels, see ``check_text``; an empty one knows all.
    RETURNS (ImportCounts). RAISES: DataError naming the task of an edit that is no pattern, or if no id is known.
    """
    said: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        said.setdefault(verdict.id, []).append(verdict)
    counts = ImportCounts()
    changes: dict[int, tuple[Pattern, dict[str, Any]]] = {}
    for identity, answers in said.items():
        position = file.positions.get(identity)
        given = [verdict for verdict in answers if verdict.answer != "ignore"]
        if position is None:
            counts.unknown += 1
        elif not given:
            counts.ignored += 1
        else:
            before = file.patterns[position]
            after = [_apply(before, verdict, reviewer, labels) for verdict in given]
            if len({_essence(pattern) for pattern in after}) > 1:
                counts.conflicts.append(identity)
            elif _count(counts, before, after[-1]):
                changes[position] = (after[-1], file.record_of(position, after[-1]))
    if said and counts.unknown == len(said):
        raise DataError(
            f"none of the {len(said):,} ids in the tasks is in it",
            path=file.path,
            hint="import into the file that was exported, or a copy of it",
        )
    if changes:
        file.replace(changes)
    return counts


def _apply(pattern: Pattern, verdict: Verdict, reviewer: str, labels: Collection[str]) -> Pattern:
    action = "reject" if verdict.answer == "reject" else "accept" if verdict.text is None else "edit"
    try:
        return decide(
            propose_again(pattern),  # an answer is about what was proposed, which is what the tool showed
            action,
            text=verdict.text,
            reason=verdict.reason,
            reviewer=reviewer or verdict.reviewer,
            decided_at=verdict.decided_at,
            labels=labels,
        )
    except DataError as err:
        raise verdict.task.fail("edited" if action == "edit" else "text", err.message, err.hint) from err


def _essence(pattern: Pattern) -> tuple[bool, str]:
    return is_kept(pattern), pattern.text if is_kept(pattern) else ""


def _count(counts: ImportCounts, before: Pattern, after: Pattern) -> bool:
    """RETURNS (bool): Whether to write ``after``."""
    if not is_decided(before):
        counts.decided += 1
        return True
    if _essence(before) == _essence(after):
        counts.same += 1
        return False
    if before.decided_at and after.decided_at and _time(after) < _time(before):
        counts.older += 1
        return False
    counts.changed += 1
    return True


def _time(pattern: Pattern) -> float:
    try:
        return datetime.fromisoformat(pattern.decided_at).timestamp()
    except ValueError:
        return 0.0
