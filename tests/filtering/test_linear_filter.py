"""``spacy_convner.LinearFilter.v1``: what it alone does; what both local filters do is in ``test_local_filters``."""

from __future__ import annotations

import pytest

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.filtering.filters.baselines import make_accept_all_filter, make_prior_filter
from spacy_convner.filtering.filters.linear import make_linear_filter
from spacy_convner.ty import TrainableFilter

from .exemplar_data import TASK, coin, f1, fitted, snips


def test_thresholds_of_one_exemplar() -> None:
    assert fitted(make_linear_filter, coin(200, 0.35), max_calibration=1).written.threshold <= 0.5


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = fitted(make_linear_filter, coin(30, 0.5)).to_bytes()
    monkeypatch.setattr("spacy_convner.filtering.filters.linear.FORMAT", 2)
    with pytest.raises(DataError, match="format 1, this version reads 2"):
        fitted(make_linear_filter, []).from_bytes(data)


@pytest.mark.parametrize("setting", [{"regularization": 0}, {"folds": 1}, {"max_calibration": 0}])
def test_bad_settings(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected regularization > 0"):
        make_linear_filter(**setting)


def test_quality_on_snips() -> None:
    train, test = snips()
    filter_ = fitted(make_linear_filter, train)
    prior = make_prior_filter()
    assert isinstance(prior, TrainableFilter)
    prior.fit(train, TASK)
    score, by_prior, by_all = f1(filter_, test), f1(prior, test), f1(make_accept_all_filter(), test)
    assert score > 0.97
    assert score > by_prior + 0.02
    assert score > by_all + 0.05
    # Without a single exemplar it beats accepting everything.
    assert f1(fitted(make_linear_filter, []), test) > by_all
