"""Other ways to write an utterance, as people and speech recognisers do, with its spans exactly where the names are."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from num2words import num2words

from ...errors import ConfigError
from ...leaks import FILLERS, INITIALISM
from ...ty import Exemplar, LabelledSpan

Rewrite = Callable[[str, str, bool], str]  # text, language, whether it is a name

_AND = {"en": "and", "es": "y"}
_NUMBER = re.compile(r"(?<![\w.,:])\d{1,4}(?![.,:]?\w)")
_YEARS = range(1100, 2100)
_SYMBOLS = frozenset("&+%$€£@#°")
_DASHES = frozenset("-–—/…*")
_APOSTROPHES = frozenset("'’")


class SurfaceNoise:
    """Writes a share of utterances in another way; see ``KINDS``.

    share (float): 0..1. kinds (Sequence[str]): One of them is drawn for an utterance; one that changes nothing gives
        way to another. ``meta["noise"]`` of the result names it.
    RAISES: ConfigError for another share or kind.
    """

    def __init__(self, share: float, kinds: Sequence[str] = ()) -> None:
        if not 0 <= share <= 1:
            raise ConfigError(f"the share of noise must be from 0 to 1, got {share}")
        for kind in kinds:
            if kind not in KINDS:
                raise ConfigError(f"unknown kind of noise {kind!r}; known: {', '.join(KINDS)}")
        self.share, self.kinds = share, tuple(dict.fromkeys(kinds)) or tuple(KINDS)

    def __call__(self, exemplar: Exemplar, rng: random.Random) -> Exemplar:
        """RETURNS (Exemplar): Changed or the very same."""
        if not self.share or rng.random() >= self.share:
            return exemplar
        start = int(rng.random() * len(self.kinds))
        for kind in self.kinds[start:] + self.kinds[:start]:
            changed = add_noise(exemplar, kind, rng)
            if changed.text != exemplar.text:
                return changed
        return exemplar


def add_noise(exemplar: Exemplar, kind: str, rng: random.Random) -> Exemplar:
    """Rewrite an utterance.

    kind (str): Of ``KINDS``. rng (random.Random): For the filler of "spoken", which half of them begin with.
    RETURNS (Exemplar): What is between names and the names are rewritten apart, so each span is its rewritten name.
        The same exemplar where a name would vanish.
    """
    lang = exemplar.lang or "en"
    text = ""
    if kind == "spoken" and lang in FILLERS and rng.random() < 0.5:
        text = FILLERS[lang][int(rng.random() * len(FILLERS[lang]))] + " "
    moved: dict[tuple[int, int], tuple[int, int]] = {}
    end = 0
    for start, stop in sorted({(span.start, span.end) for span in exemplar.spans}):
        text = _join(text, KINDS[kind](exemplar.text[end:start], lang, False))
        name = KINDS[kind](exemplar.text[start:stop], lang, True).strip()
        if not name:
            return exemplar
        moved[start, stop] = (len(text), len(text) + len(name))
        text, end = text + name, stop
    text = _join(text, KINDS[kind](exemplar.text[end:], lang, False)).rstrip()
    spans = tuple(LabelledSpan(*moved[span.start, span.end], span.label) for span in exemplar.spans)
    return replace(exemplar, text=text, spans=spans, meta={**exemplar.meta, "noise": kind})


def _join(before: str, piece: str) -> str:
    # Where marks went, spaces may meet; before a name they would move it.
    return before + (piece.lstrip() if not before or before[-1].isspace() else piece)


def lower(text: str, lang: str, is_name: bool = False) -> str:
    """RETURNS (str): Without capitals."""
    return text.lower()


def unaccented(text: str, lang: str, is_name: bool = False) -> str:
    """RETURNS (str): Without accents; ñ stays, as on every Spanish keyboard."""
    if text.isascii():
        return text
    return "".join(char if char in "ñÑ" else _base(char) for char in unicodedata.normalize("NFC", text))


def unpunctuated(text: str, lang: str, is_name: bool = False) -> str:
    """RETURNS (str): Without punctuation; a hyphen is a space, apostrophes inside words and marks in numbers stay."""
    text = INITIALISM.sub(lambda found: found[0].replace(".", ""), text)
    kept = (char if _stays(char) else _unmarked(text, i) for i, char in enumerate(text))
    return re.sub(r"\s+", " ", "".join(kept))


def spoken(text: str, lang: str, is_name: bool = False) -> str:
    """RETURNS (str): As a speech recogniser writes: lower case, no punctuation, "&" and numbers in words."""
    changed = re.sub(r"\s*&\s*", f" {_AND[lang]} ", text) if lang in _AND and "&" in text else text
    # A name is changed in one way only: a catalog knows the other ways to say it one by one.
    if lang in _AND and not (is_name and changed != text):
        changed = _NUMBER.sub(lambda found: _said(found[0], lang), changed)
    return unpunctuated(changed.lower(), lang)


def _said(digits: str, lang: str) -> str:
    number = int(digits)
    if digits[0] == "0" and len(digits) > 1:
        return digits
    to = "year" if lang == "en" and number in _YEARS and len(digits) == 4 and not 2000 <= number < 2010 else "cardinal"
    return str(num2words(number, lang=lang, to=to))


def _stays(char: str) -> bool:
    return char.isalnum() or char.isspace() or char in _SYMBOLS or unicodedata.category(char)[0] == "M"


def _unmarked(text: str, i: int) -> str:
    """RETURNS (str): What is written for the mark ``text[i]``."""
    char = text[i]
    before, after = text[i - 1] if i else "", text[i + 1] if i + 1 < len(text) else ""
    if char in _APOSTROPHES:
        # The first mark of what follows a name is its possessive's.
        return char if after.isalpha() and (not i or before.isalnum()) else ""
    inside = before.isalnum() and after.isalnum()
    if inside and (char == "!" or (char in ".,:" and before.isdigit() and after.isdigit())):
        return char
    return " " if inside or char in _DASHES else ""


def _base(char: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))


KINDS: dict[str, Rewrite] = {
    "lower": lower,
    "unpunctuated": unpunctuated,
    "unaccented": unaccented,
    "spoken": spoken,
}
