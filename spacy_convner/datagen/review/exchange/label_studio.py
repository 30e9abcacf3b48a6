"""Label Studio's tasks, full JSON: https://labelstud.io/guide/task_format"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...pattern_files import pattern_id
from ...ty import Pattern
from ..decisions import is_decided, is_kept
from .tasks import Task, Verdict, iso_time

SET_UP = """\
<View>
  <Text name="pattern" value="$text"/>
  <Choices name="decision" toName="pattern" choice="single" required="true">
    <Choice value="accept" hotkey="a"/><Choice value="reject" hotkey="r"/>
  </Choices>
  <TextArea name="edited" toName="pattern" value="$edited" editable="true" maxSubmissions="1"/>
  <TextArea name="reason" toName="pattern" maxSubmissions="1"/>
</View>
Import FILE.json; back: Export, JSON (not JSON-MIN)"""


def to_task(pattern: Pattern) -> dict[str, Any]:
    """RETURNS (dict): A task; with an annotation if a person decided."""
    data = {
        "id": pattern_id(pattern),
        "text": pattern.original or pattern.text,
        "edited": pattern.text,
        "lang": pattern.lang,
        "cluster": pattern.cluster,
        "seeds": list(pattern.seeds),
        "said": pattern.frequency,
    }
    if not is_decided(pattern):
        return {"data": data}
    data |= {"reviewer": pattern.reviewer, "decided_at": pattern.decided_at}
    result = [_region("decision", "choices", {"choices": ["accept" if is_kept(pattern) else "reject"]})]
    if pattern.original:
        result.append(_region("edited", "textarea", {"text": [pattern.text]}))
    if pattern.reason:
        result.append(_region("reason", "textarea", {"text": [pattern.reason]}))
    return {"data": data, "annotations": [{"result": result, "was_cancelled": False}]}


def to_verdicts(task: Task) -> Iterator[Verdict]:
    """YIELDS (Verdict): One for each annotation that wasn't skipped. RAISES: DataError naming the field."""
    if task.get("data", dict) is None:
        raise task.fail("data", "missing", "export as JSON, not as JSON-MIN or CSV")
    identity = task.identity("data.id")
    for number, annotation in enumerate(task.get("annotations", list) or ()):
        field = f"annotations[{number}]"
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            raise task.fail(f"{field}.result", "expected a list")
        if annotation.get("was_cancelled"):
            continue
        said = _read_result(task, f"{field}.result", annotation["result"])
        # Label Studio says who and when; what export wrote holds for annotations that nobody touched.
        time = annotation.get("updated_at") or annotation.get("created_at") or task.get("data.decided_at", str)
        who = annotation.get("completed_by")
        reviewer = who.get("email") if isinstance(who, dict) else who
        verdict = task.verdict(
            identity,
            said,
            f"{field}.result",
            reviewer=str(reviewer or task.get("data.reviewer", str) or ""),
            decided_at=iso_time(task, f"{field}.updated_at", time),
        )
        if verdict is not None:
            yield verdict


def _region(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "pattern", "type": kind, "value": value}


def _read_result(task: Task, field: str, result: list[Any]) -> dict[str, str]:
    said = {}
    for number, region in enumerate(result):
        value = region.get("value") if isinstance(region, dict) else None
        if not isinstance(value, dict):
            raise task.fail(f"{field}[{number}].value", "expected an object")
        name = region.get("from_name")
        if name not in ("decision", "edited", "reason"):
            continue
        found = value.get("choices" if name == "decision" else "text")
        words = [found] if isinstance(found, str) else found
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise task.fail(f"{field}[{number}].value", f"expected a list of strings, got {found!r:.60}")
        if words:
            said[name] = " ".join(words)
    return said
