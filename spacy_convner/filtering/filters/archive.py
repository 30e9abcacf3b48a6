"""A fitted filter in one file: numbers and JSON in an ``.npz`` archive, no pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """RETURNS (bytes): The same for the same meta and arrays in the same order."""
    buffer = io.BytesIO()
    written = np.frombuffer(json.dumps(meta).encode("utf8"), dtype=np.uint8)
    np.savez_compressed(buffer, **{"meta": written, **arrays})  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """data (bytes): From ``pack``. RETURNS (tuple): meta and arrays. RAISES: Whatever numpy, zipfile and json raise for
    damaged bytes.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive}
    return json.loads(arrays.pop("meta").tobytes()), arrays
