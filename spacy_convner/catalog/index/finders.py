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
from spacy.strings import hash_string  # type: ignore[attr-defined]
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..normalization.words import LITERAL

_SHORTEST_WITH_ENDING = 3  # letters of a last word that a plural may follow: "Cars", but not "As" as the plural of "A"


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


class TrieFinder:
    """A LOUDS trie over keys (marisa-trie): one prefix search a word; loads by memory-map."""

    kind = "trie"

    def __init__(self, trie: marisa_trie.Trie, longest: int) -> None:
        self.trie = trie
        self.longest = longest

    @property
    def has_literals(self) -> bool:
        return bool(self.trie.has_keys_with_prefix(LITERAL))

    @classmethod
    def build(cls, keys: Iterator[str], longest: int) -> TrieFinder:
        return cls(marisa_trie.Trie(keys), longest)

    @classmethod
    def load(cls, path: Path, longest: int) -> TrieFinder:
        trie = marisa_trie.Trie()
        trie.mmap(str(path))
        return cls(trie, longest)

    def __len__(self) -> int:
        return len(self.trie)

    def ids(self, keys: Iterator[str], n: int) -> NDArray[np.uint32]:
        return np.fromiter(map(self.trie.key_id, keys), dtype=np.uint32, count=n)

    def find(self, words: Sequence[str], endings: bool) -> list[Found]:
        text = " ".join(words) + " "
        found: list[Found] = []
        prefixes = self.trie.iter_prefixes_with_ids
        width = self.longest + 1
        at = 0
        for start, word in enumerate(words):
            for key, key_id in prefixes(text[at : at + width]):
                stop = at + len(key)
                following = text[stop]
                if following == " ":
                    found.append((start, start + 1 + key.count(" "), key_id, 0))
                elif endings and following in "se" and (ending := _ending_at(text, stop)) and _may_have_ending(key):
                    found.append((start, start + 1 + key.count(" "), key_id, ending))
            at += len(word) + 1
        return found


def _ending_at(text: str, stop: int) -> int:
    """text (str): With a space after each word. RETURNS (int): Letters of a plural or possessive ending here, or 0."""
    if text.startswith("s ", stop):
        return 1
    return 2 if text.startswith("es ", stop) and text[stop - 1] in "sxzhlnr" else 0


def _may_have_ending(key: str) -> bool:
    last = key[key.rfind(" ") + 1 :]
    return len(last) >= _SHORTEST_WITH_ENDING and last[-1].isalpha()


class PhraseFinder:
    """spaCy's PhraseMatcher over the words, restored from arrays of word hashes."""

    kind = "phrase"
    has_literals = True  # it can't be asked, and asking for one costs little

    def __init__(self, vocab: Vocab, hashes: NDArray[np.uint64], lengths: NDArray[np.uint16]) -> None:
        """hashes (NDArray): Word hashes of all keys, end to end. lengths (NDArray): Words a key."""
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
        hashes = np.array([hash_string(word) for row in words for word in row], dtype=np.uint64)
        return cls(vocab, hashes, np.array([len(row) for row in words], dtype=np.uint16))

    def __reduce__(self) -> tuple[object, ...]:
        return PhraseFinder, (self._vocab, self.hashes, self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def ids(self, keys: Iterator[str], n: int) -> NDArray[np.uint32]:
        hashes = np.fromiter((_combine(map(hash_string, key.split(" "))) for key in keys), dtype=np.uint64, count=n)
        return np.searchsorted(self._sorted, hashes).astype(np.uint32)

    def find(self, words: Sequence[str], endings: bool) -> list[Found]:
        if not words:
            return []
        found = [(start, end, self._id(words[start:end]), 0) for start, end in self._spans(words)]
        if endings:
            for number, word in enumerate(words):
                for ending in (1, 2):
                    stem = word[:-ending]
                    if stem and _ending_at(word + " ", len(stem)) == ending and _may_have_ending(stem):
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
        return int(np.searchsorted(self._sorted, np.uint64(_combine(map(hash_string, words)))))


def _combine(hashes: Iterable[int]) -> int:
    value = 14695981039346656037
    for item in hashes:
        value = ((value ^ int(item)) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return value
