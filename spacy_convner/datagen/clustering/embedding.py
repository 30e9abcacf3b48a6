"""Vectors of many texts in bounded memory, resumable: a chunk at a time, each kept by its content."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import FilterError
from ...ty import Embedder, Matrix
from ...vector_cache import cached_vectors

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
        vectors = cached_vectors(chunk, embedder, cache_dir, partial(_embed, embedder, chunk))
        if start == 0:
            matrix = _room_for(len(texts), vectors.shape[1])
        if vectors.shape != (len(chunk), matrix.shape[1]):
            raise FilterError(f"the embedder gave vectors of shape {vectors.shape} for {len(chunk)} texts")
        matrix[start : start + len(chunk)] = vectors
        if on_done is not None:
            on_done(len(chunk))
    return matrix


def _embed(embedder: Embedder, texts: Sequence[str]) -> Matrix:
    return np.asarray(embedder(texts), dtype=np.float32)


def _room_for(rows: int, columns: int) -> Matrix:
    if rows * columns * 4 <= IN_MEMORY:
        return np.zeros((rows, columns), dtype=np.float32)
    with tempfile.NamedTemporaryFile(prefix="convner-vectors-", delete=False) as file:
        path = Path(file.name)
    matrix: Matrix = np.memmap(path, dtype=np.float32, mode="w+", shape=(rows, columns))
    with suppress(OSError):  # Windows keeps a file that is open
        path.unlink()
    return matrix
