"""``spacy_convner.LinearFilter.v2``: boosted trees and a regression over evidence that names no label and no word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ...ty import Exemplar, FilterRequest, FilterResponse, FilterTask, Floats, SemanticFilter
from .archive import pack, unpack
from .calibration import Calibration
from .candidate_scorer import CandidateScorer, fit_scorer, probabilities
from .decode import answer
from .evidence import describe
from .evidence_counts import CandidateContext, EvidenceCounts
from .evidence_rows import EvidenceRows, make_rows
from .exemplar_views import as_request, as_spoken
from .features import telling_words
from .rivalry import spans_of
from .sentence import is_spoken
from .thresholds import NO_SECOND, Scored, best_second_threshold, best_threshold, can_choose

FORMAT = 3  # 1 is that of LinearFilter.v1; 2 judged every candidate for itself
BATCH = 256
STYLES = ("written", "spoken")
# By how much F1 is lower on what will be asked about than on what thresholds are chosen on. More is better on WNUT-17's
# development split (by 0.1 at most), less on halves of the demo's exemplars (by 0.5); to Snips it is the same.
NEWER = 0.05
_DEFAULT = {"threshold": 0.5, "second_threshold": NO_SECOND}


class BoostedLinearFilter:
    """Counts of what exemplars accepted and refused are turned into numbers that mean the same for every label and
    name, so a name that nobody has seen is judged by what held for those that were. Whoever annotates writes names with
    capitals, and recognised speech has none: text without them has a scorer of its own, fitted on exemplars as speech
    recognition would give them, unless exemplars are ``from_traffic``.

    rounds (int): Boosted trees. regularization (float): Inverse strength C of the regression's L2 penalty. folds (int):
    Of cross-validation. max_calibration (int): Exemplars used for cross-validation at most. from_traffic (bool):
    Exemplars are a sample of what will be asked about. seed (int): For folds and trees.
    """

    name = "linear"
    reads_exemplars = False  # of one utterance; it is fitted on all

    def __init__(
        self, rounds: int, regularization: float, folds: int, max_calibration: int, from_traffic: bool, seed: int
    ) -> None:
        self.rounds, self.regularization, self.from_traffic = rounds, regularization, from_traffic
        self.folds, self.max_calibration, self.seed = folds, max_calibration, seed
        self._fitted = False
        self._counts = EvidenceCounts()
        self._scorers: dict[str, CandidateScorer] = {}
        self._described: tuple[FilterTask, dict[str, frozenset[str]]] | None = None
        self.n_exemplars = 0
        self.thresholds: dict[str, dict[str, float]] = {style: dict(_DEFAULT) for style in STYLES}

    @property
    def is_fitted(self) -> bool:
        return self._fitted

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """Learn from exemplars and their candidates; with none, or only one kind of answer, judge without exemplars."""
        self._counts, written, spoken = self._rows(exemplars, task)
        self._scorers, self.thresholds = {}, {style: dict(_DEFAULT) for style in STYLES}
        for style, made in zip(STYLES, (written, spoken), strict=True):
            scorer = self._fit_scorer(made, range(len(made.rows)))
            if scorer is not None:
                held_out = self._held_out(made)
                calibration = Calibration.from_held_out(held_out)
                self._scorers[style] = replace(scorer, calibration=calibration)
                self._set_thresholds(style, calibration.apply(held_out))
        self._share_thresholds()
        self.n_exemplars, self._fitted = len(exemplars), True

    def calibrate(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """Choose the thresholds again, on exemplars that the filter wasn't fitted on: a development set whose names are
        as new as those that will be asked about. Does nothing without a gold candidate in them, or before ``fit``.

        exemplars (Sequence[Exemplar]): With their candidates.
        """
        usable = [exemplar for exemplar in exemplars if as_request(exemplar).candidates]
        views = {"written": usable, "spoken": [as_spoken(exemplar) for exemplar in usable]}
        for style in self._scorers:
            contexts = [CandidateContext(as_request(view)) for view in views[style]]
            scores = map(np.array, self._score(contexts, task, style))
            self._set_thresholds(style, list(zip(views[style], scores, strict=True)))
        self._share_thresholds()

    def cross_probabilities(self, exemplars: Sequence[Exemplar], task: FilterTask) -> list[tuple[Exemplar, Floats]]:
        """RETURNS (list): Exemplars and the probability (0..1) of each of their candidates, by models that haven't seen
        them; at most ``max_calibration``, none where there are too few for folds.
        """
        _, written, spoken = self._rows(exemplars, task)
        scored = self._calibrated(written)
        if not spoken.rows:
            return scored
        # Each by the scorer that it would be asked of.
        own = {exemplar.text.lower() for exemplar in written.exemplars if is_spoken(exemplar.text)}
        of_spoken = [(view, p) for view, p in self._calibrated(spoken) if view.text in own]
        return [*((exemplar, p) for exemplar, p in scored if not is_spoken(exemplar.text)), *of_spoken]

    def _rows(
        self, exemplars: Sequence[Exemplar], task: FilterTask
    ) -> tuple[EvidenceCounts, EvidenceRows, EvidenceRows]:
        invented = not self.from_traffic
        most_spoken = self.max_calibration if invented else 0
        return make_rows(exemplars, task, most_spoken=most_spoken, sentences=invented, seed=self.seed)

    def _calibrated(self, made: EvidenceRows) -> list[tuple[Exemplar, Floats]]:
        held_out = self._held_out(made)
        return list(Calibration.from_held_out(held_out).apply(held_out))

    def _fit_scorer(self, made: EvidenceRows, which: Sequence[int]) -> CandidateScorer | None:
        rows, answers, spans = made.matrix(which)
        return fit_scorer(
            rows,
            answers,
            spans,
            n_exemplars=len(which),
            rounds=self.rounds,
            regularization=self.regularization,
            seed=self.seed,
        )

    def _held_out(self, made: EvidenceRows) -> list[tuple[Exemplar, Floats]]:
        if len(made.rows) < 4 * self.folds:
            return []
        order = np.random.default_rng(self.seed).permutation(len(made.rows))[: self.max_calibration].tolist()
        scored: list[tuple[Exemplar, Floats]] = []
        for fold in range(self.folds):
            held = order[fold :: self.folds]
            scorer = self._fit_scorer(made, [i for n, i in enumerate(order) if n % self.folds != fold])
            for i in held:
                exemplar = made.exemplars[i]
                scored.append((exemplar, probabilities(scorer, made.rows[i], [spans_of(exemplar.candidates)])))
        return scored

    def _set_thresholds(self, style: str, scored: Scored) -> None:
        if can_choose(scored):
            first = best_threshold(scored, standard_errors=1.0, margin=NEWER)
            self.thresholds[style] = {"threshold": first, "second_threshold": best_second_threshold(scored, first)}

    def _share_thresholds(self) -> None:
        if "spoken" not in self._scorers:  # the other is asked about such text as well
            self.thresholds["spoken"] = dict(self.thresholds["written"])

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        stream = iter(requests)
        while batch := list(islice(stream, BATCH)):
            contexts = [CandidateContext(request) for request in batch if request.candidates]
            judged = zip(contexts, self._score_each(contexts, task), strict=True)
            for request in batch:
                if not request.candidates:
                    yield FilterResponse(status="no_candidates")
                    continue
                context, scores = next(judged)
                yield answer(request, scores, **self.thresholds[style_of(context)])

    def probabilities(self, request: FilterRequest, task: FilterTask) -> list[float]:
        """RETURNS (list[float]): Probability (0..1) of each candidate of a request, parallel to them."""
        return self._score_each([CandidateContext(request)], task)[0]

    def _score_each(self, contexts: Sequence[CandidateContext], task: FilterTask) -> list[list[float]]:
        if "spoken" not in self._scorers:
            return self._score(contexts, task, "written")
        scores: list[list[float]] = [[] for _ in contexts]
        for style in STYLES:
            which = [i for i, context in enumerate(contexts) if style_of(context) == style]
            for i, found in zip(which, self._score([contexts[i] for i in which], task, style), strict=True):
                scores[i] = found
        return scores

    def _score(self, contexts: Sequence[CandidateContext], task: FilterTask, style: str) -> list[list[float]]:
        if not contexts:
            return []
        if self._described is None or self._described[0] is not task:
            self._described = (task, telling_words(task))
        descriptions = self._described[1]
        rows = [describe(context, self._counts, descriptions) for context in contexts]
        scorer = self._scorers.get(style) or self._scorers.get("written")
        flat = probabilities(scorer, np.concatenate(rows), [spans_of(context.candidates) for context in contexts])
        return [part.tolist() for part in np.split(flat, np.cumsum([len(own) for own in rows])[:-1])]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_described": None}

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): An ``.npz`` archive of numbers and JSON, no pickle."""
        meta = {
            "format": FORMAT,
            "counts": self._counts.to_dict(),
            "n_exemplars": self.n_exemplars,
            "thresholds": self.thresholds,
            "scorers": list(self._scorers),  # in the order of the arrays
        }
        arrays = {
            f"{style}_{name}": array
            for style, scorer in self._scorers.items()
            for name, array in scorer.to_arrays().items()
        }
        return pack(meta, arrays)

    def from_bytes(self, data: bytes) -> None:
        """data (bytes): From ``to_bytes``. RAISES: DataError if it is damaged or of another version."""
        try:
            meta, arrays = unpack(data)
            if meta["format"] != FORMAT:
                raise DataError(
                    f"the saved linear filter has format {meta['format']}, this version reads {FORMAT}",
                    hint="it was saved by another version of LinearFilter: name that one in the config, or fit again",
                )
            counts, n_exemplars = EvidenceCounts.from_dict(meta["counts"]), int(meta["n_exemplars"])
            thresholds = {name: {key: float(meta["thresholds"][name][key]) for key in _DEFAULT} for name in STYLES}
            scorers = {}
            for style in meta["scorers"]:
                start = f"{style}_"
                own = {name.removeprefix(start): arrays[name] for name in arrays if name.startswith(start)}
                scorers[STYLES[STYLES.index(style)]] = CandidateScorer.from_arrays(own)
        except DataError:
            raise
        except Exception as err:  # zip, key, JSON, index errors: all mean a damaged file
            raise DataError(f"the saved linear filter is damaged ({type(err).__name__}: {err})") from err
        self._counts, self.n_exemplars, self.thresholds, self._scorers = counts, n_exemplars, thresholds, scorers
        self._fitted = True


def style_of(context: CandidateContext) -> str:
    """RETURNS (str): "spoken" where capitals say nothing."""
    return "spoken" if context.spoken else "written"


def make_boosted_linear_filter(
    rounds: int = 200,
    regularization: float = 0.3,
    folds: int = 5,
    max_calibration: int = 4000,
    from_traffic: bool = False,
    seed: int = 0,
) -> SemanticFilter:
    """Registered as ``spacy_convner.LinearFilter.v2``.

    It is fitted on the exemplars of the pipeline's ``exemplar_retriever`` at first use, or by ``nlp.initialize``;
    without exemplars it judges by label-independent evidence alone.

    rounds (int): Boosted trees, 1 or more. regularization (float): Inverse strength of the regression's L2 penalty,
    above 0. folds (int): Of cross-validation, 2 or more. max_calibration (int): Exemplars used to choose thresholds at
    most, and of those written with capitals, learned from without them as well. from_traffic (bool): Whether exemplars
    are a sample of the traffic that will be asked about. Then they say themselves what holds for text without capitals;
    otherwise whoever wrote them down may have given every name its capitals. seed (int): For folds and trees.
    """
    if rounds < 1 or regularization <= 0 or folds < 2 or max_calibration < 1 or not 0 <= seed < 1 << 32:
        raise ConfigError(
            "expected rounds >= 1, regularization > 0, folds >= 2, max_calibration >= 1 and 0 <= seed < 2**32, "
            f"got {rounds}, {regularization}, {folds}, {max_calibration} and {seed}"
        )
    return BoostedLinearFilter(rounds, regularization, folds, max_calibration, from_traffic, seed)
