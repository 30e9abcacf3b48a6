"""An exemplar as it may be asked: what only its annotation knows left out, without capitals, as a sentence."""

from __future__ import annotations

from dataclasses import replace

from ...ty import Candidate, Exemplar, FilterRequest


def as_request(exemplar: Exemplar) -> FilterRequest:
    """RETURNS (FilterRequest): As it will be asked: what only the annotation knows isn't there then."""
    matched = tuple(c for c in exemplar.candidates if c.step != "exemplar")
    return FilterRequest(text=exemplar.text, candidates=matched, lang=exemplar.lang)


def as_spoken(exemplar: Exemplar, keep_exact: bool = False) -> Exemplar:
    """keep_exact (bool): Names that had no capitals match exactly as before.

    RETURNS (Exemplar): As speech recognition would give it, without capitals; itself where that is the same.
    """
    lower = exemplar.text.lower()
    if lower == exemplar.text or len(lower) != len(exemplar.text):  # "İ" has two letters in lower case
        return exemplar

    def is_kept(candidate: Candidate) -> bool:
        at = slice(candidate.start, candidate.end)
        return candidate.step != "exact" or (keep_exact and exemplar.text[at] == lower[at])

    candidates = tuple(c if is_kept(c) else replace(c, step="case") for c in exemplar.candidates)
    return replace(exemplar, text=lower, candidates=candidates)


def as_sentence(exemplar: Exemplar, match_again: bool = False) -> Exemplar:
    """match_again (bool): A first word that a catalog writes with a capital matches exactly then.

    RETURNS (Exemplar): With a capital at the start, as some people and keyboards write: no evidence of a name.
    """
    first = exemplar.text[:1].upper()
    if len(first) != 1 or first == exemplar.text[0]:
        return exemplar
    candidates = exemplar.candidates
    if match_again:
        candidates = tuple(
            replace(c, step="exact") if c.start == 0 and c.step == "case" and " " not in exemplar.text[: c.end] else c
            for c in candidates
        )
    return replace(exemplar, text=first + exemplar.text[1:], candidates=candidates)
