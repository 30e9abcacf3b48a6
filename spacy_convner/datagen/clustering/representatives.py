"""Members that stand for a cluster, and the words that are typical of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ty import Matrix

POOL = 1000  # members and exemplar points looked at in one cluster: time and memory stay bounded
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
# Scripts that write no spaces between words: pairs of characters stand in for words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
TYPICAL_SHARE = 0.05  # of a cluster's texts that a typical word is in


def choose_representatives(
    vectors: Matrix, strengths: NDArray[np.float32], exemplars: NDArray[np.bool_], k: int
) -> NDArray[np.int64]:
    """Choose members of one cluster that stand for all of it, from its exemplar points.

    Greedy facility location (Nemhauser et al. 1978): each choice adds most to how near the members are to their
    nearest representative. The first is therefore the most central; a near copy of one adds nothing.

    vectors (Matrix): Shape (n, d), the cluster's members, rows of length 1. strengths, exemplars: Shape (n,).
    k (int): How many at most; 0 ranks all: chosen as if for 5, then exemplar points, then by strength.
    RETURNS (NDArray[int64]): Rows, best first; ties go to the earlier row.
    """
    n = len(vectors)
    by_strength = np.lexsort((np.arange(n), -strengths, ~exemplars))
    wanted = min(k or 5, n)
    members = np.sort(np.argsort(-strengths, kind="stable")[:POOL])
    pool = np.sort(by_strength[: min(max(int(exemplars.sum()), wanted), POOL)])
    similarity = np.asarray(vectors[pool] @ vectors[members].T, dtype=np.float64)
    nearest = np.full(len(members), -1.0)
    chosen: list[int] = []
    for _ in range(wanted):
        # Rounded, so that a difference of the last bit between machines doesn't decide.
        gains = np.maximum(similarity - nearest, 0.0).sum(axis=1).round(6)
        gains[[position for position, row in enumerate(pool) if row in chosen]] = -1.0
        best = int(np.argmax(gains))
        chosen.append(int(pool[best]))
        nearest = np.maximum(nearest, similarity[best])
    if k:
        return np.array(chosen, dtype=np.int64)
    taken = set(chosen)
    return np.array(chosen + [int(row) for row in by_strength if int(row) not in taken], dtype=np.int64)


def find_typical_words(
    texts: Sequence[str], labels: NDArray[np.int64], lang: str | None, n_words: int
) -> dict[int, tuple[str, ...]]:
    """Class-based tf-idf (Grootendorst 2022) over the share of a cluster's texts that have a word.

    texts (Sequence[str]): Of one language, n of them. labels: Shape (n,), -1 is left out.
    lang (str | None): Picks spaCy's stop words; an unknown one has none. n_words (int): For each cluster at most.
    RETURNS (dict[int, tuple[str]]): Cluster → words, most typical first. Never empty words, maybe no words.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        return {}
    n_clusters = int(labels.max()) + 1
    vectorizer = CountVectorizer(analyzer=split_words, binary=True, dtype=np.float32)
    try:
        counts = vectorizer.fit_transform([texts[row] for row in rows.tolist()])
    except ValueError:  # no word in any text
        return dict.fromkeys(range(n_clusters), ())
    sizes = np.bincount(labels[rows], minlength=n_clusters)
    membership = csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (labels[rows], np.arange(len(rows)))), shape=(n_clusters, len(rows))
    )
    table = (membership @ counts).tocsr()
    names = vectorizer.get_feature_names_out()
    total = np.asarray(table.sum(axis=0)).ravel()
    rarity = np.log1p(table.sum() / n_clusters / total)
    stop = _stop_words(lang)
    found = {}
    for cluster in range(n_clusters):
        start, end = table.indptr[cluster], table.indptr[cluster + 1]
        columns, said = table.indices[start:end], table.data[start:end]
        scores = said / max(int(sizes[cluster]), 1) * rarity[columns]
        order = sorted(range(len(columns)), key=lambda i: (-round(float(scores[i]), 6), names[columns[i]]))
        every = [(str(names[columns[i]]), int(said[i])) for i in order]
        content = [(word, n) for word, n in every if not _is_stop_word(word, stop)] or every
        # In a cluster of many small topics no word is in many texts.
        for enough in (max(2, TYPICAL_SHARE * sizes[cluster]), 2, 1):
            typical = [word for word, n in content if n >= enough]
            if typical:
                break
        found[cluster] = tuple(typical[:n_words])
    return found


def split_words(text: str) -> list[str]:
    """RETURNS (list[str]): Case-folded words; where a script has no spaces, pairs of characters."""
    words = []
    for word in _WORD.findall(text.casefold()):
        if len(word) > 2 and _UNSPACED.search(word):
            words += [word[i : i + 2] for i in range(len(word) - 1)]
        else:
            words.append(word)
    return words


def _is_stop_word(word: str, stop: frozenset[str]) -> bool:
    # "who's", "i'm": what stands before the apostrophe decides
    return word in stop or word.replace("’", "'").split("'")[0] in stop


def _stop_words(lang: str | None) -> frozenset[str]:
    import spacy

    if not lang:
        return frozenset()
    try:
        defaults: Any = spacy.util.get_lang_class(lang.replace("_", "-").split("-")[0]).Defaults
    except ImportError:
        return frozenset()
    return frozenset(word.casefold() for word in defaults.stop_words)
