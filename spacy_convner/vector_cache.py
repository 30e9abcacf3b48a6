"""Vectors kept by the content of their texts, so that nobody embeds the same twice."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .atomic import atomic_path
from .errors import ConvnerError
from .ty import Embedder, Matrix

logger = logging.getLogger(__name__)


def cached_vectors(
    texts: Sequence[str], embedder: Embedder, cache_dir: Path | None, make: Callable[[], Matrix]
) -> Matrix:
    """Read the matrix of the very same texts and embedder, or make and keep it.

    cache_dir (Path | None): Folder of ``.npy`` files named by SHA-256 of embedder and texts; None doesn't cache. A
        damaged file, or a folder that can't be written, costs time only.
    make (Callable): Gives the matrix, shape (n, d), float32. RETURNS (Matrix): Shape (n, d).
    """
    if cache_dir is None:
        return make()
    digest = hashlib.sha256(embedder.fingerprint.encode("utf8"))
    for text in texts:
        data = text.encode("utf8")
        digest.update(len(data).to_bytes(8, "big") + data)
    file = cache_dir / f"{digest.hexdigest()}.npy"
    if file.is_file():
        try:
            matrix: Matrix = np.load(file, allow_pickle=False)
            if matrix.ndim == 2 and matrix.shape[0] == len(texts) and matrix.dtype == np.float32:
                return matrix
        except (OSError, ValueError, EOFError):
            pass
        logger.warning("Ignoring the damaged cache file %s.", file)
    made = make()
    try:
        with atomic_path(file) as temporary, temporary.open("wb") as out:
            np.save(out, made, allow_pickle=False)
    except (ConvnerError, OSError) as err:
        logger.warning("Vectors aren't cached: %s", err)
    return made
