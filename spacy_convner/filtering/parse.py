"""Read a model's answer. Whatever it says, only candidates of the query come out, or spans of its text."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ty import Candidate, LabelledSpan

MAX_RECORDED = 20
Record = dict[str, str]


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """selected: Indices of candidates, from 0. found: Spans that were extracted without candidates.

    dropped: What was refused and why. proposals: Names in the text that no candidate has. valid: Whether the answer had
    the asked form.
    """

    selected: tuple[int, ...] = ()
    found: tuple[LabelledSpan, ...] = ()
    dropped: tuple[Mapping[str, str], ...] = ()
    proposals: tuple[Mapping[str, str], ...] = ()
    valid: bool = True


def parse_selection(
    answer: str, n_candidates: int, text: str = "", labels: Collection[str] = (), known: Collection[Any] = ()
) -> ParsedAnswer:
    """Parse ``{"selected": [numbers from 1]}``; prose around the object is tolerated.

    answer (str): What the model wrote. n_candidates (int): How many candidates it was offered.
    text (str), labels (Collection[str]): Of the query; for ``missing``, names that no candidate has.
    known (Collection): (span, label) of the candidates.
    """
    record = _find_object(answer, "selected")
    if record is None:
        return ParsedAnswer(dropped=(refusal(answer, "not the asked JSON object"),), valid=False)
    selected: list[int] = []
    dropped, seen = [], set()
    for number in record["selected"]:
        if type(number) is not int or not 1 <= number <= n_candidates:
            dropped.append(refusal(_shown(number), "not a candidate"))
        elif number in seen:
            dropped.append(refusal(str(number), "duplicate"))
        else:
            seen.add(number)
            selected.append(number - 1)
    missing = record.get("missing")
    proposals = [p for p in _pairs(missing if isinstance(missing, list) else ()) if p is not None and p not in known]
    return ParsedAnswer(tuple(sorted(selected)), (), tuple(dropped[:MAX_RECORDED]), _proposals(proposals, text, labels))


def parse_pairs(answer: str, text: str, candidates: Sequence[Candidate], labels: Collection[str]) -> ParsedAnswer:
    """Parse ``{"selected": [{"span", "label"}]}``: exact copies of candidates.

    The k-th copy of a pair that the text has several times is its k-th occurrence.
    """
    record = _find_object(answer, "selected")
    if record is None:
        return ParsedAnswer(dropped=(refusal(answer, "not the asked JSON object"),), valid=False)
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, candidate in enumerate(candidates):
        places[text[candidate.start : candidate.end], candidate.label].append(index)
    selected: list[int] = []
    dropped, beyond = [], []
    used: dict[tuple[str, str], int] = defaultdict(int)
    for item, pair in zip(record["selected"], _pairs(record["selected"]), strict=True):
        if pair is None:
            dropped.append(refusal(_shown(item), "not a span and a label"))
        elif pair not in places:
            dropped.append(refusal(pair[0], "not a candidate", pair[1]))
            beyond.append(pair)
        elif used[pair] == len(places[pair]):
            dropped.append(refusal(pair[0], "duplicate", pair[1]))
        else:
            selected.append(places[pair][used[pair]])
            used[pair] += 1
    return ParsedAnswer(tuple(sorted(selected)), (), tuple(dropped[:MAX_RECORDED]), _proposals(beyond, text, labels))


def parse_entities(answer: str, text: str, labels: Collection[str], candidates: Sequence[Candidate]) -> ParsedAnswer:
    """Parse ``{"entities": [{"span", "label"}]}`` and find each span in the text, as whole words.

    The k-th naming of a pair is its k-th occurrence. labels (Collection[str]): The task's; empty for any.
    """
    record = _find_object(answer, "entities")
    if record is None:
        return ParsedAnswer(dropped=(refusal(answer, "not the asked JSON object"),), valid=False)
    found: dict[LabelledSpan, None] = {}
    dropped, beyond = [], []
    used: dict[tuple[str, str], int] = defaultdict(int)
    known = {candidate.key for candidate in candidates}
    for item, pair in zip(record["entities"], _pairs(record["entities"]), strict=True):
        if pair is None:
            dropped.append(refusal(_shown(item), "not a span and a label"))
            continue
        places = find_in_text(pair[0], text)
        if labels and pair[1] not in labels:
            dropped.append(refusal(pair[0], "unknown label", pair[1]))
        elif not places:
            dropped.append(refusal(pair[0], "not in the text", pair[1]))
        elif used[pair] == len(places):
            dropped.append(refusal(pair[0], "duplicate", pair[1]))
        else:
            start, end = places[used[pair]]
            used[pair] += 1
            span = LabelledSpan(start, end, pair[1])
            found[span] = None
            if span not in known:
                beyond.append(pair)
    return ParsedAnswer((), tuple(found), tuple(dropped[:MAX_RECORDED]), _proposals(beyond, text, labels))


def find_in_text(span: str, text: str) -> list[tuple[int, int]]:
    """RETURNS (list[tuple[int, int]]): Where a span stands in a text as whole words: as written, else in any case."""
    wanted = span.strip()
    if not wanted:
        return []
    before, after = (r"(?<!\w)" if wanted[0].isalnum() else ""), (r"(?!\w)" if wanted[-1].isalnum() else "")
    pattern = before + re.escape(wanted) + after
    for flags in (0, re.IGNORECASE):
        if found := [match.span() for match in re.finditer(pattern, text, flags)]:
            return found
    return []


def _find_object(answer: str, key: str) -> dict[str, Any] | None:
    """RETURNS (dict | None): The first JSON object in a text that has a list under ``key``."""
    decoder = json.JSONDecoder()
    position = answer.find("{")
    tries = 0
    while position != -1 and tries < 50:
        try:
            found, _ = decoder.raw_decode(answer, position)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get(key), list):
            return found
        position = answer.find("{", position + 1)
        tries += 1
    return None


def _pairs(items: Sequence[object]) -> list[tuple[str, str] | None]:
    pairs: list[tuple[str, str] | None] = []
    for item in items:
        span, label = (item.get("span"), item.get("label")) if isinstance(item, dict) else (None, None)
        pairs.append((span, label) if isinstance(span, str) and isinstance(label, str) else None)
    return pairs


def _proposals(pairs: Sequence[tuple[str, str]], text: str, labels: Collection[str]) -> tuple[Record, ...]:
    """RETURNS (tuple): Pairs that may be names the catalog lacks: of a known type, and in the text as whole words."""
    proposals = []
    for span, label in dict.fromkeys(pairs):
        places = find_in_text(span, text) if not labels or label in labels else []
        if places:
            start, end = places[0]
            proposals.append(refusal(text[start:end], "not in the catalog", label))
    return tuple(proposals[:MAX_RECORDED])


def _shown(item: object) -> str:
    # A list in a list in a list … may be too deep to print.
    return type(item).__name__ if isinstance(item, list | dict) else repr(item)


def refusal(text: str, reason: str, label: str = "") -> Record:
    """RETURNS (dict): A record for ``doc._.convner``."""
    # JSON can spell half a surrogate pair, which no Doc can be saved with.
    cleaned = [part[:200].encode("utf8", "replace").decode("utf8") for part in (text, label)]
    return {"text": cleaned[0], "label": cleaned[1], "reason": reason}
