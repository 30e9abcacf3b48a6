"""Platt scaling of a filter's probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.filtering.filters.calibration import Calibration, log_odds_of, sigmoid
from spacy_convner.ty import Candidate, Exemplar, Floats


def sample(n: int, slope: float, shift: float) -> list[tuple[Exemplar, Floats]]:
    """Candidates meant as often as ``p`` says, of which another ``p`` is told: (log-odds - shift) / slope."""
    generator = np.random.default_rng(0)
    made = []
    for log_odds in generator.normal(0, 2, n):
        candidate = Candidate(0, 5, "Song")
        meant = generator.random() < sigmoid(np.array([log_odds]))[0]
        told = sigmoid(np.array([(log_odds - shift) / slope]))
        # One that only the annotation knows has no probability.
        known = Candidate(0, 2, "Song", step="exemplar")
        made.append((Exemplar("hello", (candidate.key,) if meant else (), candidates=(known, candidate)), told))
    return made


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, 0.0), (2.5, -1.0), (1.0, 2.0)])
def test_probabilities_say_how_often_it_holds(slope: float, shift: float) -> None:
    made = sample(3000, slope, shift)
    found = Calibration.from_held_out(made)
    assert found.slope == pytest.approx(slope, rel=0.15)
    assert found.shift == pytest.approx(shift, abs=0.15)
    calibrated = found.apply(made)
    assert [e for e, _ in calibrated] == [e for e, _ in made]
    p, meant = np.concatenate([p for _, p in calibrated]), np.array([bool(e.spans) for e, _ in made])
    for low in (0.0, 0.25, 0.5, 0.75):
        within = (p >= low) & (p < low + 0.25)
        assert p[within].mean() == pytest.approx(meant[within].mean(), abs=0.06)


def test_nothing_to_calibrate_on() -> None:
    made = sample(200, 1.0, 0.0)
    for one_kind in ([], [pair for pair in made if pair[0].spans], [pair for pair in made if not pair[0].spans]):
        assert Calibration.from_held_out(one_kind) == Calibration()
    # What is right less often where the filter is surer would be turned round.
    assert Calibration.from_held_out([(e, 1.0 - p) for e, p in made]) == Calibration()


probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(deadline=None)
@given(probabilities, st.floats(0.01, 50), st.floats(-50, 50))
def test_order_is_kept_and_numbers_stay_numbers(values: list[float], slope: float, shift: float) -> None:
    p = np.sort(np.array(values))
    log_odds = log_odds_of(p)
    assert (np.abs(log_odds) <= 30).all()
    np.testing.assert_allclose(sigmoid(log_odds), p, atol=1e-9)
    calibrated = Calibration(slope, shift)(log_odds)
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated) >= 0).all()
    assert np.isfinite(sigmoid(np.array([-1e308, 1e308, np.inf, -np.inf]))).all()
