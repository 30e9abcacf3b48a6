"""The ways a catalog name may be written, each with the name of the step that made it.

PhraseMatcher compares tokens, so a way of writing must be added as a pattern of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from ..errors import ConfigError
from ..ty import SurfaceVariants

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_PUNCT = re.compile(r"[!¡?¿.,:;\"“”«»()\[\]…]+")
_JOINERS = re.compile(r"\s*[-–—/·+]\s*")
_AND = {"en": "and", "es": "y"}


def strip_accents(text: str) -> str:
    """RETURNS (str): Text without combining marks, "Beyoncé" → "Beyonce"."""
    return unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", text) if not _is_mark(c)))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn"


def _case(text: str, lang: str | None) -> Iterator[str]:
    # LOWER patterns ignore case, the tokenizer doesn't: "Dr. Dre" and "dr. dre" split differently.
    yield text.lower()
    yield text.upper()
    yield text.title()


def _accents(text: str, lang: str | None) -> Iterator[str]:
    yield strip_accents(text)


def _apostrophes(text: str, lang: str | None) -> Iterator[str]:
    straight = text.translate(_APOSTROPHES)
    yield straight
    yield straight.replace("'", "’")
    yield straight.replace("'", "")


def _punctuation(text: str, lang: str | None) -> Iterator[str]:
    straight = text.translate(_APOSTROPHES)
    yield _squeeze(_PUNCT.sub("", straight))
    yield _squeeze(_PUNCT.sub(" ", straight))
    yield _squeeze(_JOINERS.sub(" ", straight))
    yield _squeeze(_JOINERS.sub("", straight))
    yield _squeeze(_JOINERS.sub(" ", _PUNCT.sub("", straight.replace("'", ""))))


def _ampersand(text: str, lang: str | None) -> Iterator[str]:
    if "&" in text:
        for word in [_AND[lang]] if lang in _AND else _AND.values():
            yield _squeeze(text.replace("&", f" {word} "))


def _squeeze(text: str) -> str:
    return " ".join(text.split())


STEPS: dict[str, Callable[[str, str | None], Iterator[str]]] = {
    "case": _case,
    "apostrophes": _apostrophes,
    "accents": _accents,
    "punctuation": _punctuation,
    "ampersand": _ampersand,
}


class StepVariants:
    """Applies steps to a name, then case and accents to what each step made.

    steps (Sequence[str]): Names from ``STEPS``.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)

    def __call__(self, text: str, lang: str | None) -> Iterator[tuple[str, str]]:
        seen = {text}
        yield text, "exact"
        for step in self.steps:
            for surface in STEPS[step](text, lang):
                for variant in self._combine(surface, step, lang):
                    # A name of one letter left by a step ("P!" → "P") would match everywhere.
                    if variant not in seen and len(variant.replace(" ", "")) > 1:
                        seen.add(variant)
                        yield variant, step

    def _combine(self, surface: str, step: str, lang: str | None) -> Iterator[str]:
        yield surface
        if "accents" in self.steps and step != "accents":
            yield strip_accents(surface)
        if "case" in self.steps and step != "case":
            for variant in _case(surface, lang):
                yield variant
                if "accents" in self.steps and step != "accents":
                    yield strip_accents(variant)


def make_surface_variants(steps: list[str] | None = None) -> SurfaceVariants:
    """Registered as ``spacy_convner.SurfaceVariants.v1``.

    steps (list[str] | None): Any of case, apostrophes, accents, punctuation, ampersand; None for all.
        [] matches the catalog's own spelling only (still ignoring case).
    RAISES: ConfigError for an unknown step.
    """
    chosen = list(STEPS) if steps is None else steps
    unknown = [step for step in chosen if step not in STEPS]
    if unknown:
        raise ConfigError(f"unknown surface step {unknown[0]!r}; known: {', '.join(STEPS)}")
    return StepVariants(chosen)
