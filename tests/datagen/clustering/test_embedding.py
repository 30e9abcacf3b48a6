from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from spacy.util import registry

from spacy_convner.datagen.clustering import embedding
from spacy_convner.datagen.clustering.embedding import embed_texts
from spacy_convner.errors import FilterError
from spacy_convner.ty import Matrix


class Counting:
    """An embedder that says how many texts it was given."""

    def __init__(self, fails_at: int = 10**9) -> None:
        self.given, self.fails_at = 0, fails_at

    fingerprint = "counting"

    def __call__(self, texts: Sequence[str]) -> Matrix:
        self.given += len(texts)
        if self.given > self.fails_at:
            raise KeyboardInterrupt
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "CHUNK", 4)


TEXTS = [f"text {'x' * i}" for i in range(10)]


def test_same_vectors_whole_and_in_chunks() -> None:
    embedder = registry.misc.get("spacy_convner.HashedNgramEmbedder.v1")(dim=64)
    done: list[int] = []
    assert np.allclose(embed_texts(TEXTS, embedder, on_done=done.append), embedder(TEXTS))
    assert done == [4, 4, 2]
    assert embed_texts([], embedder).shape == (0, 0)


def test_large_matrices_are_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "IN_MEMORY", 8)
    matrix = embed_texts(TEXTS, Counting())
    assert isinstance(matrix, np.memmap)
    assert matrix[9].tolist() == [14.0, 1.0]


def test_an_interrupted_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyboardInterrupt):
        embed_texts(TEXTS, Counting(fails_at=6), cache_dir=tmp_path)
    second = Counting()
    whole = embed_texts(TEXTS, second, cache_dir=tmp_path)
    assert second.given == 6
    third = Counting()
    assert (embed_texts(TEXTS, third, cache_dir=tmp_path) == whole).all()
    assert third.given == 0
    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert (embed_texts(TEXTS, third, cache_dir=tmp_path) == whole).all()
    assert "damaged" in caplog.text
    assert not list(tmp_path.glob("*.tmp"))


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(embed_texts(TEXTS, Counting(), cache_dir=tmp_path / "file")) == 10


def test_an_embedder_that_breaks_its_contract() -> None:
    class Short(Counting):
        def __call__(self, texts: Sequence[str]) -> Matrix:
            return super().__call__(texts)[1:]

    with pytest.raises(FilterError, match="shape"):
        embed_texts(TEXTS, Short())
