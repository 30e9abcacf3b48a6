"""Files of tasks, and what an answer in them says, whatever tool it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ....atomic import write_text
from ....errors import DataError
from ....records import open_lines, read_jsonl

Answer = Literal["accept", "reject", "ignore"]


@dataclass(frozen=True, slots=True)
class Task:
    """A record of a file with its place, for messages. line (int | None): Of JSONL. item (int | None): Of an array."""

    record: dict[str, Any]
    path: Path | None = None
    line: int | None = None
    item: int | None = None

    def fail(self, field: str, message: str, hint: str = "") -> DataError:
        """RETURNS (DataError): To raise."""
        name = field if self.item is None else f"[{self.item}].{field}"
        return DataError(message, path=self.path, line=self.line, field=name, hint=hint)

    def get(self, field: str, kind: type, record: Any = None) -> Any:
        """RETURNS: ``field`` (dots go deeper), None if it is missing. RAISES: DataError if it is of another kind."""
        value: Any = self.record if record is None else record
        for name in field.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.fail(field, f"expected {_KINDS[kind]}, got {value!r:.60}")
        return value

    def identity(self, field: str) -> str:
        """RETURNS (str): The pattern id. RAISES: DataError if it is missing."""
        value = self.get(field, str)
        if not value:
            raise self.fail(field, "missing", "it is the pattern's id, which export wrote")
        return str(value)

    def verdict(self, identity: str, said: Mapping[str, str], field: str, **more: str) -> Verdict | None:
        """Read what one person answered to the questions that export asks.

        said (Mapping): Question ("decision", "edited", "reason") → answer. field (str): Where it stands.
        more (str): ``reviewer`` and ``decided_at``.
        RETURNS (Verdict | None): None without a decision. RAISES: DataError for another one than accept or reject.
        """
        if "decision" not in said:
            return None
        decision = said["decision"].strip().lower()
        if decision not in ("accept", "reject"):
            raise self.fail(field, f"expected accept or reject as decision, got {decision!r:.40}")
        answer: Answer = decision  # type: ignore[assignment]
        return Verdict(identity, answer, self, said.get("edited"), said.get("reason", ""), **more)


_KINDS = {str: "a string", dict: "an object", list: "a list", int: "a number"}


class Verdict(NamedTuple):
    """What one person said about one pattern. text (str | None): New wording. decided_at (str): ISO 8601 or "" """

    id: str
    answer: Answer
    task: Task
    text: str | None = None
    reason: str = ""
    reviewer: str = ""
    decided_at: str = ""


def read_tasks(path: Path) -> Iterator[Task]:
    """Stream tasks from JSONL or a JSON array, whichever the file is.

    YIELDS (Task). RAISES: DataError naming the line or the item.
    """
    first = next((line for _, line in open_lines(path) if line.strip()), "").lstrip()
    if not first.startswith("["):
        for line, record in read_jsonl(path):
            yield Task(record, path, line)
        return
    try:
        records = json.loads("\n".join(line for _, line in open_lines(path)))
    except (ValueError, RecursionError) as err:
        raise DataError(f"not valid JSON: {err or 'nested too deep'}", path=path) from err
    if not records:
        raise DataError("no tasks in the file", path=path)
    for item, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError(f"expected an object, got {record!r:.60}", path=path, field=f"[{item}]")
        yield Task(record, path, item=item)


def write_tasks(path: Path, records: Iterable[dict[str, Any]]) -> int:
    """Write tasks atomically: JSONL, or one array for a path that ends with .json.

    RETURNS (int): How many.
    """
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if path.suffix == ".json" else "".join(line + "\n" for line in lines)
    write_text(path, text)
    return len(lines)


def iso_time(task: Task, field: str, value: object) -> str:
    """RETURNS (str): ISO 8601 in UTC of a text in ISO 8601 or of Unix seconds; "" for None. RAISES: DataError."""
    if value is None or value == "":
        return ""
    try:
        if isinstance(value, int | float):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise task.fail(field, f"expected a time, got {value!r:.60}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
