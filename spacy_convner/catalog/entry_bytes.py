"""Catalog entries as bytes, for pipelines kept as such: gzipped JSONL, the same for the same entries."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from ..errors import DataError
from ..ty import CatalogEntry


def dump_entries(entries: Iterable[CatalogEntry]) -> bytes:
    """RETURNS (bytes): For ``restore_entries``."""
    lines = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
    return gzip.compress("".join(lines).encode("utf8"), mtime=0)


def restore_entries(data: bytes, name: str) -> Iterator[CatalogEntry]:
    """data (bytes): What ``dump_entries`` gave. name (str): Of the component, for the error.

    RETURNS (Iterator[CatalogEntry]). RAISES: DataError if the bytes are damaged.
    """
    try:
        if not data:  # gzip takes nothing for an empty file
            raise EOFError("empty file")
        lines = gzip.decompress(data).decode("utf8").split("\n")
    except (OSError, EOFError, zlib.error) as err:
        raise DataError(f"the saved catalog of '{name}' is damaged: {err}") from err
    records = (json.loads(line) for line in lines if line)
    return (CatalogEntry(**{**record, "aliases": tuple(record["aliases"])}) for record in records)
