"""Read and write patterns: JSONL, one pattern a line, checked; written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..atomic import write_text
from ..errors import DataError
from ..records import read_jsonl
from .ty import STATUSES, STYLES, Pattern

_STRINGS = ("generator", "prompt_sha256", "original", "reason", "reviewer", "decided_at")


def pattern_id(pattern: Pattern) -> str:
    """RETURNS (str): 12 hex digits of language and text as it was proposed: the same in every copy of a file."""
    text = pattern.original or pattern.text
    return hashlib.sha256(f"{pattern.lang}\n{text}".encode()).hexdigest()[:12]


def pattern_to_record(pattern: Pattern) -> dict[str, Any]:
    """RETURNS (dict): The JSONL object of a pattern; what is empty is left out, but for provenance."""
    record: dict[str, Any] = {
        "id": pattern_id(pattern),
        "text": pattern.text,
        "lang": pattern.lang,
        "status": pattern.status,
        "cluster": pattern.cluster,
        "seeds": list(pattern.seeds),
        "generator": pattern.generator,
        "prompt_sha256": pattern.prompt_sha256,
        "style": pattern.style,
        "frequency": pattern.frequency,
    }
    record.update({name: value for name in _STRINGS[2:] if (value := getattr(pattern, name))})
    return record


def read_patterns(path: Path) -> list[Pattern]:
    """RETURNS (list[Pattern]): In the file's order. RAISES: DataError naming file, line and field."""
    return [pattern for _, pattern in number_patterns(path)]


def number_patterns(path: Path) -> Iterator[tuple[int, Pattern]]:
    """YIELDS (tuple[int, Pattern]): Line number from 1, pattern. RAISES: DataError naming file, line and field."""
    for line, record in read_jsonl(path):
        yield line, parse_pattern(record, path=path, line=line)


def write_patterns(path: Path, patterns: Iterable[Pattern]) -> None:
    """Write patterns atomically, one a line."""
    lines = (json.dumps(pattern_to_record(pattern), ensure_ascii=False) + "\n" for pattern in patterns)
    write_text(path, "".join(lines))


def parse_pattern(record: Mapping[str, Any], *, path: Path | None = None, line: int | None = None) -> Pattern:
    """record (Mapping): Fields text and lang, maybe the others of ``Pattern``; unknown ones are ignored.

    The brackets of ``text`` are not checked here: a pattern that was rejected for them must be readable.
    RAISES: DataError naming file, line and field.
    """

    def fail(field: str, expected: str) -> DataError:
        return DataError(f"expected {expected}, got {record.get(field)!r:.60}", path=path, line=line, field=field)

    for name in ("text", "lang"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise fail(name, "a string that isn't empty")
    status, style = record.get("status", "proposed"), record.get("style", "conversational")
    if status not in STATUSES:
        raise fail("status", f"one of {', '.join(STATUSES)}")
    if style not in STYLES:
        raise fail("style", f"one of {', '.join(STYLES)}")
    cluster, frequency = record.get("cluster"), record.get("frequency", 1)
    if cluster is not None and type(cluster) is not int:
        raise fail("cluster", "a number or null")
    if type(frequency) is not int or frequency < 1:
        raise fail("frequency", "a number of 1 or more")
    seeds = record.get("seeds") or []
    if not isinstance(seeds, list) or not all(isinstance(seed, str) for seed in seeds):
        raise fail("seeds", "a list of strings")
    strings = {name: record.get(name) or "" for name in _STRINGS}
    for name, value in strings.items():
        if not isinstance(value, str):
            raise fail(name, "a string")
    try:
        json.dumps(dict(record), ensure_ascii=False).encode("utf8")
    except UnicodeEncodeError:
        raise DataError("lone surrogate, not valid Unicode", path=path, line=line) from None
    return Pattern(
        text=record["text"],
        lang=record["lang"],
        status=status,
        cluster=cluster,
        seeds=tuple(seeds),
        style=style,
        frequency=frequency,
        **strings,
    )
