"""``spacy_convner.CascadeFilter.v1``: what the local filter is sure of is never sent, and order is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.filtering.filters.baselines import make_accept_all_filter, make_prior_filter
from spacy_convner.filtering.filters.cascade import CascadeFilter, choose_threshold, make_cascade_filter
from spacy_convner.filtering.filters.linear import make_linear_filter
from spacy_convner.ty import FilterRequest, FilterResponse, FilterTask, Status

from .exemplar_data import MAKERS, TASK, coin

TEXTS = ["play hello by adele", "good morning", "is boston or manchester united in the news", "stay", "watch dune"] * 3


@dataclass
class Oracle:
    """Selects every candidate that it sees, and says what it saw."""

    status: Status = "ok"
    seen: list[FilterRequest] = field(default_factory=list)
    name = "oracle"

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        for request in requests:
            if not request.candidates:
                yield FilterResponse(status="no_candidates")
                continue
            self.seen.append(request)
            n = len(request.candidates) if self.status == "ok" else 0
            yield FilterResponse(tuple(range(n)), (0.25,) * n, self.status, {"calls": 1})


@pytest.fixture(params=list(MAKERS))
def new_local(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return MAKERS[request.param]


@pytest.fixture
def cascade(
    make_teacher: Callable[..., Language], new_local: Callable[[], Any]
) -> Callable[..., tuple[Language, Oracle, CascadeFilter]]:
    def make(threshold: float, status: Status = "ok") -> tuple[Language, Oracle, CascadeFilter]:
        nlp = make_teacher()
        component: Any = nlp.get_pipe("llm_semantic_filter")
        oracle = Oracle(status)
        component.filter = CascadeFilter(new_local(), oracle, 0.5, None)
        component.prepare()
        component.filter.threshold = threshold
        return nlp, oracle, component.filter

    return make


def test_nothing_and_everything_is_sent(cascade: Callable[..., Any]) -> None:
    nlp, oracle, filter_ = cascade(0.5000001)
    local = [[(e.text, e.label_) for e in doc.ents] for doc in nlp.pipe(TEXTS)]
    assert oracle.seen == []
    plain = cascade(0.5)[0]
    plain.get_pipe("llm_semantic_filter").filter = filter_.local
    assert [[(e.text, e.label_) for e in doc.ents] for doc in plain.pipe(TEXTS)] == local
    nlp, oracle, _ = cascade(0.0)
    docs = list(nlp.pipe(TEXTS))
    assert [doc.text for doc in docs] == TEXTS
    assert len(oracle.seen) == 12
    assert all(len(doc.spans["sc"]) == len(doc.spans["candidates"]) for doc in docs)
    assert [doc._.convner.usage for doc in docs] == [{"calls": 1} if doc.spans["candidates"] else {} for doc in docs]


def test_only_unsure_candidates_are_shown(cascade: Callable[..., Any]) -> None:
    nlp, oracle, filter_ = cascade(0.0)
    with nlp.select_pipes(enable=["catalog_matcher", "exemplar_retriever"]):
        doc = nlp("play hello by adele")
    component = nlp.get_pipe("llm_semantic_filter")
    request = component._request(doc)
    doubts = [min(p, 1 - p) for p in filter_.local.probabilities(request, component.task)]
    assert len(set(doubts)) == 2
    filter_.threshold = max(doubts)
    (response,) = filter_([request], component.task)
    (seen,) = oracle.seen
    unsure = doubts.index(max(doubts))
    assert seen.candidates == (request.candidates[unsure],)
    assert seen.text == request.text
    (local,) = filter_.local([request], component.task)
    assert set(response.selected) == {*local.selected, unsure}
    assert dict(zip(response.selected, response.scores, strict=True))[unsure] == 0.25
    assert len(response.scores) == len(response.selected)
    assert list(response.selected) == sorted(response.selected)


def test_a_failed_call_leaves_the_local_decision_and_its_status(cascade: Callable[..., Any]) -> None:
    nlp, _, filter_ = cascade(0.0, "failed")
    docs = list(nlp.pipe(TEXTS))
    assert [doc._.convner.status for doc in docs] == [
        "failed" if doc.spans["candidates"] else "no_candidates" for doc in docs
    ]
    nlp.get_pipe("llm_semantic_filter").filter = filter_.local
    assert [[e.text for e in doc.ents] for doc in docs] == [[e.text for e in doc.ents] for doc in nlp.pipe(TEXTS)]


def test_saved(cascade: Callable[..., Any], new_local: Callable[[], Any]) -> None:
    _, _, filter_ = cascade(0.123)
    again = CascadeFilter(new_local(), Oracle(), 0.5, None)
    again.from_bytes(filter_.to_bytes())
    assert again.threshold == 0.123
    assert again.is_fitted
    for damaged in (b"", b"abc", filter_.to_bytes()[:20]):
        with pytest.raises(DataError):
            again.from_bytes(damaged)


doubt_lists = st.lists(st.lists(st.floats(0, 0.5), max_size=4), min_size=1, max_size=40)


@given(doubt_lists, st.floats(0, 1))
def test_the_share_is_held_to(doubts: list[list[float]], share: float) -> None:
    threshold = choose_threshold(doubts, share, None)
    sent = sum(any(doubt >= threshold for doubt in each) for each in doubts)
    assert sent <= share * len(doubts) or share == 1


@given(doubt_lists, st.floats(0, 1))
def test_the_loss_is_held_to(doubts: list[list[float]], loss: float) -> None:
    threshold = choose_threshold(doubts, None, loss)
    kept = sum(doubt for each in doubts for doubt in each if doubt < threshold)
    assert kept <= loss * len(doubts) + 1e-9


def test_thresholds_at_the_ends() -> None:
    doubts = [[0.4, 0.1], [0.2], [], [0.3]]
    assert choose_threshold(doubts, 1.0, None) == 0.0
    assert choose_threshold(doubts, 0.0, None) > 0.4
    assert choose_threshold(doubts, 0.25, None) == pytest.approx(0.3)
    assert choose_threshold(doubts, None, 0.0) == 0.1
    assert choose_threshold(doubts, None, 9.0) == 1.0
    assert choose_threshold([], 0.3, None) == 1.0
    assert np.nextafter(0.3, 1.0) == choose_threshold(doubts, 0.25, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_share": None}, "one of max_share and max_loss"),
        ({"max_share": 0.2, "max_loss": 0.1}, "one of max_share and max_loss"),
        ({"max_share": 2.0}, "0 <= max_share <= 1"),
        ({"max_share": None, "max_loss": -1.0}, "max_loss >= 0"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_cascade_filter(make_linear_filter(), Oracle(), **settings)


def test_a_local_filter_must_give_probabilities() -> None:
    for local in (Oracle(), make_prior_filter(), make_accept_all_filter()):
        with pytest.raises(ConfigError, match=r"'local' must give probabilities, as spacy_convner\.LinearFilter\.v2"):
            make_cascade_filter(local, Oracle())


def test_the_threshold_comes_from_exemplars_that_were_held_out(new_local: Callable[[], Any]) -> None:
    exemplars = [e for share in (0.1, 0.9) for e in coin(40, share)]
    held_out = new_local().cross_probabilities(exemplars, TASK)
    assert len(held_out) == 80
    doubts = [[min(p, 1 - p) for p in each] for _, each in held_out]
    for share in (0.0, 0.3):
        filter_ = CascadeFilter(new_local(), Oracle(), share, None)
        filter_.fit(exemplars, TASK)
        sent = sum(max(each) >= filter_.threshold for each in doubts)
        assert sent <= share * 80
        assert (sent > 0) == (share > 0)
    filter_.fit(exemplars[:5], TASK)  # too few to hold any out: nothing says what it may be trusted with
    assert filter_.threshold == 1.0


@pytest.mark.parametrize("version", [1, 2])
def test_from_config(version: int) -> None:
    nlp = spacy.blank("en")
    block = {
        "@misc": "spacy_convner.CascadeFilter.v1",
        "local": {"@misc": f"spacy_convner.LinearFilter.v{version}"},
        "llm": {
            "@misc": "spacy_convner.LLMFilter.v1",
            "client": {"@misc": "spacy_convner.AnthropicMessages.v1"},
        },
    }
    component: Any = nlp.add_pipe("llm_semantic_filter", config={"filter": block})
    assert component.client.model == "claude-haiku-5-5"
