"""Prodigy's tasks: https://prodi.gy/docs/api-interfaces and the answers of ``prodigy db-out``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...pattern_files import pattern_id
from ...ty import Pattern
from ..decisions import is_decided, is_kept
from .tasks import Task, Verdict, iso_time

SET_UP = """\
prodigy mark DATASET FILE.jsonl --view-id text        accept, reject, ignore
To edit as well, a recipe with the interface "blocks" and these blocks; "edited" comes filled with the pattern:
  [{"view_id": "text"}, {"view_id": "text_input", "field_id": "edited"},
   {"view_id": "text_input", "field_id": "reason"}]
Back: prodigy db-out DATASET > answers.jsonl"""


def to_task(pattern: Pattern) -> dict[str, Any]:
    """RETURNS (dict): A task; with its ``answer`` if a person decided, as ``prodigy db-in`` takes it.

    ``text`` is what was proposed and ``edited`` the wording now. Hashes are left to Prodigy.
    """
    meta = {"id": pattern_id(pattern), "lang": pattern.lang, "cluster": pattern.cluster, "said": pattern.frequency}
    if pattern.seeds:
        meta["seed"] = pattern.seeds[0]
    task: dict[str, Any] = {"text": pattern.original or pattern.text, "edited": pattern.text, "meta": meta}
    if is_decided(pattern):
        task["answer"] = "accept" if is_kept(pattern) else "reject"
        task["reason"] = pattern.reason
        meta |= {"reviewer": pattern.reviewer, "decided_at": pattern.decided_at}
    return task


def to_verdicts(task: Task) -> Iterator[Verdict]:
    """YIELDS (Verdict): None or one. RAISES: DataError naming the field."""
    identity = task.identity("meta.id")
    answer = task.get("answer", str)
    if answer is None:
        return
    if answer not in ("accept", "reject", "ignore"):
        raise task.fail("answer", f"expected accept, reject or ignore, got {answer!r:.40}")
    # db-out says who and when; what export wrote holds for answers that nobody gave anew.
    reviewer = task.get("_annotator_id", str) or task.get("_session_id", str) or task.get("meta.reviewer", str) or ""
    field = "_timestamp" if "_timestamp" in task.record else "meta.decided_at"
    time = task.record.get("_timestamp") if field == "_timestamp" else task.get(field, str)
    yield Verdict(
        id=identity,
        answer=answer,
        task=task,
        text=task.get("edited", str),
        reason=task.get("reason", str) or "",
        reviewer=reviewer,
        decided_at=iso_time(task, field, time),
    )
