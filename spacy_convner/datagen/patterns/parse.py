"""Read a model's answer with patterns; whatever isn't in the asked form is given back with a reason."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

LONGEST_SHOWN = 200  # characters of an answer that a rejection keeps
_MOST = 200  # strings of an answer that are looked at


class Refused(NamedTuple):
    """Part of an answer that is no pattern. text: What it was, cut. reason: "what: details"."""

    text: str
    reason: str


class ParsedPatterns(NamedTuple):
    """texts: Patterns as the model wrote them, white space collapsed. refused: All else."""

    texts: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()


def parse_patterns(answer: str, n_patterns: int) -> ParsedPatterns:
    """Parse ``{"patterns": [strings]}`` or a bare array of strings, and nothing around it.

    n_patterns (int): How many were asked for; more are refused. The patterns themselves are checked elsewhere.
    """
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return ParsedPatterns(refused=(Refused(shown(answer), f"not JSON: {_why(answer)}"),))
    items = found.get("patterns") if isinstance(found, dict) else found
    if not isinstance(items, list):
        return ParsedPatterns(refused=(Refused(shown(answer), "not the asked form: no array of patterns"),))
    if not items:
        return ParsedPatterns(refused=(Refused(shown(answer), "nothing: the answer has no pattern"),))
    texts: list[str] = []
    refused = []
    for item in items[:_MOST]:
        text = clean(item) if isinstance(item, str) else ""
        if not isinstance(item, str):
            refused.append(Refused(shown(_dumped(item)), f"not the asked form: {type(item).__name__}, not a string"))
        elif not text:
            refused.append(Refused("(empty)", "not the asked form: an empty string"))
        elif len(texts) >= n_patterns:
            refused.append(Refused(shown(text), f"too many: {n_patterns} were asked for"))
        else:
            texts.append(text)
    if len(items) > _MOST:
        refused.append(Refused(f"({len(items) - _MOST:,} more)", f"too many: {n_patterns} were asked for"))
    return ParsedPatterns(tuple(texts), tuple(refused))


def clean(text: str) -> str:
    """RETURNS (str): With single spaces and no half surrogate pairs: JSON can spell them, no file can hold them."""
    return " ".join(text.encode("utf8", "replace").decode("utf8").split())


def shown(text: str) -> str:
    """RETURNS (str): A text for the record, never empty."""
    return clean(text[:LONGEST_SHOWN]) or "(empty)"


def _why(answer: str) -> str:
    """RETURNS (str): What stands in the way, as far as it can be told."""
    if not answer.strip():
        return "an empty answer"
    if "```" in answer:
        return "a code fence around it"
    decoder = json.JSONDecoder()
    starts = [i for i, char in enumerate(answer[:10_000]) if char in "[{"]
    for start in starts[:50]:
        try:
            found, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        if found and (isinstance(found, dict) or isinstance(found[0], str)):
            places = [place for place, rest in (("before", answer[:start]), ("after", answer[end:])) if rest.strip()]
            return f"text {' and '.join(places)} it"
    return "it breaks off or was never JSON" if starts else "prose only"


def _dumped(item: Any) -> str:
    try:
        return json.dumps(item, ensure_ascii=False)
    except RecursionError:  # a list in a list in a list …
        return type(item).__name__
