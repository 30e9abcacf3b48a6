"""``spacy_convner.Normalizer.v1``: which differences between a catalog's spelling and an utterance's don't matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from spacy.util import registry

from ...errors import ConfigError, DataError
from ...ty import NameStep, Normalizer
from .steps import NAME_STEPS
from .words import APOSTROPHES, fold_key, strip_accents

# Differences that folding ignores, least first: what a match is called, and what can be switched off.
FOLDS = ("case", "accents", "apostrophes", "punctuation")
ENDINGS = ("possessive", "plural")
_MAX_KEY = 500
_MARKS = re.compile(rf"[^\w{''.join(APOSTROPHES)}]+|_")
FINGERPRINT = "fold.v1"  # a change of what folding gives is a new one: indexes built before don't fit


class FoldingNormalizer:
    """See ``make_normalizer``."""

    def __init__(self, steps: Sequence[str] | None) -> None:
        everything = (*FOLDS, *ENDINGS, *NAME_STEPS)
        self.steps = tuple(everything if steps is None else dict.fromkeys(steps))
        self._name_steps: list[tuple[str, Callable[[str, str | None], Iterable[str]]]] = []
        for step in self.steps:
            if step in NAME_STEPS:
                self._name_steps.append((step, NAME_STEPS[step]))
            elif step not in everything:
                self._name_steps.append((step, _registered(step, everything)))
        self.folds = frozenset(self.steps) & frozenset(FOLDS)
        self.folds_all = len(self.folds) == len(FOLDS)
        self.endings = frozenset(self.steps) & frozenset(ENDINGS)

    @property
    def fingerprint(self) -> str:
        return f"{FINGERPRINT}:{','.join(self.steps)}"

    def keys(self, name: str, lang: str | None) -> Iterator[tuple[str, str]]:
        key = fold_key(name)
        if not key or len(key) > _MAX_KEY:
            return
        yield key, ""
        seen = {key}
        for step, variants in self._name_steps:
            for variant in variants(name, lang):
                key = fold_key(variant)
                # One letter that a step leaves ("P!" → "P") would match everywhere.
                if key not in seen and len(key) > 1:
                    seen.add(key)
                    yield key, step

    def difference(self, surface: str, name: str) -> str | None:
        if surface == name:
            return "exact"
        for fold, folded in _FOLD.items():
            if fold in self.folds:
                surface, name = folded(surface), folded(name)
                if surface == name:
                    return fold
        if "punctuation" not in self.folds:
            return None
        # Both have one key, so without further switches nothing but punctuation can differ.
        return "punctuation" if self.folds_all or _bare(surface) == _bare(name) else None


def _without_apostrophes(text: str) -> str:
    return "".join(char for char in text if char not in APOSTROPHES)


def _bare(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).split())


_FOLD: dict[str, Callable[[str], str]] = {
    "case": str.casefold,
    "accents": strip_accents,
    "apostrophes": _without_apostrophes,
}


def _registered(step: str, known: Sequence[str]) -> NameStep:
    if step not in registry.misc:
        raise ConfigError(
            f"unknown step {step!r}; known: {', '.join(known)}, or the name of a NameStep in the misc registry"
        )
    found = registry.misc.get(step)()
    assert isinstance(found, NameStep)
    return found


def normalizer_like(fingerprint: str) -> FoldingNormalizer:
    """fingerprint (str): Of an index. RETURNS (FoldingNormalizer): One that fits it. RAISES: DataError."""
    kind, _, steps = fingerprint.partition(":")
    if kind != FINGERPRINT:
        raise DataError(
            f"the index was built with the normalizer {fingerprint!r}, which isn't spacy_convner.Normalizer.v1"
        )
    return FoldingNormalizer([step for step in steps.split(",") if step])


def make_normalizer(steps: list[str] | None = None) -> Normalizer:
    """Registered as ``spacy_convner.Normalizer.v1``.

    steps (list[str] | None): None for all. Any of
        case, accents, apostrophes, punctuation: differences that are ignored;
        possessive, plural: endings that may follow a name ("adele's", "radioheads");
        joiners ("ACDC"), ampersand ("Guns and Roses"), articles ("Beatles"), numbers ("Maroon five"),
        suffixes ("Umbrella (feat. …)"): other ways to write a name, by its language;
        or the full name of a ``NameStep`` of your own in spaCy's ``misc`` registry. [] matches the catalog's spelling.
    RAISES: ConfigError for an unknown step.
    """
    return FoldingNormalizer(steps)
