"""Value types and protocols of the data pipeline: traffic → clusters → patterns → test sets.

A pattern is an utterance whose names are placeholders, ``play <Song> by <Artist>`` (paper, section 3.3).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..ty import CatalogEntry, Matrix

PatternStatus = Literal["proposed", "accepted", "edited", "rejected"]
STATUSES: tuple[str, ...] = get_args(PatternStatus)
USABLE: frozenset[str] = frozenset({"accepted", "edited"})
Style = Literal["conversational", "command"]
STYLES: tuple[str, ...] = get_args(Style)
NOISE = -1  # cluster of utterances that are in none


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern with where it came from and what became of it.

    text (str): With placeholders. lang (str): Language it is written in. status: What was decided.
    cluster (int | None): Cluster of its seeds; -1 is noise. seeds (tuple[str]): Utterances it was made from.
    generator (str): Name of the generator. prompt_sha256 (str): Hash of the request; "" where no model was asked.
    style: Whether its seeds were conversation or commands. frequency (int): Utterances of the traffic that have this
        form, 1 or more. original (str): Text before a person edited it, else "".
    reason (str): Why it was rejected. reviewer (str): Who decided; "validate" for the automatic checks.
    decided_at (str): ISO 8601, UTC.
    """

    text: str
    lang: str
    status: PatternStatus = "proposed"
    cluster: int | None = None
    seeds: tuple[str, ...] = ()
    generator: str = ""
    prompt_sha256: str = ""
    style: Style = "conversational"
    frequency: int = 1
    original: str = ""
    reason: str = ""
    reviewer: str = ""
    decided_at: str = ""


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Utterances of one cluster that patterns are made from; ``frequencies`` run parallel to ``texts``."""

    texts: tuple[str, ...]
    lang: str
    cluster: int | None = None
    style: Style = "conversational"
    frequencies: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """Whether an utterance is conversational, and why.

    score (float): 0..1. features (Mapping): Feature name → what was found: a value, the words that gave it, and what
        it added to the score's logit; see ``detection``.
    """

    score: float
    conversational: bool
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clustering:
    """What a clusterer found for n vectors.

    labels: Shape (n,), int, -1 for noise, 0 the largest cluster. strengths: Shape (n,), 0..1, how firmly it belongs.
    exemplars: Shape (n,), bool, the most typical points of each cluster (HDBSCAN's exemplar points).
    reduced: Shape (n, d), what was clustered.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    exemplars: NDArray[np.bool_]
    reduced: Matrix


@runtime_checkable
class ConversationDetector(Protocol):
    """Tells conversation from commands."""

    def __call__(self, text: str, lang: str | None) -> Detection:
        """text (str): One utterance. lang (str | None): Its language, if known. RAISES: ConfigError: unknown lang."""


@runtime_checkable
class Clusterer(Protocol):
    """Groups vectors of utterances."""

    def __call__(self, vectors: Matrix) -> Clustering:
        """vectors (Matrix): Shape (n, d), rows of length 1. RETURNS (Clustering): The same for the same vectors."""


@runtime_checkable
class PatternGenerator(Protocol):
    """Makes patterns from seed utterances."""

    @property
    def name(self) -> str:
        """Short name for provenance, e.g. ``teacher``."""

    def __call__(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[Pattern]:
        """YIELDS (Pattern): "proposed", or "rejected" with a reason; nothing is lost in silence."""


@runtime_checkable
class NameSampler(Protocol):
    """Draws catalog names for placeholders."""

    def fit(self, entries: Iterable[CatalogEntry], lang: str) -> None:
        """entries (Iterable[CatalogEntry]): The catalog. lang (str): Language of the patterns."""

    @property
    def labels(self) -> Sequence[str]:
        """RETURNS (Sequence[str]): Labels it has names for."""

    def draw(self, label: str, taken: Collection[str], rng: random.Random) -> CatalogEntry | None:
        """taken (Collection[str]): Case-folded names already in the utterance.

        RETURNS (CatalogEntry | None): None if no other name is left.
        """
