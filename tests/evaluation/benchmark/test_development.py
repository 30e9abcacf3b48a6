"""A development split chooses the thresholds of a filter that can choose them, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.evaluation.benchmark.catalogs import BenchmarkCatalog, CatalogPlan
from spacy_convner.evaluation.benchmark.corpora import Split
from spacy_convner.evaluation.benchmark.filters import choose_filter
from spacy_convner.evaluation.benchmark.pipeline import MeasuredPipeline
from spacy_convner.evaluation.benchmark.protocol import run_benchmark
from spacy_convner.evaluation.benchmark.settings import Settings
from spacy_convner.ty import CalibratedFilter, Exemplar

from ...conftest import write_jsonl
from ...filtering.exemplar_data import NAMES, rivals
from .conftest import exemplars

# By what the exemplars say hardly ever a name, and always one here: the threshold must go down to its lowest.
DEV = [f"what does [{name}](Movie) mean now" for name in ("dune", "emma", "heat")] * 4
TEST = ["let us watch [heat](Movie) now", "let us read [alien](Book) now", "what does [jaws](Movie) mean"]

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def corpus() -> dict[str, Split]:
    train = [replace(exemplar, candidates=()) for exemplar in rivals()]
    return {"train": Split("train", train), "dev": Split("dev", exemplars(DEV)), "test": Split("test", exemplars(TEST))}


@pytest.fixture
def plan(tmp_path: Path) -> CatalogPlan:
    names = [{"text": name, "label": label} for name in NAMES for label in ("Movie", "Book")]
    return CatalogPlan(source=str(write_jsonl(tmp_path / "catalog.jsonl", names)))


@pytest.fixture
def run(plan: CatalogPlan, tmp_path: Path) -> Run:
    def run(splits: dict[str, Split], version: int = 2, **more: Any) -> dict[str, Any]:
        config = tmp_path / "own.cfg"
        settings = "folds = 2\nrounds = 4\n" if version == 2 else "folds = 2\n"
        config.write_text(
            '[components]\n[components.f]\nfactory = "llm_semantic_filter"\n[components.f.filter]\n'
            f'@misc = "spacy_convner.LinearFilter.v{version}"\n{settings}',
            encoding="utf8",
        )
        return run_benchmark(splits, Settings(choose_filter(str(config)), plan, n_bootstrap=0, **more))

    return run


def threshold(found: dict[str, Any]) -> float:
    value: float = found["thresholds"]["written"]["threshold"]
    return value


def without_dev(corpus: dict[str, Split]) -> dict[str, Split]:
    return {name: split for name, split in corpus.items() if name != "dev"}


def test_the_development_split_chooses(run: Run, corpus: dict[str, Split]) -> None:
    found, plain = run(corpus), run(without_dev(corpus))
    assert threshold(found) == 0.15 < threshold(plain)
    assert found["n_exemplars"] == plain["n_exemplars"] == len(corpus["train"].exemplars)
    assert found["model_bytes"] == pytest.approx(plain["model_bytes"], abs=20)
    assert "dev" in found["sets"]
    assert "dev" not in plain["sets"]


def test_who_has_few_exemplars_has_no_development_set(run: Run, corpus: dict[str, Split]) -> None:
    every = len(corpus["train"].exemplars)
    for n in (every, 30):
        few, plain = run(corpus, n_exemplars=n), run(without_dev(corpus), n_exemplars=n)
        assert few["thresholds"] == plain["thresholds"]
        assert few["strict"] == plain["strict"]
        assert threshold(few) > 0.15
        assert "dev" in few["sets"]  # scored all the same


def test_a_learning_curve_uses_it_for_all_exemplars_only(run: Run, corpus: dict[str, Split]) -> None:
    # Unlikely by what the exemplars say, but not the least likely: at the usual threshold it is refused.
    unsure = exemplars([f"does watch [{name}](Movie) tonight mean" for name in ("dune", "emma", "heat")] * 4)
    corpus |= {"dev": Split("dev", unsure), "test": Split("test", unsure)}
    found, plain = run(corpus, curve=(30, None)), run(without_dev(corpus), curve=(30, None))
    few, every = (row["f"]["mean"] for row in found["learning_curve"])
    plain_few, plain_every = (row["f"]["mean"] for row in plain["learning_curve"])
    assert few == plain_few
    assert every == found["strict"]["f"] != plain_every == plain["strict"]["f"]


def test_utterances_that_are_exemplars_choose_nothing(run: Run, corpus: dict[str, Split]) -> None:
    found = run(corpus, dev_exemplars=True)
    together = Split("train", [*corpus["train"].exemplars, *corpus["dev"].exemplars])
    plain = run({"train": together, "test": corpus["test"]})
    assert found["thresholds"] == plain["thresholds"]
    assert found["strict"] == plain["strict"]
    assert found["n_exemplars"] == plain["n_exemplars"] == len(together.exemplars)


def test_one_without_names_chooses_nothing(run: Run, corpus: dict[str, Split]) -> None:
    plain = run(without_dev(corpus))
    corpus["dev"] = Split("dev", [Exemplar("what does dune mean"), Exemplar("good morning")] * 9)
    assert run(corpus)["thresholds"] == plain["thresholds"]


def test_a_filter_that_cannot_choose_again_is_left_alone(run: Run, corpus: dict[str, Split]) -> None:
    found, plain = run(corpus, version=1), run(without_dev(corpus), version=1)
    assert found["thresholds"] == plain["thresholds"]
    assert found["strict"] == plain["strict"]


@pytest.mark.parametrize("name", ["spacy_convner.LinearFilter.v1", "prior", "accept_all"])
def test_those_that_cannot(name: str, plan: CatalogPlan, corpus: dict[str, Split]) -> None:
    catalog = BenchmarkCatalog(plan, {split: corpus[split].exemplars for split in corpus})
    pipe = MeasuredPipeline(Settings(choose_filter(name), plan), catalog)
    assert not isinstance(pipe.selector.filter, CalibratedFilter)
    train, dev = pipe.match(corpus["train"].exemplars), pipe.match(corpus["dev"].exemplars)
    assert (pipe.fit(train, dev) > 0) == (name != "accept_all")
