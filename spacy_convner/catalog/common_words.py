"""Everyday words: names such as *Hello* or *Stay* are proposed, but marked, because they are seldom meant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from spacy.tokens import Doc

from ..attrs import get_doc_lang

LANGS = ("en", "es")


def is_common(word: str, lang: str | None) -> bool:
    """word (str): Folded. lang (str | None): Of the utterance; None for any. RETURNS (bool)."""
    if lang in LANGS:
        return word in _words(lang)
    return any(word in _words(known) for known in LANGS)


def common_words(doc: Doc, matches: Sequence[tuple[Any, ...]]) -> list[bool]:
    """matches (Sequence): By start; two tokens come first. RETURNS (list[bool]): Which are everyday words."""
    flags, known_start, known = [], -1, False
    for match in matches:
        start = match[0]
        if match[1] - start > 1:
            flags.append(False)
            continue
        if start != known_start:
            known_start, known = start, _is_common_token(doc[start].text, get_doc_lang(doc))
        flags.append(known)
    return flags


@lru_cache(maxsize=1 << 14)
def _is_common_token(text: str, lang: str | None) -> bool:
    from .normalization.words import fold_key  # its steps ask for everyday words too

    return is_common(fold_key(text), lang)


@cache
def _words(lang: str) -> frozenset[str]:
    text = (files(__package__) / "resources" / f"common_words.{lang}.txt").read_text(encoding="utf8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
