"""Exemplars turned into rows of evidence to fit on, each without what it says itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...ty import Exemplar, FilterTask, Floats
from .evidence import FEATURES, describe
from .evidence_counts import CandidateContext, EvidenceCounts
from .exemplar_views import as_request, as_sentence, as_spoken
from .features import telling_words
from .rivalry import Span, spans_of

# With the counts of all others (leave-one-out) the accepted one of two rivals always has one acceptance less than it
# should, and trees read the answer from that; with a twentieth left out they can't.
FOLDS = 20
# Few exemplars are described a second time by half of them: as if there were fewer, with more names that are new.
FEW, FEW_FOLDS = 2000, 2


@dataclass(frozen=True, slots=True)
class EvidenceRows:
    """exemplars (list[Exemplar]): As they will be asked, with candidates. rows (list[Floats]): Of each, shape
    (candidates, len(FEATURES)). more (list[Floats]): Of each again, by fewer counts; empty where there are many.
    """

    exemplars: list[Exemplar] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)
    more: list[Floats] = field(default_factory=list)

    def matrix(self, which: Sequence[int]) -> tuple[Floats, NDArray[np.int64], list[list[Span]]]:
        """which: Places of exemplars. RETURNS: All rows of theirs, the answers (0 or 1), and the spans, an exemplar's
        together.
        """
        rows: list[Floats] = [np.zeros((0, len(FEATURES)))]
        answers: list[bool] = []
        spans: list[list[Span]] = []
        for made in filter(None, (self.rows, self.more)):
            for i in which:
                rows.append(made[i])
                exemplar = self.exemplars[i]
                gold = set(exemplar.spans)
                answers.extend(candidate.key in gold for candidate in exemplar.candidates)
                spans.append(spans_of(exemplar.candidates))
        return np.concatenate(rows), np.array(answers, dtype=np.int64), spans


def make_rows(
    exemplars: Sequence[Exemplar], task: FilterTask, *, most_spoken: int, sentences: bool, seed: int
) -> tuple[EvidenceCounts, EvidenceRows, EvidenceRows]:
    """Count, and describe every exemplar by the counts of the nineteen twentieths that it isn't in.

    most_spoken (int): Exemplars described without capitals at most. sentences (bool): Whether every other exemplar is
        described as a sentence, with a capital at its start.
    RETURNS: The counts of all exemplars; rows of exemplars as written; as spoken, none where that is the same.
    """
    descriptions = telling_words(task)
    asked = [replace(exemplar, candidates=as_request(exemplar).candidates) for exemplar in exemplars]
    contexts = [CandidateContext(as_request(exemplar)) for exemplar in asked]
    counts = EvidenceCounts.from_exemplars(zip(asked, contexts, strict=True))
    order = [i for i in np.random.default_rng(seed).permutation(len(asked)).tolist() if asked[i].candidates]
    views = {
        i: as_sentence(asked[i], match_again=True) if sentences and n % 2 else asked[i] for n, i in enumerate(order)
    }
    view_contexts = {i: contexts[i] if v is asked[i] else CandidateContext(as_request(v)) for i, v in views.items()}
    spoken_views = {i: as_spoken(asked[i], keep_exact=True) for i in order[:most_spoken]}
    if all(contexts[i].spoken for i in order):
        spoken_views = {}
    spoken_contexts = {i: CandidateContext(as_request(view)) for i, view in spoken_views.items()}

    def described(folds: int) -> Iterator[tuple[int, Floats, Floats | None]]:
        for fold in range(folds):
            held = order[fold::folds]
            for i in held:
                counts.add(asked[i], contexts[i], sign=-1)
            for i in held:
                spoken_rows = describe(spoken_contexts[i], counts, descriptions) if i in spoken_views else None
                yield i, describe(view_contexts[i], counts, descriptions), spoken_rows
            for i in held:
                counts.add(asked[i], contexts[i])

    written = EvidenceRows([views[i] for i in order])
    spoken = EvidenceRows([spoken_views[i] for i in order if i in spoken_views])
    for folds in (FOLDS, FEW_FOLDS) if len(order) <= FEW else (FOLDS,):
        made = {i: rows for i, *rows in described(folds)}
        for style, which in enumerate((written, spoken)):
            rows = [own for i in order if (own := made[i][style]) is not None]
            (which.rows if folds == FOLDS else which.more).extend(rows)
    return counts, written, spoken
