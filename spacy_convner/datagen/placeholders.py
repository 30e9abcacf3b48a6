"""The syntax of patterns: literal text and ``<Label>`` placeholders; ``<Label:1>`` twice stands for one name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import DataError

_BRACKETS = re.compile(r"[<>]|[^<>]+")
_TAG = re.compile(r"([A-Za-z][A-Za-z0-9_.\-]*)(?::([0-9]{1,3}))?")
_HINT = "write <Label> or <Label:1>"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a name goes. Those of one label and one ``index`` get the same name, all others different ones."""

    label: str
    index: int | None = None

    def __str__(self) -> str:
        return f"<{self.label}>" if self.index is None else f"<{self.label}:{self.index}>"


def parse_placeholders(text: str) -> tuple[str | Placeholder, ...]:
    """Split a pattern's text.

    RETURNS (tuple[str | Placeholder]): Pieces in order; joined as strings they are ``text`` again.
    RAISES: DataError for brackets that don't balance or don't enclose a label.
    """
    pieces: list[str | Placeholder] = []
    tokens = [match[0] for match in _BRACKETS.finditer(text)]
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == ">":
            raise DataError(f"'>' without '<' in {text!r:.200}")
        if token != "<":
            pieces.append(token)
            position += 1
            continue
        inside = tokens[position + 1] if position + 1 < len(tokens) else ""
        if inside == ">":
            raise DataError(f"'<>' is no placeholder in {text!r:.200}", hint=_HINT)
        if position + 2 >= len(tokens) or inside in "<>" or tokens[position + 2] != ">":
            raise DataError(f"'<' without '>' in {text!r:.200}")
        tag = _TAG.fullmatch(inside)
        if tag is None:
            raise DataError(f"'<{inside}>' is no placeholder in {text!r:.200}", hint=_HINT)
        pieces.append(Placeholder(tag[1], int(tag[2]) if tag[2] else None))
        position += 3
    return tuple(pieces)


def find_placeholders(text: str) -> tuple[Placeholder, ...]:
    """RETURNS (tuple[Placeholder]): Those of a pattern, in order. RAISES: DataError."""
    return tuple(piece for piece in parse_placeholders(text) if isinstance(piece, Placeholder))
