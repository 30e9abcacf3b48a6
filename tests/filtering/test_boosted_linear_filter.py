"""``spacy_convner.LinearFilter.v2``: what it alone does; what both local filters do is in ``test_local_filters``."""

from __future__ import annotations

import inspect
import random
import sys
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.filtering.filters import boosted_linear
from spacy_convner.filtering.filters.boosted_linear import BoostedLinearFilter, make_boosted_linear_filter
from spacy_convner.filtering.filters.thresholds import NO_SECOND
from spacy_convner.ty import (
    CalibratedFilter,
    Candidate,
    Exemplar,
    FilterRequest,
    LabelledSpan,
    ProbabilityFilter,
)

from .exemplar_data import (
    MAKERS,
    NAMES,
    TASK,
    annotated_with_capitals,
    ask,
    chosen,
    coin,
    exemplars_of,
    f1,
    fitted,
    rivals,
    snips,
    two_labels,
)

make = MAKERS["v2"]
DEFAULT = {"threshold": 0.5, "second_threshold": NO_SECOND}


@pytest.fixture(scope="module")
def with_capitals() -> Any:
    return fitted(make, annotated_with_capitals())


@pytest.fixture(scope="module")
def state() -> bytes:
    """Of a filter fitted on names that are films and books."""
    data: bytes = fitted(make, rivals()).to_bytes()
    return data


@pytest.fixture
def of_rivals(state: bytes) -> BoostedLinearFilter:
    """One that a test may change."""
    filter_: BoostedLinearFilter = make()
    filter_.from_bytes(state)
    return filter_


def test_protocols_and_config() -> None:
    filter_ = make_boosted_linear_filter()
    assert isinstance(filter_, ProbabilityFilter)
    assert isinstance(filter_, CalibratedFilter)
    assert filter_.name == "linear"
    block = {"@misc": "spacy_convner.LinearFilter.v2", "rounds": 3, "from_traffic": True}
    component: Any = spacy.blank("en").add_pipe("llm_semantic_filter", config={"filter": block})
    assert isinstance(component.filter, BoostedLinearFilter)
    assert (component.filter.rounds, component.filter.from_traffic) == (3, True)


@pytest.mark.parametrize(
    "setting",
    [
        {"rounds": 0},
        {"regularization": 0},
        {"regularization": -1.0},
        {"folds": 1},
        {"max_calibration": 0},
        {"seed": -1},
        {"seed": 1 << 32},
    ],
)
def test_bad_settings(setting: dict[str, Any]) -> None:
    expected = (
        r"rounds >= 1, regularization > 0, folds >= 2, max_calibration >= 1 and 0 <= seed < 2\*\*32, got .*"
        + str(next(iter(setting.values())))
    )
    with pytest.raises(ConfigError, match=expected):
        make_boosted_linear_filter(**setting)


def test_another_format_is_refused(state: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_linear, "FORMAT", 4)
    with pytest.raises(DataError, match=r"format 3, this version reads 4 \(it was saved by another version"):
        make().from_bytes(state)


def test_quality_on_snips() -> None:
    train, test = snips()
    score = f1(fitted(make_boosted_linear_filter, train, rounds=30, folds=2), test)
    assert score > 0.99  # LinearFilter.v1 must reach 0.97
    assert f1(fitted(make, []), test) > 0.97


# Capitals


def only_capitals_tell() -> list[Exemplar]:
    made = []
    for i, name in enumerate(NAMES * 2):
        for written, step in ((name.title(), "exact"), (name, "case")):
            candidate = Candidate(17, 17 + len(name), "Movie", step=step)
            gold = (candidate.key,) if step == "exact" else ()
            made.append(Exemplar(f"we heard Ann say {written} {i}", gold, candidates=(candidate,)))
    return made


def test_text_without_capitals_has_a_scorer_of_its_own() -> None:
    def asked(filter_: Any) -> list[float]:
        texts = [("we heard Ann say Tenet 5", "exact"), ("we heard Ann say tenet 5", "case"),
                 ("we heard ann say tenet 5", "case")]  # fmt: skip
        requests = [FilterRequest(text, (Candidate(17, 22, "Movie", step=step),)) for text, step in texts]
        return [response.probabilities[0] for response in filter_(requests, TASK)]

    capital, small, spoken = asked(fitted(make, only_capitals_tell()))
    # Who wrote "Ann" would have written "Tenet"; where nothing has a capital, half of the names are meant.
    assert capital > 0.9
    assert small < 0.1
    assert 0.4 < spoken < 0.6
    # Exemplars that are a sample of the traffic say themselves what a missing capital means.
    sample = fitted(make, only_capitals_tell(), from_traffic=True)
    assert asked(sample) == pytest.approx([capital, small, small], abs=0.01)
    assert sample.thresholds["spoken"] == sample.thresholds["written"]
    again = make()
    again.from_bytes(sample.to_bytes())
    assert asked(again) == pytest.approx(asked(sample), abs=1e-5)


# Candidates that compete


def test_labels_of_a_span_share_its_probability(of_rivals: BoostedLinearFilter) -> None:
    film, book = of_rivals.probabilities(ask("watch solaris", ("solaris", "Movie"), ("solaris", "Book")), TASK)
    assert film + book < 1.05  # each is calibrated for itself
    assert max(of_rivals.probabilities(ask("watch solaris", ("solaris", "Movie")), TASK)) > max(film, book)


def test_labels_that_exemplars_accept_together_are_likely_together() -> None:
    both = fitted(make, two_labels())
    request = ask("tell me about jaws 3", ("jaws", "Movie"), ("jaws", "Book"), ("tell", "Song"))
    again = make()
    again.from_bytes(both.to_bytes())
    for filter_ in (both, again):
        assert chosen(filter_, request) == {("jaws", "Movie"), ("jaws", "Book")}
        assert sorted(filter_.probabilities(request, TASK))[1] > 0.6


def test_a_few_spans_of_two_labels_change_little() -> None:
    """Some annotator was generous once: rivals of other spans compete all the same."""
    generous = [replace(one, spans=tuple(c.key for c in one.candidates)) for one in rivals()[:1]]
    request = ask("watch solaris", ("solaris", "Book"), ("solaris", "Movie"))
    lenient = fitted(make, [*rivals(), *generous])
    book, film = lenient.probabilities(request, TASK)
    assert book < film
    assert book + film < 1.05
    assert chosen(lenient, ask("let us watch solaris now", ("solaris", "Movie"), ("solaris", "Book"))) == {
        ("solaris", "Movie")
    }


# Thresholds from a development set


def development(text: str, meant: bool, n: int = 30) -> list[Exemplar]:
    (candidate,) = ask(text, ("solaris", "Movie")).candidates
    return [Exemplar(text, (candidate.key,) if meant else (), candidates=(candidate,))] * n


def test_calibrating_changes_thresholds_and_nothing_else(of_rivals: BoostedLinearFilter) -> None:
    request = ask("let us watch solaris now", ("solaris", "Movie"))
    unlikely = ask("what does solaris mean", ("solaris", "Movie"))
    (sure,), (unsure,) = of_rivals.probabilities(request, TASK), of_rivals.probabilities(unlikely, TASK)
    assert unsure < 0.15 < 0.75 < sure
    meant, refused = development(request.text, True), development(unlikely.text, False)
    for thresholds in of_rivals.thresholds.values():
        thresholds["threshold"] = 0.8
    of_rivals.calibrate([*meant, *refused], TASK)
    # All from 0.15 to 0.75 are right: the one at half of an F1 a little below the best.
    expected = {**DEFAULT, "threshold": 0.45}
    assert of_rivals.thresholds == {"written": expected, "spoken": expected}
    # Half of what is as likely is meant: F1 is 2/3 then.
    of_rivals.calibrate([*meant, *development(request.text, False)], TASK)
    assert of_rivals.thresholds["written"]["threshold"] == 0.3
    assert of_rivals.thresholds["spoken"] == of_rivals.thresholds["written"]
    assert of_rivals.probabilities(request, TASK) == [sure]
    again = make()
    again.from_bytes(of_rivals.to_bytes())
    assert again.thresholds == of_rivals.thresholds
    assert chosen(again, request) == {("solaris", "Movie")}


@pytest.mark.parametrize(
    "exemplars",
    [
        [],
        [Exemplar("hello")] * 30,
        development("let us watch solaris now", False),
        # Names that nobody proposed, and what only the annotation knows.
        [Exemplar("watch solaris", (LabelledSpan(6, 13, "Movie"),))] * 30,
        [Exemplar("watch solaris", (LabelledSpan(6, 13, "Movie"),), candidates=(Candidate(0, 5, "Song"),))] * 30,
        [
            Exemplar(
                "watch solaris",
                (LabelledSpan(6, 13, "Movie"),),
                candidates=(Candidate(6, 13, "Movie", step="exemplar"), Candidate(0, 5, "Song")),
            )
        ]
        * 30,
    ],
    ids=["none", "no candidate", "no name", "nothing proposed", "another proposed", "exemplar step"],
)
def test_a_development_set_that_cannot_choose(of_rivals: BoostedLinearFilter, exemplars: list[Exemplar]) -> None:
    before = of_rivals.to_bytes()
    of_rivals.calibrate(exemplars, TASK)
    assert of_rivals.to_bytes() == before


def test_calibrating_does_nothing_before_there_is_a_scorer() -> None:
    meant = development("let us watch solaris now", True)
    for filter_ in (make(), fitted(make, []), fitted(make, meant)):  # the last has one kind of answer
        filter_.calibrate(meant, TASK)
        assert filter_.thresholds == {"written": DEFAULT, "spoken": DEFAULT}
    assert not make().is_fitted


def test_each_style_has_its_own_thresholds(with_capitals: Any) -> None:
    filter_ = make()
    filter_.from_bytes(with_capitals.to_bytes())
    text = "watch Tenet with Ann"
    for style, asked in (("written", text), ("spoken", text.lower())):
        name = asked[6:11]
        assert chosen(filter_, ask(asked, (name, "Movie"))) == {(name, "Movie")}
        filter_.thresholds[style] = {"threshold": 1.1, "second_threshold": NO_SECOND}
        assert chosen(filter_, ask(asked, (name, "Movie"))) == set()


# What exemplars may be like


def test_fitting_again_forgets(of_rivals: BoostedLinearFilter) -> None:
    of_rivals.fit([], TASK)
    assert of_rivals.n_exemplars == 0
    assert of_rivals.thresholds == {"written": DEFAULT, "spoken": DEFAULT}
    assert of_rivals.to_bytes() == fitted(make, []).to_bytes()


@pytest.mark.parametrize(
    "exemplars",
    [
        [Exemplar("")] * 30,
        [Exemplar("hello", (LabelledSpan(0, 5, "Song"),))] * 30,
        [Exemplar("hello", (LabelledSpan(2, 2, "Song"),), candidates=(Candidate(0, 5, "Song"),))] * 30,
        [Exemplar("", (LabelledSpan(0, 0, "Song"),), candidates=(Candidate(0, 0, "Song"),))] * 30,
    ],
    ids=["no text", "no candidates", "an empty span", "an empty candidate"],
)
def test_exemplars_that_say_nothing(exemplars: list[Exemplar]) -> None:
    filter_ = fitted(make, exemplars)
    assert filter_.is_fitted
    assert filter_.n_exemplars == 30
    again = make()
    again.from_bytes(filter_.to_bytes())
    request = ask("watch the movie dune", ("dune", "Movie"), ("dune", "Book"))
    assert chosen(again, request) == chosen(filter_, request) == {("dune", "Movie")}


odd = "a\x00b\x1b[31m \ud800hello\udfff \u202edune\u202c \ufeffİSTANBUL ß ſ ﬁ 😀\r\n"


def test_odd_characters_in_exemplars_and_requests() -> None:
    places = [(odd.index(name), odd.index(name) + len(name)) for name in ("hello", "dune", "İSTANBUL", "\x1b[31m")]
    candidates = tuple(Candidate(a, b, label) for a, b in places for label in ("Movie", "Song"))
    exemplars = [
        Exemplar(odd + str(i), (candidates[i % 8].key,), candidates=candidates) for i in range(16)
    ] + annotated_with_capitals()[:16]
    filter_ = fitted(make, exemplars)
    again = make()
    again.from_bytes(filter_.to_bytes())
    request = FilterRequest(odd, candidates)
    assert again.probabilities(request, TASK) == pytest.approx(filter_.probabilities(request, TASK), abs=1e-5)
    assert all(0 < p < 1 for p in filter_.probabilities(request, TASK))


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(exemplars_of(), min_size=1, max_size=9), exemplars_of())
def test_any_exemplars_can_be_learned_from(exemplars: list[Exemplar], asked: Exemplar) -> None:
    filter_ = fitted(partial(make_boosted_linear_filter, rounds=2, folds=2), exemplars)
    again = make()
    again.from_bytes(filter_.to_bytes())
    assert again.to_bytes() == filter_.to_bytes()
    found = again.probabilities(FilterRequest(asked.text, asked.candidates), TASK)
    assert len(found) == len(asked.candidates)
    assert all(0.0 <= p <= 1.0 for p in found)


# Long documents


def document(n: int) -> FilterRequest:
    """Of n names, each of them a film and a book, and each third a part of a longer one."""
    generator = random.Random(0)
    words, candidates, at = list[str](), list[Candidate](), 0
    for i in range(n):
        word = "".join(generator.choices("abcdefgh", k=6))
        words += ["watch", word]
        start = at + 6
        candidates += [Candidate(start, start + 6, label) for label in ("Book", "Movie")]
        if i % 3 == 0:
            candidates.append(Candidate(at, start + 6, "Song"))
        at = start + 7
    return FilterRequest(" ".join(words), tuple(sorted(candidates, key=lambda c: (c.start, -c.end, c.label))))


def lines_run(filter_: BoostedLinearFilter, request: FilterRequest) -> int:
    """RETURNS (int): Lines of the filter's own code that a request takes, loops and all."""
    package = str(inspect.getfile(boosted_linear)).rsplit("/", 1)[0]
    count, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(package):
            return None
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        (response,) = filter_([request], TASK)
    finally:
        sys.settrace(before)
    assert len(response.probabilities) == len(request.candidates)
    return count


def test_long_documents_take_linear_time(of_rivals: BoostedLinearFilter) -> None:
    filter_ = of_rivals
    list(filter_([document(5)], TASK))
    few, many = (lines_run(filter_, document(n)) for n in (150, 600))
    assert few > 10_000
    assert many < 4.2 * few
    assert len(document(3000).candidates) == 7000
    (response,) = filter_([document(3000)], TASK)
    assert response.selected


def test_many_exemplars_at_most_are_held_out() -> None:
    filter_ = make(max_calibration=30)
    assert len(filter_.cross_probabilities(coin(100, 0.5), TASK)) == 30
    assert filter_.cross_probabilities([], TASK) == []
    assert not filter_.is_fitted
