"""Stream catalog entries from JSONL, CSV, TSV and Parquet files or from standard input, checked."""

from __future__ import annotations

import csv
import glob
import json
import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError, MissingExtraError
from ...leaks import fold_name, read_names
from ...records import check_file, open_lines, read_jsonl
from ...ty import CatalogEntry, EntrySource
from ..normalization.words import CONTROL

COLUMNS = ("text", "label", "id", "popularity", "aliases", "lang")
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
LONGEST_NAME = 1000
STDIN = "-"


def as_catalog_path(given: object) -> Path:
    """RETURNS (Path): What was given as a catalog, not looked at yet. RAISES: ConfigError for anything but a path."""
    if isinstance(given, Path) or (isinstance(given, str) and given.strip()):
        return Path(given)
    raise ConfigError(
        f"a catalog is the path of a file ({', '.join(SUFFIXES)}), of a folder of them, or of an index that convner "
        f"catalog build made; got {type(given).__name__} {given!r:.60}. For entries in memory: "
        'add([CatalogEntry("Adele", "Artist"), …])'
    )


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


def read_catalog(path: Path, removal: bool = False) -> Iterator[CatalogEntry]:
    """Stream the entries of a catalog.

    path (Path): A file, a folder or a glob pattern; see ``catalog_files``.
    YIELDS (CatalogEntry): In the order of the files. ids are made from label and text where a record has none.
    RAISES: DataError naming file, line and field; also for a catalog without any entry.
    """
    found = False
    for file in catalog_files(path):
        for line, record in _READERS.get(_suffix(file), _read_table)(file):
            found = True
            yield parse_entry(record, path=file, line=line, removal=removal)
    if not found:
        raise DataError("the catalog has no entries", path=path)


def read_catalogs(inputs: Iterable[str | Path], removal: bool = False) -> Iterator[CatalogEntry]:
    """Stream the entries of several catalogs, one after the other.

    inputs (Iterable[str | Path]): Files, folders and glob patterns; "-" is JSONL on standard input.
    removal (bool): Whether they name what to remove: then label and id are enough.
    YIELDS (CatalogEntry). RAISES: DataError as ``read_catalog``.
    """
    for source in inputs:
        if str(source) == STDIN:
            name = Path("<standard input>")
            for line, raw in enumerate(sys.stdin.buffer, 1):
                if raw.strip():
                    yield parse_entry(_json_object(raw, name, line), path=name, line=line, removal=removal)
        else:
            yield from read_catalog(Path(source), removal)


def make_catalog_records(path: str | Path, exclude: str | list[str] | None = None) -> EntrySource:
    """Create a ``spacy_convner.CatalogRecords.v1``: the entries of a catalog, for parts that only need names.

    path (str | Path): A file, a folder or a glob pattern; see ``catalog_files``.
    exclude (str | list[str] | None): Files of names to leave out, such as the unseen entities of a test set: ``.txt``,
        JSONL or DocBin, or catalog records (see ``read_excluded``). An entry goes if its name or an alias is there.
    RETURNS (EntrySource): Streams the entries at every call.
    """
    return partial(_read_without, Path(path), exclude if exclude is not None else [])


def _read_without(path: Path, exclude: str | list[str]) -> Iterator[CatalogEntry]:
    return without_names(read_catalog(path), read_excluded(exclude))


def read_excluded(sources: Path | str | Sequence[Path | str]) -> set[str]:
    """Read names to leave out of a catalog: what ``leaks.read_names`` takes, and catalog records of any kind.

    RETURNS (set[str]): Folded. RAISES: DataError, also for a file without a name; ConfigError for an empty path.
    """
    names: set[str] = set()
    for source in [sources] if isinstance(sources, str | Path) else sources:
        if _suffix(Path(source)) in (".csv", ".tsv", ".parquet"):
            names.update(fold_name(name) for entry in read_catalog(Path(source)) for name in _surfaces(entry))
        else:
            names |= read_names(source)
    return names


class LeftOut:
    """Counts what ``without_names`` left out: ``entries`` (int) and which ``names`` (set[str], folded) it met."""

    def __init__(self) -> None:
        self.entries = 0
        self.names: set[str] = set()


def without_names(
    entries: Iterable[CatalogEntry], names: Collection[str], left_out: LeftOut | None = None
) -> Iterator[CatalogEntry]:
    """Leave entries out of which a name or alias is among ``names``.

    names (Collection[str]): Folded, see ``leaks``. left_out (LeftOut | None): Counts while the stream is read.
    YIELDS (CatalogEntry): The others. RAISES: DataError where nothing is left.
    """
    if left_out is None:
        left_out = LeftOut()
    kept = False
    for entry in entries:
        found = {name for name in map(fold_name, _surfaces(entry)) if name in names} if names else None
        if found:
            left_out.entries += 1
            left_out.names |= found
        else:
            kept = True
            yield entry
    if left_out.entries and not kept:
        raise DataError(f"all {left_out.entries:,} entries of the catalog have a name that is to be left out")


def _surfaces(entry: CatalogEntry) -> tuple[str, ...]:
    return (entry.text, *entry.aliases)


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        import pyarrow.parquet
    except ImportError as err:
        raise MissingExtraError(f"reading {path.name}", "pyarrow", "parquet") from err
    check_file(path)
    try:
        file = pyarrow.parquet.ParquetFile(path)
        columns = [name for name in COLUMNS if name in file.schema_arrow.names]
        missing = [name for name in ("text", "label") if name not in columns]
        if missing:
            raise DataError(
                f"no column {missing[0]!r}; found {file.schema_arrow.names}",
                path=path,
                hint=f"name the columns: {', '.join(COLUMNS)} (text and label are required)",
            )
        row = 0
        for batch in file.iter_batches(batch_size=10_000, columns=columns):
            for record in batch.to_pylist():
                row += 1
                yield row, {name: value for name, value in record.items() if value is not None}
    except (pyarrow.ArrowInvalid, OSError) as err:
        raise DataError(f"not a Parquet file that can be read: {err}", path=path) from err


def _json_object(raw: bytes, path: Path, line: int) -> dict[str, Any]:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise DataError(f"not valid JSON: {err}", path=path, line=line) from err
    if not isinstance(record, dict):
        raise DataError(f"expected a JSON object, got {type(record).__name__}", path=path, line=line)
    return record


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


def parse_entry(
    record: dict[str, Any], *, path: Path | None = None, line: int | None = None, removal: bool = False
) -> CatalogEntry:
    """record (dict): Columns text, label, and maybe id, popularity, aliases, lang.

    removal (bool): Whether the id may stand for the text. RAISES: DataError.
    """

    def fail(field: str, message: str, hint: str = "") -> DataError:
        return DataError(message, path=path, line=line, field=field, hint=hint)

    unknown = [column for column in record if column not in COLUMNS]
    text, label = record.get("text"), record.get("label")
    if removal and not text and record.get("id"):
        text = str(record["id"])
    for field, value in (("text", text), ("label", label)):
        if not isinstance(value, str) or not value.strip():
            hint = f"found {unknown}; name the columns {', '.join(COLUMNS)}" if unknown and value is None else ""
            raise fail(field, "missing or empty" if not value else f"expected a string, got {value!r:.60}", hint)
    assert isinstance(text, str)
    assert isinstance(label, str)
    entry_id = record.get("id")
    if entry_id is not None and (not isinstance(entry_id, str | int) or entry_id == ""):
        raise fail("id", f"expected a string that isn't empty, got {entry_id!r:.60}")
    try:
        popularity = math.nan if record.get("popularity") is True else float(record.get("popularity") or 0.0)
    except (TypeError, ValueError, OverflowError):
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
    text, label = " ".join(text.split()), " ".join(label.split())
    aliases = [" ".join(alias.split()) for alias in aliases if alias.strip()]
    written = [("text", text), ("label", label), ("id", str(entry_id or "")), ("lang", lang or "")]
    for field, value in written + [("aliases", alias) for alias in aliases]:
        if len(value) > LONGEST_NAME:
            raise fail(
                field, f"{len(value):,} characters, at most {LONGEST_NAME:,} are a name", "cut it or drop the row"
            )
        if found := CONTROL.search(value):
            raise fail(field, f"control character {found[0]!r} at position {found.start()}", "remove it")
        try:
            value.encode("utf8")
        except UnicodeEncodeError:
            raise fail(field, "lone surrogate, not valid Unicode") from None
    return CatalogEntry(
        text=text,
        label=label,
        id=str(entry_id) if entry_id is not None else f"{label}:{text}",
        popularity=popularity,
        aliases=tuple(aliases),
        lang=lang,
    )


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]] = {
    ".jsonl": read_jsonl,
    ".parquet": _read_parquet,
}
