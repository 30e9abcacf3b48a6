"""What a benchmark run is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ConfigError
from .catalogs import CatalogPlan
from .filters import FilterChoice

Attr = Literal["orth", "lower", "norm"]
# Steps of the normalizer: which differences between a name and the text don't matter; None is every one there is.
STEPS: dict[str, list[str] | None] = {"orth": [], "lower": ["case"], "norm": None}
CURVE = (0, 10, 50, 200, 1000, None)  # exemplars; None is all


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run.

    labels: Label file or label → description. n_exemplars (int | None): Drawn from the training split; None for all.
    seeds (Sequence[int]): Of that draw and of the filter. limit (int | None): Utterances of dev and test that are
    scored at most, drawn at random. curve (Sequence[int | None]): Numbers of exemplars of a learning curve.
    dev_exemplars (bool): Whether the development split's utterances are exemplars too. name (str): What the report
    calls the system.
    """

    choice: FilterChoice
    catalog: CatalogPlan
    attr: Attr = "orth"
    lang: str = "xx"
    labels: Any = None
    n_exemplars: int | None = None
    seeds: Sequence[int] = (0,)
    limit: int | None = None
    curve: Sequence[int | None] = ()
    dev_exemplars: bool = False
    n_bootstrap: int = 1000
    name: str = ""

    def __post_init__(self) -> None:
        if self.attr not in STEPS:
            raise ConfigError(f"--attr: expected one of {', '.join(STEPS)}, got {self.attr!r}")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(f"--seeds: expected different numbers of 0 or more, got {list(self.seeds)}")
        if self.n_exemplars is not None and self.n_exemplars < 0:
            raise ConfigError(f"--n-exemplars must be 0 or more, got {self.n_exemplars}")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit must be 1 or more, got {self.limit}")


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """stage: Called with a line about what is done next and how many utterances will be labelled. doc: After each of
    them. ready: With the pipeline before anything is labelled, to give a client its store and limits.
    """

    stage: Callable[[str, int], object] = _nothing
    doc: Callable[[], object] = _nothing
    ready: Callable[[Any], object] = _nothing
