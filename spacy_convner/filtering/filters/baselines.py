"""Filters that any other must beat: accept everything, and accept by what exemplars did with the same name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from ...errors import DataError
from ...ty import Exemplar, FilterRequest, FilterResponse, FilterTask, SemanticFilter
from .counts import AcceptanceCounts, fold


class AcceptAllFilter:
    """Selects every candidate: its recall is the ceiling of any filter."""

    name = "accept_all"
    reads_exemplars = False

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        for request in requests:
            n = len(request.candidates)
            yield FilterResponse(selected=tuple(range(n)), scores=(1.0,) * n, status="ok" if n else "no_candidates")


class PriorFilter:
    """Selects what exemplars accepted at least half of the time: the (name, label) rate backed off to the label's."""

    name = "prior"
    reads_exemplars = False  # of one utterance; it is fitted on all

    def __init__(self) -> None:
        self._counts = AcceptanceCounts()
        self._fitted = False

    @property
    def is_fitted(self) -> bool:
        return self._fitted

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        self._counts = AcceptanceCounts.from_exemplars(exemplars)
        self._fitted = True

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        for request in requests:
            rates = [
                self._counts.pair_rate(fold(request.text[c.start : c.end]), c.label)[0] for c in request.candidates
            ]
            chosen = tuple(i for i, rate in enumerate(rates) if rate >= 0.5)
            yield FilterResponse(
                selected=chosen,
                scores=tuple(rates[i] for i in chosen),
                status="ok" if request.candidates else "no_candidates",
            )

    def to_bytes(self) -> bytes:
        return json.dumps(self._counts.to_dict()).encode("utf8")

    def from_bytes(self, data: bytes) -> None:
        try:
            self._counts = AcceptanceCounts.from_dict(json.loads(data))
        except (ValueError, TypeError, AttributeError) as err:
            raise DataError(f"the saved prior filter is damaged: {err}") from err
        self._fitted = True


def make_accept_all_filter() -> SemanticFilter:
    """Registered as ``spacy_convner.AcceptAllFilter.v1``."""
    return AcceptAllFilter()


def make_prior_filter() -> SemanticFilter:
    """Registered as ``spacy_convner.PriorFilter.v1``."""
    return PriorFilter()
