"""What pattern generation is told beside the labels, as data: a YAML file that people may copy and change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...records import check_file

DEFAULT = Path(__file__).parent / "resources" / "guidance.yml"
_STRINGS = ("forbidden_tags", "negative_examples", "rules")
_RECORDS = {
    "correct_replacements": ("text", "tag"),
    "incorrect_replacements": ("text", "tag", "reason"),
    "forbidden_forms": ("regex", "reason"),
}
_MAPPINGS = ("entity_rules", "everyday_words")


@dataclass(frozen=True, slots=True)
class Guidance:
    """The sections of the prompt (paper, appendix D), and what the checks refuse or let pass.

    forbidden_tags: Tags that are never written. correct_replacements, incorrect_replacements: {"text", "tag"} and, of
    wrong ones, "reason". negative_examples: Whole patterns that aren't wanted. entity_rules: Tag → what only it
    replaces. rules: Numbered in the prompt. forbidden_forms: (regular expression, reason). everyday_words: Language →
    words that are names too but may stay.
    """

    forbidden_tags: tuple[str, ...] = ()
    correct_replacements: tuple[Mapping[str, str], ...] = ()
    incorrect_replacements: tuple[Mapping[str, str], ...] = ()
    negative_examples: tuple[str, ...] = ()
    entity_rules: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    forbidden_forms: tuple[tuple[re.Pattern[str], str], ...] = ()
    everyday_words: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_guidance(path: Path | str | None = None) -> Guidance:
    """path (Path | str | None): YAML; None for the file that is shipped. Sections that are missing are empty.

    RAISES: DataError naming file and section.
    """
    import yaml

    source = Path(path) if path is not None else DEFAULT
    check_file(source)
    try:
        data = yaml.safe_load(source.read_text(encoding="utf8"))
    except (yaml.YAMLError, ValueError, RecursionError) as err:  # a date that doesn't exist is a ValueError
        raise DataError(f"not valid YAML: {err}".replace("\n", " "), path=source) from err
    if not isinstance(data, dict):
        raise DataError("expected a mapping of sections", path=source)
    known = {*_STRINGS, *_RECORDS, *_MAPPINGS}
    if unknown := sorted(str(name) for name in data if name not in known):
        raise DataError("unknown section", path=source, field=unknown[0], hint=f"sections: {', '.join(sorted(known))}")
    found: dict[str, Any] = {name: _strings(data.get(name), name, source) for name in _STRINGS}
    found |= {name: _records(data.get(name), name, fields, source) for name, fields in _RECORDS.items()}
    rules = _mapping(data.get("entity_rules"), "entity_rules", source)
    found["entity_rules"] = {tag: _line(rule, "entity_rules", source) for tag, rule in rules.items()}
    words = _mapping(data.get("everyday_words"), "everyday_words", source)
    found["everyday_words"] = {
        lang: frozenset(word.casefold() for word in _strings(some, "everyday_words", source))
        for lang, some in words.items()
    }
    forms = []
    for form in found["forbidden_forms"]:
        try:
            forms.append((re.compile(form["regex"], re.IGNORECASE), form["reason"]))
        except re.error as err:
            raise DataError(
                f"{form['regex']!r:.80} is no regular expression: {err}", path=source, field="forbidden_forms"
            ) from err
    found["forbidden_forms"] = tuple(forms)
    return Guidance(**found)


def _strings(value: Any, name: str, path: Path) -> tuple[str, ...]:
    if value is not None and not isinstance(value, list):
        raise DataError(f"expected a list of strings, got {value!r:.60}", path=path, field=name)
    return tuple(_line(item, name, path) for item in value or ())


def _records(value: Any, name: str, fields: tuple[str, ...], path: Path) -> tuple[dict[str, str], ...]:
    if value is not None and not isinstance(value, list):
        raise DataError(f"expected a list, got {value!r:.60}", path=path, field=name)
    for item in value or ():
        if not isinstance(item, dict) or set(item) != set(fields):
            raise DataError(f"expected {{{', '.join(fields)}}}, got {item!r:.80}", path=path, field=name)
    return tuple({key: _line(item[key], name, path) for key in fields} for item in value or ())


def _mapping(value: Any, name: str, path: Path) -> dict[str, Any]:
    if value is not None and (not isinstance(value, dict) or not all(isinstance(key, str) for key in value)):
        raise DataError(f"expected a mapping, got {value!r:.60}", path=path, field=name)
    return dict(value or {})


def _line(value: Any, name: str, path: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        hint = "YAML reads on, off, yes and no as truth values: quote them" if isinstance(value, bool) else ""
        raise DataError(f"expected text, got {value!r:.60}", path=path, field=name, hint=hint)
    return " ".join(value.split())
