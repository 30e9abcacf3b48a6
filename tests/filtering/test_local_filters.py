"""What holds for both local filters, ``spacy_convner.LinearFilter.v1`` and ``.v2``."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from spacy_convner.errors import DataError
from spacy_convner.evaluation.benchmark.rounds import thresholds_of
from spacy_convner.filtering.filters.baselines import make_prior_filter
from spacy_convner.filtering.filters.decode import decode
from spacy_convner.ty import (
    Candidate,
    Exemplar,
    FilterRequest,
    FilterTask,
    LabelledSpan,
    ProbabilityFilter,
)

from .exemplar_data import (
    MAKERS,
    TASK,
    annotated_with_capitals,
    ask,
    chosen,
    coin,
    fitted,
    requests,
    rivals,
    tiny,
    two_labels,
)

Make = Callable[..., Any]


@pytest.fixture(scope="module", params=list(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


@pytest.fixture(scope="module")
def exemplars() -> list[Exemplar]:
    return tiny()


@pytest.fixture(scope="module")
def learned(make: Make, exemplars: list[Exemplar]) -> Any:
    """Of the tiny exemplars."""
    return fitted(make, exemplars)


@pytest.fixture(scope="module")
def of_rivals(make: Make) -> Any:
    return fitted(make, rivals())


@pytest.fixture(scope="module")
def of_coins(make: Make) -> Any:
    return fitted(make, coin(200, 0.35))


def loaded(make: Make, data: bytes) -> Any:
    filter_ = make()
    filter_.from_bytes(data)
    return filter_


def limits(filter_: Any, style: str = "written") -> tuple[float, float]:
    own = thresholds_of(filter_)[style]
    return own["threshold"], own["second_threshold"]


# Without any exemplar


@pytest.fixture(scope="module", params=["unfitted", "no exemplars", "one kind of answer"])
def cold(request: pytest.FixtureRequest, make: Make) -> ProbabilityFilter:
    filter_ = make()
    assert isinstance(filter_, ProbabilityFilter)
    if request.param == "unfitted":
        assert not filter_.is_fitted
        return filter_
    one = Exemplar("x y", (LabelledSpan(0, 1, "Song"),), candidates=(Candidate(0, 1, "Song"),))
    filter_.fit([] if request.param == "no exemplars" else [one], TASK)
    assert filter_.is_fitted
    return filter_


def test_cold_the_label_word_decides(cold: ProbabilityFilter) -> None:
    names = [("dune", "Movie"), ("dune", "Book")]
    assert chosen(cold, ask("watch the movie dune", *names)) == {("dune", "Movie")}
    assert chosen(cold, ask("get me the book dune", *names)) == {("dune", "Book")}
    assert chosen(cold, ask("ver la película dune", ("dune", "Película"), ("dune", "Libro"))) == {("dune", "Película")}


def test_cold_the_description_decides(cold: ProbabilityFilter) -> None:
    task = FilterTask({"Movie": "a film that people watch", "Book": "something to read"})
    names = [("dune", "Movie"), ("dune", "Book")]
    assert chosen(cold, ask("watch dune", *names), task) == {("dune", "Movie")}
    assert chosen(cold, ask("read dune", *names), task) == {("dune", "Book")}


def test_cold_nested_loses_to_longer(cold: ProbabilityFilter) -> None:
    request = ask("did manchester united win", ("manchester", "City"), ("manchester united", "SportsTeam"))
    assert chosen(cold, request) == {("manchester united", "SportsTeam")}


def test_cold_function_words_are_no_names(cold: ProbabilityFilter) -> None:
    assert chosen(cold, ask("what time is it", ("it", "Movie"))) == set()
    assert chosen(cold, ask("play us by regina spektor", ("us", "Movie"), ("regina spektor", "Artist"))) == {
        ("regina spektor", "Artist")
    }


# Fitted


def test_context_decides_for_the_same_name(of_rivals: Any) -> None:
    for name in ("dune", "solaris"):  # one that exemplars have, and one that nobody has seen
        names = [(name, "Movie"), (name, "Book")]
        assert chosen(of_rivals, ask(f"let us watch {name} again", *names)) == {(name, "Movie")}
        assert chosen(of_rivals, ask(f"let us read {name} again", *names)) == {(name, "Book")}
        assert chosen(of_rivals, ask(f"what does {name} mean", *names)) == set()


def test_a_label_that_no_exemplar_has(learned: Any) -> None:
    names = [("serial", "Podcast"), ("serial", "Radio")]
    assert chosen(learned, ask("play the podcast serial", *names)) == {("serial", "Podcast")}
    assert chosen(learned, ask("play the radio serial", *names)) == {("serial", "Radio")}
    nested = ask("any news from new york times radio", ("new york", "Place"), ("new york times radio", "Station"))
    assert chosen(learned, nested) == {("new york times radio", "Station")}


def test_one_label_a_span_unless_exemplars_say_otherwise(make: Make, learned: Any) -> None:
    assert limits(learned)[1] > 1
    filter_ = fitted(make, two_labels())
    assert limits(filter_)[1] < 1
    names = [("carrie", "Movie"), ("carrie", "Book"), ("tell", "Song")]
    assert chosen(filter_, ask("tell me about carrie", *names)) == {("carrie", "Movie"), ("carrie", "Book")}


def test_thresholds_come_from_cross_validation(make: Make, of_coins: Any) -> None:
    # Accepting is right in a third of cases: F1 is best by accepting all of them, which 0.5 would not do.
    assert limits(of_coins)[0] < 0.35
    assert chosen(of_coins, ask("go qwerty", ("qwerty", "Song"))) == {("qwerty", "Song")}
    # Too few to hold any out: the default.
    assert limits(fitted(make, coin(7, 0.35)))[0] == 0.5
    assert fitted(make, []).cross_probabilities(coin(7, 0.35), TASK) == []


def test_held_out_probabilities(of_coins: Any) -> None:
    found = of_coins.cross_probabilities(coin(40, 0.35), TASK)
    assert sorted(e.text.lower() for e, _ in found) == sorted(e.text for e in coin(40, 0.35))
    assert all(p.shape == (1,) and 0 <= p[0] <= 1 for _, p in found)


def test_what_only_the_annotation_knows_is_no_evidence(make: Make) -> None:
    # The retriever adds answers that the catalog missed, as candidates of step "exemplar". Nobody will propose such
    # ones later: here all that was proposed was refused, so there is nothing to tell apart.
    extra = Candidate(0, 2, "Song", step="exemplar")
    missed = [Exemplar(e.text, (extra.key,), candidates=(extra, *e.candidates)) for e in coin(60, 0.0)]
    request = ask("go zzzzzz", ("zzzzzz", "Song"))
    plain = [Exemplar(e.text, (extra.key,), candidates=e.candidates) for e in missed]
    assert fitted(make, missed).probabilities(request, TASK) == fitted(make, plain).probabilities(request, TASK)
    only = [Exemplar(e.text, (extra.key,), candidates=(extra,)) for e in missed]
    assert fitted(make, only).probabilities(request, TASK) == fitted(make, []).probabilities(request, TASK)


def test_the_same_exemplars_give_the_same_bytes(make: Make, learned: Any, exemplars: list[Exemplar]) -> None:
    assert fitted(make, exemplars).to_bytes() == learned.to_bytes()
    assert fitted(make, exemplars[:-4]).to_bytes() != learned.to_bytes()


def test_the_same_bytes_in_another_process() -> None:
    program = (
        "import hashlib; from tests.filtering.exemplar_data import MAKERS, fitted, rivals; "
        "print(*(hashlib.sha256(fitted(make, rivals()).to_bytes()).hexdigest() for make in MAKERS.values()))"
    )
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        # Neither the order of sets nor the number of threads may matter.
        env={**os.environ, "PYTHONHASHSEED": other, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(fitted(make, rivals()).to_bytes()).hexdigest() for make in MAKERS.values()]
    assert done.stdout.split() == here


def test_saved_and_loaded_decides_the_same(make: Make, learned: Any, of_coins: Any, exemplars: list[Exemplar]) -> None:
    asked = [FilterRequest(e.text, e.candidates) for e in (*exemplars, *coin(5, 0.5))]
    for filter_, n in ((learned, len(exemplars)), (of_coins, 200), (fitted(make, []), 0)):
        again = loaded(make, filter_.to_bytes())
        assert again.is_fitted
        assert thresholds_of(again) == thresholds_of(filter_)
        assert again.n_exemplars == n
        assert again.to_bytes() == filter_.to_bytes()
        for request in asked:
            expected = filter_.probabilities(request, TASK)
            assert again.probabilities(request, TASK) == pytest.approx(expected, abs=1e-5)
        assert [r.selected for r in again(asked, TASK)] == [r.selected for r in filter_(asked, TASK)]


def test_pickled_decides_the_same(learned: Any, exemplars: list[Exemplar]) -> None:
    asked = [FilterRequest(e.text, e.candidates) for e in exemplars]
    expected = list(learned(asked, TASK))
    again = pickle.loads(pickle.dumps(learned))
    assert list(again(asked, TASK)) == expected
    assert again.to_bytes() == learned.to_bytes()


@pytest.mark.parametrize("data", [b"", b"garbage", b"{}", b"[]", b"\x93NUMPY", b"PK\x03\x04"])
def test_other_data_is_refused(make: Make, learned: Any, data: bytes) -> None:
    filter_ = make()
    with pytest.raises(DataError, match="damaged"):
        filter_.from_bytes(data)
    assert not filter_.is_fitted
    before = learned.to_bytes()
    with pytest.raises(DataError):
        learned.from_bytes(data)
    assert learned.to_bytes() == before


def test_the_prior_filter_refuses_other_data_too(exemplars: list[Exemplar]) -> None:
    prior: Any = make_prior_filter()
    prior.fit(exemplars, TASK)
    before = prior.to_bytes()
    for data in (b"", b"garbage", b"{}", b"[]", b"\x93NUMPY"):
        with pytest.raises(DataError, match="damaged"):
            prior.from_bytes(data)
    assert prior.to_bytes() == before


def test_damaged_data_is_refused_or_harmless(make: Make, learned: Any) -> None:
    data = learned.to_bytes()
    again = make()
    refused = 0
    for cut in range(0, len(data), max(1, len(data) // 40)):
        with pytest.raises(DataError):
            again.from_bytes(data[:cut])
    generator = random.Random(0)
    for position in itertools.chain(range(0, 60), generator.sample(range(len(data)), 150)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << generator.randrange(8)
        try:
            again.from_bytes(bytes(damaged))
        except DataError:
            refused += 1
        else:  # a bit that nobody reads, such as a date
            assert again.to_bytes() == data
    assert refused > 50


def test_the_other_version_is_told_apart(make: Make, learned: Any) -> None:
    other = fitted(next(own for own in MAKERS.values() if own is not make), [])
    before = other.to_bytes()
    with pytest.raises(DataError, match=r"format [13], this version reads [13]"):
        other.from_bytes(learned.to_bytes())
    assert other.to_bytes() == before


def test_names_without_capitals(make: Make) -> None:
    # Speech recognition writes none: their absence is no evidence against a name.
    filter_ = fitted(make, annotated_with_capitals())
    for own in (filter_, loaded(make, filter_.to_bytes())):
        assert chosen(own, ask("watch tenet with me", ("tenet", "Movie"))) == {("tenet", "Movie")}
        assert chosen(own, ask("what does tenet mean", ("tenet", "Movie"))) == set()
        assert chosen(own, ask("watch Tenet with me", ("Tenet", "Movie"))) == {("Tenet", "Movie")}


def test_an_initial_capital_and_emoji_say_nothing(learned: Any) -> None:
    plain = learned.probabilities(ask("put on stay again", ("stay", "Song")), TASK)
    assert learned.probabilities(ask("Put on stay again", ("stay", "Song")), TASK) == plain
    assert learned.probabilities(ask("\U0001f642 put on stay again", ("stay", "Song")), TASK) == plain
    assert learned.probabilities(ask("Put on Stay again", ("Stay", "Song")), TASK) != plain


# What may not happen, whatever is sent


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests())
def test_selections_are_valid(learned: Any, request: FilterRequest) -> None:
    (response,) = learned([request], TASK)
    if not request.candidates:
        assert (response.status, response.selected, response.probabilities) == ("no_candidates", (), ())
        return
    assert len(response.probabilities) == len(request.candidates)
    assert all(0.0 <= p <= 1.0 for p in response.probabilities)
    assert list(response.selected) == sorted(set(response.selected))
    picked = [request.candidates[i] for i in response.selected]
    assert response.scores == tuple(response.probabilities[i] for i in response.selected)
    for one, other in itertools.combinations(picked, 2):
        same = (one.start, one.end) == (other.start, other.end)
        assert same or one.end <= other.start or other.end <= one.start
    assert list(response.probabilities) == learned.probabilities(request, TASK)


def test_a_batch_is_answered_as_one_by_one(learned: Any, exemplars: list[Exemplar]) -> None:
    asked = [FilterRequest(e.text.title() if i % 3 else e.text, e.candidates) for i, e in enumerate(exemplars)] * 13
    together = list(learned(iter(asked), TASK))
    assert len(together) == len(asked) > 256
    for request, response in zip(asked[:30], together, strict=False):
        (alone,) = learned([request], TASK)
        assert alone.selected == response.selected
        assert alone.probabilities == pytest.approx(response.probabilities, abs=1e-9)
        own = limits(learned, "spoken" if request.text.islower() else "written")
        assert decode(request.candidates, response.probabilities, *own) == list(response.selected)
