"""An utterance cut into words, and what stands around a candidate in it, whatever its length."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ...ty import Candidate, FilterRequest
from .counts import WORD, AcceptanceCounts, fold

# Words either side that may say something about a candidate. Longer than an ordinary utterance, so that only
# long documents lose anything; without a limit a document of n candidates costs n².
WINDOW = 24


_FIRST_LETTER = re.compile(r"[^\W\d_]")
_PRONOUN = re.compile(r"\bI\b")


def is_spoken(text: str) -> bool:
    """RETURNS (bool): Whether capitals say nothing: there are none but the first letter's and the pronoun "I", as in
    recognised speech and in what keyboards capitalise by themselves.
    """
    first = _FIRST_LETTER.search(text)
    rest = text[first.end() :] if first else text
    return rest == rest.lower() or (rest := _PRONOUN.sub("i", rest)) == rest.lower()


class Sentence:
    """words (list[str]): Folded. rates: (acceptance rate, times seen) of each candidate, parallel to the request's."""

    def __init__(self, request: FilterRequest, counts: AcceptanceCounts) -> None:
        text = request.text
        self.text, self.candidates = text, request.candidates
        spots = [(m.start(), m.end()) for m in WORD.finditer(text)]
        self.starts, self.ends = [start for start, _ in spots], [end for _, end in spots]
        self.words = [fold(text[start:end]) for start, end in spots]
        self.spoken = is_spoken(text)
        self.names = [fold(text[c.start : c.end]) for c in self.candidates]
        self.rates = [counts.pair_rate(name, c.label) for name, c in zip(self.names, self.candidates, strict=True)]
        self._order = sorted(range(len(self.candidates)), key=lambda i: self.candidates[i].start)
        self._candidate_starts = [self.candidates[i].start for i in self._order]
        self._bag = sorted(set(self.words)) if len(self.words) <= WINDOW else None

    def inside(self, candidate: Candidate) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): First and last word that the candidate touches; (0, -1) for none."""
        first = bisect_right(self.ends, candidate.start)
        last = bisect_left(self.starts, candidate.end) - 1
        return (first, last) if first <= last else (0, -1)

    def around(self, first: int, last: int) -> Sequence[str]:
        """RETURNS (Sequence[str]): The distinct words of the window about words ``first`` to ``last``, sorted."""
        if self._bag is not None:
            return self._bag
        return sorted(set(self.words[max(0, first - WINDOW) : last + 1 + WINDOW]))

    def neighbours(self, first: int, last: int) -> Sequence[int]:
        """RETURNS (Sequence[int]): Candidates that start in the window about words ``first`` to ``last``, by start."""
        if self._bag is not None:
            return self._order
        low = self.starts[max(0, first - WINDOW)]
        high = self.ends[min(len(self.ends) - 1, last + WINDOW)]
        return self._order[bisect_left(self._candidate_starts, low) : bisect_left(self._candidate_starts, high)]
