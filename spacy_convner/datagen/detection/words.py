"""Cut an utterance into folded words, with where clauses and sentences begin, and which words look like names.

Recognised speech has neither capitals, accents nor punctuation, so nothing here needs them; where they are, they help.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 300  # words that are looked at: whoever talks on has long been recognised
_TOKEN = re.compile(r"[^\W_]+(?:['’‘`´ʼ][^\W_]+)*|[^\w\s]+|_+")
_APOSTROPHE = re.compile("[’‘`´ʼ]")
_DRAWN_OUT = re.compile(r"([^\W\divxw])\1\1+")  # but for Roman numbers and www
_CLAUSE_MARKS = frozenset(',;:.!?…¡¿()[]{}"“”«»—–-')
_SENTENCE_MARKS = frozenset(".!?…¡¿")
_QUOTED = re.compile(r"\"([^\"]{1,80})\"|“([^“”]{1,80})”|«([^«»]{1,80})»")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one utterance; every list has one item a word.

    folded: Without case and accents, apostrophes kept inside. spans: Characters of the text, end exclusive.
    clause, sentence: Whether punctuation, or the start of the text, says that one begins here.
    capital: Starts with a capital, in a text that has small letters too. quoted: Stands in quotation marks.
    """

    text: str
    folded: list[str]
    spans: list[tuple[int, int]]
    clause: list[bool]
    sentence: list[bool]
    capital: list[bool]
    quoted: list[bool]

    def __len__(self) -> int:
        return len(self.folded)

    def surface(self, start: int, end: int) -> str:
        """RETURNS (str): The text of words ``start`` to ``end``, exclusive."""
        return self.text[self.spans[start][0] : self.spans[end - 1][1]]


@lru_cache(maxsize=1 << 15)
def fold(word: str) -> str:
    """RETURNS (str): Without case and accents, drawn-out letters once: "Qué" → "que", "I’m" → "i'm", "sooo" → "so"."""
    decomposed = unicodedata.normalize("NFKD", _APOSTROPHE.sub("'", word))
    bare = "".join(c for c in decomposed.casefold() if unicodedata.category(c) != "Mn")
    return _DRAWN_OUT.sub(r"\1", bare)


def split_words(text: str) -> Words:
    """text (str): An utterance, however it is written. RETURNS (Words): At most ``LONGEST`` words."""
    words = Words(text, [], [], [], [], [], [])
    cased = any(c.islower() for c in text[:2000])
    quotes = [found.span() for found in _QUOTED.finditer(text)] if any(c in '"“«' for c in text) else []
    clause = sentence = True
    for found in _TOKEN.finditer(text):
        token, (start, end) = found.group(), found.span()
        if not token[0].isalnum():
            inside = start > 0 and end < len(text) and not text[start - 1].isspace() and text[end].isalnum()
            if not inside or "¿" in token or "¡" in token:  # 7.15, r.e.m., lo-fi are no ends of anything
                clause = clause or not _CLAUSE_MARKS.isdisjoint(token)
                sentence = sentence or not _SENTENCE_MARKS.isdisjoint(token)
            continue
        words.folded.append(fold(token))
        words.spans.append((start, end))
        words.clause.append(clause)
        words.sentence.append(sentence)
        words.capital.append(cased and token[0].isupper())
        words.quoted.append(any(left < start and end < right for left, right in quotes))
        clause = sentence = False
        if len(words.folded) == LONGEST:
            break
    return words


def find_capital_names(words: Words) -> list[bool]:
    """Mark runs of two or more capitals as a name: "play You Belong With Me" says nothing to "you".

    A sentence's first word has a capital anyway: it belongs to a run only if two more follow. Small words may stand
    between ("Call Me by Your Name"), and the English "I" is neither for nor against.
    RETURNS (list[bool]): One item a word; what is quoted is a name too.
    """
    names = list(words.quoted)
    n, i = len(words), 0
    while i < n:
        if not words.capital[i]:
            i += 1
            continue
        last, counted, j = i, int(not words.sentence[i] and words.folded[i] != "i"), i + 1
        gap = 0
        while j < n and not words.clause[j]:
            if words.capital[j]:
                counted += words.folded[j] != "i"
                last, gap = j, 0
            elif gap or len(words.folded[j]) > 3:
                break
            else:
                gap = 1
            j += 1
        if counted >= 2:
            for k in range(i, last + 1):
                names[k] = True
        i = last + 1
    return names
