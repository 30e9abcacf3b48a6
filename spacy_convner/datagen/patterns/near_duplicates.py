"""Patterns that say the same up to their tags and small words."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ...records import without_accents
from .languages import stop_words

_SMALL = 3  # letters: function words up to this length don't tell two patterns apart
_PIECE = re.compile(r"<[^<>]*>|[^\W_]+")
_TAG = "<>"


def content_words(text: str, lang: str, ignore_tags: bool = True) -> tuple[str, ...]:
    """Reduce a pattern to what tells it from others: no case, accents, punctuation and small words.

    text (str): With tags. ignore_tags (bool): Whether all tags are one word, or each label another.
    RETURNS (tuple[str]): In order. A pattern of nothing but small words keeps them.
    """
    words, small = [], []
    for piece in _PIECE.findall(text.replace("’", "'").replace("'", "")):
        if piece[0] == "<":
            words.append(_TAG if ignore_tags else piece.partition(":")[0].rstrip(">") + ">")
            small.append(False)
        else:
            words.append(_fold(piece))
            small.append(len(piece) <= _SMALL and piece.casefold() in stop_words(lang))
    kept = tuple(word for word, is_small in zip(words, small, strict=True) if not is_small)
    return kept if any(word[0] != "<" for word in kept) else tuple(words)


def _fold(word: str) -> str:
    return without_accents(word.casefold()) or word


def find_near_duplicates(items: Sequence[Sequence[str]], threshold: float) -> dict[int, tuple[int, float]]:
    """Find lists of words of which an earlier one is much the same: words in common ÷ all words (Jaccard, of
    multisets).

    items (Sequence): Words of each. threshold (float): Least share, above 0 to 1.
    RETURNS (dict[int, tuple[int, float]]): Index of a near-duplicate → index of the one that stays, share. What is a
        near-duplicate itself makes none.
    """
    counts = [_numbered(item) for item in items]
    rarity = Counter(word for item in counts for word in item)
    seen: dict[tuple[str, int], list[int]] = defaultdict(list)
    found: dict[int, tuple[int, float]] = {}
    for index in range(len(items)):
        # Two sets that share this much share one of their few rarest words (prefix filtering).
        words = sorted(counts[index], key=lambda word: (rarity[word], word))
        prefix = words[: len(words) - math.ceil(threshold * len(words)) + 1]
        best: tuple[int, float] | None = None
        for other in sorted({other for word in prefix for other in seen[word]}):
            common = len(counts[index] & counts[other])
            share = common / (len(counts[index]) + len(counts[other]) - common)
            if share >= threshold - 1e-9 and (best is None or share > best[1]):
                best = other, share
        if best is not None:
            found[index] = best
            continue
        for word in prefix:
            seen[word].append(index)
    return found


def _numbered(words: Sequence[str]) -> frozenset[tuple[str, int]]:
    """RETURNS (frozenset): Words with how many of the same came before, so that a multiset is a set."""
    count: Counter[str] = Counter()
    numbered = set()
    for word in words:
        numbered.add((word, count[word]))
        count[word] += 1
    return frozenset(numbered)
