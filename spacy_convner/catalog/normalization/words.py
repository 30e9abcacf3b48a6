"""Fold a text to words: without case, accents, apostrophes and punctuation, each word with its characters.

Names and utterances go through the same fold, so how spaCy's tokenizer cuts ``dr. dre``, ``r.e.m.`` or ``can't`` plays
no part. What only a name may be written like (``&`` as "and", no leading article) is in ``steps.py``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

APOSTROPHES = frozenset("'’‘`´ʼ′")
# Written for letters inside names: Ke$ha, P!nk, M@d.
_LETTER_LIKE = {"$": "s", "!": "i", "@": "a"}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # never part of a name
_CHUNK = re.compile(r"\S+")
_INITIALISM = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?\.?", re.UNICODE)
_LONGEST_CACHED = 40

Word = tuple[str, int, int]


class Words(NamedTuple):
    """The words of a text. ``starts`` and ``ends`` are characters of the text, end exclusive; all of one length."""

    words: list[str]
    starts: list[int]
    ends: list[int]


def fold_words(text: str) -> Words:
    """text (str): An utterance or a name. RETURNS (Words): In reading order; none for punctuation alone."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    if text.isprintable():  # then a space is the only white space
        base = 0
        for chunk in text.split(" "):
            length = len(chunk)
            folded = _cached(chunk) if length <= _LONGEST_CACHED else _fold_chunk(chunk)
            if len(folded) == 1:  # a word and maybe marks: most are
                word, start, end = folded[0]
                words.append(word)
                starts.append(base + start)
                ends.append(base + end)
            else:
                for word, start, end in folded:
                    words.append(word)
                    starts.append(base + start)
                    ends.append(base + end)
            base += length + 1
        return Words(words, starts, ends)
    for found in _CHUNK.finditer(text):
        base = found.start()
        for word, start, end in _fold_chunk(found.group()):
            words.append(word)
            starts.append(base + start)
            ends.append(base + end)
    return Words(words, starts, ends)


def fold_key(text: str) -> str:
    """RETURNS (str): The words of a name with one space between, which is how an index stores it."""
    if text.isascii() and text.replace(" ", "").isalnum():
        return " ".join(text.lower().split())
    return " ".join(fold_words(text).words)


def outer_marks(name: str) -> tuple[str, str]:
    """RETURNS (tuple[str, str]): What a name has before its first word and after its last: "!" of "Wham!"."""
    if name[0].isalnum() and name[-1].isalnum():
        return "", ""
    _, starts, ends = fold_words(name)
    return (name[: starts[0]], name[ends[-1] :]) if starts else ("", "")


def strip_accents(text: str) -> str:
    """RETURNS (str): Text without combining marks, "Beyoncé" → "Beyonce"."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


@lru_cache(maxsize=1 << 12)
def _fold_char(char: str) -> str:
    """RETURNS (str): Letters and digits folded; "" for what isn't one."""
    folded = unicodedata.normalize("NFKD", char).casefold()
    return "".join(c for c in folded if c.isalnum() or unicodedata.category(c) == "Mc")


def _fold_chunk(chunk: str) -> tuple[Word, ...]:
    if not chunk:
        return ()
    if chunk.isascii() and chunk.isalnum():
        return ((chunk.lower(), 0, len(chunk)),)
    initialism = _INITIALISM.fullmatch(chunk.strip('()[]{}"“”«»,;:!?¡¿')) is not None
    words: list[Word] = []
    letters: list[str] = []
    start = end = 0
    last = len(chunk) - 1

    def flush() -> None:
        if letters:
            words.append(("".join(letters), start, end))
            letters.clear()

    for i, char in enumerate(chunk):
        folded = _fold_char(char)
        if not folded:
            follows = i < last and bool(_fold_char(chunk[i + 1]))
            category = unicodedata.category(char)
            if category in ("Mn", "Cf"):  # a mark belongs to its letter; a joiner or direction mark to nothing
                if letters and category == "Mn":
                    end = i + 1
                continue
            if char in APOSTROPHES or (initialism and char == "."):
                continue
            if char in _LETTER_LIKE and follows and not chunk[i + 1].isdigit() and (letters or char == "$"):
                folded = _LETTER_LIKE[char]
            elif char in "+#" and letters and not follows:  # C++, C#, Disney+
                folded = char
            else:
                flush()
                if char == "&":
                    words.append(("and", i, i + 1))
                elif category == "So":  # emoji and other pictures are words of their own
                    words.append((char, i, i + 1))
                continue
        if not letters:
            start = i
        letters.append(folded)
        end = i + 1
    flush()
    return tuple(words)


_cached = lru_cache(maxsize=1 << 17)(_fold_chunk)


_ALONE = re.compile(r"(?<!\S)[\W_](?<!\s)")
LITERAL = "\x02"  # before the key of a name that has no word in it, such as "!!!"


def literal_key(name: str) -> str:
    """RETURNS (str): Key of a name without words, "" where no utterance could hold it."""
    return "" if not name or len(name.split()) != 1 or fold_words(name).words else LITERAL + name


def literal_chunks(text: str) -> list[tuple[str, int, int]]:
    """RETURNS (list[tuple[str, int, int]]): (key, start, end) of what stands between spaces and has no word in it."""
    if _ALONE.search(text) is None:
        return []
    return [
        (LITERAL + found.group(), found.start(), found.end())
        for found in _CHUNK.finditer(text)
        if not fold_words(found.group()).words
    ]
