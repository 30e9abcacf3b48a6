"""The records of a JSON file: an object or list a line, or one list over the whole file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError


def json_values(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """YIELDS (tuple[int, Any]): Line number, value; of a list over the whole file, the number of the item.

    RAISES: DataError for what isn't JSON.
    """
    first = next((line.strip() for line in lines if line.strip()), "")
    if first[:1] in ("[", "{") and not _is_whole(first):
        yield from enumerate(_items(_parse("\n".join(lines), path, None)), 1)
        return
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(filled) == 1:
        number, line = filled[0]
        items = _items(_parse(line, path, number))
        yield from ((number, item) for item in items)
        return
    for number, line in filled:
        yield number, _parse(line, path, number)


def _items(value: Any) -> list[Any]:
    """One list over the whole file holds records; [text, {…}] is a record itself."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if isinstance(value, list) and not is_pair(value):
        return value
    return [value]


def is_pair(value: Any) -> bool:
    """RETURNS (bool): Whether it is ``[text, {"entities": …}]``, an example as spaCy 2 took it."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(text: str, path: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as err:
        line = line or err.lineno
        raise DataError(f"not valid JSON: {err.msg} (column {err.colno})", path=path, line=line) from err
    except (ValueError, RecursionError) as err:
        raise DataError(f"not valid JSON: {err}", path=path, line=line) from err
