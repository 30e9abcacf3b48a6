"""Check patterns automatically: whatever can be told without a person is rejected with its reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from spacy.language import Language

from ...errors import DataError
from ..pattern_files import pattern_id
from ..placeholders import Placeholder, find_placeholders, parse_placeholders
from ..review.decisions import VALIDATE, is_invalid
from ..ty import USABLE, Pattern
from .guidance import Guidance
from .languages import other_language
from .literal_entities import find_literal_entities
from .near_duplicates import content_words, find_near_duplicates

LONGEST = 300  # characters: nobody says more in one go
# What may come out otherwise with other settings; the text of an exact duplicate isn't its own any more.
_AGAIN = frozenset({"no tag", "unknown tag", "language", "forbidden form", "literal entity", "near duplicate"})
_NAMED = 3  # literal names that a reason lists


@dataclass(frozen=True, slots=True)
class PatternChecks:
    """What patterns are checked against.

    labels (Collection[str]): Known tags. guidance (Guidance): Forbidden forms and everyday words.
    matcher (Language | None): With a ``catalog_matcher``, to find names left as words; None leaves that check out.
    popularity_floor (float): Names below it pass; in the catalog's unit.
    near_duplicate (float): Share of words in common (0..1] from which two patterns are the same; above 1 for never.
    ignore_tags (bool): Whether conversation that differs only in its tags is the same; commands have little else.
    """

    labels: Collection[str]
    guidance: Guidance
    matcher: Language | None = None
    popularity_floor: float = 60.0
    near_duplicate: float = 0.8
    ignore_tags: bool = True


def validate_patterns(patterns: Sequence[Pattern], checks: PatternChecks) -> list[Pattern]:
    """Reject proposals that violate something; a person's decisions stand.

    patterns (Sequence[Pattern]): Those that an earlier run rejected are looked at again.
    RETURNS (list[Pattern]): The same in the same order, rejected ones with their reasons and the reviewer "validate".
    RAISES: ConfigError: unknown language.
    """
    fresh = reopen(patterns)
    return mark(fresh, find_violations(fresh, checks))


def reopen(patterns: Sequence[Pattern]) -> list[Pattern]:
    """RETURNS (list[Pattern]): With what these checks rejected proposed again; what a generator rejected stays so."""
    return [
        replace(pattern, status="proposed", reason="", reviewer="")
        if is_invalid(pattern) and pattern.reason.partition(":")[0] in _AGAIN
        else pattern
        for pattern in patterns
    ]


def mark(patterns: Sequence[Pattern], violations: Sequence[Sequence[str]]) -> list[Pattern]:
    """Reject the proposals that have violations, parallel to the patterns.

    RETURNS (list[Pattern]): With ids that differ: what was rejected and has the text of another pattern says so in it.
    """
    marked = [
        replace(pattern, status="rejected", reason="; ".join(found), reviewer=VALIDATE)
        if found and pattern.status == "proposed"
        else pattern
        for pattern, found in zip(patterns, violations, strict=True)
    ]
    taken = {pattern_id(pattern) for pattern in marked if not is_invalid(pattern)}
    for i, pattern in enumerate(marked):
        if not is_invalid(pattern):
            continue
        distinct, number = pattern, 1
        while pattern_id(distinct) in taken:
            number += 1
            distinct = replace(pattern, text=f"{pattern.text} (number {number})")
        taken.add(pattern_id(distinct))
        marked[i] = distinct
    return marked


def find_violations(patterns: Sequence[Pattern], checks: PatternChecks) -> list[list[str]]:
    """RETURNS (list[list[str]]): Reasons for each pattern, "what: the details"; none for rejected ones.

    Of duplicates the one that people accepted stays, then the more frequent one, then the first.
    """
    found: list[list[str]] = [[] for _ in patterns]
    checked = [i for i, pattern in enumerate(patterns) if pattern.status != "rejected"]
    negatives = {_plain(example) for example in checks.guidance.negative_examples}
    for i in checked:
        found[i].extend(_alone(patterns[i], checks, negatives))
    if checks.matcher is not None:
        named = find_literal_entities(
            [patterns[i] for i in checked],
            checks.matcher,
            popularity_floor=checks.popularity_floor,
            labels=checks.labels,
            everyday=checks.guidance.everyday_words,
        )
        for i, names in zip(checked, named, strict=True):
            if names:
                found[i].append("literal entity: " + ", ".join(map(str, names[:_NAMED])))
    # Something wrong with it: not worth comparing others with, unless a person took it.
    sound = [i for i in checked if not found[i] or patterns[i].status in USABLE]
    for i, reason in _duplicates(patterns, sound, checks):
        found[i].append(reason)
    return found


def _alone(pattern: Pattern, checks: PatternChecks, negatives: Collection[str]) -> Iterator[str]:
    """YIELDS (str): What a look at one pattern finds."""
    text = pattern.text
    try:
        tags = find_placeholders(text)
    except DataError as err:
        yield f"brackets: {err.message.partition(' in ')[0]}"
        return
    if not tags:
        yield "no tag: nothing to put a name in"
    if unknown := sorted({tag.label for tag in tags} - set(checks.labels)):
        yield "unknown tag: " + ", ".join(f"<{label}>" for label in unknown)
    words = _words_outside(text)
    if language := other_language(words, pattern.lang, " ".join(pattern.seeds)):
        yield f"language: {language}, not {pattern.lang!r}"
    yield from (f"forbidden form: {reason}" for reason in _forms(text, checks.guidance, negatives))


def _forms(text: str, guidance: Guidance, negatives: Collection[str]) -> Iterator[str]:
    if len(text) > LONGEST:
        yield f"{len(text)} characters, more than {LONGEST}"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        yield "a control character or line break"
    if _plain(text) in negatives:
        yield "one of the negative examples"
    yield from (reason for regex, reason in guidance.forbidden_forms if regex.search(text))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+|[<>:]", text.casefold()))


def _words_outside(text: str) -> str:
    return " ".join(part for part in parse_placeholders(text) if not isinstance(part, Placeholder))


def _duplicates(patterns: Sequence[Pattern], sound: Sequence[int], checks: PatternChecks) -> Iterator[tuple[int, str]]:
    """YIELDS (tuple[int, str]): Index of a duplicate, reason."""
    ranked = sorted(sound, key=lambda i: (patterns[i].status not in USABLE, -patterns[i].frequency, i))
    first: dict[tuple[str, str], int] = {}
    fresh: dict[str, list[int]] = {}
    for i in ranked:
        pattern = patterns[i]
        known = first.setdefault((pattern.lang, " ".join(pattern.text.casefold().split())), i)
        if known != i:
            yield i, f"duplicate: of {patterns[known].text!r}"
        else:
            fresh.setdefault(pattern.lang, []).append(i)
    if checks.near_duplicate > 1:
        return
    for lang, indices in fresh.items():
        words = [
            content_words(patterns[i].text, lang, checks.ignore_tags and patterns[i].style == "conversational")
            for i in indices
        ]
        for index, (other, share) in find_near_duplicates(words, checks.near_duplicate).items():
            yield indices[index], f"near duplicate: {share:.0%} the words of {patterns[indices[other]].text!r}"
