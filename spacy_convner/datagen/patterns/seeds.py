"""Seeds of patterns: representatives of clusters, or plain utterances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...records import normalize_text, parse_utterance, read_jsonl
from ..ty import NOISE, SeedGroup, Style


@dataclass(frozen=True, slots=True)
class _Seed:
    text: str
    lang: str
    style: Style
    cluster: int | None
    rank: int | None  # of a representative, from 1


def read_seed_groups(
    path: Path,
    *,
    noise: bool = False,
    lang: str | None = None,
    style: Style | None = None,
    left_out: Counter[str] | None = None,
) -> list[SeedGroup]:
    """Read what ``convner cluster`` wrote, or utterances without clusters.

    path (Path): JSONL. The seeds of a cluster are its representatives; without any ``meta.cluster`` every line is one.
    noise (bool): Take utterances that are in no cluster too, each a group of its own.
    lang (str | None): Language of utterances that don't say. style (str | None): Of all; None for what
        ``meta.conversational`` says, else "conversational".
    left_out (Counter | None): Is added the lines that are no seeds: "in no cluster", "not representative".
    RETURNS (list[SeedGroup]): Largest cluster first, noise last. A frequency is how often the same text was said
        (``meta.count``), by representatives and others.
    RAISES: DataError naming file, line and field; DataError if there are no seeds.
    """
    seeds: list[_Seed] = []
    said: Counter[tuple[str, str]] = Counter()
    clustered: bool | None = None
    for line, record in read_jsonl(path):
        utterance = parse_utterance(record, path=path, line=line)
        language = utterance.lang or lang
        if language is None:
            raise DataError("missing", path=path, line=line, field="lang", hint="or give --target-lang")
        if not utterance.text.strip():
            raise DataError("empty", path=path, line=line, field="text")
        said[language, normalize_text(utterance.text)] += _count(utterance.meta, path, line)
        here = "cluster" in utterance.meta
        if clustered is not None and here != clustered:
            raise DataError(
                "missing here, but other lines have it" if clustered else "other lines have none",
                path=path,
                line=line,
                field="meta.cluster",
                hint="cluster the whole file, or none of it",
            )
        clustered = here
        cluster, rank = _cluster(utterance.meta, path, line) if here else (None, None)
        if not here or rank is not None or (noise and cluster == NOISE):
            own = style or _style(utterance.meta, path, line)
            seeds.append(_Seed(utterance.text, language, own, cluster, rank))
        elif left_out is not None:
            left_out["in no cluster" if cluster == NOISE else "not representative"] += 1
    if not seeds:
        raise DataError(
            "no seeds: no utterance is a cluster's representative", path=path, hint="--noise-seeds takes the others"
        )
    return list(_grouped(seeds, said))


def _grouped(seeds: list[_Seed], said: Counter[tuple[str, str]]) -> Iterator[SeedGroup]:
    clusters: dict[tuple[str, int, Style], list[_Seed]] = {}
    alone: list[list[_Seed]] = []
    seen: set[tuple[str, str]] = set()
    for seed in seeds:
        key = seed.lang, normalize_text(seed.text)
        if key in seen:
            continue  # said counts it
        seen.add(key)
        if seed.cluster is None or seed.cluster == NOISE:
            alone.append([seed])
        else:
            clusters.setdefault((seed.lang, seed.cluster, seed.style), []).append(seed)
    for group in [*(clusters[key] for key in sorted(clusters)), *alone]:
        group.sort(key=_rank)
        yield SeedGroup(
            texts=tuple(seed.text for seed in group),
            lang=group[0].lang,
            cluster=group[0].cluster,
            style=group[0].style,
            frequencies=tuple(said[seed.lang, normalize_text(seed.text)] for seed in group),
        )


def _rank(seed: _Seed) -> int:
    return seed.rank or 0


def _count(meta: Mapping[str, Any], path: Path, line: int) -> int:
    count = meta.get("count", 1)
    if type(count) is not int or count < 1:
        raise DataError(f"expected 1 or more, got {count!r:.60}", path=path, line=line, field="meta.count")
    return count


def _cluster(meta: Mapping[str, Any], path: Path, line: int) -> tuple[int, int | None]:
    found = meta["cluster"]
    cluster, rank = (found.get("id"), found.get("representative")) if isinstance(found, Mapping) else (None, None)
    if type(cluster) is not int or cluster < NOISE or not (rank is None or (type(rank) is int and rank >= 1)):
        raise DataError(
            f"expected what convner cluster writes, got {found!r:.80}", path=path, line=line, field="meta.cluster"
        )
    return cluster, rank


def _style(meta: Mapping[str, Any], path: Path, line: int) -> Style:
    found = meta.get("conversational")
    if found is None:
        return "conversational"
    if not isinstance(found, Mapping) or not isinstance(found.get("is"), bool):
        raise DataError(
            f"expected what convner detect writes, got {found!r:.80}", path=path, line=line, field="meta.conversational"
        )
    return "conversational" if found["is"] else "command"
