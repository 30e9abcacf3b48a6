"""``spacy_convner.LinearFilter.v1``: a local filter fitted from exemplars in seconds; no key, no network, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ...ty import Exemplar, FilterRequest, FilterResponse, FilterTask, Floats, SemanticFilter
from .archive import pack, unpack
from .counts import AcceptanceCounts
from .decode import answer
from .exemplar_views import as_request, as_sentence, as_spoken
from .features import DIMENSIONS, FeatureMaker
from .logistic import LogisticModel, fit_model
from .sentence import is_spoken

FORMAT = 1
BATCH = 256


class LinearFilter:
    """Two logistic regressions over ``features.py``: one for text as the exemplars write it, one for text whose
    capitals say nothing, as speech recognition gives it. Whoever annotates writes names with capitals; a single model
    would take their absence for evidence against every name, or lose what they tell. Thresholds from cross-validation.

    regularization (float): Inverse strength C of the L2 penalty. folds (int): Of cross-validation.
    max_calibration (int): Exemplars used for cross-validation at most. seed (int): For folds.
    """

    name = "linear"
    reads_exemplars = False  # of one utterance; it is fitted on all

    def __init__(self, regularization: float, folds: int, max_calibration: int, seed: int) -> None:
        self.regularization, self.folds = regularization, folds
        self.max_calibration, self.seed = max_calibration, seed
        self._fitted = False
        self._counts = AcceptanceCounts()
        self.written = self.spoken = LogisticModel()
        self.n_exemplars = 0
        self._makers: dict[int, tuple[FilterTask, FeatureMaker]] = {}

    @property
    def is_fitted(self) -> bool:
        return self._fitted

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """Learn from exemplars and their candidates; with none, or only one kind of answer, judge without exemplars."""
        usable = [exemplar for exemplar in exemplars if exemplar.candidates]
        spoken = [as_spoken(exemplar) for exemplar in usable]
        self._counts = AcceptanceCounts.from_exemplars(exemplars)
        self.written = self._fit([as_sentence(e) if i % 2 else e for i, e in enumerate(usable)], task)
        self.spoken = self.written if spoken == usable else self._fit(spoken, task)
        self.n_exemplars = len(exemplars)
        self._makers.clear()
        self._fitted = True

    def _fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> LogisticModel:
        model = fit_model(exemplars, task, self.regularization)
        if not len(model.weights) or len(exemplars) < 4 * self.folds:
            return model
        model.calibrate(self.cross_probabilities(exemplars, task))
        return model

    def cross_probabilities(self, exemplars: Sequence[Exemplar], task: FilterTask) -> list[tuple[Exemplar, Floats]]:
        """RETURNS (list): Exemplars and the probability (0..1) of each of their candidates, by models that haven't seen
        them; at most ``max_calibration``, none where there are too few for folds.
        """
        usable = [exemplar for exemplar in exemplars if exemplar.candidates]
        if len(usable) < 4 * self.folds:
            return []
        order = np.random.default_rng(self.seed).permutation(len(usable))[: self.max_calibration]
        scored: list[tuple[Exemplar, Floats]] = []
        for fold in range(self.folds):
            held = order[fold :: self.folds]
            held_set = set(held.tolist())
            train = [usable[i] for i in order if int(i) not in held_set]
            other = fit_model(train, task, self.regularization)
            maker = FeatureMaker(AcceptanceCounts.from_exemplars(train), task)
            scored.extend((usable[i], other.probabilities(maker(as_request(usable[i])))) for i in held)
        return scored

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        maker = self._maker(task)
        stream = iter(requests)
        while batch := list(islice(stream, BATCH)):
            for request in batch:
                if not request.candidates:
                    yield FilterResponse(status="no_candidates")
                    continue
                model = self._model(request)
                probabilities = model.probabilities(maker(request)).tolist()
                yield answer(request, probabilities, model.threshold, model.second_threshold)

    def probabilities(self, request: FilterRequest, task: FilterTask) -> list[float]:
        """RETURNS (list[float]): Probability (0..1) of each candidate of a request, parallel to them."""
        return [float(p) for p in self._model(request).probabilities(self._maker(task)(request))]

    def _model(self, request: FilterRequest) -> LogisticModel:
        return self.spoken if is_spoken(request.text) else self.written

    def _maker(self, task: FilterTask) -> FeatureMaker:
        known = self._makers.get(id(task))
        if known is None or known[0] is not task:
            self._makers = {id(task): (task, FeatureMaker(self._counts, task))}
            known = self._makers[id(task)]
        return known[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_makers": {}}

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): An ``.npz`` archive of numbers and JSON, no pickle."""
        models = {"written": self.written}
        if self.spoken is not self.written:
            models["spoken"] = self.spoken
        meta = {
            "format": FORMAT,
            "counts": self._counts.to_dict(),
            "n_exemplars": self.n_exemplars,
            "models": {n: [m.bias, m.threshold, m.second_threshold, len(m.weights) > 0] for n, m in models.items()},
        }
        arrays: dict[str, Any] = {}
        for name, model in models.items():
            used = np.flatnonzero(model.weights)
            arrays[f"{name}_indices"] = used.astype(np.uint32)
            arrays[f"{name}_weights"] = model.weights[used].astype(np.float32)
        return pack(meta, arrays)

    def from_bytes(self, data: bytes) -> None:
        """data (bytes): From ``to_bytes``. RAISES: DataError if it is damaged or of another version."""
        models: dict[str, LogisticModel] = {}
        try:
            meta, arrays = unpack(data)
            if meta["format"] != FORMAT:
                raise DataError(f"the saved linear filter has format {meta['format']}, this version reads {FORMAT}")
            for name, (bias, threshold, second, has_weights) in meta["models"].items():
                weights = np.zeros(DIMENSIONS if has_weights else 0, dtype=np.float64)
                weights[arrays[f"{name}_indices"]] = arrays[f"{name}_weights"]
                models[name] = LogisticModel(weights, float(bias), float(threshold), float(second))
            counts, n_exemplars = AcceptanceCounts.from_dict(meta["counts"]), int(meta["n_exemplars"])
            written = models["written"]
        except DataError:
            raise
        except Exception as err:  # zip, key, JSON, index errors: all mean a damaged file
            raise DataError(f"the saved linear filter is damaged ({type(err).__name__}: {err})") from err
        self.written, self.spoken = written, models.get("spoken", written)
        self._counts, self.n_exemplars = counts, n_exemplars
        self._makers.clear()
        self._fitted = True


def make_linear_filter(
    regularization: float = 1.0, folds: int = 5, max_calibration: int = 4000, seed: int = 0
) -> SemanticFilter:
    """Registered as ``spacy_convner.LinearFilter.v1``.

    It is fitted on the exemplars of the pipeline's ``exemplar_retriever`` at first use, or by ``nlp.initialize``;
    without exemplars it judges by label-independent evidence alone.

    regularization (float): Inverse strength of the L2 penalty, above 0. folds (int): Of cross-validation, 2 or more.
    max_calibration (int): Exemplars used to choose thresholds at most. seed (int): For folds.
    """
    if regularization <= 0 or folds < 2 or max_calibration < 1:
        raise ConfigError(
            "expected regularization > 0, folds >= 2 and max_calibration >= 1, got "
            f"{regularization}, {folds} and {max_calibration}"
        )
    return LinearFilter(regularization, folds, max_calibration, seed)
