"""Name steps: other ways to write or say a catalog name, beyond what folding its words ignores.

A step is a function of a name and its language that yields more names. Each way is stored in the index under the step
that made it, so an utterance pays nothing for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from num2words import num2words

from ..common_words import is_common
from .words import fold_key

NameStep = Callable[[str, str | None], Iterator[str]]

_JOINED = re.compile(r"(?<=[^\W_])[-‐–—/·.*](?=[^\W_])")
_AND = re.compile(r"(?<=\S)\s*(?:&|\+|\b(?:and|y|e|n|'n'|’n’|n'|n’|'n|’n)(?=\s))\s*(?=[^\W_])", re.IGNORECASE)
_AND_WORDS = {"en": ("and", "n"), "es": ("y",)}
_ARTICLES = {
    "en": frozenset({"the", "a", "an"}),
    "es": frozenset({"el", "la", "los", "las", "un", "una", "unos", "unas", "lo"}),
}
_SUFFIX = re.compile(
    r"\s*[\(\[]\s*(?:feat|ft|featuring|with|con|live|en vivo|en directo|remaster|remix|acoustic|radio edit|deluxe|"
    r"from|original|bonus|single|album)\b.*[\)\]].*$"
    r"|\s+(?:feat\.?|ft\.?|featuring)\s+.*$"
    r"|\s+[-–—]\s+(?:(?:\d{4}\s+)?(?:remaster|remix|live|en vivo|en directo|radio edit|single|album|acoustic|mono|"
    r"stereo|deluxe|bonus|from|feat)).*$",
    re.IGNORECASE,
)
_PARENTHESIS = re.compile(r"\s*[\(\[][^\)\]]*[\)\]]\s*")
_NUMBER = re.compile(r"(?<![^\W_])\d{1,4}(?![^\W_])")
_LARGEST_SAID = 9999


def joiners(name: str, lang: str | None) -> Iterator[str]:
    """ "AC/DC" → "ACDC", "Jay-Z" → "JayZ", "R&B" → "RnB"; "P!nk" → "Pnk"; folding alone gives "ac dc"."""
    if "-" in name or "/" in name or "." in name or not name.isascii():
        glued = _JOINED.sub(lambda found: "" if _short_side(name, found) else found[0], name)
        if glued != name:
            yield glued
    if "!" in name or "$" in name or "*" in name:
        bare = re.sub(r"(?<=\w)[!$*](?=\w)", "", name)
        if bare != name:
            yield bare
    if "&" in name:
        spelled = re.sub(r"(?<=\w)&(?=\w)", "n", name)
        if spelled != name:
            yield spelled


def _short_side(name: str, found: re.Match[str]) -> bool:
    # "will.i.am" must not become "william", nor "Spider-Man: No-Way" one word with everything else.
    if found[0] == ".":
        return False
    left = re.search(r"\w*$", name[: found.start()])
    right = re.match(r"\w*", name[found.end() :])
    assert left is not None
    assert right is not None
    return len(left[0]) <= 6 and len(right[0]) <= 6


def ampersand(name: str, lang: str | None) -> Iterator[str]:
    """ "Simon & Garfunkel" → "Simon and Garfunkel", "Simon y Garfunkel"; "Guns N' Roses" → "Guns and Roses"."""
    parts = _AND.split(name)
    if 2 <= len(parts) <= 4 and all(part.strip() for part in parts):
        for word in _words_of(_AND_WORDS, lang):
            yield f" {word} ".join(part.strip() for part in parts)


def articles(name: str, lang: str | None) -> Iterator[str]:
    """ "The Beatles" → "Beatles"; not where a short or everyday word would be left ("The Who", "The Band")."""
    first, _, rest = name.partition(" ")
    if not rest:
        return
    known = _ARTICLES[lang] if lang in _ARTICLES else _ARTICLES["en"] | _ARTICLES["es"]
    if first.lower() in known and (" " in rest or (len(rest) >= 4 and not is_common(fold_key(rest), lang))):
        yield rest


def numbers(name: str, lang: str | None) -> Iterator[str]:
    """ "Maroon 5" → "Maroon five", "1984" → "nineteen eighty-four"; "Seven Nation Army" → "7 Nation Army"."""
    if any(char.isdigit() for char in name):
        for language in (lang,) if lang in ("en", "es") else ("en", "es"):
            for said in (_said, _said_as_year):
                changed = _NUMBER.sub(lambda found: said(int(found[0]), language) or found[0], name)  # noqa: B023
                if changed != name:
                    yield changed
    words = name.lower().split()
    known = _number_words(lang)
    digits = [known.get(word) for word in words]
    if any(digits):
        yield " ".join(digit or word for digit, word in zip(digits, name.split(), strict=True))


@lru_cache(maxsize=1 << 14)
def _said(number: int, lang: str) -> str | None:
    return str(num2words(number, lang=lang))


@lru_cache(maxsize=1 << 14)
def _said_as_year(number: int, lang: str) -> str | None:
    if lang != "en" or not 1100 <= number <= _LARGEST_SAID:
        return None
    return str(num2words(number, lang=lang, to="year"))


@lru_cache(maxsize=4)
def _number_words(lang: str | None) -> dict[str, str]:
    # "one" and "uno" are words of their own far more often than digits, but so are names with them.
    found: dict[str, str] = {}
    for language in (lang,) if lang in ("en", "es") else ("en", "es"):
        for number in range(2, 100):
            said = num2words(number, lang=language)
            if " " not in said:
                found.setdefault(said, str(number))
    return found


def suffixes(name: str, lang: str | None) -> Iterator[str]:
    """ "Umbrella (feat. Jay-Z)", "Angie - Remastered 2009" → the song; "(I Can't Get No) Satisfaction" → the rest."""
    if not any(char in name for char in "([-–—") and "f" not in name.lower():
        return
    short = _SUFFIX.sub("", name).strip()
    if short and short != name:
        yield short
    if "(" in name or "[" in name:
        rest = " ".join(_PARENTHESIS.sub(" ", name).split())
        if rest and rest not in (name, short) and (" " in rest or len(rest) >= 8):
            yield rest


def _words_of(table: dict[str, tuple[str, ...]], lang: str | None) -> tuple[str, ...]:
    if lang in table:
        return table[lang]
    return tuple(word for words in table.values() for word in words)


NAME_STEPS: dict[str, NameStep] = {
    "joiners": joiners,
    "ampersand": ampersand,
    "articles": articles,
    "numbers": numbers,
    "suffixes": suffixes,
}
