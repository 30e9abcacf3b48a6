"""Fewer dimensions: principal components, UMAP over exact neighbours, and a place for vectors that came later.

UMAP (McInnes et al. 2018) gets its neighbours from a matrix product instead of its own approximate search: the same
ones at every run, and a minute less of compiling.
"""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtraError
from ...ty import Matrix

COMPONENTS = 50  # principal components that UMAP starts from: halves the noise of small corpora, see the benchmark
FLAT_UMAP = 100  # fewer points are drawn by their principal components


class Reduction(Protocol):
    """Learns from a sample where vectors go."""

    def fit(self, vectors: Matrix) -> Matrix:
        """vectors (Matrix): Shape (n, d). RETURNS (Matrix): Shape (n, dimensions)."""

    def place(self, vectors: Matrix) -> Matrix:
        """vectors (Matrix): Shape (m, d), others than those fitted. RETURNS (Matrix): Shape (m, dimensions)."""


class NoReduction:
    """Leaves vectors as they are."""

    def fit(self, vectors: Matrix) -> Matrix:
        return vectors

    def place(self, vectors: Matrix) -> Matrix:
        return vectors


class PCAReduction:
    """Principal components, scaled to length 1, so that distance goes by direction as with the vectors.

    dimensions (int): How many at most.
    """

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._pca: Any = None

    def fit(self, vectors: Matrix) -> Matrix:
        from sklearn.decomposition import PCA

        self._pca = PCA(min(self.dimensions, *vectors.shape), svd_solver="covariance_eigh").fit(vectors)
        return self.place(vectors)

    def place(self, vectors: Matrix) -> Matrix:
        placed = np.asarray(self._pca.transform(vectors), dtype=np.float32)
        norms = np.linalg.norm(placed, axis=1, keepdims=True)
        return np.asarray(np.divide(placed, norms, out=np.zeros_like(placed), where=norms > 0), dtype=np.float32)


class UMAPReduction:
    """Principal components, then UMAP. A later vector goes between its neighbours, nearer to the nearer ones.

    dimensions, neighbors, seed (int): See ``make_hdbscan_clusterer``.
    """

    def __init__(self, dimensions: int, neighbors: int, seed: int) -> None:
        self.dimensions, self.neighbors, self.seed = dimensions, neighbors, seed
        self._pca = PCAReduction(COMPONENTS)
        self._index: Any = None
        self._fitted: Matrix = np.zeros((0, dimensions), dtype=np.float32)

    def fit(self, vectors: Matrix) -> Matrix:
        from sklearn.neighbors import NearestNeighbors

        components = self._pca.fit(vectors)
        dimensions = min(self.dimensions, components.shape[1])
        neighbors = min(self.neighbors, len(components) - 1)
        self._index = NearestNeighbors(n_neighbors=neighbors, algorithm="brute").fit(components)
        distances, indices = self._index.kneighbors(components)
        self._fitted = lay_out(components, distances, indices, dimensions, 0.0, self.seed)
        return self._fitted

    def place(self, vectors: Matrix) -> Matrix:
        distances, indices = self._index.kneighbors(self._pca.place(vectors))
        beyond = distances - distances[:, :1]
        scale = beyond.mean(axis=1, keepdims=True)
        weights = np.exp(-np.divide(beyond, scale, out=np.zeros_like(beyond), where=scale > 0))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("nk,nkd->nd", weights, self._fitted[indices]), dtype=np.float32)


def make_reduction(method: str, dimensions: int, neighbors: int, seed: int) -> Reduction:
    """method (str): "umap", "pca" or "none". RETURNS (Reduction): Not yet fitted."""
    if method == "umap":
        return UMAPReduction(dimensions, neighbors, seed)
    return PCAReduction(dimensions) if method == "pca" else NoReduction()


def lay_out(
    vectors: Matrix,
    distances: NDArray[np.floating[Any]],
    indices: NDArray[np.integer[Any]],
    dimensions: int,
    min_dist: float,
    seed: int,
) -> Matrix:
    """Run UMAP on known neighbours, in one thread: the order of its updates is then the same at every run.

    distances, indices: Shape (n, k), nearest first, each vector its own first neighbour.
    RETURNS (Matrix): Shape (n, dimensions). RAISES: MissingExtraError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no search index for UMAP's own transform
        try:
            import umap
        except ImportError as err:
            raise MissingExtraError("reduce = 'umap'", err.name or "umap", "datagen") from err
        model = umap.UMAP(
            n_neighbors=indices.shape[1],
            n_components=dimensions,
            min_dist=min_dist,
            init="pca",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices.astype(np.int32), distances.astype(np.float32)),
        )
        placed: Matrix = np.asarray(model.fit_transform(vectors), dtype=np.float32)
    return placed


def flatten(reduced: Matrix, seed: int) -> Matrix:
    """Draw what was clustered on a plane.

    reduced (Matrix): Shape (n, d). seed (int): Of UMAP, which draws ``FLAT_UMAP`` points or more.
    RETURNS (Matrix): Shape (n, 2), each axis between 0 and 1, the longer one filled.
    """
    n = len(reduced)
    if n == 0:
        return np.zeros((0, 2), dtype=np.float32)
    if n >= FLAT_UMAP and reduced.shape[1] > 2:
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=15).fit(reduced)
        distances, indices = index.kneighbors(reduced)
        flat = lay_out(reduced, distances, indices, 2, 0.5, seed)
    elif n > 1 and reduced.shape[1] > 2:
        from sklearn.decomposition import PCA

        flat = PCA(min(2, n), svd_solver="full").fit_transform(reduced)
    else:
        flat = reduced[:, :2]
    if flat.shape[1] < 2:
        flat = np.hstack([flat, np.zeros((n, 2 - flat.shape[1]), dtype=flat.dtype)])
    flat = flat - flat.min(axis=0)
    side = flat.max()
    return np.asarray(flat / side if side > 0 else flat + 0.5, dtype=np.float32)
