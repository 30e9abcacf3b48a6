"""A catalog index over spaCy's PhraseMatcher: a token trie, one key a label, and a side index for ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from spacy.matcher import PhraseMatcher
from spacy.strings import hash_string  # type: ignore[attr-defined]
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...ty import CatalogEntry, SurfaceVariants

BATCH = 1000


class Match(NamedTuple):
    """A catalog name in a Doc: tokens ``start`` inclusive to ``end`` exclusive."""

    start: int
    end: int
    label: str
    id: str
    step: str
    popularity: float


class PhraseIndex:
    """Exact matching of every name and way of writing it, ignoring case.

    vocab (Vocab): The pipeline's. tokenizer (Tokenizer): The pipeline's; names must be cut as utterances are.
    variants (SurfaceVariants): Ways of writing a name.

    Keys are labels, not ids: a key an entry makes PhraseMatcher ten times larger, and ids
    are looked up in a side index by the hash of the matched tokens.
    """

    def __init__(self, vocab: Vocab, tokenizer: Tokenizer, variants: SurfaceVariants) -> None:
        self._matcher = PhraseMatcher(vocab, attr="LOWER")
        self._tokenizer = tokenizer
        self._variants = variants
        # label -> hash of the lower-case tokens -> (id, step, popularity) of the most popular entry
        self._names: dict[str, dict[int, tuple[str, str, float]]] = {}
        self.n_entries = 0

    def __len__(self) -> int:
        return self.n_entries

    @property
    def labels(self) -> list[str]:
        return sorted(self._names)

    def add(self, entries: Iterable[CatalogEntry]) -> None:
        """Add entries, streamed: at most ``BATCH`` entries are Docs at a time."""
        stream = iter(entries)
        while batch := list(islice(stream, BATCH)):
            patterns: dict[str, list[Doc]] = {}
            for entry in batch:
                names = self._names.setdefault(entry.label, {})
                for surface, step in self._surfaces(entry):
                    doc = self._tokenizer(surface)
                    # A name of white space or nothing can't be matched.
                    if not len(doc) or not surface.strip():
                        continue
                    key = _tokens_key(doc, 0, len(doc))
                    known = names.get(key)
                    if known is None:
                        patterns.setdefault(entry.label, []).append(doc)
                    if known is None or _is_better(entry, step, known):
                        names[key] = (entry.id, step, entry.popularity)
                self.n_entries += 1
            for label, docs in patterns.items():
                self._matcher.add(label, docs)

    def _surfaces(self, entry: CatalogEntry) -> Iterator[tuple[str, str]]:
        yield from self._variants(entry.text, entry.lang)
        for alias in entry.aliases:
            for surface, _ in self._variants(alias, entry.lang):
                yield surface, "alias"

    def find(self, doc: Doc) -> list[Match]:
        """RETURNS (list[Match]): Every (span, label), overlapping and nested ones too, by start, longest first."""
        strings = doc.vocab.strings
        found = set()
        for key, start, end in self._matcher(doc):
            label = strings[key]
            info = self._names[label].get(_tokens_key(doc, start, end))
            if info is not None:
                found.add(Match(start, end, label, *info))
        return sorted(found, key=lambda match: (match.start, -match.end, match.label))


def _tokens_key(doc: Doc, start: int, end: int) -> int:
    return int(hash_string("\x1f".join(doc[i].lower_ for i in range(start, end))))


def _is_better(entry: CatalogEntry, step: str, known: tuple[str, str, float]) -> bool:
    # The catalog's own spelling beats a made variant; then the popular entry beats the rare one.
    return ((step == "exact"), entry.popularity) > ((known[1] == "exact"), known[2])
