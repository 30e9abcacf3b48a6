"""How unlike each other the utterances of a test set are."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from ...records import normalize_text

Words = tuple[str, ...]
ORDER = 4  # longest n-gram of BLEU
_EPSILON = 0.1  # counts for no match at all, as NLTK's SmoothingFunction.method1


def distinct_n(texts: Sequence[Words], n: int) -> float | None:
    """RETURNS (float | None): Different n-grams / all n-grams (Li et al., 2016), 0..1; None if there is none."""
    grams = Counter(gram for words in texts for gram in _grams(words, n))
    total = sum(grams.values())
    return len(grams) / total if total else None


def self_bleu(texts: Sequence[Words], sample: int = 10_000, seed: int = 0) -> float | None:
    """Mean BLEU of each utterance against all others (Zhu et al., 2018, Texygen): 1 if all are alike.

    texts (Sequence[Words]): Words of each utterance. sample (int): How many are looked at, drawn with ``seed``.
    RETURNS (float | None): 0..1, with n-grams up to 4 (or the utterance's length), uniform weights, 0.1 for a count of
        none, the nearest length as reference; None for less than two utterances.
    """
    texts = [words for words in texts if words]
    if len(texts) > sample:
        texts = random.Random(seed).sample(texts, sample)
    if len(texts) < 2:
        return None
    # The clipped count of an n-gram needs its largest count elsewhere: the two largest ones say that for everybody.
    best: dict[Words, tuple[int, int, int]] = {}  # n-gram → largest count, whose, second largest
    counts = [[Counter(_grams(words, n)) for n in range(1, ORDER + 1)] for words in texts]
    for i, of_text in enumerate(counts):
        for grams in of_text:
            for gram, count in grams.items():
                first, owner, second = best.get(gram, (0, -1, 0))
                best[gram] = (count, i, first) if count > first else (first, owner, max(second, count))
    lengths = sorted(len(words) for words in texts)
    return sum(_bleu(i, len(texts[i]), of_text, best, lengths) for i, of_text in enumerate(counts)) / len(texts)


def words_of(text: str) -> Words:
    """RETURNS (tuple[str]): Case-folded words, by white space, without outer punctuation of the text."""
    return tuple(normalize_text(text).split())


def _bleu(
    i: int, length: int, counts: Sequence[Counter[Words]], best: dict[Words, tuple[int, int, int]], lengths: list[int]
) -> float:
    logs = []
    for grams in counts:
        total = sum(grams.values())
        if not total:
            break
        matched = 0
        for gram, count in grams.items():
            first, owner, second = best[gram]
            matched += min(count, second if owner == i else first)
        logs.append(math.log((matched or _EPSILON) / total))
    reference = _nearest(lengths, length)
    brevity = 1.0 if length >= reference else math.exp(1 - reference / length)
    return brevity * math.exp(sum(logs) / len(logs))


def _nearest(lengths: list[int], length: int) -> int:
    """RETURNS (int): The length nearest to ``length`` when one of that length is taken out, the shorter at a tie."""
    at = bisect_left(lengths, length)
    others = [lengths[j] for j in (at - 1, at + 1) if 0 <= j < len(lengths)]
    return min(others, key=lambda other: (abs(other - length), other))


def _grams(words: Words, n: int) -> Iterator[Words]:
    return (words[i : i + n] for i in range(len(words) - n + 1))
