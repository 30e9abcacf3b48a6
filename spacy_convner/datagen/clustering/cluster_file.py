"""Cluster the utterances of a file, each language apart: who belongs where, who stands for whom, what they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...records import normalize_text, parse_utterance, read_jsonl
from ...ty import Matrix
from ..ty import NOISE, Clusterer
from .representatives import choose_representatives, find_typical_words

Embed = Callable[[Sequence[str]], Matrix]
WORDS = 6  # typical words kept of a cluster


@dataclass(frozen=True, slots=True)
class Traffic:
    """The utterances of a file; the same text in the same language is one, however often and however written.

    lines (list[bytes]): The records, JSON. rows: Shape (records,), which text a record has, -1 for one without
        any. counts: Shape (texts,), how often it was said. texts (list[str]), langs (list[str | None]): As first seen.
    """

    lines: list[bytes]
    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    texts: list[str]
    langs: list[str | None]


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of a file.

    id (int): Over all languages, 0 has most records. records, texts, count (int): Lines of the file, different texts,
        how often they were said in all (meta.count). words: Typical ones. representatives: Their texts, best first.
    """

    id: int
    lang: str | None
    records: int
    texts: int
    count: int
    words: tuple[str, ...]
    representatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusteredTraffic:
    """What was found. labels, strengths, ranks: Shape (texts,); a rank is from 1, 0 for no representative.

    reduced: Language → (which texts, what was clustered), for drawing.
    """

    traffic: Traffic
    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    ranks: NDArray[np.int64]
    clusters: tuple[Cluster, ...]
    reduced: dict[str | None, tuple[NDArray[np.int64], Matrix]]

    @property
    def noise(self) -> int:
        """RETURNS (int): Records in no cluster."""
        return len(self.traffic.lines) - sum(cluster.records for cluster in self.clusters)


def read_traffic(path: Path) -> Traffic:
    """path (Path): JSONL. RETURNS (Traffic). RAISES: DataError naming file, line and field."""
    lines, rows, counts = [], [], []
    texts: list[str] = []
    langs: list[str | None] = []
    known: dict[tuple[str | None, str], int] = {}
    for line, record in read_jsonl(path):
        utterance = parse_utterance(record, path=path, line=line)
        lines.append(json.dumps(record, ensure_ascii=False).encode("utf8"))
        count = utterance.meta.get("count", 1)
        if type(count) is not int or count < 1:
            raise DataError(f"expected 1 or more, got {count!r:.60}", path=path, line=line, field="meta.count")
        text = " ".join(utterance.text.split())
        if not text:
            rows.append(-1)
            continue
        lang = utterance.lang or None
        row = known.setdefault((lang, normalize_text(text) or text), len(texts))
        if row == len(texts):
            texts.append(text)
            langs.append(lang)
            counts.append(0)
        counts[row] += count
        rows.append(row)
    return Traffic(lines, np.array(rows, dtype=np.int64), np.array(counts, dtype=np.int64), texts, langs)


def cluster_traffic(traffic: Traffic, embed: Embed, clusterer: Clusterer, representatives: int) -> ClusteredTraffic:
    """Embed, cluster, choose representatives and typical words, a language at a time.

    embed (Callable): Texts to unit vectors, shape (n, d). representatives (int): For each cluster, 0 for all.
    """
    n = len(traffic.texts)
    labels, ranks = np.full(n, NOISE, dtype=np.int64), np.zeros(n, dtype=np.int64)
    strengths = np.zeros(n, dtype=np.float32)
    reduced = {}
    found: list[tuple[str | None, NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]] = []
    for lang in dict.fromkeys(traffic.langs):
        rows = np.array([row for row, other in enumerate(traffic.langs) if other == lang], dtype=np.int64)
        texts = [traffic.texts[row] for row in rows]
        vectors = embed(texts)
        result = clusterer(vectors)
        strengths[rows] = result.strengths
        reduced[lang] = (rows, result.reduced)
        words = find_typical_words(texts, result.labels, lang, WORDS)
        order = np.argsort(result.labels, kind="stable")
        bounds = np.searchsorted(result.labels[order], np.arange(len(words) + 1))
        for cluster in range(len(words)):
            members = order[bounds[cluster] : bounds[cluster + 1]]
            chosen = choose_representatives(
                np.asarray(vectors[members]), result.strengths[members], result.exemplars[members], representatives
            )
            found.append((lang, rows[members], rows[members[chosen]], words[cluster]))
    records = np.bincount(traffic.rows[traffic.rows >= 0], minlength=n)
    found.sort(key=lambda cluster: (-int(records[cluster[1]].sum()), int(cluster[1][0])))
    clusters = []
    for number, (lang, members, chosen, typical) in enumerate(found):
        labels[members] = number
        ranks[chosen] = np.arange(1, len(chosen) + 1)
        clusters.append(
            Cluster(
                id=number,
                lang=lang,
                records=int(records[members].sum()),
                texts=len(members),
                count=int(traffic.counts[members].sum()),
                words=typical,
                representatives=tuple(traffic.texts[row] for row in chosen),
            )
        )
    return ClusteredTraffic(traffic, labels, strengths, ranks, tuple(clusters), reduced)


def clustered_lines(clustered: ClusteredTraffic) -> Iterator[str]:
    """YIELDS (str): The records in the file's order, JSON with a line end, each with ``meta.cluster``.

    Of records with one text, the first is its representative.
    """
    shown: set[int] = set()
    for line, row in zip(clustered.traffic.lines, clustered.traffic.rows.tolist(), strict=True):
        record = json.loads(line)
        rank = int(clustered.ranks[row]) if row >= 0 and row not in shown else 0
        shown.add(row)
        cluster = {
            "id": int(clustered.labels[row]) if row >= 0 else NOISE,
            "strength": round(float(clustered.strengths[row]), 4) if row >= 0 else 0.0,
            "representative": rank or None,
        }
        record["meta"] = {**(record.get("meta") or {}), "cluster": cluster}
        yield json.dumps(record, ensure_ascii=False) + "\n"


def write_clustered(path: Path, lines: Iterable[str]) -> None:
    """Write lines atomically, without holding them all."""
    from ...atomic import atomic_path

    with atomic_path(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as file:
        file.writelines(lines)


def summarize(clustered: ClusteredTraffic) -> dict[str, Any]:
    """RETURNS (dict): Counts and clusters as plain data; representatives at most 20 of each."""
    n = len(clustered.traffic.lines)
    langs: dict[str, dict[str, Any]] = {}
    for lang, (rows, _) in clustered.reduced.items():
        mine = [cluster for cluster in clustered.clusters if cluster.lang == lang]
        records = int(np.isin(clustered.traffic.rows, rows).sum())
        noise = records - sum(cluster.records for cluster in mine)
        langs[lang or ""] = {
            "utterances": records,
            "texts": len(rows),
            "clusters": len(mine),
            "noise": noise,
            "noise_share": round(noise / records, 4),
        }
    return {
        "utterances": n,
        "texts": len(clustered.traffic.texts),
        "clusters": len(clustered.clusters),
        "noise": clustered.noise,
        "noise_share": round(clustered.noise / n, 4),
        "langs": langs,
        "by_cluster": [
            {
                "id": cluster.id,
                "lang": cluster.lang,
                "size": cluster.records,
                "texts": cluster.texts,
                "count": cluster.count,
                "words": list(cluster.words),
                "representatives": list(cluster.representatives[:20]),
            }
            for cluster in clustered.clusters
        ],
    }
