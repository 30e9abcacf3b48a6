"""What spaCy knows of a language that tells it from others: its name, its function words, its script."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from spacy.attrs import LIKE_NUM  # type: ignore[import-not-found]
from spacy.util import get_lang_class

from ...errors import ConfigError

# Languages that a wrong pattern may be in, beside those of its seeds; more would only add words shared by chance.
RIVALS = ("en", "es", "fr", "de", "it", "pt", "nl", "ca")
_CODE = re.compile(r"[a-z]{2,3}")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_MARGIN = 2  # function words more than the language that was asked for has
_TIMES = 3


def language_name(lang: str) -> str:
    """RETURNS (str): English name of a language code. RAISES: ConfigError if spaCy doesn't know it."""
    return str(_language(lang).__name__)


@cache
def _language(lang: str) -> Any:
    code = lang.replace("_", "-").partition("-")[0].lower()  # "en-US" is "en"
    try:
        if not _CODE.fullmatch(code):  # it becomes part of a module's name
            raise ImportError(lang)
        return get_lang_class(code)
    except ImportError:
        raise ConfigError(f"unknown language {lang!r}; give a code that spaCy has, such as 'en' or 'es'") from None


@cache
def stop_words(lang: str) -> frozenset[str]:
    """RETURNS (frozenset[str]): Function words, case-folded; none for a language that spaCy has none for."""
    return frozenset(word.casefold() for word in _language(lang).Defaults.stop_words)


def is_number(word: str, lang: str) -> bool:
    """RETURNS (bool): Whether a word is a number, in digits or in letters."""
    return bool(_language(lang).Defaults.lex_attr_getters.get(LIKE_NUM, str.isdigit)(word))


def words_of(text: str) -> list[str]:
    """RETURNS (list[str]): Words of letters, case-folded, apostrophes straight."""
    return _WORD.findall(text.replace("’", "'").casefold())


def other_language(text: str, lang: str, seeds: str = "") -> str | None:
    """Say whether a text is written in another language than was asked for.

    Function words that only one of two languages has speak for it; too few of them speak for nothing. Words of seeds in
    another language count as its function words: a model that forgets to translate repeats them.
    text (str): Without tags. lang (str): Code asked for. seeds (str): What the text was made from, any language.
    RETURNS (str | None): What it is instead; None where nothing speaks against it.
    """
    if not stop_words(lang):
        return None
    if script := _foreign_script(text, lang):
        return script
    source = words_of(seeds)
    rival = _rival(words_of(text), lang, _rival(source, lang), frozenset(source))
    return language_name(rival) if rival else None


def _rival(words: list[str], lang: str, source: str | None = None, more: frozenset[str] = frozenset()) -> str | None:
    """more (frozenset): Words that speak for the rival ``source`` like function words.

    RETURNS (str | None): Code of the language that has most of the words, if it has clearly more than ``lang``.
    """
    own, found, most = stop_words(lang), None, 0
    for rival in RIVALS:
        if rival == lang:
            continue
        theirs = stop_words(rival) | (more if rival == source else frozenset())
        against = sum(word in theirs and word not in own for word in words)
        speaks = sum(word in own and word not in theirs for word in words)
        if against - speaks >= max(_MARGIN, most + 1) and against >= _TIMES * speaks:
            found, most = rival, against - speaks
    return found


def _foreign_script(text: str, lang: str) -> str | None:
    letters = [script for char in text if char.isalpha() and (script := _script(char))]
    own = _scripts(lang)
    foreign = [script for script in letters if script not in own]
    if len(foreign) * 2 <= len(letters):
        return None
    return f"{max(sorted(set(foreign)), key=foreign.count).capitalize()} script"


@cache
def _scripts(lang: str) -> frozenset[str]:
    return frozenset(
        script for word in stop_words(lang) for char in word if char.isalpha() and (script := _script(char))
    )


def _script(char: str) -> str:
    """RETURNS (str): First word of a letter's Unicode name; Japanese writing is one script, with Chinese characters."""
    name = unicodedata.name(char, "").split(" ")[0]
    return "CJK" if name in ("HIRAGANA", "KATAKANA", "CJK") else name
