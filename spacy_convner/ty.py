"""Value types and protocols that cross rooms.

Offsets are characters, start inclusive, end exclusive. A protocol is what somebody
may swap: each has a factory function registered in spaCy's ``misc`` registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Status = Literal["ok", "no_candidates", "refused", "truncated", "invalid", "failed", "over_budget"]
Strategy = Literal["sf", "icl"]
Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One name of a catalog. ``popularity`` is any non-negative weight.

    ``lang`` says in which language the name is written: it picks the steps that make other ways to write it ("and" or
    "y"); None takes those of every language. It doesn't restrict matching: people say foreign titles.
    """

    text: str
    label: str
    id: str = ""
    popularity: float = 0.0
    aliases: tuple[str, ...] = ()
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A (span, label) that is said to hold, in characters."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A (span, label) that a catalog proposes, in characters; ``step`` says how the name matched."""

    start: int
    end: int
    label: str
    id: str = ""
    step: str = "exact"
    popularity: float = 0.0

    @property
    def key(self) -> LabelledSpan:
        return LabelledSpan(self.start, self.end, self.label)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """An annotated utterance; ``candidates`` is what the catalog proposes for it, once somebody has matched it."""

    text: str
    spans: tuple[LabelledSpan, ...] = ()
    lang: str | None = None
    candidates: tuple[Candidate, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FilterTask:
    """What is the same for every utterance of a run: label descriptions, instructions, template, strategy."""

    labels: Mapping[str, str] = field(default_factory=dict)
    instructions: str = ""
    template: str | None = None
    strategy: Strategy = "sf"


@dataclass(frozen=True, slots=True)
class FilterRequest:
    """One utterance to decide on, with its candidates and retrieved exemplars (best first, cosine in -1..1)."""

    text: str
    candidates: tuple[Candidate, ...]
    exemplars: tuple[tuple[Exemplar, float], ...] = ()
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class FilterResponse:
    """What a filter decided. It can only name candidates by position, so it can't invent one.

    ``selected`` are indices into ``FilterRequest.candidates``; ``scores`` (0..1) run parallel to it.
    ``dropped`` and ``proposals`` are plain dicts ``{"text", "label", "reason"}`` for the record.
    ``found`` are spans of free extraction, of which the strategy "icl" takes account and no other.
    ``probabilities`` (0..1) run parallel to all candidates of the request, selected or not; empty if it has none.
    """

    selected: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    status: Status = "ok"
    usage: Mapping[str, float] = field(default_factory=dict)
    request_sha256: str = ""
    dropped: tuple[Mapping[str, str], ...] = ()
    proposals: tuple[Mapping[str, str], ...] = ()
    found: tuple[LabelledSpan, ...] = ()
    probabilities: tuple[float, ...] = ()


@runtime_checkable
class NameStep(Protocol):
    """Other ways to write or say a catalog name."""

    def __call__(self, name: str, lang: str | None) -> Iterable[str]:
        """name (str): As the catalog has it. lang (str | None): Its language. YIELDS (str): Other ways."""


@runtime_checkable
class Normalizer(Protocol):
    """Which differences between a catalog's spelling and an utterance's don't matter."""

    @property
    def fingerprint(self) -> str:
        """Changes with what an index made by it would hold."""

    @property
    def endings(self) -> frozenset[str]:
        """Endings that may follow a name in an utterance: "possessive", "plural"."""

    def keys(self, name: str, lang: str | None) -> Iterator[tuple[str, str]]:
        """name (str): As the catalog has it. lang (str | None): Its language.

        YIELDS (tuple[str, str]): (key, step): folded words with one space between; the first has the step "".
        """

    def difference(self, surface: str, name: str) -> str | None:
        """surface, name (str): Texts with one key.

        RETURNS (str | None): "exact" or the least difference between them; None if that one matters.
        """


@runtime_checkable
class EntrySource(Protocol):
    """Where catalog entries come from, for parts that need names but no matching."""

    def __call__(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): Every entry. RAISES: DataError."""


@runtime_checkable
class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def fingerprint(self) -> str:
        """Identifies the vectors: two embedders with one fingerprint give the same matrix."""

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """texts (Sequence[str]): n texts. RETURNS (Matrix): Shape (n, d), float32, rows of length 1 (or 0)."""


@runtime_checkable
class ExemplarSource(Protocol):
    """A component that holds annotated exemplars, so that a later one can be fitted on them."""

    def matched_exemplars(self) -> Sequence[Exemplar]:
        """RETURNS (Sequence[Exemplar]): Every exemplar left by the leak guard, with its candidates."""


@runtime_checkable
class SemanticFilter(Protocol):
    """Selects among candidates.

    A class that says ``reads_exemplars = False`` is spared what is retrieved for each utterance where nobody else wants
    it, as in ``convner label``.
    """

    @property
    def name(self) -> str:
        """Short name for provenance, e.g. ``linear``."""

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        """YIELDS (FilterResponse): One for each request, in their order."""


@runtime_checkable
class TrainableFilter(SemanticFilter, Protocol):
    """A filter that learns from exemplars."""

    @property
    def is_fitted(self) -> bool:
        """Whether ``fit`` or ``from_disk`` has run."""

    def fit(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """exemplars (Sequence[Exemplar]): With their candidates; an empty sequence is allowed."""

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The fitted state, no pickle."""

    def from_bytes(self, data: bytes) -> None:
        """data (bytes): What ``to_bytes`` gave. RAISES: DataError if it is something else."""


@runtime_checkable
class ProbabilityFilter(TrainableFilter, Protocol):
    """A filter that says how likely every candidate is, and learns that from exemplars."""

    def probabilities(self, request: FilterRequest, task: FilterTask) -> list[float]:
        """RETURNS (list[float]): Of each candidate of a request, 0..1, parallel to them."""

    def cross_probabilities(self, exemplars: Sequence[Exemplar], task: FilterTask) -> list[tuple[Exemplar, Floats]]:
        """RETURNS (list): Exemplars as they are asked, with the probability of each of their candidates by a filter
        that wasn't fitted on them; none where there are too few to hold any out.
        """


@runtime_checkable
class CalibratedFilter(Protocol):
    """A fitted filter whose thresholds can be chosen again."""

    def calibrate(self, exemplars: Sequence[Exemplar], task: FilterTask) -> None:
        """exemplars (Sequence[Exemplar]): With their candidates, not among those that it was fitted on."""


@runtime_checkable
class LLMClient(Protocol):
    """Sends one prompt, gives one answer."""

    @property
    def fingerprint(self) -> str:
        """Names provider, model and parameters, never a key."""

    @property
    def max_concurrency(self) -> int:
        """How many requests may be under way at once."""

    def __call__(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMAnswer:
        """system (str): Static head, cacheable. user (str): The rest. schema: JSON schema of the answer."""


@runtime_checkable
class BatchClient(LLMClient, Protocol):
    """A client that answers many requests at once, later."""

    def request(self, system: str, user: str, schema: Mapping[str, Any]) -> Any:
        """RETURNS (LLMRequest): What a call would send; ``sha256`` says which answer in a store is its own."""

    @property
    def chunk(self) -> int:
        """How many requests are worth waiting for together."""

    def prefetch(self, requests: Iterable[Any]) -> None:
        """requests (Iterable[LLMRequest]): Answered when this returns, or failed for good."""


@dataclass(frozen=True, slots=True)
class LLMAnswer:
    """A model's answer, its stop reason turned into a status, what it cost in tokens, and the hash of the request."""

    text: str
    status: Status = "ok"
    usage: Mapping[str, float] = field(default_factory=dict)
    request_sha256: str = ""


PathOrStr = Path | str
