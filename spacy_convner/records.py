"""Read utterances and annotated exemplars: JSONL in Prodigy's shape, or DocBin.

Every fault is a DataError with the file, the line and the field.
"""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from .errors import DataError, UnusableTextError
from .ty import Exemplar, LabelledSpan

LONGEST_TEXT = 1_000_000  # characters: what spaCy takes
SPAN_SHAPE = '{"start": int, "end": int, "label": str}, offsets in characters, end exclusive'


def open_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Stream a UTF-8 text file, gzip or not.

    path (Path): File to read; a ``.gz`` suffix means gzip.
    YIELDS (tuple[int, str]): Line number from 1, line without its end.
    RAISES: DataError if it is missing, a folder, unreadable or not UTF-8.
    """
    check_file(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for line_no, raw in enumerate(file, 1):
                yield line_no, decode_line(raw, path=path, line=line_no)
    except (OSError, EOFError) as err:
        raise DataError(f"can't be read: {err}", path=path) from err


def decode_line(raw: bytes, *, path: Path | str, line: int) -> str:
    """RETURNS (str): A line without its end, nor a byte order mark in line 1. RAISES: DataError if it isn't UTF-8."""
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf8").rstrip("\r\n")
    except UnicodeDecodeError as err:
        raise DataError(
            f"byte 0x{err.object[err.start]:02x} at position {err.start} is not UTF-8",
            path=path,
            line=line,
            hint="convert the file, e.g. iconv -f latin1 -t utf8",
        ) from err


def check_file(path: Path) -> None:
    """RAISES: DataError unless ``path`` is an existing, non-empty file."""
    if path.is_dir():
        raise DataError("is a folder, a file was expected", path=path)
    if not path.exists():
        raise DataError("no such file", path=path, hint="check the path, or run the step that makes it")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError("the file is empty", path=path)


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Stream the objects of a JSONL file; blank lines are skipped.

    YIELDS (tuple[int, dict]): Line number from 1, object.
    RAISES: DataError for a line that isn't a JSON object, or a file without any.
    """
    found = False
    for line_no, line in open_lines(path):
        if line.strip():
            found = True
            yield line_no, parse_line(line, path=path, line_no=line_no)
    if not found:
        raise DataError("no records in the file", path=path)


def parse_line(line: str, *, path: Path | str, line_no: int) -> dict[str, Any]:
    """RETURNS (dict): The object of a JSONL line. RAISES: DataError if it is something else."""
    try:
        record = json.loads(line)
    except ValueError as err:
        detail = f"{err.msg} (column {err.colno})" if isinstance(err, json.JSONDecodeError) else str(err)
        raise DataError(f"not valid JSON: {detail}", path=path, line=line_no) from err
    except RecursionError as err:
        raise DataError("not valid JSON: nested too deep", path=path, line=line_no) from err
    if not isinstance(record, dict):
        raise DataError(f"expected a JSON object, got {type(record).__name__}", path=path, line=line_no)
    return record


def read_utterances(path: Path) -> Iterator[Exemplar]:
    """Stream utterances from JSONL, whatever annotation they have (``spans`` may be missing).

    YIELDS (Exemplar): text, spans (maybe empty), lang, meta.
    """
    for line_no, record in read_jsonl(path):
        yield parse_utterance(record, path=path, line=line_no)


def read_exemplars(path: Path, labels: Collection[str] | None = None) -> list[Exemplar]:
    """Read annotated utterances from JSONL (``spans`` required, [] for none) or DocBin (``.spacy``).

    path (Path): The file. labels (Collection[str] | None): Known labels; None takes any.
    RAISES: DataError for overlapping spans (one span with several labels is fine), unknown labels, bad offsets.
    """
    return [exemplar for _, exemplar in number_exemplars(path, labels)]


def number_exemplars(path: Path, labels: Collection[str] | None = None) -> Iterator[tuple[int, Exemplar]]:
    """As ``read_exemplars``, streamed.

    YIELDS (tuple[int, Exemplar]): Line number from 1, exemplar; of a DocBin, which Doc it is.
    """
    if path.suffix == ".spacy":
        from .docbin import read_docbin_exemplars

        yield from enumerate(check_labels(read_docbin_exemplars(path), labels, path), 1)
        return
    for line_no, record in read_jsonl(path):
        exemplar = parse_annotated(record, path=path, line=line_no)
        check_no_overlap(exemplar, path=path, line=line_no)
        if labels is not None:
            check_known(exemplar, labels, path=path, line=line_no)
        yield line_no, exemplar


def parse_utterance(record: Mapping[str, Any], *, path: Path | str | None = None, line: int | None = None) -> Exemplar:
    """record (Mapping): One object in Prodigy's shape.

    RETURNS (Exemplar). RAISES: DataError naming the field; UnusableTextError for a string that no pipeline can take.
    """

    def fail(field: str, message: str, hint: str = "", kind: type[DataError] = DataError) -> DataError:
        return kind(message, path=path, line=line, field=field, hint=hint)

    text = record.get("text")
    if not isinstance(text, str):
        raise fail("text", "missing" if text is None else f"expected a string, got {text!r:.60}")
    if len(text) > LONGEST_TEXT:
        long = f"{len(text):,} characters, at most {LONGEST_TEXT:,} are an utterance"
        raise fail("text", long, "split or drop it", UnusableTextError)
    for field, value in record.items():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf8")
        except UnicodeEncodeError as err:
            lone = f"lone surrogate {err.object[err.start]!r}, not valid Unicode"
            raise fail(field, lone, kind=UnusableTextError) from err
    lang = record.get("lang")
    if lang is not None and not isinstance(lang, str):
        raise fail("lang", f"expected a language code such as 'en', got {lang!r:.60}")
    meta = record.get("meta")
    if meta is not None and not isinstance(meta, dict):
        raise fail("meta", f"expected an object, got {meta!r:.60}")
    raw_spans = record.get("spans")
    if raw_spans is not None and not isinstance(raw_spans, list):
        raise fail("spans", f"expected a list, got {raw_spans!r:.60}")
    spans = []
    for i, raw in enumerate(raw_spans or ()):
        name = f"spans[{i}]"
        if not isinstance(raw, dict):
            raise fail(name, f"expected {SPAN_SHAPE}, got {raw!r:.60}")
        start, end, label = raw.get("start"), raw.get("end"), raw.get("label")
        # bool is an int in Python, never an offset here
        if type(start) is not int or type(end) is not int:
            raise fail(name, f"expected {SPAN_SHAPE}, got {raw!r:.80}")
        if not isinstance(label, str) or not label:
            raise fail(f"{name}.label", f"expected a label, got {label!r:.60}")
        if not 0 <= start < end <= len(text):
            raise fail(name, f"offsets {start}..{end} are outside the text of {len(text)} characters or empty")
        if text[start].isspace() or text[end - 1].isspace():
            raise fail(name, f"{text[start:end]!r} ({start}..{end}) starts or ends with white space", "trim the span")
        spans.append(LabelledSpan(start, end, label))
    return Exemplar(text=text, spans=tuple(spans), lang=lang, meta=meta or {})


def parse_annotated(record: Mapping[str, Any], *, path: Path | None = None, line: int | None = None) -> Exemplar:
    """As ``parse_utterance``, of an annotated utterance. RAISES: DataError if it has no ``spans``, not even []."""
    if "spans" not in record:
        raise DataError(
            "missing", path=path, line=line, field="spans", hint='write "spans": [] where there is no entity'
        )
    return parse_utterance(record, path=path, line=line)


def check_no_overlap(exemplar: Exemplar, *, path: Path | None = None, line: int | None = None) -> None:
    """RAISES: DataError if two different spans overlap. One span with several labels is multi-label, and fine."""
    bounds = sorted({(span.start, span.end) for span in exemplar.spans})
    for (start, end), (next_start, next_end) in pairwise(bounds):
        if next_start < end:
            raise DataError(
                f"{exemplar.text[start:end]!r} ({start}..{end}) overlaps "
                f"{exemplar.text[next_start:next_end]!r} ({next_start}..{next_end})",
                path=path,
                line=line,
                field="spans",
                hint="keep the longest right one; several labels on one span are allowed",
            )


def check_known(
    exemplar: Exemplar, labels: Collection[str], *, path: Path | None = None, line: int | None = None
) -> None:
    """RAISES: DataError for a label outside ``labels``."""
    for i, span in enumerate(exemplar.spans):
        if span.label not in labels:
            raise DataError(
                f"unknown label {span.label!r}",
                path=path,
                line=line,
                field=f"spans[{i}].label",
                hint="known labels: " + ", ".join(sorted(labels)),
            )


def check_labels(exemplars: list[Exemplar], labels: Collection[str] | None, path: Path) -> list[Exemplar]:
    """Check a list that has no line numbers; RETURNS the list."""
    for number, exemplar in enumerate(exemplars, 1):
        check_no_overlap(exemplar, path=path, line=number)
        if labels is not None:
            check_known(exemplar, labels, path=path, line=number)
    return exemplars


def read_labels(source: Path | str | Mapping[str, Any]) -> dict[str, str]:
    """Read label descriptions.

    source (Path | str | Mapping): A YAML file (label → description, or label → {description, …}), or such a mapping.
    RETURNS (dict[str, str]): Label → description, in the file's order.
    """
    path: Path | None = None
    data: Any = source
    if not isinstance(source, Mapping):
        import yaml

        path = Path(source)
        text = "\n".join(line for _, line in open_lines(path))
        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as err:  # a date that doesn't exist is a ValueError
            raise DataError(f"not valid YAML: {err}".replace("\n", " "), path=path) from err
        except RecursionError as err:
            raise DataError("not valid YAML: nested too deep", path=path) from err
    if not isinstance(data, Mapping) or not data:
        raise DataError("expected a mapping of label to description", path=path)
    labels = {}
    for label, value in data.items():
        description = value.get("description") if isinstance(value, Mapping) else value
        if not isinstance(label, str) or not isinstance(description, str) or not description.strip():
            raise DataError(
                f"expected a description, got {description!r:.60}", path=path, field=str(label), hint="label: text"
            )
        labels[label] = " ".join(description.split())
    return labels


def to_record(exemplar: Exemplar) -> dict[str, Any]:
    """RETURNS (dict): The JSONL object of an exemplar, Prodigy's shape."""
    record: dict[str, Any] = {
        "text": exemplar.text,
        "spans": [{"start": s.start, "end": s.end, "label": s.label} for s in exemplar.spans],
        "lang": exemplar.lang,
    }
    if exemplar.meta:
        record["meta"] = dict(exemplar.meta)
    return record


def normalize_text(text: str) -> str:
    """RETURNS (str): Case-folded text with single spaces and no outer punctuation, to tell the same utterance again."""
    return " ".join(text.casefold().split()).strip(" .,;:!?¡¿\"'")


def without_accents(text: str) -> str:
    """RETURNS (str): Compatibility forms taken apart and combining marks gone: "Beyoncé" → "Beyonce"."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def unique_texts(exemplars: Iterable[Exemplar]) -> set[str]:
    """RETURNS (set[str]): The normalised texts of exemplars."""
    return {normalize_text(exemplar.text) for exemplar in exemplars}
