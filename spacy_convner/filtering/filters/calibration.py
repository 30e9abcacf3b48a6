"""Platt scaling: probabilities that say how often a filter is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ty import Floats
from .exemplar_views import as_request
from .thresholds import Scored


@dataclass(frozen=True, slots=True)
class Calibration:
    """One slope and one shift of the log-odds (Platt 1999, "Probabilistic outputs for support vector machines")."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, log_odds: Floats) -> Floats:
        """RETURNS (Floats): Probabilities, 0..1."""
        return sigmoid(self.slope * log_odds + self.shift)

    def apply(self, scored: Scored) -> Scored:
        """RETURNS (Scored): The same with calibrated probabilities."""
        return [(exemplar, self(log_odds_of(p))) for exemplar, p in scored]

    @classmethod
    def from_held_out(cls, scored: Scored) -> Calibration:
        """scored (Scored): By models that weren't fitted on them. RETURNS (Calibration): None at all where there is one
        kind of answer only, or where it would turn the order round.
        """
        answers = np.array(
            [c.key in gold for e, _ in scored for gold in [set(e.spans)] for c in as_request(e).candidates],
            dtype=np.int64,
        )
        if len(np.unique(answers)) < 2:
            return cls()
        from sklearn.linear_model import LogisticRegression

        log_odds = log_odds_of(np.concatenate([p for _, p in scored]))
        model = LogisticRegression(C=1.0).fit(log_odds[:, None], answers)
        slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
        return cls(slope, shift) if slope > 0 else cls()


def sigmoid(log_odds: Floats) -> Floats:
    """RETURNS (Floats): 0..1."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))


def log_odds_of(probabilities: Floats) -> Floats:
    """RETURNS (Floats): -30..30."""
    p = np.clip(probabilities, 1e-13, 1.0 - 1e-13)
    return np.asarray(np.log(p / (1.0 - p)))
