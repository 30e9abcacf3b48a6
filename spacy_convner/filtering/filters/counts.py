"""How often exemplars accept what a catalog proposes: by name and label, by name, by label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from ...ty import Exemplar

# Words and punctuation; emoji and invisible characters say nothing about their neighbours.
WORD = re.compile(r"\w+(?:['’]\w+)*|[!-/:-@\[-`{-~¡¿«»…–—“”‘’]")
_NO_PAIR = (0, 0)


def fold(text: str) -> str:
    """RETURNS (str): Case-folded text without accents: spoken-style traffic has neither."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


class AcceptanceCounts:
    """Counts over exemplars.

    pairs: "name\\tlabel" → [accepted, proposed]. names: name → the same over all labels.
    labels: label → [accepted, proposed]. background: word → times seen outside any entity.
    """

    def __init__(self) -> None:
        self.pairs: dict[str, list[int]] = {}
        self.names: dict[str, list[int]] = {}
        self.labels: dict[str, list[int]] = {}
        self.background: dict[str, int] = {}
        self.total = [0, 0]

    @classmethod
    def from_exemplars(cls, exemplars: Iterable[Exemplar]) -> AcceptanceCounts:
        counts = cls()
        for exemplar in exemplars:
            counts.add(exemplar)
        return counts

    def add(self, exemplar: Exemplar) -> None:
        gold = set(exemplar.spans)
        for candidate in exemplar.candidates:
            accepted = int(candidate.key in gold)
            name = fold(exemplar.text[candidate.start : candidate.end])
            for pair in (
                self.pairs.setdefault(f"{name}\t{candidate.label}", [0, 0]),
                self.names.setdefault(name, [0, 0]),
                self.labels.setdefault(candidate.label, [0, 0]),
                self.total,
            ):
                pair[0] += accepted
                pair[1] += 1
        for match in WORD.finditer(exemplar.text):
            if not any(span.start < match.end() and match.start() < span.end for span in exemplar.spans):
                word = fold(match.group())
                self.background[word] = self.background.get(word, 0) + 1

    def label_rate(self, label: str) -> float:
        """RETURNS (float): Share (0..1) of a label's candidates that are accepted, smoothed by the overall share."""
        accepted, seen = self.total
        overall = (accepted + 1.0) / (seen + 2.0)
        accepted, seen = self.labels.get(label, _NO_PAIR)
        return (accepted + 4.0 * overall) / (seen + 4.0)

    def pair_rate(self, name: str, label: str) -> tuple[float, int]:
        """name (str): Folded.

        RETURNS (tuple[float, int]): Acceptance rate (0..1) backed off to the label's; times seen.
        """
        key = f"{name}\t{label}"
        accepted, seen = self.pairs.get(key, _NO_PAIR)
        return (accepted + self.label_rate(label)) / (seen + 1.0), seen

    def name_rate(self, name: str) -> tuple[float, int]:
        """RETURNS (tuple[float, int]): Share of the name's candidates, whatever label, that is accepted; times seen."""
        accepted, seen = self.names.get(name, _NO_PAIR)
        return (accepted + 0.5) / (seen + 1.0), seen

    def background_count(self, word: str) -> int:
        """RETURNS (int): Times a folded word was seen outside entities."""
        return self.background.get(word, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"pairs": self.pairs, "names": self.names, "labels": self.labels, "background": self.background,
                "total": self.total}  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AcceptanceCounts:
        """data (Mapping): What ``to_dict`` gave. RAISES: ValueError for anything else."""
        counts = cls()
        if not isinstance(data, Mapping) or set(data) != set(counts.to_dict()):
            raise ValueError("expected pairs, names, labels, background and total")
        counts.pairs, counts.names, counts.labels = (
            {key: _pair(value) for key, value in data[name].items()} for name in ("pairs", "names", "labels")
        )
        counts.background = {word: int(n) for word, n in data["background"].items()}
        counts.total = _pair(data["total"])
        return counts


def _pair(value: Any) -> list[int]:
    accepted, seen = value
    return [int(accepted), int(seen)]
