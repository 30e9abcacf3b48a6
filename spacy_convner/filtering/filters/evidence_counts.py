"""What exemplars accepted and refused, counted by name, by words about a candidate and by its rivals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...ty import Exemplar, FilterRequest
from .counts import AcceptanceCounts
from .sentence import Sentence

Pair = list[int]  # accepted, proposed
_NOTHING = [0, 0]
_SEP = "\t"
# Words either side that are counted as a candidate's context.
CONTEXT = 12
TABLES = (
    "name_label", "name", "surface_label", "label", "casing_label", "length_label", "last_label", "rivals",
    "left", "right", "left_label", "right_label", "left2_label", "right2_label", "both_label",
    "context_label", "context",
)  # fmt: skip
WORD_TABLES = ("background", "background_cased", "entity", "entity_label")


class CandidateContext:
    """A request cut into words, with the keys under which its candidates are counted.

    surface_text (str): The text, in lower case where capitals say nothing. raw (list[str]): Its words. bounds: First
    and last word of each candidate. groups: (start, end) → places of the candidates there. keys (list[dict[str, str]]):
    Table → key, of each candidate. about (list[list[str]]): Distinct words about each.
    """

    def __init__(self, request: FilterRequest) -> None:
        self.sentence = sentence = Sentence(request, _EMPTY)
        self.text, self.candidates, self.words = request.text, request.candidates, sentence.words
        self.spoken = sentence.spoken
        # An initial capital and "I" say nothing: keyboards write them by themselves.
        lower = request.text.lower()
        self.surface_text = lower if sentence.spoken and len(lower) == len(request.text) else request.text
        self.raw = [self.surface_text[a:b] for a, b in zip(sentence.starts, sentence.ends, strict=True)]
        self.groups: dict[tuple[int, int], list[int]] = {}
        for i, candidate in enumerate(self.candidates):
            self.groups.setdefault((candidate.start, candidate.end), []).append(i)
        self.bounds = [sentence.inside(candidate) for candidate in self.candidates]
        self.keys: list[dict[str, str]] = []
        self.about: list[list[str]] = []
        self.n_labels = len({candidate.label for candidate in self.candidates})
        self.n_capitals = sum(word[:1].isupper() for word in self.raw)
        words = self.words
        for i, candidate in enumerate(self.candidates):
            first, last = self.bounds[i]
            label, name = candidate.label, sentence.names[i]
            left = words[first - 1] if first > 0 else "<s>"
            left2 = words[first - 2] if first > 1 else "<s>"
            right = words[last + 1] if last + 1 < len(words) else "</s>"
            right2 = words[last + 2] if last + 2 < len(words) else "</s>"
            surface = self.surface_text[candidate.start : candidate.end]
            labels = {self.candidates[j].label for j in self.groups[candidate.start, candidate.end]}
            self.keys.append(
                {
                    "name_label": f"{name}{_SEP}{label}",
                    "name": name,
                    "surface_label": f"{surface}{_SEP}{label}",
                    "label": label,
                    "left": left,
                    "right": right,
                    "left_label": f"{left}{_SEP}{label}",
                    "right_label": f"{right}{_SEP}{label}",
                    "left2_label": f"{left2} {left}{_SEP}{label}",
                    "right2_label": f"{right} {right2}{_SEP}{label}",
                    "both_label": f"{left}{_SEP}{right}{_SEP}{label}",
                    "last_label": f"{words[last] if first <= last else ''}{_SEP}{label}",
                    "casing_label": f"{casing(surface)}{_SEP}{candidate.step}{_SEP}{label}",
                    "length_label": f"{min(last - first, 3)}{_SEP}{casing(surface)}{_SEP}{label}",
                    "rivals": f"{label}{_SEP}{_SEP.join(sorted(labels))}",
                }
            )
            near = words[max(0, first - CONTEXT) : first] + words[last + 1 : last + 1 + CONTEXT]
            self.about.append(list(dict.fromkeys(near)))

    def adjoining(self, i: int) -> tuple[str, str]:
        """RETURNS (tuple): The words just before and after a candidate with only spaces between, of which it may be a
        part ("London" in "London Fashion Week"); "" for none.
        """
        first, last = self.bounds[i]
        if first > last:
            return "", ""
        candidate, starts, ends, text = self.candidates[i], self.sentence.starts, self.sentence.ends, self.text
        left = first > 0 and not text[ends[first - 1] : candidate.start].strip()
        right = last + 1 < len(starts) and not text[candidate.end : starts[last + 1]].strip()
        return self.raw[first - 1] if left else "", self.raw[last + 1] if right else ""


class EvidenceCounts:
    """Counts over exemplars that can be added and taken out again, so that no exemplar need see its own answer.

    tables: name of the table → key → [accepted, proposed]. words: name of the table → word (and label) → times seen.
    """

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Pair]] = {name: {} for name in TABLES}
        self.words: dict[str, dict[str, int]] = {name: {} for name in WORD_TABLES}
        self.total: Pair = [0, 0]

    @classmethod
    def from_exemplars(cls, exemplars: Iterable[tuple[Exemplar, CandidateContext]]) -> EvidenceCounts:
        counts = cls()
        for exemplar, context in exemplars:
            counts.add(exemplar, context)
        return counts

    def add(self, exemplar: Exemplar, context: CandidateContext, sign: int = 1) -> None:
        """exemplar, context: An exemplar and its own request cut into words. sign (int): -1 takes it out again."""
        gold = dict.fromkeys(exemplar.spans)  # a set's order differs from process to process
        tables = self.tables
        for candidate, keys, about in zip(context.candidates, context.keys, context.about, strict=True):
            accepted = sign * int(candidate.key in gold)
            for table, key in keys.items():
                _bump(tables[table], key, accepted, sign)
            suffix = f"{_SEP}{candidate.label}"
            by_label, by_word = tables["context_label"], tables["context"]
            for word in about:
                _bump(by_label, word + suffix, accepted, sign)
                _bump(by_word, word, accepted, sign)
            self.total[0] += accepted
            self.total[1] += sign
        words = self.words
        sentence = context.sentence
        for word, raw, start, end in zip(context.words, context.raw, sentence.starts, sentence.ends, strict=True):
            labels = [span.label for span in gold if span.start < end and start < span.end]
            if labels:
                _count(words["entity"], word, sign)
                for label in labels:
                    _count(words["entity_label"], f"{word}{_SEP}{label}", sign)
            else:
                _count(words["background"], word, sign)
                _count(words["background_cased"], raw, sign)

    def pair(self, table: str, key: str) -> Pair:
        """RETURNS (list[int]): Accepted, proposed. Not to be written to."""
        return self.tables[table].get(key, _NOTHING)

    def to_dict(self) -> dict[str, Any]:
        return {"tables": self.tables, "words": self.words, "total": self.total}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EvidenceCounts:
        """data (Mapping): What ``to_dict`` gave. RAISES: ValueError, KeyError or TypeError for anything else."""
        counts = cls()
        for name in TABLES:
            counts.tables[name] = {str(k): [int(a), int(n)] for k, (a, n) in data["tables"][name].items()}
        for name in WORD_TABLES:
            counts.words[name] = {str(k): int(n) for k, n in data["words"][name].items()}
        accepted, proposed = data["total"]
        counts.total = [int(accepted), int(proposed)]
        return counts


def casing(surface: str) -> str:
    """RETURNS (str): lower, title, upper or mixed."""
    if surface == surface.lower():
        return "lower"
    return "title" if surface.istitle() else "upper" if surface == surface.upper() else "mixed"


_EMPTY = AcceptanceCounts()


def _bump(table: dict[str, Pair], key: str, accepted: int, sign: int) -> None:
    pair = table.get(key)
    if pair is None:
        table[key] = [accepted, sign]
    else:
        pair[0] += accepted
        pair[1] += sign


def _count(table: dict[str, int], key: str, sign: int) -> None:
    table[key] = table.get(key, 0) + sign
