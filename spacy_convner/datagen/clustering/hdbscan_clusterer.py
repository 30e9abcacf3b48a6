"""HDBSCAN over reduced sentence vectors, the same clusters at every run (paper, section 3.2).

Above ``sample_size`` it is fitted on a sample, and each of the others takes the place that it would have had there.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, MissingExtraError
from ...ty import Matrix
from ..ty import NOISE, Clusterer, Clustering
from .reduction import Reduction, make_reduction

Reduce = Literal["auto", "umap", "pca", "none"]
REDUCE: tuple[str, ...] = ("auto", "umap", "pca", "none")
PREDICT_BATCH = 10_000
FEW = 100  # fewer vectors than this keep their dimensions: UMAP would take longer to compile than to be of use
# Neighbours that a dense place has, as a share of all: the density that counts then doesn't depend on how much traffic
# there is. The cap bounds time and memory. See benchmarks/clustering.py.
DENSE_SHARE, DENSE_CAP = 0.01, 150
# A cluster larger than this is two densities that were smoothed into one; a finer look is taken.
LARGEST_SHARE = 1 / 3


class HDBSCANClusterer:
    """Reduces vectors, then finds dense groups of them (McInnes et al. 2017).

    See ``make_hdbscan_clusterer`` for the parameters. Reads and loads nothing until it is called.
    """

    def __init__(
        self,
        min_cluster_size: int,
        min_samples: int | None,
        reduce: Reduce,
        dimensions: int,
        neighbors: int,
        sample_size: int,
        seed: int,
    ) -> None:
        self.min_cluster_size, self.min_samples = min_cluster_size, min_samples
        self.reduce, self.dimensions, self.neighbors = reduce, dimensions, neighbors
        self.sample_size, self.seed = sample_size, seed

    def __call__(self, vectors: Matrix) -> Clustering:
        """vectors (Matrix): Shape (n, d), may be mapped from disk. RAISES: MissingExtraError, ConfigError for NaN."""
        n = len(vectors)
        fitted = self._sample(n)
        sample = np.asarray(vectors if len(fitted) == n else vectors[fitted], dtype=np.float32)
        if not np.isfinite(sample).all():
            raise ConfigError("the vectors to cluster have values that aren't numbers; the embedder is broken")
        if len(sample) <= self.min_cluster_size:
            return _all_noise(n, sample)
        reduction = make_reduction(self._method(len(sample)), self.dimensions, self.neighbors, self.seed)
        reduced_sample = reduction.fit(sample)
        model = self._fit(reduced_sample, predict=len(fitted) < n)
        labels = np.full(n, NOISE, dtype=np.int64)
        strengths = np.zeros(n, dtype=np.float32)
        exemplars = np.zeros(n, dtype=np.bool_)
        labels[fitted], strengths[fitted] = model.labels_, model.probabilities_
        exemplars[fitted[find_exemplar_points(model)]] = True
        reduced = reduced_sample
        if len(fitted) < n:
            reduced = np.zeros((n, reduced_sample.shape[1]), dtype=np.float32)
            reduced[fitted] = reduced_sample
            self._assign_rest(vectors, fitted, reduction, model, labels, strengths, reduced)
        return Clustering(_largest_first(labels), strengths, exemplars, reduced)

    def _sample(self, n: int) -> NDArray[np.int64]:
        if n <= self.sample_size:
            return np.arange(n)
        return np.sort(np.random.default_rng(self.seed).permutation(n)[: self.sample_size])

    def _method(self, n: int) -> str:
        if self.reduce != "auto":
            return self.reduce
        return "umap" if n >= FEW else "none"

    def _fit(self, reduced: Matrix, predict: bool) -> Any:
        """Fit; where ``min_samples`` is open, take the coarsest look that has no giant cluster."""
        hdbscan = _import_hdbscan()
        n = len(reduced)
        finest = min(self.min_cluster_size, n - 1)
        chosen = self.min_samples or max(min(int(n * DENSE_SHARE), DENSE_CAP), finest)
        while True:
            model = hdbscan.HDBSCAN(
                min_cluster_size=self.min_cluster_size,
                min_samples=min(chosen, n - 1),
                core_dist_n_jobs=1,
                prediction_data=predict,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # divisions by the distance 0 of equal points
                model.fit(reduced.astype(np.float64))
            found = model.labels_[model.labels_ >= 0]
            largest = int(np.bincount(found).max()) if len(found) else n
            if self.min_samples or chosen <= finest or largest <= LARGEST_SHARE * n:
                return model
            chosen = max(chosen // 2, finest)

    def _assign_rest(
        self,
        vectors: Matrix,
        fitted: NDArray[np.int64],
        reduction: Reduction,
        model: Any,
        labels: NDArray[np.int64],
        strengths: NDArray[np.float32],
        reduced: Matrix,
    ) -> None:
        hdbscan = _import_hdbscan()
        rest = np.setdiff1d(np.arange(len(vectors)), fitted, assume_unique=True)
        for start in range(0, len(rest), PREDICT_BATCH):
            batch = rest[start : start + PREDICT_BATCH]
            chunk = np.asarray(vectors[batch], dtype=np.float32)
            if not np.isfinite(chunk).all():
                raise ConfigError("the vectors to cluster have values that aren't numbers; the embedder is broken")
            placed = reduction.place(chunk)
            reduced[batch] = placed
            if model.labels_.max() >= 0:
                labels[batch], strengths[batch] = hdbscan.approximate_predict(model, placed.astype(np.float64))


def find_exemplar_points(model: Any) -> NDArray[np.int64]:
    """The points of a fitted model that last longest in each leaf of its clusters: HDBSCAN's exemplars.

    ``model.exemplars_`` has their coordinates only. RETURNS (NDArray[int64]): Rows, ascending.
    """
    tree = model.condensed_tree_.to_numpy()
    leaves = set(tree["parent"].tolist()) - set(tree["parent"][tree["child_size"] > 1].tolist())
    rows = tree[tree["child_size"] == 1]
    order = np.lexsort((-rows["lambda_val"], rows["parent"]))
    parents, children, lambdas = rows["parent"][order], rows["child"][order], rows["lambda_val"][order]
    starts = np.flatnonzero(np.r_[True, parents[1:] != parents[:-1]]) if len(parents) else np.zeros(0, dtype=np.int64)
    strongest = np.repeat(lambdas[starts], np.diff(np.r_[starts, len(parents)]))
    points = children[(lambdas == strongest) & np.isin(parents, list(leaves))]
    return np.sort(points[model.labels_[points] >= 0]).astype(np.int64)


def _largest_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    found = labels[labels >= 0]
    if not len(found):
        return labels
    order = np.argsort(-np.bincount(found), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.where(labels >= 0, rank[labels], NOISE).astype(np.int64)


def _all_noise(n: int, vectors: Matrix) -> Clustering:
    return Clustering(
        np.full(n, NOISE, dtype=np.int64), np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.bool_), vectors
    )


def _import_hdbscan() -> Any:
    try:
        import hdbscan
    except ImportError as err:
        raise MissingExtraError("spacy_convner.HDBSCANClusterer.v1", err.name or "hdbscan", "datagen") from err
    return hdbscan


def make_hdbscan_clusterer(
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    reduce: Reduce = "auto",
    dimensions: int = 5,
    neighbors: int = 10,
    sample_size: int = 100_000,
    seed: int = 0,
) -> Clusterer:
    """Registered as ``spacy_convner.HDBSCANClusterer.v1``; needs ``spacy-convner[datagen]``.

    min_cluster_size (int): Utterances that a cluster has at least, 2 or more (paper: 5).
    min_samples (int | None): Neighbours that make a place dense: more of them give fewer, larger clusters. None takes
        a hundredth of the utterances, at most 150, and halves it while a cluster holds more than a third of them.
    reduce (str): "umap" (principal components, then UMAP), "pca", "none" (minutes from 10,000 on), or
        "auto": UMAP from 100 utterances on.
    dimensions (int): After the reduction. neighbors (int): That UMAP looks at. seed (int): Of sample and UMAP.
    sample_size (int): Above so many, a sample is clustered and the rest assigned.
    """
    if min_cluster_size < 2:
        raise ConfigError(f"min_cluster_size: expected 2 or more, got {min_cluster_size}")
    if min_samples is not None and min_samples < 1:
        raise ConfigError(f"min_samples: expected 1 or more, or null, got {min_samples}")
    if reduce not in REDUCE:
        raise ConfigError(f"reduce: expected one of {', '.join(REDUCE)}, got {reduce!r}")
    if dimensions < 2 or neighbors < 2:
        raise ConfigError(f"dimensions and neighbors: expected 2 or more, got {dimensions} and {neighbors}")
    if sample_size <= min_cluster_size:
        raise ConfigError(f"sample_size: expected more than min_cluster_size, got {sample_size}")
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed: expected 0 to {2**32 - 1}, got {seed}")
    return HDBSCANClusterer(min_cluster_size, min_samples, reduce, dimensions, neighbors, sample_size, seed)
