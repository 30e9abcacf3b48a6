"""Rows of a Parquet file: columns ``text``, maybe ``lang`` and ``meta``, streamed by row groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import DataError, MissingExtraError
from .sources import open_binary

_COLUMNS = ("text", "lang", "meta")
_BATCH = 1024  # rows in memory at once


def read_parquet(path: str, first: int = 1, keep_meta: bool = True) -> Iterator[tuple[int, dict[str, Any]]]:
    """Stream a file from row ``first`` on; row groups before it aren't read, nor ``meta`` unless it is kept.

    YIELDS (tuple[int, dict]): Row from 1, record. A UnicodeDecodeError stands where a text isn't UTF-8: Arrow doesn't
        check that.
    RAISES: DataError for a file that isn't Parquet or has no ``text`` column; MissingExtraError.
    """
    with _open_parquet(path) as file:
        wanted = _COLUMNS if keep_meta else _COLUMNS[:2]
        columns = [name for name in wanted if name in file.schema_arrow.names]
        groups: list[int] = []
        number = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if groups or number + rows >= first:
                groups.append(group)
            else:
                number += rows
        for batch in file.iter_batches(batch_size=_BATCH, row_groups=groups, columns=columns):
            values = [(name, _values(batch.column(name))) for name in columns]
            for i in range(batch.num_rows):
                number += 1
                if number >= first:
                    yield number, _record({name: column[i] for name, column in values}, path, number)


def count_parquet(path: str) -> int:
    """RETURNS (int): Rows of a file, from its footer. RAISES: As ``read_parquet``."""
    with _open_parquet(path) as file:
        return int(file.metadata.num_rows)


@contextmanager
def _open_parquet(path: str) -> Iterator[Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as err:
        raise MissingExtraError(f"reading {path}", "pyarrow", "parquet") from err
    try:
        with open_binary(path) as raw:
            file = pyarrow.parquet.ParquetFile(raw)
            _check_schema(file.schema_arrow, path)
            yield file
    except pyarrow.ArrowException as err:
        message = str(err).splitlines()[0]
        raise DataError(f"not a Parquet file that can be read: {message}", path=path) from err


def _check_schema(schema: Any, path: str) -> None:
    import pyarrow

    if "text" not in schema.names:
        names = ", ".join(schema.names)
        raise DataError(f"no such column, the file has {names}", path=path, field="text", hint="rename the column")
    for name in _COLUMNS:
        if schema.names.count(name) > 1:
            raise DataError("more than one column of this name", path=path, field=name)
    types = pyarrow.types
    for name in ("text", "lang"):
        kind = schema.field(name).type if name in schema.names else pyarrow.string()
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not any(is_text(kind) for is_text in (types.is_string, types.is_large_string, types.is_null)):
            raise DataError(f"expected a column of strings, got {kind}", path=path, field=name)


def _record(record: dict[str, Any], path: str, number: int) -> dict[str, Any]:
    meta = record.get("meta")
    try:
        if isinstance(meta, str):
            meta = json.loads(meta) if meta.strip() else None
        elif meta is not None and not isinstance(meta, Exception):
            found = dict(meta) if isinstance(meta, list) else meta  # a map is a list of pairs
            meta = json.loads(json.dumps(found, default=str))
    except (ValueError, TypeError) as err:
        raise DataError("expected JSON, a struct or a map", path=path, line=number, field="meta") from err
    return record if "meta" not in record else {**record, "meta": meta}


def _values(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(item) for item in column]


def _value(item: Any) -> Any:
    try:
        return item.as_py()
    except UnicodeDecodeError as err:
        return err
