"""Everyday words: names such as *Hello* or *Stay* are proposed, but marked, because they are seldom meant."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

LANGS = ("en", "es")


def is_common(word: str, lang: str | None) -> bool:
    """word (str): Folded. lang (str | None): Of the utterance; None for any. RETURNS (bool)."""
    if lang in LANGS:
        return word in _words(lang)
    return any(word in _words(known) for known in LANGS)


@cache
def _words(lang: str) -> frozenset[str]:
    text = (files(__package__) / "resources" / f"common_words.{lang}.txt").read_text(encoding="utf8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
