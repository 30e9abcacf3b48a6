"""Which format a file is in, by its name where that settles it, else by its content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError
from .iob_lines import looks_like_iob
from .json_values import json_values
from .schemes import split_tag

FORMATS = {
    "jsonl": 'JSONL in Prodigy\'s shape: {"text", "spans": [{"start", "end", "label"}]}',
    "docbin": "spaCy's DocBin (.spacy)",
    "columns": "a token a line with its tag: CoNLL-2002, CoNLL-2003, WNUT-17, MultiCoNER, .bio, .iob, .conll",
    "conll2012": "OntoNotes as in CoNLL-2011/2012 (*_conll, '#begin document')",
    "enamex": 'OntoNotes .name files (<ENAMEX TYPE="PERSON">)',
    "iob": "a sentence a line, word|tag or word|pos|tag, as `spacy convert` takes it",
    "token-json": 'JSON lines of tokens and tags: {"tokens": […], "ner_tags": […]}; GLiNER\'s',
    "entity-json": 'JSON lines of texts and entities: {"text", "entities": [[start, end, label]]}',
}
KNOWN = "known formats: " + ", ".join(FORMATS)


def detect_text(path: Path, lines: Sequence[str], *, by_options: bool = False) -> str:
    """lines (Sequence[str]): A whole text file. by_options (bool): Whether options speak of columns, so it has some.

    RETURNS (str): Its format. RAISES: DataError if none is like it, with the first line that doesn't fit.
    """
    filled = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        raise DataError("nothing but blank lines in the file", path=path)
    head = filled[:200]
    number, line = filled[0]
    if line.lstrip()[0] in "{[" and not _is_row(line):
        for _, value in json_values(path, lines):
            return _whole(detect_record(value))
    if any(line.startswith("#begin document") for _, line in head):
        return "conll2012"
    if any(line.lstrip().startswith(("<DOC ", "<DOC>")) or "<ENAMEX " in line for _, line in head):
        return "enamex"
    if looks_like_iob([line for _, line in head]):
        return "iob"
    rows = [(number, line) for number, line in head if not line.startswith(("# ", "-DOCSTART-"))]
    odd = [(number, line) for number, line in rows if not _is_row(line)]
    if not by_options and rows and 10 * len(odd) > 9 * len(rows):
        number, line = odd[0]
        raise DataError(
            f"in no known format: {line!r:.60} is neither JSON nor a word with its tag",
            path=path,
            line=number,
            hint=KNOWN + "; choose one with --format",
        )
    return "columns"


def _is_row(line: str) -> bool:
    cells = line.split()
    return len(cells) > 1 and any(split_tag(cell) is not None for cell in cells)


def _whole(format: str) -> str:
    # convner's own shape is read line by line; over many lines it is a list of texts with spans all the same.
    return "entity-json" if format == "jsonl" else format


def detect_record(record: Any) -> str:
    """record: The first JSON value of a file. RETURNS (str): Format; "jsonl" where nothing else fits."""
    if isinstance(record, list):
        return _whole(detect_record(record[0])) if record and isinstance(record[0], dict) else "entity-json"
    if isinstance(record, dict) and isinstance(record.get("data"), list):
        return detect_record(record["data"])
    if not isinstance(record, dict) or "spans" in record:
        return "jsonl"
    tokens = any(isinstance(record.get(key), list) for key in ("tokens", "tokenized_text", "words"))
    has_text = "text" in record or "sentence" in record
    # A text with entities beside its tokens counts them in characters, unless every token has its tag.
    if tokens and (not has_text or any(isinstance(record.get(key), list) for key in ("ner_tags", "tags", "ner"))):
        return "token-json"
    if not has_text:
        return "jsonl"
    return "entity-json" if {"entities", "label", "labels", "sentence"} & record.keys() else "jsonl"


def is_json(head: bytes) -> bool:
    """RETURNS (bool): Whether a file that begins so looks like JSON."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def detect_head(head: bytes) -> str | None:
    """head (bytes): Beginning of a file. RETURNS (str | None): Format, if its first line is JSON by itself."""
    if not is_json(head):
        return None
    try:
        value = json.loads(head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0])
    except (ValueError, RecursionError):
        return None
    return detect_record(value)
