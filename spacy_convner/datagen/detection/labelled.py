"""Labelled utterances, and how well a detector does on them.

A record is ``{"text", "lang", "conversational": bool, "split": "train" | "test"}``; ``split`` may be missing (train).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError
from ...records import parse_utterance, read_jsonl

SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One utterance that somebody has judged."""

    text: str
    lang: str
    conversational: bool
    split: str


class Scores(NamedTuple):
    """Precision, recall and F1 of "conversational", 0..1, and how many utterances they are of."""

    precision: float
    recall: float
    f1: float
    n: int

    def rounded(self) -> dict[str, float]:
        """RETURNS (dict): For JSON, four digits."""
        return {name: round(value, 4) for name, value in self._asdict().items()}


def read_labelled(path: Path) -> list[Labelled]:
    """path (Path): JSONL. RETURNS (list[Labelled]): In the file's order. RAISES: DataError naming line and field."""
    items = []
    for line, record in read_jsonl(path):
        utterance = parse_utterance(record, path=path, line=line)
        if not utterance.lang:
            raise DataError("missing", path=path, line=line, field="lang", hint='write "lang": "en"')
        label, split = record.get("conversational"), record.get("split", "train")
        if not isinstance(label, bool):
            raise DataError(f"expected true or false, got {label!r:.40}", path=path, line=line, field="conversational")
        if split not in SPLITS:
            raise DataError(f"expected train or test, got {split!r:.40}", path=path, line=line, field="split")
        items.append(Labelled(utterance.text, utterance.lang, label, split))
    return items


def score(gold: Sequence[bool], said: Sequence[bool]) -> Scores:
    """gold, said (Sequence[bool]): One item an utterance. RETURNS (Scores): 0 where nothing was there to divide by."""
    right = sum(g and s for g, s in zip(gold, said, strict=True))
    precision = right / max(sum(said), 1)
    recall = right / max(sum(gold), 1)
    return Scores(precision, recall, 2 * precision * recall / max(precision + recall, 1e-12), len(gold))
