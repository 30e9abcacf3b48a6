from __future__ import annotations

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from spacy.tokens import Span

from spacy_convner.attrs import set_probabilities
from spacy_convner.evaluation.calibration import calibration, candidate_calibration
from spacy_convner.evaluation.scoring import Judged, judge
from spacy_convner.ty import Exemplar, LabelledSpan

samples = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def test_calibrated_probabilities_have_no_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(100_000)
    found = calibration(p, rng.random(len(p)) < p)
    assert max(found[key] for key in ("ece_10", "ece_15", "ece_adaptive")) < 0.01
    off = calibration(np.full(1000, 0.9), np.arange(1000) % 2)
    assert [off[key] for key in ("ece_10", "ece_15", "ece_adaptive")] == pytest.approx([0.4] * 3)


def test_by_hand() -> None:
    found = calibration([0.05, 0.15, 0.95, 1.0], [0, 1, 1, 1])
    assert found["ece_10"] == pytest.approx((0.05 + 0.85 + 2 * 0.025) / 4)
    assert found["brier"] == pytest.approx((0.05**2 + 0.85**2 + 0.05**2) / 4)
    assert (found["n"], found["share"]) == (4, 0.75)
    assert found["mean_probability"] == pytest.approx(2.15 / 4)
    assert [(row["low"], row["high"], row["n"], row["share"]) for row in found["bins"]] == [
        (0.0, 0.1, 1, 0.0),
        (0.1, 0.2, 1, 1.0),
        (0.9, 1.0, 2, 1.0),
    ]


@given(samples, st.randoms())
def test_invariants(pairs: list[tuple[float, bool]], random) -> None:  # type: ignore[no-untyped-def]
    p, y = zip(*pairs, strict=True)
    found = calibration(p, y)
    assert sum(row["n"] for row in found["bins"]) == len(pairs)
    assert all(row["low"] - 1e-9 <= row["probability"] <= row["high"] + 1e-9 for row in found["bins"])
    assert found["brier"] == pytest.approx(brier_score_loss(y, p))
    # No binning has an error below that of one bin, or above the mean distance.
    least, most = abs(np.mean(p) - np.mean(y)), np.mean(np.abs(np.array(p) - np.array(y)))
    for key in ("ece_10", "ece_15", "ece_adaptive"):
        assert least - 1e-9 <= found[key] <= most + 1e-9
    random.shuffle(pairs)
    shuffled = calibration(*zip(*pairs, strict=True))
    for key in ("ece_10", "ece_15", "ece_adaptive", "brier"):
        assert shuffled[key] == pytest.approx(found[key])


@pytest.mark.parametrize(
    ("probabilities", "outcomes"),
    [([], []), ([0.5], [0, 1]), ([1.5], [1]), ([float("nan")], [1]), ([0.5], [0.5]), ([[0.5]], [[1]])],
)
def test_what_is_no_calibration_data(probabilities: list[float], outcomes: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        calibration(probabilities, outcomes)


def test_from_a_doc() -> None:
    doc = spacy.blank("en")("play dune")
    exemplar = Exemplar(doc.text, (LabelledSpan(5, 9, "Movie"),))
    # Two entries of a catalog have one name and label.
    doc.spans["candidates"] = [Span(doc, 1, 2, label=label) for label in ("Movie", "Book", "Book")]
    assert judge(doc, exemplar).probabilities is None
    assert candidate_calibration([judge(doc, exemplar)]) is None
    set_probabilities(doc, "candidates", [0.75, 0.25, 0.5])
    judged = judge(doc, exemplar)
    assert judged.probabilities == ((LabelledSpan(5, 9, "Movie"), 0.75), (LabelledSpan(5, 9, "Book"), 0.5))
    found = candidate_calibration([judged, Judged("", frozenset(), frozenset())])
    assert found is not None
    assert found["n"] == 2
    assert found["brier"] == pytest.approx((0.25**2 + 0.5**2) / 2)
    set_probabilities(doc, "candidates", [float("nan"), 2.0, 2.0])
    assert candidate_calibration([judge(doc, exemplar)]) is None
