"""Metrics as JSON that people can read and that git can compare: indented, but a list of numbers on one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from ..errors import DataError

# A JSON string has no line break in it, so what spans lines is structure.
_VALUE = r'(?:-?\d[\d.eE+-]*|true|false|null|"(?:[^"\\\n]|\\.)*")'
_SHORT = re.compile(rf"\[\n *({_VALUE}(?:,\n *{_VALUE})*)\n *\]")
AGAIN = "make it again with: convner evaluate"
_BREAK = re.compile(r",\n *")


def metrics_json(metrics: Any) -> str:
    """RETURNS (str): JSON text with a line end; a list without lists or objects in it takes one line."""
    text = json.dumps(metrics, ensure_ascii=False, indent=1)
    return _SHORT.sub(lambda found: "[" + _BREAK.sub(", ", found[1]) + "]", text) + "\n"


def read_metrics_json(path: Path) -> Any:
    """RETURNS: The value in a JSON file. RAISES: DataError for what isn't JSON; NaN isn't."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not a number that JSON has")

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as err:
        raise DataError(f"not valid JSON: {err}", path=path, hint=AGAIN) from err
