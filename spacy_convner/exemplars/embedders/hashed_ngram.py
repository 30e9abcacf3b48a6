"""An embedder without torch: hashed character n-grams and words, the embedded default."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ConfigError
from ...ty import Embedder, Matrix


class HashedNgramEmbedder:
    """Signed feature hashing of words and character n-grams (Weinberger et al. 2009), scaled to length 1.

    dim (int): Width of a vector. ngrams (tuple[int, int]): Shortest and longest n-gram, in characters.
    """

    def __init__(self, dim: int, ngrams: tuple[int, int]) -> None:
        self.dim, self.ngrams = dim, ngrams

    @property
    def fingerprint(self) -> str:
        return f"hashed_ngram.v1:{self.dim}:{self.ngrams[0]}-{self.ngrams[1]}"

    def __call__(self, texts: Sequence[str]) -> Matrix:
        from sklearn.feature_extraction.text import HashingVectorizer

        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        # sublinear counts: a filler said three times isn't three times the meaning
        vectors = None
        for analyzer, ngrams, weight in (("char_wb", self.ngrams, 1.0), ("word", (1, 2), 1.0)):
            vectorizer = HashingVectorizer(
                n_features=self.dim, analyzer=analyzer, ngram_range=ngrams, norm="l2", lowercase=True, dtype=np.float32
            )
            part = vectorizer.transform(texts) * weight
            vectors = part if vectors is None else vectors + part
        assert vectors is not None
        matrix: Matrix = vectors.toarray().astype(np.float32)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        unit: Matrix = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
        return unit


def make_hashed_ngram_embedder(dim: int = 1024, min_n: int = 3, max_n: int = 5) -> Embedder:
    """Registered as ``spacy_convner.HashedNgramEmbedder.v1``. Needs no optional dependency and no model.

    dim (int): Width of a vector, 16 or more. min_n, max_n (int): Lengths of n-grams, in characters.
    """
    if dim < 16 or not 1 <= min_n <= max_n:
        raise ConfigError(f"expected dim >= 16 and 1 <= min_n <= max_n, got dim={dim}, min_n={min_n}, max_n={max_n}")
    return HashedNgramEmbedder(dim, (min_n, max_n))
