"""Annotated exemplars with their vectors: nearest ones by cosine, a leak guard, a cache by content."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DataError
from ..leaks import fold_name, has_name
from ..records import normalize_text, open_lines, read_exemplars
from ..ty import Embedder, Exemplar, Matrix
from ..vector_cache import cached_vectors

EMBED_BATCH = 512
SCORE_BATCH = 256


def default_cache_dir() -> Path:
    """RETURNS (Path): ``$SPACY_CONVNER_CACHE``, else ``spacy-convner`` in the user's cache folder."""
    own = os.environ.get("SPACY_CONVNER_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spacy-convner"


def guard_leaks(
    exemplars: Sequence[Exemplar], exclude_texts: Collection[str], exclude_entities: Collection[str]
) -> list[Exemplar]:
    """Leave out exemplars that would give test answers away (paper, section 5.3).

    exclude_texts (Collection[str]): Utterances of a test set, compared without case and outer punctuation.
    exclude_entities (Collection[str]): Names; an exemplar that is annotated with one, in whatever spelling, goes.
    """
    texts = {normalize_text(text) for text in exclude_texts}
    names = {fold_name(name) for name in exclude_entities}
    return [
        exemplar
        for exemplar in exemplars
        if normalize_text(exemplar.text) not in texts and not has_name(exemplar, names)
    ]


def embed_cached(texts: Sequence[str], embedder: Embedder, cache_dir: Path | None) -> Matrix:
    """Embed texts in batches, or read the matrix of the very same texts and embedder.

    cache_dir (Path | None): Folder of ``.npy`` files named by SHA-256 of embedder and texts; None doesn't cache.
    RETURNS (Matrix): Shape (n, d).
    """
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)

    def make() -> Matrix:
        parts = [embedder(texts[i : i + EMBED_BATCH]) for i in range(0, len(texts), EMBED_BATCH)]
        return np.concatenate(parts).astype(np.float32)

    return cached_vectors(texts, embedder, cache_dir, make)


class ExemplarStore:
    """Exemplars and their matrix.

    exemplars (Sequence[Exemplar]): n exemplars. matrix (Matrix): Shape (n, d), rows of length 1.
    """

    def __init__(self, exemplars: Sequence[Exemplar], matrix: Matrix) -> None:
        if len(exemplars) != len(matrix):
            raise ValueError(f"{len(exemplars)} exemplars but {len(matrix)} vectors")
        self.exemplars = list(exemplars)
        self.matrix = matrix
        self._keys = [normalize_text(exemplar.text) for exemplar in exemplars]
        self._langs = np.array([exemplar.lang or "" for exemplar in exemplars])

    def __len__(self) -> int:
        return len(self.exemplars)

    def nearest(
        self, texts: Sequence[str], vectors: Matrix, langs: Sequence[str | None], k: int
    ) -> list[list[tuple[Exemplar, float]]]:
        """Find the k exemplars of largest cosine for each query.

        texts, langs: The queries and their languages; where a query has a language and there are exemplars
            in it, only those (and those without a language) are considered (paper, section 5.1).
        vectors (Matrix): Shape (m, d). k (int): How many at most.
        RETURNS (list): Best first; ties in the order of the exemplars; never an exemplar with the query's text.
        """
        results: list[list[tuple[Exemplar, float]]] = []
        for start in range(0, len(texts), SCORE_BATCH):
            scores = vectors[start : start + SCORE_BATCH] @ self.matrix.T if len(self) else None
            for row, (text, lang) in enumerate(
                zip(texts[start : start + SCORE_BATCH], langs[start : start + SCORE_BATCH], strict=True)
            ):
                results.append([] if scores is None else self._best(scores[row].copy(), text, lang, k))
        return results

    def _best(self, scores: Matrix, text: str, lang: str | None, k: int) -> list[tuple[Exemplar, float]]:
        scores[~self._allowed(lang)] = -np.inf
        # One more than k, because the query itself may be among them (several times).
        order = np.argsort(-scores, kind="stable")
        key = normalize_text(text)
        found: list[tuple[Exemplar, float]] = []
        for i in order:
            if len(found) == k or scores[i] == -np.inf:
                break
            if self._keys[i] != key:
                found.append((self.exemplars[i], float(np.clip(scores[i], -1.0, 1.0))))
        return found

    def random(self, text: str, lang: str | None, k: int, seed: int) -> list[tuple[Exemplar, float]]:
        """Pick k exemplars at random, the same ones for the same text and seed; their similarity is given as 0."""
        key = normalize_text(text)
        pool = [i for i in np.flatnonzero(self._allowed(lang)) if self._keys[i] != key]
        generator = random.Random(f"{seed}:{text}")
        return [(self.exemplars[i], 0.0) for i in generator.sample(pool, min(k, len(pool)))]

    def _allowed(self, lang: str | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if lang:
            same = self._langs == lang
            if same.any():
                return np.asarray(same | (self._langs == ""))
        return np.ones(len(self), dtype=bool)


def exemplar_files(path: Path) -> list[Path]:
    """RETURNS (list[Path]): The file itself, or a folder's files. RAISES: DataError for a folder without any."""
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.rglob("*") if p.name.endswith((".jsonl", ".jsonl.gz", ".spacy")))
    if not files:
        raise DataError("no exemplar file (.jsonl, .spacy) in this folder", path=path)
    return files


def read_excluded(source: str | list[str], values: Callable[[Exemplar], list[str]]) -> list[str]:
    """source (str | list[str]): A list, or a file or folder. values (Callable): What of a file's exemplar is excluded.

    RETURNS (list[str]): Texts or names. RAISES: ConfigError for an empty path, DataError for a file that can't be read.
    """
    if not isinstance(source, str):
        return source
    if not source.strip():
        raise ConfigError(
            "exclude_texts and exclude_entities take a list or the path of a file, got ''; write [] for none"
        )
    path = Path(source)
    if path.suffix == ".txt":
        return [line for _, line in open_lines(path) if line.strip()]
    return [value for file in exemplar_files(path) for exemplar in read_exemplars(file) for value in values(exemplar)]
