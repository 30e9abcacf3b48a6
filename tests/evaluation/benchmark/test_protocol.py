"""The protocol on a corpus that can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.evaluation.benchmark.catalogs import CatalogPlan
from spacy_convner.evaluation.benchmark.corpora import Split, few_shot, read_split
from spacy_convner.evaluation.benchmark.filters import choose_filter, known_filters
from spacy_convner.evaluation.benchmark.protocol import run_benchmark
from spacy_convner.evaluation.benchmark.settings import Hooks, Settings
from spacy_convner.ty import Exemplar, LabelledSpan

from ...conftest import SHARED, write_jsonl
from .conftest import exemplars

Run = Callable[..., dict[str, Any]]


def test_accept_all_by_hand(benchmark: Run) -> None:
    found = benchmark("accept_all")
    # Candidates of test: hello Song twice, Yahoo!, dune as Movie and Book, Lisbon; of "Adele's" Adele alone.
    assert found["strict"] == {"p": 5 / 7, "r": 1.0, "f": 10 / 12, "ci95": found["strict"]["ci95"], "n": 5}
    assert found["candidate_recall"] == found["ceiling_f"] == 1.0
    assert found["accept_all_f"] == found["strict"]["f"]
    assert found["per_label"]["Movie"] == {"p": 0.0, "r": 0.0, "f": 0.0, "n": 0}
    assert found["missed_by_catalog"]["n"] == 0
    assert found["fit_s"] == 0.0
    assert found["utterances_per_s"] > 0
    assert found["thresholds"] == {}
    assert set(found["sets"]) == {"test", "dev"}


def test_what_matches(benchmark: Run) -> None:
    # "adele" is in train, "Adele" in test: as written only the latter is found in test, and nothing is lost.
    train = benchmark("accept_all", catalog={"source": "train"})
    assert train["missed_by_catalog"]["not_in_catalog"] == 2  # Yahoo!, Lisbon
    assert ["Adele", "Artist", "not_matched"] in train["missed_by_catalog"]["examples"]
    assert benchmark("accept_all", catalog={"source": "train"}, attr="lower")["candidate_recall"] == 3 / 5


def test_coverage_and_labels_are_said(benchmark: Run, tmp_path: Path) -> None:
    found = benchmark("accept_all", catalog={"coverage": 0.3, "seed": 1})
    lost = found["missed_by_catalog"]["removed_by_coverage"]
    assert lost == found["missed_by_catalog"]["n"] > 0
    assert f"{lost} gold mentions were lost with the names that coverage removed" in found["notes"]
    other = write_jsonl(tmp_path / "other.jsonl", [{"text": "Dune", "label": "Planet"}])
    found = benchmark("prior", catalog={"source": str(other)})
    assert any("none of the test split's labels" in note and "Planet" in note for note in found["notes"])
    assert found["strict"]["f"] == found["ceiling_f"] == 0.0


def test_seeds_and_learning_curve(benchmark: Run, splits: dict[str, Split]) -> None:
    found = benchmark("prior", n_exemplars=6, seeds=(0, 1, 2), curve=(0, 4, 9999, None))
    assert found["n_exemplars"] == 6
    assert found["seeds"]["mean"] == pytest.approx(sum(found["seeds"]["f"]) / 3)
    assert found["strict"]["f"] == pytest.approx(found["seeds"]["mean"])
    assert found["strict"]["n"] == 5
    rows = found["learning_curve"]
    assert [(row["n_exemplars"], row["seeds"]) for row in rows] == [(0, 1), (4, 3), (len(splits["train"].exemplars), 3)]
    assert rows[0]["prior_f"] == found["accept_all_f"]  # who has seen nothing accepts
    assert rows[0]["f"]["sd"] == 0.0
    assert rows[-1]["f"]["mean"] == pytest.approx(benchmark("prior")["strict"]["f"])


def test_dev_is_scored_and_may_give_exemplars(benchmark: Run, splits: dict[str, Split]) -> None:
    assert benchmark("prior")["dev"]["strict"]["n"] == 2
    found = benchmark("prior", dev_exemplars=True)
    assert found["n_exemplars"] == len(splits["train"].exemplars) + len(splits["dev"].exemplars)
    assert found["protocol"]["exemplars_from"] == "train+dev"


def test_linear_learns_and_says_how(benchmark: Run) -> None:
    found = benchmark("linear")
    assert found["model_bytes"] > 100
    assert found["thresholds"]
    assert found["fit_s"] > 0
    assert found["protocol"]["filter"]["seed"] == 0
    assert found["strict"]["f"] > 0


def test_without_exemplars(splits: dict[str, Split]) -> None:
    del splits["train"]
    found = run_benchmark(splits, Settings(choose_filter("linear"), CatalogPlan(), n_bootstrap=0))
    assert found["n_exemplars"] == 0
    assert found["prior_f"] == found["accept_all_f"]
    assert "no --train: the filter has no exemplars" in found["notes"]


def test_shared_utterances_and_cut_tokens_are_said(benchmark: Run, splits: dict[str, Split]) -> None:
    splits["test"].exemplars = [
        *splits["test"].exemplars,
        splits["train"].exemplars[0],
        Exemplar("play abcdef", (LabelledSpan(5, 8, "Song"),)),
    ]
    found = benchmark()
    assert "1 distinct utterances of test are in train too" in found["notes"]
    assert found["missed_by_catalog"]["not_on_token_edges"] == 1
    assert found["candidate_recall"] == 7 / 8


def test_limit_and_progress(benchmark: Run) -> None:
    docs: list[int] = []
    totals: list[int] = []
    found = benchmark(limit=2, hooks=Hooks(stage=lambda _, n: totals.append(n), doc=lambda: docs.append(1)))
    assert found["sets"]["test"]["docs"] == found["sets"]["dev"]["docs"] == 2
    assert len(docs) == max(totals) == 4
    assert found["protocol"]["catalog"]["names"] == benchmark()["protocol"]["catalog"]["names"]


WORDS = st.sampled_from(["hello", "Hello", "dune", "Dune!", "play", "(me)", "U.S.", "adele's", "!!!", "the mark"])
UTTERANCES = st.lists(st.tuples(WORDS, st.sampled_from(["", "", "Song", "Movie"])), min_size=1, max_size=5).map(
    lambda pairs: " ".join(f"[{word}]({label})" if label else word for word, label in pairs)
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(UTTERANCES, max_size=6),
    st.lists(UTTERANCES, min_size=1, max_size=6),
    st.sampled_from(["prior", "linear", "accept_all"]),
    st.sampled_from(["orth", "lower", "norm"]),
)
def test_only_candidates_and_nothing_above_the_ceiling(
    train: list[str], test: list[str], filter: str, attr: Any
) -> None:
    splits = {"train": Split("train", exemplars(train)), "test": Split("test", exemplars([*test, "[dune](Movie)"]))}
    found = run_benchmark(splits, Settings(choose_filter(filter), CatalogPlan(), attr=attr, n_bootstrap=0))
    assert found["strict"]["f"] <= found["ceiling_f"] + 1e-12
    assert found["strict"]["r"] <= found["candidate_recall"] + 1e-12
    if attr != "norm":  # as written every name is found that stands between the edges of tokens
        missed = found["missed_by_catalog"]
        assert missed["n"] == missed["not_on_token_edges"]
    for item in found["sets"]["test"]["errors"]:
        assert {tuple(span) for span in item["pred"]} <= {tuple(span) for span in item["candidates"]}


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_fewer_exemplars_are_among_more(n: int, m: int, seed: int) -> None:
    few, many = few_shot(50, min(n, m), seed), few_shot(50, max(n, m), seed)
    assert set(few) <= set(many) <= set(range(50))
    assert len(few) == min(n, m, 50)


def test_names_of_filters(tmp_path: Path) -> None:
    assert choose_filter("linear_v1").registered == "spacy_convner.LinearFilter.v1"
    assert choose_filter("spacy_convner.PriorFilter.v1").registered == "spacy_convner.PriorFilter.v1"
    assert set(known_filters()) >= {"linear", "prior", "accept_all", "anthropic", "spacy_convner.LinearFilter.v1"}
    for name in known_filters():
        assert choose_filter(name).registered in known_filters()
    config = tmp_path / "own.cfg"
    config.write_text(
        '[components]\n[components.f]\nfactory = "llm_semantic_filter"\ninstructions = "x"\n[components.f.filter]\n'
        '@misc = "spacy_convner.LinearFilter.v1"\nregularization = 2.0\nseed = 7\n',
        encoding="utf8",
    )
    choice = choose_filter(str(config))
    assert choice.block(3) == {"@misc": "spacy_convner.LinearFilter.v1", "regularization": 2.0, "seed": 7}
    assert choice.selector["instructions"] == "x"
    config.write_text("[components]\n", encoding="utf8")
    with pytest.raises(DataError, match="llm_semantic_filter"):
        choose_filter(str(config))
    with pytest.raises(DataError, match="no such config"):
        choose_filter("none.cfg")
    for name in ("lineer", "linear_v99", "prior_vx"):
        with pytest.raises(ConfigError, match="known: linear, prior"):
            choose_filter(name)
    with pytest.raises(ConfigError, match="asks no language model"):
        choose_filter("linear", model="x")


def test_settings_that_cannot_be() -> None:
    choice, plan = choose_filter("prior"), CatalogPlan()
    for wrong in ({"seeds": ()}, {"seeds": (1, 1)}, {"n_exemplars": -1}, {"limit": 0}, {"attr": "upper"}):
        with pytest.raises(ConfigError, match="--"):
            Settings(choice, plan, **wrong)  # type: ignore[arg-type]


def test_invalid_records_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    good = {"text": "play hello", "spans": [{"start": 5, "end": 10, "label": "Song"}]}
    bad = {"text": "play hello", "spans": [{"start": 5, "end": 10, "label": ""}]}
    path = write_jsonl(tmp_path / "x.jsonl", [good, bad, {"text": "no spans"}, good])
    with pytest.raises(DataError, match=r"x\.jsonl:2"):
        read_split(path, "x")
    split = read_split(path, "x", skip_invalid=True)
    assert len(split.exemplars) == len(split.invalid) == 2
    assert "x.jsonl:2" in split.invalid[0]
    assert split.describe()["invalid"] == 2
    for content in ("{", '{"text": "x"}\n'):
        path.write_text(content, encoding="utf8")
        with pytest.raises(DataError):
            read_split(path, "x", skip_invalid=True)


def test_nothing_to_score(benchmark: Run, splits: dict[str, Split]) -> None:
    splits["test"].exemplars = [Exemplar("hello there")]
    with pytest.raises(DataError, match="no annotated entity"):
        benchmark()


@pytest.mark.skipif(not (SHARED / "data/wnut17").is_dir(), reason="needs the WNUT-17 corpus beside the checkout")
def test_names_of_wnut17_are_all_proposed() -> None:
    folder = SHARED / "data/wnut17"
    splits = {"test": read_split(folder / "test.jsonl", "test")}
    found = run_benchmark(splits, Settings(choose_filter("accept_all"), CatalogPlan(), n_bootstrap=0))
    assert found["strict"]["n"] == 1079
    assert found["candidate_recall"] == 1.0
    assert found["accept_all_f"] > 0.8
