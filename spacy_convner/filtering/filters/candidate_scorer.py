"""The probability of a candidate from its row of evidence and its rivals: boosted trees and a regression, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ty import Floats
from .calibration import Calibration, sigmoid
from .evidence import COLD, FEATURES
from .joint_regression import fit_regression
from .rivalry import Span, marginal_log_odds
from .trees import Trees, fit_trees

# A standardised value further out than this was never seen in fitting, and a regression would follow it anywhere.
_FAR = 8.0
# Label-independent evidence counts as so many exemplars.
_COLD_EXEMPLARS = 8.0


@dataclass(frozen=True, slots=True)
class CandidateScorer:
    """Trees find what holds together, the regression what holds beyond the values that were seen; each corrects the
    other's errors, so their log-odds are averaged.

    mean, scale, weights (Floats): Shape (len(FEATURES),), of the regression. trust (float): Weight 0..1 of what was
    fitted; the rest is label-independent evidence. together (float): What a further label of a span costs; candidates
    that overlap compete (see ``rivalry``).
    """

    trees: Trees
    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    trust: float
    together: float
    calibration: Calibration = field(default_factory=Calibration)

    def probabilities(self, rows: Floats, spans: Sequence[Sequence[Span]]) -> Floats:
        """rows (Floats): Shape (n, len(FEATURES)). spans: Of the candidates of each utterance, n together.

        RETURNS (Floats): Shape (n,), 0..1.
        """
        # A matrix product's last bit depends on how many rows there are; a candidate is judged alike in any batch.
        standard = np.ascontiguousarray(np.clip((rows - self.mean) / self.scale, -_FAR, _FAR))
        linear = (standard * self.weights).sum(axis=1) + self.bias
        fitted = (self.trees.logits(rows) + linear) / 2.0
        log_odds = self.trust * fitted + (1.0 - self.trust) * rows[:, COLD]
        parts = np.split(log_odds, np.cumsum([len(own) for own in spans])[:-1])
        competed = [marginal_log_odds(own, part, self.together) for own, part in zip(spans, parts, strict=True)]
        return self.calibration(np.concatenate(competed))

    def to_arrays(self) -> dict[str, Any]:
        """RETURNS (dict): Arrays by name."""
        arrays = {f"trees_{name}": array for name, array in self.trees.to_arrays().items()}
        return {
            **arrays,
            "mean": self.mean,
            "scale": self.scale,
            "weights": self.weights,
            "numbers": np.array([self.bias, self.trust, self.together, self.calibration.slope, self.calibration.shift]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> CandidateScorer:
        """arrays (Mapping): What ``to_arrays`` gave. RAISES: KeyError or ValueError if they are damaged."""
        own = {name[6:]: arrays[name] for name in arrays if name.startswith("trees_")}
        mean, scale, weights = (np.asarray(arrays[name], dtype=np.float64) for name in ("mean", "scale", "weights"))
        bias, trust, together, slope, shift = map(float, arrays["numbers"])
        if not mean.shape == scale.shape == weights.shape == (len(FEATURES),):
            raise ValueError(f"expected {len(FEATURES)} weights")
        trees = Trees.from_arrays(own, len(FEATURES))
        return cls(trees, mean, scale, weights, bias, trust, together, Calibration(slope, shift))


def probabilities(scorer: CandidateScorer | None, rows: Floats, spans: Sequence[Sequence[Span]]) -> Floats:
    """RETURNS (Floats): 0..1, by label-independent evidence alone before there is a scorer."""
    return sigmoid(rows[:, COLD]) if scorer is None else scorer.probabilities(rows, spans)


def fit_scorer(
    rows: Floats,
    answers: NDArray[np.int64],
    spans: Sequence[Sequence[Span]],
    *,
    n_exemplars: int,
    rounds: int,
    regularization: float,
    seed: int,
) -> CandidateScorer | None:
    """rows: Shape (n, len(FEATURES)). answers: Shape (n,), 0 or 1. spans: Of the candidates of each utterance, n
    together, in the order of the rows. n_exemplars (int): That the rows come from.

    RETURNS (CandidateScorer | None): None where there is one kind of answer only.
    """
    if len(np.unique(answers)) < 2:
        return None
    from threadpoolctl import threadpool_limits

    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale < 1e-9] = 1.0
    with threadpool_limits(1):  # as for trees: so small that threads would only wait for each other
        standard = np.clip((rows - mean) / scale, -_FAR, _FAR)
        regression = fit_regression(standard, answers, spans, regularization)
    return CandidateScorer(
        trees=fit_trees(rows, answers, rounds=rounds, seed=seed),
        mean=mean,
        scale=scale,
        weights=regression.weights,
        bias=regression.bias,
        trust=n_exemplars / (n_exemplars + _COLD_EXEMPLARS),
        together=regression.together,
    )
