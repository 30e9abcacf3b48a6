from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.datagen.clustering.hdbscan_clusterer import (
    HDBSCANClusterer,
    find_exemplar_points,
    make_hdbscan_clusterer,
)
from spacy_convner.datagen.clustering.reduction import flatten
from spacy_convner.datagen.ty import Clusterer, Clustering
from spacy_convner.errors import ConfigError
from spacy_convner.ty import Matrix


def blobs(sizes: tuple[int, ...] = (40, 20, 10), noise: int = 8, dim: int = 16, seed: int = 3) -> Matrix:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(0, 0.05, (size, dim)) + rng.normal(0, 1, dim) for size in sizes]
    vectors = np.concatenate([*parts, rng.normal(0, 1, (noise, dim))]).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def check(result: Clustering, n: int, min_cluster_size: int) -> None:
    assert result.labels.shape == result.strengths.shape == result.exemplars.shape == (n,)
    assert len(result.reduced) == n
    assert np.isfinite(result.reduced).all()
    assert ((result.strengths >= 0) & (result.strengths <= 1)).all()
    found = result.labels[result.labels >= 0]
    sizes = np.bincount(found)
    assert (sizes >= min_cluster_size).all()
    assert (np.diff(sizes) <= 0).all()
    assert (result.labels >= -1).all()
    assert not result.exemplars[result.labels < 0].any()
    assert set(result.labels[result.exemplars]) == set(found)


@pytest.mark.parametrize("reduce", ["auto", "none", "pca"])
def test_finds_the_groups_and_leaves_noise(reduce: Any) -> None:
    clusterer = make_hdbscan_clusterer(reduce=reduce)
    assert isinstance(clusterer, Clusterer)
    result = clusterer(blobs())
    check(result, 78, 5)
    assert len(set(result.labels[:40])) == len(set(result.labels[40:60])) == len(set(result.labels[60:70])) == 1
    assert result.labels[0] == 0
    assert result.labels[40] == 1
    if reduce != "pca":  # five components of noise may well lie beside a group's
        assert (result.labels[70:] == -1).mean() > 0.5


def test_the_same_again() -> None:
    vectors = blobs()
    one, two = make_hdbscan_clusterer()(vectors), make_hdbscan_clusterer()(vectors.copy())
    for name in ("labels", "strengths", "exemplars", "reduced"):
        assert (getattr(one, name) == getattr(two, name)).all()


def test_beyond_the_sample_the_rest_is_assigned(tmp_path: Path) -> None:
    vectors = blobs((200, 120, 60), noise=20)
    mapped = np.memmap(tmp_path / "v", dtype=np.float32, mode="w+", shape=vectors.shape)
    mapped[:] = vectors
    for reduce in ("none", "pca"):
        result = make_hdbscan_clusterer(reduce=reduce, sample_size=150)(mapped)  # type: ignore[arg-type]
        check(result, 400, 5)
        assert np.bincount(result.labels[result.labels >= 0])[:3].min() > 50
        for start, end in ((0, 200), (200, 320), (320, 380)):
            assert (result.labels[start:end] == np.bincount(result.labels[start:end] + 1).argmax() - 1).mean() > 0.9


def test_exemplar_points_are_those_of_hdbscan() -> None:
    import hdbscan

    vectors = blobs((60, 40, 20), noise=30).astype(np.float64)
    model = hdbscan.HDBSCAN(min_cluster_size=5, prediction_data=True).fit(vectors)
    theirs = {tuple(point) for points in model.exemplars_ for point in points}
    assert {tuple(vectors[row]) for row in find_exemplar_points(model)} == theirs


def test_a_giant_cluster_is_looked_at_more_finely() -> None:
    # Smoothed over 20 neighbours the chain of small groups is one; by itself the clusterer looks closer.
    rng = np.random.default_rng(0)
    vectors = np.concatenate(
        [rng.normal((i * 0.55, 0, 0), 0.05, (12, 3)) for i in range(30)] + [rng.normal((90, 0, 0), 0.05, (12, 3))]
    ).astype(np.float32)
    coarse = make_hdbscan_clusterer(min_samples=20, reduce="none")(vectors)
    auto = make_hdbscan_clusterer(reduce="none")(vectors)
    assert auto.labels.max() > coarse.labels.max()


@given(st.integers(0, 40), st.integers(2, 6), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_any_vectors(n: int, min_cluster_size: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(-1, 2, (n, 3)).astype(np.float32)  # many are equal, some are zero
    check(make_hdbscan_clusterer(min_cluster_size=min_cluster_size)(vectors), n, min_cluster_size)
    check(make_hdbscan_clusterer(min_cluster_size=min_cluster_size, reduce="pca")(vectors), n, min_cluster_size)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"min_cluster_size": 1}, "min_cluster_size"),
        ({"min_samples": 0}, "min_samples"),
        ({"reduce": "tsne"}, "reduce"),
        ({"dimensions": 1}, "dimensions"),
        ({"sample_size": 5}, "sample_size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_settings(config: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        make_hdbscan_clusterer(**config)


def test_vectors_that_are_no_numbers() -> None:
    vectors = blobs()
    vectors[3, 3] = np.nan
    with pytest.raises(ConfigError, match="embedder"):
        make_hdbscan_clusterer()(vectors)


def test_the_constructor_loads_nothing() -> None:
    code = (
        "import sys; from spacy_convner.datagen.clustering import hdbscan_clusterer as h; h.make_hdbscan_clusterer(); "
        "sys.exit(bool({'hdbscan', 'umap', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_flat_points_are_on_the_plane() -> None:
    for n, dim in ((0, 5), (1, 5), (2, 5), (40, 5), (40, 2), (3, 1)):
        flat = flatten(np.random.default_rng(1).normal(size=(n, dim)).astype(np.float32), 0)
        assert flat.shape == (n, 2)
        assert ((flat >= 0) & (flat <= 1)).all()


@pytest.mark.slow
def test_umap_in_two_processes_and_for_later_vectors(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", blobs((120, 60, 40, 20), noise=20))
    code = (
        "import sys, numpy as np, hashlib;"
        "from spacy_convner.datagen.clustering.hdbscan_clusterer import make_hdbscan_clusterer as make;"
        "v = np.load(sys.argv[1]); r = [make(reduce='umap')(v), make(reduce='umap', sample_size=200)(v)];"
        "print(hashlib.sha256(b''.join(x.reduced.tobytes() + x.labels.tobytes() for x in r)).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "v.npy")]
    outputs = {subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)}
    assert len(outputs) == 1
    clusterer = make_hdbscan_clusterer(reduce="umap", sample_size=200)
    assert isinstance(clusterer, HDBSCANClusterer)
    result = clusterer(np.load(tmp_path / "v.npy"))
    check(result, 260, 5)
    assert result.labels.max() >= 3
    for start, end in ((0, 120), (120, 180), (180, 220), (220, 240)):
        # each group lies within clusters of its own
        assert not set(result.labels[start:end]) & set(np.delete(result.labels[:240], np.s_[start:end])) - {-1}
