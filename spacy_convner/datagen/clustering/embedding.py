"""Vectors of many texts in bounded memory, resumable: a chunk at a time, each kept by its content."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...atomic import atomic_path
from ...errors import ConvnerError, FilterError
from ...ty import Embedder, Matrix

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

CHUNK = 2048  # texts that are embedded and kept together
IN_MEMORY = 256_000_000  # bytes of vectors above which they go to a file that is mapped


def embed_texts(
    texts: Sequence[str],
    embedder: Embedder,
    *,
    cache_dir: Path | None = None,
    on_done: Callable[[int], object] | None = None,
) -> Matrix:
    """Embed texts chunk by chunk.

    cache_dir (Path | None): Folder of ``.npy`` files, a chunk each, named by SHA-256 of embedder and texts: a run that
        was interrupted goes on where it stopped. A damaged file, or a folder that can't be written, costs time only.
    on_done (Callable | None): Called with the number of texts done.
    RETURNS (Matrix): Shape (n, d). Large ones are mapped from a temporary file that is already unlinked.
    RAISES: FilterError if the embedder gives something else than n vectors of one width.
    """
    matrix: Matrix = np.zeros((0, 0), dtype=np.float32)
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        vectors = _embed_chunk(chunk, embedder, cache_dir)
        if start == 0:
            matrix = _room_for(len(texts), vectors.shape[1])
        if vectors.shape != (len(chunk), matrix.shape[1]):
            raise FilterError(f"the embedder gave vectors of shape {vectors.shape} for {len(chunk)} texts")
        matrix[start : start + len(chunk)] = vectors
        if on_done is not None:
            on_done(len(chunk))
    return matrix


def _embed_chunk(texts: Sequence[str], embedder: Embedder, cache_dir: Path | None) -> Matrix:
    if cache_dir is None:
        return np.asarray(embedder(texts), dtype=np.float32)
    digest = hashlib.sha256(embedder.fingerprint.encode("utf8"))
    for text in texts:
        data = text.encode("utf8")
        digest.update(len(data).to_bytes(8, "big") + data)
    file = cache_dir / f"{digest.hexdigest()}.npy"
    if file.is_file():
        try:
            kept: Matrix = np.load(file, allow_pickle=False)
            if kept.ndim == 2 and len(kept) == len(texts) and kept.dtype == np.float32:
                return kept
        except (OSError, ValueError, EOFError):
            pass
        logger.warning("Ignoring the damaged cache file %s.", file)
    vectors = np.asarray(embedder(texts), dtype=np.float32)
    try:
        with atomic_path(file) as temporary, temporary.open("wb") as out:
            np.save(out, vectors, allow_pickle=False)
    except (ConvnerError, OSError) as err:
        logger.warning("Vectors aren't cached: %s", err)
    return vectors


def _room_for(rows: int, columns: int) -> Matrix:
    if rows * columns * 4 <= IN_MEMORY:
        return np.zeros((rows, columns), dtype=np.float32)
    with tempfile.NamedTemporaryFile(prefix="convner-vectors-", delete=False) as file:
        path = Path(file.name)
    matrix: Matrix = np.memmap(path, dtype=np.float32, mode="w+", shape=(rows, columns))
    with suppress(OSError):  # Windows keeps a file that is open
        path.unlink()
    return matrix
