"""The saved state of a filter component: a zip of JSON and the filter's own bytes, no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

from ..errors import DataError


def pack(labels: Mapping[str, str], state: bytes | None) -> bytes:
    """labels (Mapping): Descriptions. state (bytes | None): Of a fitted filter. RETURNS (bytes): The archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # ZipInfo without a time: the same state gives the same bytes.
        archive.writestr(zipfile.ZipInfo("labels.json"), json.dumps(dict(labels), ensure_ascii=False))
        if state is not None:
            archive.writestr(zipfile.ZipInfo("filter.bin"), state)
    return buffer.getvalue()


def unpack(data: bytes, name: str) -> tuple[dict[str, str], bytes | None]:
    """name (str): Of the component. RETURNS (tuple): What ``pack`` was given. RAISES: DataError if it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            labels = json.loads(archive.read("labels.json"))
            return labels, archive.read("filter.bin") if "filter.bin" in archive.namelist() else None
    except Exception as err:  # zip, zlib, key and JSON errors: all mean a damaged file
        raise DataError(f"the saved state of '{name}' is damaged: {err}") from err
