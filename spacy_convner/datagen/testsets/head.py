"""The head of the traffic: its most probable utterances, counted or made from the frequencies of forms and names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path

from spacy.language import Language

from ...errors import DataError
from ...records import normalize_text, number_exemplars
from ...ty import CatalogEntry, Exemplar
from ..population.filling import Frame, fill
from ..population.names import WeightedName, clashes
from ..population.population import fits_tokens


def probable_utterances(
    frames: Sequence[Frame],
    grouped: Mapping[str, list[WeightedName]],
    *,
    size: int,
    nlp: Language,
    skip: Collection[str] = (),
) -> list[Exemplar]:
    """The most probable utterances if a form is as probable as it is frequent, and a name as it is popular.

    frames (Sequence[Frame]): With their frequency in the traffic. grouped (Mapping): Names by label.
    size (int): How many. skip (Collection[str]): Normalised texts that must not come out.
    RETURNS (list[Exemplar]): Most probable first; ``meta["log_probability"]`` is the natural logarithm, counted
        over these frames. Nothing is drawn. Every label's most probable utterance is there, and a pattern gives its
        share of the traffic, as long as the others give theirs: popularity in one label says nothing about another.
    """
    total = sum(frame.frequency for frame in frames)
    streams = [_by_probability(frame, math.log(frame.frequency / total), grouped) for frame in frames]
    heads: dict[int, tuple[float, Exemplar]] = {}
    seen = set(skip)
    found: list[tuple[float, str, Exemplar]] = []
    counts = [0] * len(frames)

    def advance(i: int) -> None:
        for score, exemplar in streams[i]:
            if normalize_text(exemplar.text) not in seen and fits_tokens(nlp, exemplar):
                heads[i] = score, exemplar
                return
        heads.pop(i, None)

    def take(i: int) -> None:
        score, exemplar = heads[i]
        key = normalize_text(exemplar.text)
        if key not in seen:  # another pattern may have given it meanwhile
            seen.add(key)
            counts[i] += 1
            meta = {**exemplar.meta, "log_probability": round(score, 4)}
            found.append((-round(score, 9), exemplar.text, replace(exemplar, meta=meta)))
        advance(i)

    for i in range(len(frames)):
        advance(i)
    for label in sorted({label for frame in frames for label in frame.slots}):
        having = [i for i in heads if label in frames[i].slots]
        if having and len(found) < size and not any(_has(item[2], label) for item in found):
            take(max(having, key=lambda i: (heads[i][0], -i)))
    limits = [max(1, size * frame.frequency // total) for frame in frames]
    while heads and len(found) < size:
        heap: list[tuple[float, int]] = []
        for i, (score, _) in heads.items():
            if counts[i] < limits[i]:
                heappush(heap, (-score, i))
        while heap and len(found) < size:
            _, i = heappop(heap)
            take(i)
            if i in heads and counts[i] < limits[i]:
                heappush(heap, (-heads[i][0], i))
        limits = [2 * limit for limit in limits]
    return [exemplar for *_, exemplar in sorted(found, key=_order)]


def counted_utterances(
    paths: Iterable[Path],
    lang: str,
    labels: Collection[str] | None,
    size: int,
    skip: Collection[str] = (),
    counted: Counter[str] | None = None,
) -> list[Exemplar]:
    """The most frequent utterances of annotated traffic.

    paths (Iterable[Path]): Annotated utterances; ``meta.count`` says how often one was said, else once.
    lang (str): Those of another language are passed over. labels (Collection[str] | None): Known labels.
    skip (Collection[str]): Normalised texts that must not come out. counted (Counter | None): Gets "utterances", how
        many different ones there are, and "skipped", how many of them ``skip`` has.
    RETURNS (list[Exemplar]): At most ``size``, most frequent first, counts of the same text added up.
    """
    counts: dict[str, int] = {}
    skipped: set[str] = set()
    first: dict[str, Exemplar] = {}
    for path in paths:
        for line, exemplar in number_exemplars(path, labels):
            count = exemplar.meta.get("count", 1)
            if type(count) is not int or count < 1:
                raise DataError(
                    f"expected a number of 1 or more, got {count!r:.60}", path=path, line=line, field="meta.count"
                )
            key = normalize_text(exemplar.text)
            if exemplar.lang not in (lang, None):
                continue
            if key in skip:
                skipped.add(key)
                continue
            counts[key] = counts.get(key, 0) + count
            first.setdefault(key, exemplar)
    if counted is not None:
        counted.update(utterances=len(counts) + len(skipped), skipped=len(skipped))
    ranked = sorted(counts, key=lambda key: (-counts[key], key))[:size]
    return [replace(first[key], lang=lang, meta={**first[key].meta, "count": counts[key]}) for key in ranked]


def _by_probability(
    frame: Frame, log_form: float, grouped: Mapping[str, list[WeightedName]]
) -> Iterator[tuple[float, Exemplar]]:
    """YIELDS (tuple[float, Exemplar]): Log probability and utterance, from the most probable on, one at a time."""
    names = [grouped[label] for label in frame.slots]
    sums = [math.log(sum(name.weight for name in of_slot)) for of_slot in names]

    def score(ranks: tuple[int, ...]) -> float:
        logs = (math.log(names[i][rank].weight) - sums[i] for i, rank in enumerate(ranks))
        return log_form + sum(logs)

    start = (0,) * len(names)
    heap = [(-score(start), start)]
    while heap:
        negative, ranks = heappop(heap)
        # Each combination has one predecessor: the one with its last rank above 0 lowered.
        last = max((i for i, rank in enumerate(ranks) if rank), default=0)
        for i in range(last, len(ranks)):
            if ranks[i] + 1 < len(names[i]):
                following = (*ranks[:i], ranks[i] + 1, *ranks[i + 1 :])
                heappush(heap, (-score(following), following))
        entries = [names[i][rank].entry for i, rank in enumerate(ranks)]
        if _differ(entries):
            yield -negative, fill(frame, entries)


def _differ(entries: Sequence[CatalogEntry]) -> bool:
    texts = [entry.text.casefold() for entry in entries]
    return not any(clashes(text, texts[:i]) for i, text in enumerate(texts))


def _has(exemplar: Exemplar, label: str) -> bool:
    return any(span.label == label for span in exemplar.spans)


def _order(item: tuple[float, str, Exemplar]) -> tuple[float, str]:
    return item[0], item[1]
