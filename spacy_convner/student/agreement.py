"""Does one pipeline find what another does, and how much faster?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from spacy.language import Language
from spacy.tokens import Doc

Entity = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Entities of two pipelines on the same texts, compared strictly: offsets in characters and label.

    utterances (int). both, only_first, only_second (int): Entities that both found, or one of them.
    """

    utterances: int
    both: int
    only_first: int
    only_second: int

    @property
    def rate(self) -> float | None:
        """RETURNS (float | None): Strict F1 of one against the other, 0..1; None where neither found any."""
        found = 2 * self.both + self.only_first + self.only_second
        return 2 * self.both / found if found else None


def entities(doc: Doc) -> set[Entity]:
    """RETURNS (set[Entity]): Start, end in characters, label."""
    return {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents}


def compare_entities(first: Language, second: Language, texts: Sequence[str]) -> Agreement:
    """Run two pipelines on texts."""
    both = only_first = only_second = 0
    for one, other in zip(first.pipe(texts), second.pipe(texts), strict=True):
        a, b = entities(one), entities(other)
        both, only_first, only_second = both + len(a & b), only_first + len(a - b), only_second + len(b - a)
    return Agreement(len(texts), both, only_first, only_second)


@dataclass(frozen=True, slots=True)
class Speed:
    """Median time of rounds in which both pipelines took turns. first_ms, second_ms (float): An utterance."""

    first_ms: float
    second_ms: float

    @property
    def ratio(self) -> float:
        """RETURNS (float): How many times as fast the second is."""
        return self.first_ms / self.second_ms


def compare_speed(first: Language, second: Language, texts: Sequence[str], rounds: int) -> Speed:
    """Time two pipelines by turns, so that whatever else the machine does meets both; one thread for torch.

    texts (Sequence[str]): At least one; they are run once before any round. rounds (int): At least one.
    """
    times: tuple[list[float], list[float]] = ([], [])
    with one_thread():
        for nlp in (first, second):
            _seconds(nlp, texts)
        for _ in range(rounds):
            for nlp, taken in zip((first, second), times, strict=True):
                taken.append(_seconds(nlp, texts))
    return Speed(*(median(taken) / len(texts) * 1000 for taken in times))


def _seconds(nlp: Language, texts: Sequence[str]) -> float:
    start = time.perf_counter()
    for _ in nlp.pipe(texts):
        pass
    return time.perf_counter() - start


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one core in the block; without torch there is nothing to do."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
