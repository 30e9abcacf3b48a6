"""Records of a text and its entities by character: spaCy 2, doccano, and others that name the same things otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...records import parse_utterance
from ...ty import Exemplar, LabelledSpan
from .annotated import Options, Tally, make_exemplar
from .json_values import is_pair

_TEXTS = ("text", "sentence")
_ENTITIES = ("entities", "spans", "label", "labels")
_STARTS, _ENDS = ("start", "start_offset"), ("end", "end_offset")
_LABELS, _NAMES = ("label", "type", "entity_group", "entity_type"), ("text", "name", "word", "value")
_SHAPE = '{"text": …, "entities": [[start, end, label]]}'


def read_entity_json(
    path: Path, values: Iterable[tuple[int, Any]], options: Options, tally: Tally
) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line, utterance, its text as it is. RAISES: DataError with line and field."""
    for number, value in values:
        record = {"text": value[0], **value[1]} if is_pair(value) else value
        if not isinstance(record, dict):
            raise DataError(f"expected {_SHAPE}, got {value!r:.60}", path=path, line=number)
        yield number, _read(record, path, number, options, tally)


def _read(record: Mapping[str, Any], path: Path, number: int, options: Options, tally: Tally) -> Exemplar:
    name = next((key for key in _TEXTS if key in record), "text")
    lang = record.get("lang", record.get("language"))
    # Text and language alone: what is wrong with them is said once, there.
    plain = parse_utterance({"text": record.get(name), "lang": lang}, path=path, line=number)
    field = next((key for key in _ENTITIES if key in record), None)
    if field is None or not isinstance(record[field], list):
        what = "missing" if field is None else f"expected a list, got {record[field]!r:.60}"
        raise DataError(what, path=path, line=number, field=field or "entities", hint=f"expected {_SHAPE}")
    spans = [_span(entity, plain.text, path, number, f"{field}[{i}]") for i, entity in enumerate(record[field])]
    given, meta = record.get("id"), record.get("meta")
    exemplar = make_exemplar(
        plain.text,
        spans,
        path=path,
        line=number,
        options=options,
        tally=tally,
        id=str(given) if isinstance(given, str | int) else None,
        lang=plain.lang,
    )
    return replace(exemplar, meta=meta) if isinstance(meta, dict) else exemplar


def _span(entity: Any, text: str, path: Path, number: int, field: str) -> LabelledSpan:
    surface = None
    if isinstance(entity, dict):
        pos = entity.get("pos")
        start = _first(entity, _STARTS, pos[0] if isinstance(pos, list) and len(pos) == 2 else None)
        end = _first(entity, _ENDS, pos[1] if isinstance(pos, list) and len(pos) == 2 else None)
        label = _first(entity, _LABELS, None)
        surface = _first(entity, _NAMES, None)
    else:
        start, end, label = entity if isinstance(entity, list) and len(entity) == 3 else (None, None, None)
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        raise DataError(
            f'expected [start, end, label] or {{"start", "end", "label"}}, got {entity!r:.80}',
            path=path,
            line=number,
            field=field,
        )
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"offsets {start}..{end} are outside the text of {len(text)} characters or empty",
            path=path,
            line=number,
            field=field,
        )
    if isinstance(surface, str) and surface.strip() != text[start:end].strip():
        raise DataError(
            f"the text has {text[start:end]!r:.60} at {start}..{end}, not {surface!r:.60}",
            path=path,
            line=number,
            field=field,
            hint="offsets count characters, the end exclusive",
        )
    return LabelledSpan(start, end, label)


def _first(entity: Mapping[str, Any], names: Iterable[str], default: Any) -> Any:
    return next((entity[name] for name in names if name in entity), default)
