"""Stream catalog entries from JSONL, CSV and TSV files, checked."""

from __future__ import annotations

import csv
import glob
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...records import check_file, open_lines, read_jsonl
from ...ty import CatalogEntry, EntrySource

COLUMNS = ("text", "label", "id", "popularity", "aliases", "lang")
SUFFIXES = (".jsonl", ".csv", ".tsv")


def catalog_files(path: Path) -> list[Path]:
    """List the files of a catalog.

    path (Path): A file, a folder (every catalog file under it) or a glob pattern.
    RETURNS (list[Path]): Sorted. RAISES: DataError if there is none.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and _suffix(p) in SUFFIXES)
        if not files:
            raise DataError(f"no catalog file ({', '.join(SUFFIXES)}, .gz too) in this folder", path=path)
        return files
    if not path.exists() and glob.has_magic(str(path)):
        files = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        if not files:
            raise DataError("no file matches this pattern", path=path)
        return files
    check_file(path)
    if _suffix(path) not in SUFFIXES:
        raise DataError(f"unknown kind of catalog file, expected {', '.join(SUFFIXES)} (or such with .gz)", path=path)
    return [path]


def read_catalog(path: Path) -> Iterator[CatalogEntry]:
    """Stream the entries of a catalog.

    path (Path): A file, a folder or a glob pattern; see ``catalog_files``.
    YIELDS (CatalogEntry): In the order of the files. ids are made from label and text where a record has none.
    RAISES: DataError naming file, line and field; also for a catalog without any entry.
    """
    found = False
    for file in catalog_files(path):
        rows = read_jsonl(file) if _suffix(file) == ".jsonl" else _read_table(file)
        for line, record in rows:
            found = True
            yield parse_entry(record, path=file, line=line)
    if not found:
        raise DataError("the catalog has no entries", path=path)


def make_catalog_records(path: str | Path) -> EntrySource:
    """Create a ``spacy_convner.CatalogRecords.v1``: the entries of a catalog, for parts that only need names.

    path (str | Path): A file, a folder or a glob pattern; see ``catalog_files``.
    RETURNS (EntrySource): Streams the entries at every call.
    """
    return partial(read_catalog, Path(path))


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _read_table(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # csv needs line ends inside quoted fields; names have none, so lines are fed as they are.
    delimiter = "\t" if _suffix(path) == ".tsv" else ","
    reader = csv.DictReader((line for _, line in open_lines(path)), delimiter=delimiter, strict=True)
    try:
        missing = [name for name in ("text", "label") if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(
                f"no column {missing[0]!r}; found {list(reader.fieldnames or ())}",
                path=path,
                line=1,
                hint=f"the first line must name the columns: {', '.join(COLUMNS)} (text and label are required)",
            )
        for row in reader:
            if None in row:
                raise DataError(
                    f"{len(row[None])} more fields than columns",
                    path=path,
                    line=reader.line_num,
                    hint="quote a name that has the delimiter in it",
                )
            yield reader.line_num, {name: value for name, value in row.items() if value not in (None, "")}
    except csv.Error as err:
        raise DataError(f"not a valid table: {err}", path=path, line=reader.line_num) from err


def parse_entry(record: dict[str, Any], *, path: Path | None = None, line: int | None = None) -> CatalogEntry:
    """record (dict): Columns text, label, and maybe id, popularity, aliases, lang. RAISES: DataError."""

    def fail(field: str, message: str, hint: str = "") -> DataError:
        return DataError(message, path=path, line=line, field=field, hint=hint)

    text, label = record.get("text"), record.get("label")
    for field, value in (("text", text), ("label", label)):
        if not isinstance(value, str) or not value.strip():
            raise fail(field, "missing or empty" if not value else f"expected a string, got {value!r:.60}")
    assert isinstance(text, str)
    assert isinstance(label, str)
    entry_id = record.get("id")
    if entry_id is not None and not isinstance(entry_id, str | int):
        raise fail("id", f"expected a string, got {entry_id!r:.60}")
    try:
        popularity = float(record.get("popularity") or 0.0)
    except (TypeError, ValueError):
        popularity = math.nan
    if not math.isfinite(popularity) or popularity < 0:
        raise fail("popularity", f"expected a number of 0 or more, got {record.get('popularity')!r:.60}")
    aliases = record.get("aliases") or []
    if isinstance(aliases, str):
        aliases = aliases.split("|")
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise fail("aliases", f"expected a list of strings, got {aliases!r:.60}", "in CSV and TSV: one|two|three")
    lang = record.get("lang")
    if lang is not None and not isinstance(lang, str):
        raise fail("lang", f"expected a language code such as 'en', got {lang!r:.60}")
    try:
        "".join([text, label, *aliases]).encode("utf8")
    except UnicodeEncodeError:
        raise fail("text", "lone surrogate, not valid Unicode") from None
    text = " ".join(text.split())
    return CatalogEntry(
        text=text,
        label=label.strip(),
        id=str(entry_id) if entry_id is not None else f"{label.strip()}:{text}",
        popularity=popularity,
        aliases=tuple(" ".join(alias.split()) for alias in aliases if alias.strip()),
        lang=lang,
    )
