"""Which format a file is in, by its name where that settles it, else by its content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError

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


def detect_text(path: Path, lines: Sequence[str]) -> str:
    """lines (Sequence[str]): A whole text file. RETURNS (str): Its format. RAISES: DataError if none is like it."""
    from .iob_lines import looks_like_iob

    filled = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        raise DataError("nothing but blank lines in the file", path=path)
    head = filled[:200]
    if any(line.startswith("#begin document") for _, line in head):
        return "conll2012"
    if any(line.lstrip().startswith(("<DOC ", "<DOC>")) or "<ENAMEX " in line for _, line in head):
        return "enamex"
    if looks_like_iob([line for _, line in head]):
        return "iob"
    for number, line in head:
        if len(line.split(maxsplit=2)) < 2:
            raise DataError(
                f"in no known format: {line!r:.60} is neither JSON nor a word with a tag",
                path=path,
                line=number,
                hint=KNOWN + "; choose one with --format",
            )
    return "columns"


def detect_record(record: Any) -> str:
    """record: The first JSON value of a file. RETURNS (str): Format; "jsonl" where nothing else fits."""
    if isinstance(record, list):
        return "entity-json"
    if not isinstance(record, dict) or "spans" in record:
        return "jsonl"
    if any(isinstance(record.get(key), list) for key in ("tokens", "tokenized_text", "words")):
        return "token-json"
    if "text" not in record and "sentence" not in record:
        return "jsonl"
    return "entity-json" if {"entities", "label", "labels", "sentence"} & record.keys() else "jsonl"


def first_json(head: bytes) -> Any:
    """head (bytes): Beginning of a file. RETURNS: The JSON value of its first line; None if it is none."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return None
    line = start.partition(b"\n")[0]
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
