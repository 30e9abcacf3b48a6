"""What a map of clusters shows: points on a plane, their texts, the clusters' words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cluster_file import ClusteredTraffic
from .reduction import flatten

DRAWN = 20_000  # points at most, so that the page stays quick
LONGEST = 300  # characters of a text that are shown
SCALE = 10_000  # coordinates are whole numbers up to this


def make_map_data(clustered: ClusteredTraffic, seed: int) -> dict[str, Any]:
    """RETURNS (dict): Plain data: title counts, ``clusters`` (by id) and ``maps``, one for each language.

    A map has parallel lists ``x``, ``y`` (0 to ``SCALE``, y upwards), ``cluster``, ``rank``, ``count`` and ``text``.
    Of more than ``DRAWN`` texts a sample is drawn, with every representative in it.
    """
    traffic = clustered.traffic
    total = len(traffic.texts)
    maps = []
    for lang, (rows, reduced) in clustered.reduced.items():
        drawn = _drawn(clustered.ranks[rows], max(DRAWN * len(rows) // max(total, DRAWN), 1), seed)
        flat = np.rint(flatten(np.asarray(reduced[drawn]), seed) * SCALE).astype(int)
        chosen = rows[drawn]
        maps.append(
            {
                "lang": lang or "",
                "texts": len(rows),
                "x": flat[:, 0].tolist(),
                "y": flat[:, 1].tolist(),
                "cluster": clustered.labels[chosen].tolist(),
                "rank": clustered.ranks[chosen].tolist(),
                "count": traffic.counts[chosen].tolist(),
                "text": [_shorten(traffic.texts[row]) for row in chosen],
            }
        )
    return {
        "utterances": len(traffic.lines),
        "texts": total,
        "noise": clustered.noise,
        "drawn": sum(len(one["x"]) for one in maps),
        "clusters": [
            {
                "lang": cluster.lang or "",
                "size": cluster.records,
                "words": list(cluster.words),
                "representatives": [_shorten(text) for text in cluster.representatives[:10]],
            }
            for cluster in clustered.clusters
        ],
        "maps": maps,
    }


def _drawn(ranks: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    if len(ranks) <= limit:
        return np.arange(len(ranks))
    generator = np.random.default_rng(seed)
    first = np.flatnonzero((ranks > 0) & (ranks <= 10))[:limit]
    others = np.setdiff1d(np.arange(len(ranks)), first, assume_unique=True)
    return np.sort(np.concatenate([first, generator.permutation(others)[: limit - len(first)]]))


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
