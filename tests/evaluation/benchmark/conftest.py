"""A corpus of a few utterances, in three splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from spacy_convner.evaluation.benchmark.catalogs import CatalogPlan
from spacy_convner.evaluation.benchmark.corpora import Split
from spacy_convner.evaluation.benchmark.filters import choose_filter
from spacy_convner.evaluation.benchmark.protocol import run_benchmark
from spacy_convner.evaluation.benchmark.settings import Hooks, Settings
from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar

from ...conftest import EXEMPLARS, parse_markup

DEV = ["play [hello](Song) now", "hello my friend", "watch [Dune](Movie) with me"]
TEST = [
    "play [hello](Song) please",
    "hello there",
    "i want [Yahoo!](Company)",
    "read [dune](Book) aloud",
    "fly to [Lisbon](City) soon",
    "who is [Adele](Artist)'s husband",
]


def exemplars(lines: Sequence[str]) -> list[Exemplar]:
    return [parse_utterance(parse_markup(line)) for line in lines]


@pytest.fixture
def splits() -> dict[str, Split]:
    return {name: Split(name, exemplars(lines)) for name, lines in (("train", EXEMPLARS), ("dev", DEV), ("test", TEST))}


@pytest.fixture
def benchmark(splits: dict[str, Split]) -> Callable[..., dict[str, Any]]:
    """Run the protocol; ``catalog`` are settings of the plan, the rest of the run."""

    def run(
        filter: str = "prior", catalog: dict[str, Any] | None = None, hooks: Hooks | None = None, **more: Any
    ) -> dict[str, Any]:
        plan = CatalogPlan(**(catalog or {}))
        settings = Settings(choose_filter(filter), plan, **{"n_bootstrap": 20, **more})
        return run_benchmark(splits, settings, hooks)

    return run
