"""Read a model's answer. Whatever it says, only numbers of candidates come out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RECORDED = 20


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """selected: Indices from 0. dropped: What was refused and why. valid: Whether the answer had the asked form."""

    selected: tuple[int, ...]
    dropped: tuple[Mapping[str, str], ...]
    valid: bool


def parse_selection(answer: str, n_candidates: int) -> ParsedAnswer:
    """Parse ``{"selected": [numbers from 1]}``; prose around the object is tolerated.

    answer (str): What the model wrote. n_candidates (int): How many candidates it was offered.
    """
    numbers = _selected(answer)
    if numbers is None:
        return ParsedAnswer((), (refusal(answer, "not the asked JSON object"),), valid=False)
    selected: list[int] = []
    dropped, seen = [], set()
    for number in numbers:
        if type(number) is not int or not 1 <= number <= n_candidates:
            dropped.append(refusal(_shown(number), "not a candidate"))
        elif number in seen:
            dropped.append(refusal(str(number), "duplicate"))
        else:
            seen.add(number)
            selected.append(number - 1)
    return ParsedAnswer(tuple(sorted(selected)), tuple(dropped[:MAX_RECORDED]), valid=True)


def _selected(answer: str) -> list[object] | None:
    decoder = json.JSONDecoder()
    position = answer.find("{")
    tries = 0
    while position != -1 and tries < 50:
        try:
            found, _ = decoder.raw_decode(answer, position)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("selected"), list):
            return list(found["selected"])
        position = answer.find("{", position + 1)
        tries += 1
    return None


def _shown(item: object) -> str:
    # A list in a list in a list … may be too deep to print.
    return type(item).__name__ if isinstance(item, list | dict) else repr(item)


def refusal(text: str, reason: str) -> dict[str, str]:
    """RETURNS (dict): A record for ``doc._.convner.dropped``."""
    # JSON can spell half a surrogate pair, which no Doc can be saved with.
    return {"text": text[:200].encode("utf8", "replace").decode("utf8"), "label": "", "reason": reason}
