"""The utterances of a file, row by row. What no pipeline can take becomes a reason, not an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from ..errors import DataError, UnusableTextError
from ..records import decode_line, parse_line, parse_utterance
from ..ty import Exemplar
from .parquet_rows import read_parquet
from .sources import SourceFile, open_binary

LONGEST_WORD = 2_000  # characters: spaCy's tokenizer takes the square of it, 0.8 s of "!!!…"
_TOO_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1}}}")


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance of a file, or why it is none.

    number (int): Line of a JSONL file, else row, from 1. utterance (Exemplar | None): None where it is rejected.
    reason (str): Why. offset (int): Bytes before its line, of JSONL that isn't compressed.
    """

    number: int
    utterance: Exemplar | None
    reason: str = ""
    offset: int = 0


def read_rows(
    source: SourceFile, *, first: int = 1, offset: int = 0, line: int = 1, keep_meta: bool = True
) -> Iterator[Row]:
    """Stream a file.

    source (SourceFile): The file. first (int): Row to begin with, from 1; blank lines are no rows.
    offset, line (int): Where that row is, of a file that can be read from its middle: bytes before it, its line number.
    keep_meta (bool): Whether ``meta`` is wanted; of Parquet it isn't read otherwise.
    YIELDS (Row): Every row from there on.
    RAISES: DataError naming file, line or row, and field, for a file that isn't what it says it is.
    """
    if source.kind == "parquet":
        for number, record in read_parquet(source.path, first, keep_meta):
            yield _parquet_row(number, record, source.path)
        return
    with open_binary(source.path) as file:
        if source.kind == "docbin":
            rows = _docbin_rows(file, source.path)
        elif source.splits and offset:
            file.seek(offset)
            yield from _jsonl_rows(file, source.path, offset, line)
            return
        else:
            rows = _jsonl_rows(file, source.path, 0, 1)
        for number, row in enumerate(rows, 1):
            if number >= first:
                yield row


def _row(number: int, record: Mapping[str, Any], path: str, offset: int = 0) -> Row:
    if "text" in record and record["text"] is None:
        return Row(number, None, "field 'text': null", offset)
    try:
        utterance = parse_utterance(record, path=path, line=number)
    except UnusableTextError as err:
        return Row(number, None, f"field '{err.field}': {err.message}", offset)
    if len(utterance.text) > LONGEST_WORD and _TOO_LONG.search(utterance.text):
        return Row(number, None, f"field 'text': more than {LONGEST_WORD:,} characters without a space", offset)
    return Row(number, utterance, "", offset)


def _jsonl_rows(file: IO[bytes], path: str, offset: int, line: int) -> Iterator[Row]:
    found = False
    for number, raw in enumerate(file, line):
        text = decode_line(raw, path=path, line=number)
        if text.strip():
            found = True
            yield _row(number, parse_line(text, path=path, line_no=number), path, offset)
        offset += len(raw)
    if not found and line == 1:
        raise DataError("no records in the file", path=path)


def _docbin_rows(file: IO[bytes], path: str) -> Iterator[Row]:
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    from ..attrs import get_doc_lang, get_doc_meta
    from ..docbin import not_a_docbin, quick_msgpack

    with quick_msgpack():
        try:
            docs = DocBin(store_user_data=True).from_bytes(file.read())
        except OSError:
            raise
        except Exception as err:
            raise not_a_docbin(err, path) from err
        for number, doc in enumerate(docs.get_docs(Vocab()), 1):
            yield _row(number, {"text": doc.text, "lang": get_doc_lang(doc), "meta": get_doc_meta(doc)}, path)


def _parquet_row(number: int, record: dict[str, Any], path: str) -> Row:
    for name, value in record.items():
        if isinstance(value, UnicodeDecodeError):
            return Row(number, None, f"field '{name}': byte 0x{value.object[value.start]:02x} is not UTF-8")
    return _row(number, record, path)
