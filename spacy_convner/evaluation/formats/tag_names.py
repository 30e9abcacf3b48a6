"""Names of integer tags: a line each, or JSON: a list, or a mapping either way round."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...records import open_lines
from .schemes import split_tag


def read_tag_names(source: Path | str | Sequence[str] | Mapping[Any, Any] | None) -> dict[int, str] | None:
    """RETURNS (dict[int, str] | None): Number → tag. RAISES: DataError for anything but tags."""
    if source is None:
        return None
    path: Path | None = None
    data: Any = source
    if isinstance(source, Path | str):
        path = Path(source)
        text = "\n".join(line for _, line in open_lines(path))
        try:
            data = json.loads(text)
        except ValueError:
            data = text.split()
        except RecursionError as err:
            raise DataError("not valid JSON: nested too deep", path=path) from err
    if isinstance(data, Mapping):
        if data and all(isinstance(value, int) for value in data.values()):
            data = {value: key for key, value in data.items()}
        pairs = list(data.items())
    elif isinstance(data, Sequence) and not isinstance(data, str):
        pairs = list(enumerate(data))
    else:
        pairs = []
    names = {}
    for number, tag in pairs:
        if not str(number).isdecimal() or not isinstance(tag, str) or split_tag(tag) is None:
            raise DataError(
                f"{tag!r:.60} ({number!r:.20}) isn't a numbered tag such as O or B-PER", path=path, field="tag names"
            )
        names[int(number)] = tag
    if not names:
        raise DataError("no tag names", path=path, hint='write a tag a line, or JSON such as ["O", "B-PER", "I-PER"]')
    return names
