"""Argilla 2's records, as ``Record.to_dict`` and ``dataset.records.to_json`` write them.

https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...pattern_files import pattern_id
from ...ty import Pattern
from ..decisions import is_decided, is_kept
from .tasks import Task, Verdict

SET_UP = """\
settings = rg.Settings(
    fields=[rg.TextField("text"), rg.TextField("seeds", required=False)],
    questions=[
        rg.LabelQuestion("decision", labels=["accept", "reject"]),
        rg.TextQuestion("edited", required=False),
        rg.TextQuestion("reason", required=False),
    ],
)
dataset.records.from_json("FILE.json")
Back: dataset.records.to_json("answers.json")"""

_AGENT = re.compile(r"[A-Za-z0-9_:./\- ]+")  # what Argilla takes for one


def to_task(pattern: Pattern) -> dict[str, Any]:
    """RETURNS (dict): A record. A decision is a suggestion: responses belong to users of an Argilla server."""
    agent = pattern.reviewer if _AGENT.fullmatch(pattern.reviewer) else None
    suggestions = {"edited": {"value": pattern.text, "score": None, "agent": None}}
    if is_decided(pattern):
        decision = "accept" if is_kept(pattern) else "reject"
        suggestions["decision"] = {"value": decision, "score": None, "agent": agent}
        if pattern.reason:
            suggestions["reason"] = {"value": pattern.reason, "score": None, "agent": agent}
    metadata = {
        "lang": pattern.lang,
        "cluster": pattern.cluster,
        "style": pattern.style,
        "said": pattern.frequency,
        "status": pattern.status,
        "generator": pattern.generator or None,
    }
    return {
        "id": pattern_id(pattern),
        "fields": {"text": pattern.original or pattern.text, "seeds": "\n".join(pattern.seeds)},
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


def to_verdicts(task: Task) -> Iterator[Verdict]:
    """YIELDS (Verdict): One for each user who answered "decision". RAISES: DataError naming the field."""
    identity = task.identity("id")
    answers: dict[str, dict[str, str]] = {}
    task.get("responses", dict)
    for question in ("decision", "edited", "reason"):
        for i, response in enumerate(task.get(f"responses.{question}", list) or ()):
            field = f"responses.{question}[{i}]"
            value = response.get("value") if isinstance(response, dict) else None
            if not isinstance(value, str):
                raise task.fail(field, f'expected {{"value": str, "user_id": str}}, got {response!r:.60}')
            answers.setdefault(str(response.get("user_id") or ""), {})[question] = value
    for user, said in answers.items():
        if not said.get("decision", "").strip():
            continue
        if verdict := task.verdict(identity, said, "responses.decision", reviewer=user):
            yield verdict
