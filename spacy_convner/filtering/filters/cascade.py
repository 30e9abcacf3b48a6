"""``spacy_convner.CascadeFilter.v1``: the local filter decides what it is sure of, a language model the rest."""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ...ty import Exemplar, FilterRequest, FilterResponse, FilterTask, ProbabilityFilter, SemanticFilter

_SURE = 1.0  # above every possible doubt: nothing is sent


@dataclass(frozen=True, slots=True)
class _Decision:
    """unsure: Indices of the candidates that the model is asked about, in the order that it sees them."""

    request: FilterRequest
    local: FilterResponse
    unsure: tuple[int, ...]


class CascadeFilter:
    """A candidate's doubt is min(p, 1 - p), p its probability by the local filter. Candidates whose doubt reaches
    ``threshold`` go to the language model, and with them nothing else of the utterance.

    local (ProbabilityFilter): Fitted on the exemplars. llm (SemanticFilter): Sees utterances with unsure candidates
        only.
    max_share (float | None): Of utterances sent at most. max_loss (float | None): Wrong decisions an utterance that the
        local filter may be expected to make at most. One of the two; held to on cross-validated exemplars.
    """

    name = "cascade"

    def __init__(
        self, local: ProbabilityFilter, llm: SemanticFilter, max_share: float | None, max_loss: float | None
    ) -> None:
        self.local, self.llm = local, llm
        self.max_share, self.max_loss = max_share, max_loss
        self.threshold = _SURE

    @property
    def is_fitted(self) -> bool:
        return self.local.is_fitted

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """Fit the local filter, choose the threshold."""
        self.local.fit(exemplars, task)
        held_out = [p for _, p in self.local.cross_probabilities(exemplars, task)]
        self.threshold = choose_threshold(
            [np.minimum(p, 1 - p).tolist() for p in held_out], self.max_share, self.max_loss
        )

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        waiting: deque[_Decision] = deque()

        def questions() -> Iterator[FilterRequest]:
            for decision in self._decide(requests, task):
                waiting.append(decision)
                yield self._question(decision)  # without candidates, and so without a call, where all is sure

        for answer in self.llm(questions(), task):
            decision = waiting.popleft()
            yield self._join(decision, answer) if decision.unsure else decision.local

    @property
    def client(self) -> Any:
        """RETURNS (LLMClient | None): Of the language model."""
        return getattr(self.llm, "client", None)

    def llm_requests(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[Any]:
        """YIELDS (LLMRequest): What the language model would be asked."""

        def questions() -> Iterator[FilterRequest]:
            for decision in self._decide(requests, task):
                if decision.unsure:
                    yield self._question(decision)

        llm: Any = self.llm
        yield from llm.llm_requests(questions(), task)

    def _decide(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[_Decision]:
        for request in requests:
            (response,) = self.local([request], task)
            unsure: tuple[int, ...] = ()
            if request.candidates:
                probabilities = self.local.probabilities(request, task)
                unsure = tuple(i for i, p in enumerate(probabilities) if min(p, 1 - p) >= self.threshold)
            yield _Decision(request, response, unsure)

    @staticmethod
    def _question(decision: _Decision) -> FilterRequest:
        return replace(decision.request, candidates=tuple(decision.request.candidates[i] for i in decision.unsure))

    @staticmethod
    def _join(decision: _Decision, answer: FilterResponse) -> FilterResponse:
        if answer.status != "ok":
            # Its status says that nobody confirmed this; what is labelled in bulk is tried again.
            local = decision.local
            return replace(
                answer, selected=local.selected, scores=local.scores, found=(), probabilities=local.probabilities
            )
        sure = [
            (index, score)
            for index, score in zip(decision.local.selected, decision.local.scores, strict=True)
            if index not in set(decision.unsure)
        ]
        chosen = [
            (decision.unsure[index], score)
            for index, score in zip(answer.selected, answer.scores, strict=True)
            if 0 <= index < len(decision.unsure)
        ]
        selected = sorted([*sure, *chosen])
        return replace(
            answer,
            selected=tuple(i for i, _ in selected),
            scores=tuple(score for _, score in selected),
            found=(),
            probabilities=decision.local.probabilities,  # a language model gives none of its own
        )

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The fitted state, no pickle."""
        head = json.dumps({"threshold": self.threshold}).encode("utf8")
        return struct.pack("<I", len(head)) + head + self.local.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        """data (bytes): What ``to_bytes`` gave. RAISES: DataError if it is something else."""
        try:
            (length,) = struct.unpack_from("<I", data)
            self.threshold = float(json.loads(data[4 : 4 + length])["threshold"])
        except (struct.error, ValueError, KeyError, TypeError) as err:
            raise DataError(f"the saved cascade filter is damaged: {err}") from err
        self.local.from_bytes(data[4 + length :])


def choose_threshold(doubts: Sequence[Sequence[float]], max_share: float | None, max_loss: float | None) -> float:
    """Choose how sure the local filter must be.

    doubts (Sequence[Sequence[float]]): min(p, 1 - p) of each candidate of each held-out utterance.
    RETURNS (float): The smallest threshold that sends at most ``max_share`` of the utterances, or the largest one that
    keeps the expected number of wrong local decisions an utterance within ``max_loss``; 1 sends nothing.
    """
    if not doubts:
        return _SURE
    if max_share is not None:
        most = np.sort([max(doubt, default=0.0) for doubt in doubts])[::-1]
        sent = int(max_share * len(doubts))
        # Strictly above the doubt of the first utterance that may not be sent.
        return float(np.nextafter(most[sent], 1.0)) if sent < len(most) else 0.0
    assert max_loss is not None
    everything = np.sort(np.concatenate([np.asarray(doubt, dtype=float) for doubt in doubts]))
    within = np.flatnonzero(np.cumsum(everything) <= max_loss * len(doubts))
    if len(within) == len(everything):
        return _SURE
    return float(everything[len(within)])


def make_cascade_filter(
    local: SemanticFilter, llm: SemanticFilter, max_share: float | None = 0.2, max_loss: float | None = None
) -> SemanticFilter:
    """Registered as ``spacy_convner.CascadeFilter.v1``.

    local (SemanticFilter): ``spacy_convner.LinearFilter.v2`` or another that gives
        probabilities. llm (SemanticFilter): ``spacy_convner.LLMFilter.v1``.
    max_share (float | None): Share of utterances sent at most, 0 to 1. max_loss (float | None): Instead of it, wrong
        decisions an utterance expected of the local filter at most: write max_share = null.
    """
    if not isinstance(local, ProbabilityFilter):
        raise ConfigError("CascadeFilter: 'local' must give probabilities, as spacy_convner.LinearFilter.v2 does")
    if (max_share is None) == (max_loss is None):
        raise ConfigError("CascadeFilter: give one of max_share and max_loss, and null for the other")
    if max_share is not None and not 0 <= max_share <= 1:
        raise ConfigError(f"CascadeFilter: expected 0 <= max_share <= 1, got {max_share}")
    if max_loss is not None and not max_loss >= 0:
        raise ConfigError(f"CascadeFilter: expected max_loss >= 0, got {max_loss}")
    return CascadeFilter(local, llm, max_share, max_loss)
