"""Weights and threshold from labelled utterances: logistic regression whose weights keep the sign that they stand for.

A sign of conversation can't count against it, however few examples there are, so an explanation always makes sense.
The word lists were written by people who saw such utterances, so they fit them better than what comes next: each is
also looked at with a share of its matches forgotten, as if the lists lacked those words, and the threshold is chosen on
that, in cross-validation.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from .features import SIGNS, find_features
from .heuristic_detector import weigh
from .labelled import Labelled, Scores, read_labelled, score
from .lexicon import Lexicon, read_lexicon
from .weights_file import Weights

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
NAMES = tuple(SIGNS)
FEWEST = 20  # of each kind; below that there is nothing to calibrate
COPIES = 4  # with forgotten matches
FOLDS = 10
NEAR = 0.005  # F1 that is no worse: among such thresholds the one nearest to 0.5 holds


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, with the scores of cross-validation at the threshold."""

    weights: Weights
    cross_validated: Scores


def calibrate_language(
    labelled: Path, lang: str, resources: Path | None = None, *, precision: float | None = None, command: str = ""
) -> Weights:
    """Fit on the train split of a labelled file, then score the test split, once.

    labelled (Path): JSONL; records of other languages are passed over. lang (str): Which language. resources (Path |
    None): The user's folder of language folders. precision: See ``calibrate``. command (str): For the provenance.
    RETURNS (Weights): With the provenance: files by hash, date, scores of both splits.
    """
    lexicon = read_lexicon(lang, resources)
    items = [item for item in read_labelled(labelled) if item.lang == lang]
    if not items:
        raise ConfigError(f"{labelled} has no utterance with the language {lang!r}")
    test = [item for item in items if item.split == "test"]
    fitted = calibrate([item for item in items if item.split == "train"], lexicon, precision=precision)
    provenance = {
        "labelled": labelled.as_posix(),
        "labelled_sha256": hashlib.sha256(labelled.read_bytes()).hexdigest(),
        "lists_sha256": lexicon.sha256,
        "date": date.today().isoformat(),
        "command": command,
        "precision": precision,
        "train_cross_validated": fitted.cross_validated.rounded(),
        "test": score_weights(test, lexicon, fitted.weights).rounded() if test else None,
    }
    return replace(fitted.weights, provenance=provenance)


def score_weights(items: Sequence[Labelled], lexicon: Lexicon, weights: Weights) -> Scores:
    """RETURNS (Scores): Of a language's weights at their threshold."""
    said = [weigh(find_features(i.text, lexicon), weights, weights.threshold).conversational for i in items]
    return score([item.conversational for item in items], said)


def calibrate(
    items: Sequence[Labelled],
    lexicon: Lexicon,
    *,
    precision: float | None = None,
    forgotten: float = 0.2,
    l2: float = 1.0,
    seed: int = 0,
    without: Collection[str] = (),
) -> Calibration:
    """Fit on ``items``, none of which should be of the held-out split.

    precision (float | None): Least precision in cross-validation; of the thresholds that give it the one of the best
        recall. None takes the best F1. forgotten (float): Share of matches to forget, 0..1. l2 (float): Penalty on
        squared weights. seed (int): Of folds and forgetting. without (Collection[str]): Features left out.
    RAISES: ConfigError for too few utterances of a kind, or a precision that no threshold gives.
    """
    gold = np.array([item.conversational for item in items], dtype=bool)
    fewest = (int(gold.sum()), int((~gold).sum()))
    if min(fewest) < FEWEST:
        raise ConfigError(
            f"at least {FEWEST} conversational utterances and {FEWEST} others are needed to calibrate, got "
            f"{fewest[0]} and {fewest[1]}"
        )
    rng = random.Random(seed)
    texts = [item.text for item in items]
    clean = _to_matrix(texts, lexicon, rng, 0.0)
    views = np.stack([clean, *(_to_matrix(texts, lexicon, rng, forgotten) for _ in range(COPIES))])
    views[:, :, [name in without for name in NAMES]] = 0.0
    held_out = np.zeros(views.shape[:2])
    for fold in _folds(gold, seed):
        weights, bias = _fit(views[:, ~fold], gold[~fold], l2)
        held_out[:, fold] = _sigmoid(views[:, fold] @ weights + bias)
    threshold = _choose_threshold(held_out[1:].ravel(), np.tile(gold, COPIES), precision)
    weights, bias = _fit(views, gold, l2)
    return Calibration(
        Weights(
            {name: round(float(weight), 4) + 0.0 for name, weight in zip(NAMES, weights, strict=True)},
            round(bias, 4),
            threshold,
        ),
        score(gold.tolist(), (held_out[0] >= threshold).tolist()),
    )


def _to_matrix(texts: Sequence[str], lexicon: Lexicon, rng: random.Random, forgotten: float) -> Values:
    """RETURNS (Values): Shape (n, len(NAMES)), columns in the order of ``NAMES``."""

    def forget() -> bool:
        return rng.random() < forgotten

    found = [find_features(text, lexicon, forget if forgotten else None) for text in texts]
    return np.array([[findings[name].value for name in NAMES] for findings in found], dtype=np.float64)


def _fit(views: Values, gold: Mask, l2: float) -> tuple[Values, float]:
    """views (Values): Shape (views, n, features). RETURNS (tuple[Values, float]): Weights and bias."""
    from scipy.optimize import minimize

    values = views.reshape(-1, views.shape[-1])
    target = np.tile(np.where(gold, 1.0, -1.0), len(views))

    def loss(parameters: Values) -> tuple[float, Values]:
        weights, bias = parameters[:-1], parameters[-1]
        margins = target * (values @ weights + bias)
        slope = -target * _sigmoid(-margins) / len(views)
        gradient = np.append(values.T @ slope + l2 * weights, slope.sum())
        return float(np.logaddexp(0, -margins).sum() / len(views) + 0.5 * l2 * weights @ weights), gradient

    bounds = [(0, None) if SIGNS[name] > 0 else (None, 0) for name in NAMES]
    found = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    return found.x[:-1], float(found.x[-1])


def _folds(gold: Mask, seed: int) -> list[Mask]:
    """RETURNS (list[Mask]): Held-out utterances of each fold, both kinds spread evenly."""
    rng = np.random.default_rng(seed)
    number = np.zeros(len(gold), dtype=int)
    for kind in (True, False):
        places = rng.permutation(np.flatnonzero(gold == kind))
        number[places] = np.arange(len(places)) % FOLDS
    return [number == fold for fold in range(FOLDS)]


def _choose_threshold(scores: Values, gold: Mask, precision: float | None) -> float:
    """RETURNS (float): In the middle between two scores, so that a rounding error decides nothing."""
    order = np.argsort(-scores)
    ordered = scores[order]
    last = np.append(ordered[1:] < ordered[:-1], True)  # a threshold can't lie between equal scores
    right = np.cumsum(gold[order])[last]
    said = np.arange(1, len(scores) + 1)[last]
    middles = (ordered[last] + np.append(ordered[last][1:], 0.0)) / 2
    precisions, recalls = right / said, right / gold.sum()
    if precision is None:
        f1 = 2 * right / (said + gold.sum())
        allowed = f1 >= f1.max() - NEAR
    else:
        if precisions.max() < precision:
            raise ConfigError(
                f"precision {precision}: no threshold gives it in cross-validation; the best is {precisions.max():.3f}"
            )
        recalls = np.where(precisions >= precision, recalls, -1.0)
        allowed = recalls == recalls.max()
    near = middles[allowed]
    return round(float(near[np.argmin(np.abs(near - 0.5))]), 4)


def _sigmoid(values: Values) -> Values:
    result: Values = np.exp(-np.logaddexp(0, -values))
    return result
