"""Find the keys of an index in a sequence of words: over a static trie, or over spaCy's PhraseMatcher.

Both find the same keys at the same words; ``tests/catalog/test_finders.py`` holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import marisa_trie
import numpy as np
from numpy.typing import NDArray
from spacy.matcher import PhraseMatcher
from spacy.matcher.phrasematcher import unpickle_matcher  # type: ignore[attr-defined]
from spacy.strings import get_string_id
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..normalization.words import LITERAL

_SHORTEST_WITH_ENDING = 3  # letters of a word that an ending may follow: "Cars", but not "As" as the plural of "A"


# A key of the index in a text: (first word, last word + 1, key id, letters of the last word that aren't the key's).
Found = tuple[int, int, int, int]


class KeyFinder(Protocol):
    """Finds keys; built from all keys of a segment at once."""

    @property
    def kind(self) -> str:
        """Name of the implementation, as in the configuration."""

    @property
    def has_literals(self) -> bool:
        """Whether a key may be of a name without words."""

    def __len__(self) -> int: ...

    def ids(self, keys: Iterator[str], n: int) -> NDArray[np.uint32]:
        """RETURNS (NDArray): Shape (n,), the id of each key, 0 ≤ id < len(self)."""

    def find(self, words: Sequence[str], endings: bool) -> list[Found]:
        """RETURNS (list[Found]): Every key, overlapping and nested ones too."""


# What the trie says of words in a row: id of the key that they are (-1: none), what may follow (None: nothing), and the
# keys that they are with an ending at the last word, as (key id, letters of the ending).
_Node = tuple[int, "_Following | None", tuple[tuple[int, int], ...]]
_MOST_NODES = 100_000


class _Following(dict[str, "_Node | None"]):
    """What may follow some words: None for a word that neither ends a key nor goes on to one. Asks the trie once."""

    __slots__ = ("_before", "_finder", "_with_endings")

    def __init__(self, finder: TrieFinder, before: str, with_endings: bool) -> None:
        """before (str): The words and a space, or ""."""
        self._finder, self._before, self._with_endings = finder, before, with_endings

    def __missing__(self, word: str) -> _Node | None:
        key = self._before + word
        trie = self._finder.trie
        key_id, following = -1, None
        if _begins_a_key(trie, key):  # seldom, so it is asked first
            key_id = trie.get(key, -1)
            if _begins_a_key(trie, key + " "):
                following = _Following(self._finder, key + " ", self._with_endings)
        endings: tuple[tuple[int, int], ...] = ()
        if self._with_endings and word[-1] == "s":
            stems = ((trie.get(self._before + stem, -1), letters) for stem, letters in _stems(word))
            endings = tuple((stem_id, letters) for stem_id, letters in stems if stem_id >= 0)
        node: _Node | None = None
        if key_id >= 0 or following is not None or endings:
            node = key_id, following, endings
        self[word] = node
        self._finder.n_known += 1
        return node


class TrieFinder:
    """A LOUDS trie over keys (marisa-trie) that loads by memory-map.

    Utterances share most of their words, so what the trie said of a word after others is remembered, up to a limit:
    then a step through a key is one look into a dictionary.
    """

    kind = "trie"

    def __init__(self, trie: marisa_trie.Trie) -> None:
        self.trie = trie
        self.n_known = 0
        self._known: dict[bool, _Following] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return TrieFinder, (self.trie,)

    @property
    def has_literals(self) -> bool:
        return _begins_a_key(self.trie, LITERAL)

    @classmethod
    def build(cls, keys: Iterator[str]) -> TrieFinder:
        return cls(marisa_trie.Trie(keys))

    @classmethod
    def load(cls, path: Path) -> TrieFinder:
        trie = marisa_trie.Trie()
        trie.mmap(str(path))
        return cls(trie)

    def __len__(self) -> int:
        return len(self.trie)

    def ids(self, keys: Iterator[str], n: int) -> NDArray[np.uint32]:
        return np.fromiter(map(self.trie.key_id, keys), dtype=np.uint32, count=n)

    def find(self, words: Sequence[str], endings: bool) -> list[Found]:
        if self.n_known > _MOST_NODES:
            self._known, self.n_known = {}, 0
        known = self._known.get(endings)
        if known is None:
            known = self._known[endings] = _Following(self, "", endings)
        found: list[Found] = []
        count = len(words)
        for start, word in enumerate(words):
            node = known[word]
            end = start + 1
            while node is not None:
                key_id, following, stems = node
                if key_id >= 0:
                    found.append((start, end, key_id, 0))
                for stem_id, letters in stems:
                    found.append((start, end, stem_id, letters))
                if following is None or end == count:
                    break
                node = following[words[end]]
                end += 1
        return found


def _begins_a_key(trie: marisa_trie.Trie, prefix: str) -> bool:
    for _ in trie.iterkeys(prefix):
        return True
    return False


def _stems(word: str) -> list[tuple[str, int]]:
    """RETURNS (list[tuple[str, int]]): What a word may be the plural or possessive of, and the letters it has more."""
    return [
        (word[:-ending], ending)
        for ending in (1, 2)
        if len(word) - ending >= _SHORTEST_WITH_ENDING
        and word[-ending - 1].isalpha()
        and (ending == 1 or (word[-2] == "e" and word[-3] in "sxzhlnr"))
    ]


class PhraseFinder:
    """spaCy's PhraseMatcher over the words, restored from arrays of word hashes."""

    kind = "phrase"
    has_literals = True  # it can't be asked, and asking for one costs little

    def __init__(self, vocab: Vocab, hashes: NDArray[np.uint64], lengths: NDArray[np.uint16]) -> None:
        """hashes (NDArray): What ORTH is of each word of all keys, end to end. lengths (NDArray): Words a key."""
        self._vocab = vocab
        self.hashes, self.lengths = hashes, lengths
        bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._most_words = int(lengths.max(initial=0))
        rows = [tuple(row) for row in np.split(hashes, bounds[1:-1])] if len(lengths) else []
        # ORTH, as word hashes are of the folded words themselves. The same call restores a pickled PhraseMatcher.
        self._matcher: PhraseMatcher = unpickle_matcher(vocab, {"key": rows}, {}, "ORTH")
        self._sorted = np.sort(np.array([_combine(row) for row in rows], dtype=np.uint64))

    @classmethod
    def build(cls, vocab: Vocab, keys: Iterator[str]) -> PhraseFinder:
        unique = sorted(set(keys))
        words = [key.split(" ") for key in unique]
        # Not the plain hash: "mark", "meta" and "root" are symbols of spaCy, with numbers of their own.
        hashes = np.array([get_string_id(word) for row in words for word in row], dtype=np.uint64)
        return cls(vocab, hashes, np.array([len(row) for row in words], dtype=np.uint16))

    def __reduce__(self) -> tuple[object, ...]:
        return PhraseFinder, (self._vocab, self.hashes, self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def ids(self, keys: Iterator[str], n: int) -> NDArray[np.uint32]:
        hashes = np.fromiter((_combine(map(get_string_id, key.split(" "))) for key in keys), dtype=np.uint64, count=n)
        return np.searchsorted(self._sorted, hashes).astype(np.uint32)

    def find(self, words: Sequence[str], endings: bool) -> list[Found]:
        if not words:
            return []
        found = [(start, end, self._id(words[start:end]), 0) for start, end in self._spans(words)]
        if endings:
            for number, word in enumerate(words):
                for stem, ending in _stems(word) if word[-1] == "s" else ():
                    first = max(0, number + 1 - self._most_words)
                    changed = [*words[first:number], stem]
                    found += [
                        (first + start, number + 1, self._id(changed[start:end]), ending)
                        for start, end in self._spans(changed)
                        if end == len(changed)
                    ]
        return found

    def _spans(self, words: Sequence[str]) -> set[tuple[int, int]]:
        return {(start, end) for _, start, end in self._matcher(Doc(self._vocab, words=list(words)))}

    def _id(self, words: Sequence[str]) -> int:
        return int(np.searchsorted(self._sorted, np.uint64(_combine(map(get_string_id, words)))))


def _combine(hashes: Iterable[int]) -> int:
    value = 14695981039346656037
    for item in hashes:
        value = ((value ^ int(item)) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return value
