"""Populate patterns: a stream of annotated utterances, each different, in memory that doesn't grow with them."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal

from spacy.language import Language
from spacy.tokenizer import Tokenizer

from ...records import normalize_text
from ...ty import CatalogEntry, Exemplar
from ..ty import NameSampler
from .filling import Frame, draw_names, fill
from .surface_noise import SurfaceNoise

Weighting = Literal["even", "frequency"]
_TRIES = 30  # names drawn for one utterance before its pattern counts as exhausted
_BITS = 24  # of the Bloom filter, an utterance: one in 24,000 new ones is taken for old and drawn again
_HASHES = 8
_WHY = {
    "known": "its utterances are to be left out",
    "duplicate": "its utterances came from other patterns",
    "tokens": "the tokenizer cuts inside its names",
    "names": "there aren't enough different names",
}


@dataclass(slots=True)
class PopulationReport:
    """What became of the patterns, filled while the stream is read.

    utterances (int): How many there were. exhausted (list[str]): Ids of patterns with placeholders that gave no
        further new utterance. used (set[str]): Ids of patterns that gave one. unused (dict[str, str]): Id of a pattern
        that was tried and gave none → why.
    rejected (Counter[str]): Reason → draws that were thrown away: "duplicate", "known" (one of ``skip``), "tokens" (a
        name would begin or end inside a token).
    """

    utterances: int = 0
    exhausted: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unused: dict[str, str] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)


def populate(
    frames: Sequence[Frame],
    sampler: NameSampler,
    *,
    size: int,
    nlp: Language,
    seed: int = 0,
    weighting: Weighting = "even",
    noise: SurfaceNoise | None = None,
    skip: Collection[str] = (),
    report: PopulationReport | None = None,
) -> Iterator[Exemplar]:
    """Fill patterns with names until there are enough utterances (paper, section 3.4).

    frames (Sequence[Frame]): Of one language. sampler (NameSampler): Fitted for it.
    size (int): Utterances to make. It ends sooner where the patterns can't give so many different ones.
    nlp (Language): Its tokenizer must not cut a name; spans of the utterances fall on its tokens.
    seed (int): The same seed, frames and catalog give the same utterances on every machine.
    weighting (str): "even": all patterns equally often; "frequency": as often as in the traffic they are from.
    noise (SurfaceNoise | None): Other ways to write some of them.
    skip (Collection[str]): Utterances that must not come out, as ``records.normalize_text`` gives them.
    report (PopulationReport | None): Gets the counts.
    YIELDS (Exemplar): No two with the same normalised text. Memory: three bytes for each of ``size``, whatever is
        read of the stream.
    """
    report = report if report is not None else PopulationReport()
    rng = random.Random(seed)
    seen = SeenTexts(size)
    # Each pattern's turn comes at even intervals of 1 / weight: their shares are exact, not only expected.
    steps = [1.0 if weighting == "even" else 1.0 / frame.frequency for frame in frames]
    turns = [(rng.random() * step, i) for i, step in enumerate(steps)]
    heapify(turns)
    while turns and report.utterances < size:
        time, i = heappop(turns)
        rejected: Counter[str] = Counter()
        exemplar = _make_utterance(frames[i], sampler, rng, nlp, noise, skip, seen, rejected)
        report.rejected += rejected
        if exemplar is None:
            if frames[i].id not in report.used:
                report.unused[frames[i].id] = " and ".join(_WHY[reason] for reason in rejected) or _WHY["names"]
            if frames[i].slots:
                report.exhausted.append(frames[i].id)
            continue
        heappush(turns, (time + steps[i], i))
        report.used.add(frames[i].id)
        report.utterances += 1
        yield exemplar


def _make_utterance(
    frame: Frame,
    sampler: NameSampler,
    rng: random.Random,
    nlp: Language,
    noise: SurfaceNoise | None,
    skip: Collection[str],
    seen: SeenTexts,
    rejected: Counter[str],
) -> Exemplar | None:
    def draw(label: str, taken: Collection[str]) -> CatalogEntry | None:
        return sampler.draw(label, taken, rng)

    avoid: set[str] = set()
    for attempt in range(_TRIES if frame.slots else 1):
        entries = draw_names(frame, draw, avoid)
        if entries is None:
            return None
        exemplar = fill(frame, entries)
        if noise is not None:
            exemplar = noise(exemplar, rng)
        key = normalize_text(exemplar.text)
        if key in skip:
            rejected["known"] += 1
        elif key in seen:
            rejected["duplicate"] += 1
        elif not fits_tokens(nlp, exemplar):
            rejected["tokens"] += 1
        else:
            seen.add(key)
            return exemplar
        # Of several names a new one suffices, and the others may still go with it.
        if len(entries) > 1:
            avoid.clear()
        avoid.update(entry.text.casefold() for i, entry in enumerate(entries) if i == attempt % len(entries))
    return None


def fits_tokens(nlp: Language, exemplar: Exemplar) -> bool:
    """RETURNS (bool): Whether every span begins and ends where tokens do; what is looked at isn't kept in the vocab."""
    text = exemplar.text
    for start, end in {(span.start, span.end) for span in exemplar.spans}:
        left, right = 0, len(text)
        if isinstance(nlp.tokenizer, Tokenizer):  # it looks at what is between white space alone
            left, right = start, end
            while left and not text[left - 1].isspace():
                left -= 1
            while right < len(text) and not text[right].isspace():
                right += 1
            if (left, right) == (start, end):
                continue
        with nlp.memory_zone():
            if nlp.make_doc(text[left:right]).char_span(start - left, end - left) is None:
                return False
    return True


class SeenTexts:
    """A Bloom filter: it never takes an old text for new, and rarely a new one for old.

    size (int): How many texts it is made for.
    """

    def __init__(self, size: int) -> None:
        self._bits = bytearray(max(64, size * _BITS // 8))

    def __contains__(self, text: str) -> bool:
        return all(self._bits[i >> 3] & 1 << (i & 7) for i in self._places(text))

    def add(self, text: str) -> None:
        """text (str): Old from now on."""
        for i in self._places(text):
            self._bits[i >> 3] |= 1 << (i & 7)

    def _places(self, text: str) -> list[int]:
        digest = hashlib.blake2b(text.encode("utf8"), digest_size=16).digest()
        first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1
        n = len(self._bits) * 8
        return [(first + k * second) % n for k in range(_HASHES)]
