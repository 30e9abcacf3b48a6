"""``spacy_convner.LinearFilter.v1``: a local filter fitted from exemplars in seconds; no key, no network, no torch."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, DataError
from ...ty import Exemplar, FilterRequest, FilterResponse, FilterTask, SemanticFilter
from .counts import AcceptanceCounts
from .decode import decode
from .features import DIMENSIONS, FeatureMaker, Row

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]

FORMAT = 1
BATCH = 256
GRID = np.round(np.arange(0.15, 0.86, 0.05), 2)
NO_SECOND = 1.01  # a probability never reaches it: one label a span


class LinearFilter:
    """Logistic regression over ``features.py``; thresholds from cross-validation on the exemplars.

    regularization (float): Inverse strength C of the L2 penalty. folds (int): Of cross-validation.
    max_calibration (int): Exemplars used for cross-validation at most. seed (int): For folds.
    """

    name = "linear"

    def __init__(self, regularization: float, folds: int, max_calibration: int, seed: int) -> None:
        self.regularization, self.folds = regularization, folds
        self.max_calibration, self.seed = max_calibration, seed
        self._fitted = False
        self._counts = AcceptanceCounts()
        self._weights = np.zeros(0, dtype=np.float64)  # shape (DIMENSIONS,), or (0,) before there is a model
        self._bias = 0.0
        self.threshold, self.second_threshold = 0.5, NO_SECOND
        self.n_exemplars = 0
        self._makers: dict[int, tuple[FilterTask, FeatureMaker]] = {}

    @property
    def is_fitted(self) -> bool:
        return self._fitted

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """Learn from exemplars and their candidates; with none, or only one kind of answer, judge without exemplars."""
        usable = [exemplar for exemplar in exemplars if exemplar.candidates]
        self._counts = AcceptanceCounts.from_exemplars(exemplars)
        self._weights, self._bias = _fit_weights(usable, self._counts, task, self.regularization)
        self.threshold, self.second_threshold = 0.5, NO_SECOND
        if len(self._weights):
            self._calibrate(usable, task)
        self.n_exemplars = len(exemplars)
        self._makers.clear()
        self._fitted = True

    def _calibrate(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        if len(exemplars) < 4 * self.folds:
            return
        order = np.random.default_rng(self.seed).permutation(len(exemplars))[: self.max_calibration]
        scored: list[tuple[Exemplar, Floats]] = []
        for fold in range(self.folds):
            held = order[fold :: self.folds]
            held_set = set(held.tolist())
            train = [exemplars[i] for i in order if int(i) not in held_set]
            counts = AcceptanceCounts.from_exemplars(train)
            weights, bias = _fit_weights(train, counts, task, self.regularization)
            maker = FeatureMaker(counts, task)
            for i in held:
                for exemplar in _as_spoken(exemplars[int(i)]):
                    scored.append((exemplar, _probabilities(maker(_as_request(exemplar)), weights, bias)))
        self.threshold = _best_threshold(scored)
        self.second_threshold = _best_second_threshold(scored, self.threshold)

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        maker = self._maker(task)
        stream = iter(requests)
        while batch := list(islice(stream, BATCH)):
            for request in batch:
                if not request.candidates:
                    yield FilterResponse(status="no_candidates")
                    continue
                probabilities = _probabilities(maker(request), self._weights, self._bias)
                chosen = decode(request.candidates, probabilities.tolist(), self.threshold, self.second_threshold)
                yield FilterResponse(selected=tuple(chosen), scores=tuple(float(probabilities[i]) for i in chosen))

    def probabilities(self, request: FilterRequest, task: FilterTask) -> list[float]:
        """RETURNS (list[float]): Probability (0..1) of each candidate of a request, parallel to them."""
        return [float(p) for p in _probabilities(self._maker(task)(request), self._weights, self._bias)]

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
        meta = {
            "format": FORMAT,
            "counts": self._counts.to_dict(),
            "bias": self._bias,
            "threshold": self.threshold,
            "second_threshold": self.second_threshold,
            "n_exemplars": self.n_exemplars,
        }
        used = np.flatnonzero(self._weights)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            meta=np.frombuffer(json.dumps(meta).encode("utf8"), dtype=np.uint8),
            indices=used.astype(np.uint32),
            weights=self._weights[used].astype(np.float32),
            has_model=np.array(bool(len(self._weights))),
        )
        return buffer.getvalue()

    def from_bytes(self, data: bytes) -> None:
        """data (bytes): From ``to_bytes``. RAISES: DataError if it is damaged or of another version."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                meta = json.loads(arrays["meta"].tobytes())
                if meta["format"] != FORMAT:
                    raise DataError(f"the saved linear filter has format {meta['format']}, this version reads {FORMAT}")
                weights = np.zeros(DIMENSIONS if bool(arrays["has_model"]) else 0, dtype=np.float64)
                weights[arrays["indices"]] = arrays["weights"]
            counts = AcceptanceCounts.from_dict(meta["counts"])
            bias, n_exemplars = float(meta["bias"]), int(meta["n_exemplars"])
            threshold, second_threshold = float(meta["threshold"]), float(meta["second_threshold"])
        except DataError:
            raise
        except Exception as err:  # zip, key, JSON, index errors: all mean a damaged file
            raise DataError(f"the saved linear filter is damaged ({type(err).__name__}: {err})") from err
        self._counts, self._weights, self._bias = counts, weights, bias
        self.threshold, self.second_threshold, self.n_exemplars = threshold, second_threshold, n_exemplars
        self._makers.clear()
        self._fitted = True


def _as_request(exemplar: Exemplar) -> FilterRequest:
    # What only the annotation knows isn't there when we are asked.
    matched = tuple(c for c in exemplar.candidates if c.step != "exemplar")
    return FilterRequest(text=exemplar.text, candidates=matched, lang=exemplar.lang)


def _as_spoken(exemplar: Exemplar) -> Iterator[Exemplar]:
    """YIELDS (Exemplar): The exemplar, and as speech recognition would write it: whoever annotates writes capitals, and
    without this their absence would pass for evidence against every name.
    """
    yield exemplar
    lower = exemplar.text.lower()
    if lower != exemplar.text and len(lower) == len(exemplar.text):
        candidates = (replace(c, step="case") if c.step == "exact" else c for c in exemplar.candidates)
        yield replace(exemplar, text=lower, candidates=tuple(candidates))


def _fit_weights(
    exemplars: Sequence[Exemplar], counts: AcceptanceCounts, task: FilterTask, regularization: float
) -> tuple[Floats, float]:
    maker = FeatureMaker(counts, task)
    rows: list[Row] = []
    answers: list[int] = []
    for exemplar in exemplars:
        own = AcceptanceCounts.from_exemplars([exemplar])
        gold = set(exemplar.spans)
        for version in _as_spoken(exemplar):
            request = _as_request(version)
            rows.extend(maker(request, own))
            answers.extend(int(candidate.key in gold) for candidate in request.candidates)
    if len(set(answers)) < 2:
        return np.zeros(0), 0.0
    from sklearn.linear_model import LogisticRegression

    matrix, used = _matrix(rows)
    model = LogisticRegression(C=regularization, solver="liblinear", tol=1e-3, random_state=0)
    model.fit(matrix, answers)
    weights = np.zeros(DIMENSIONS, dtype=np.float64)
    weights[used] = model.coef_[0]
    return weights, float(model.intercept_[0])


def _matrix(rows: Sequence[Row]) -> tuple[csr_matrix, NDArray[np.int32]]:
    # Only the columns that occur: the solver's vectors are dense, and few exemplars use few of the columns.
    from scipy.sparse import csr_matrix

    pointers = np.cumsum([0] + [len(indices) for indices, _ in rows])
    indices = np.fromiter((i for row, _ in rows for i in row), dtype=np.int32, count=int(pointers[-1]))
    values = np.fromiter((v for _, row in rows for v in row), dtype=np.float64, count=int(pointers[-1]))
    used, columns = np.unique(indices, return_inverse=True)
    matrix = csr_matrix((values, columns, pointers), shape=(len(rows), len(used)))
    matrix.sum_duplicates()
    return matrix, used


_COLD_INDEX = FeatureMaker(AcceptanceCounts(), FilterTask())._row(("", [("cold", 1.0)]))[0][0]


def _probabilities(rows: Iterable[Row], weights: Floats, bias: float) -> Floats:
    if not len(weights):
        logits = np.array([sum(v for i, v in zip(*row, strict=True) if i == _COLD_INDEX) for row in rows], dtype=float)
    else:
        logits = np.array([float(weights[indices] @ np.asarray(values)) for indices, values in rows]) + bias
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))))


def _f1(scored: Sequence[tuple[Exemplar, Floats]], threshold: float, second: float) -> float:
    correct = predicted = gold_total = 0
    for exemplar, probabilities in scored:
        candidates = _as_request(exemplar).candidates
        chosen = {candidates[i].key for i in decode(candidates, probabilities.tolist(), threshold, second)}
        gold = set(exemplar.spans)
        correct += len(chosen & gold)
        predicted += len(chosen)
        gold_total += len(gold)
    return 2.0 * correct / (predicted + gold_total) if predicted + gold_total else 0.0


def _best_threshold(scored: Sequence[tuple[Exemplar, Floats]]) -> float:
    # The middle of the plateau, not its edge: less noise on few exemplars.
    values = np.array([_f1(scored, float(t), NO_SECOND) for t in GRID])
    near = GRID[values >= values.max() - 0.001]
    return float(near[len(near) // 2])


def _best_second_threshold(scored: Sequence[tuple[Exemplar, Floats]], threshold: float) -> float:
    # Where no exemplar has a span with two labels, a second label could only be a guess that hedges the first.
    if all(len({(s.start, s.end) for s in e.spans}) == len(set(e.spans)) for e, _ in scored):
        return NO_SECOND
    best, best_f = NO_SECOND, _f1(scored, threshold, NO_SECOND)
    for second in GRID[threshold <= GRID][::-1]:
        value = _f1(scored, threshold, float(second))
        if value > best_f + 0.001:
            best, best_f = float(second), value
    return best


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
