from __future__ import annotations

import hashlib
import itertools
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import spacy

from spacy_convner.attrs import get_candidates
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.filtering.filters.baselines import make_accept_all_filter, make_prior_filter
from spacy_convner.filtering.filters.linear import LinearFilter, make_linear_filter
from spacy_convner.records import parse_utterance, read_exemplars
from spacy_convner.ty import (
    Candidate,
    CatalogEntry,
    Exemplar,
    FilterRequest,
    FilterTask,
    LabelledSpan,
    SemanticFilter,
    TrainableFilter,
)

from ..conftest import CATALOG, EXEMPLARS, SHARED, parse_markup

TASK = FilterTask()


def match(exemplars: Sequence[Exemplar], entries: Sequence[CatalogEntry], lang: str = "en") -> list[Exemplar]:
    nlp = spacy.blank(lang)
    matcher: Any = nlp.add_pipe("catalog_matcher")
    matcher.add(entries)
    docs = nlp.pipe([exemplar.text for exemplar in exemplars])
    return [replace(e, candidates=get_candidates(doc, "candidates")) for e, doc in zip(exemplars, docs, strict=True)]


def tiny() -> list[Exemplar]:
    entries = [CatalogEntry(**{k: v for k, v in record.items() if k != "aliases"}) for record in CATALOG]  # type: ignore[arg-type]
    return match([parse_utterance(parse_markup(line)) for line in EXEMPLARS], entries)


@pytest.fixture(scope="module")
def exemplars() -> list[Exemplar]:
    return tiny()


def linear(exemplars: Sequence[Exemplar], task: FilterTask = TASK, **settings: Any) -> LinearFilter:
    filter_ = make_linear_filter(**settings)
    assert isinstance(filter_, LinearFilter)
    filter_.fit(exemplars, task)
    return filter_


def ask(text: str, *names: tuple[str, str]) -> FilterRequest:
    """Candidates (name, label) at the first place where each name occurs."""
    found = [Candidate(text.index(name), text.index(name) + len(name), label) for name, label in names]
    return FilterRequest(text, tuple(sorted(found, key=lambda c: (c.start, -c.end, c.label))))


def chosen(filter_: SemanticFilter, request: FilterRequest, task: FilterTask = TASK) -> set[tuple[str, str]]:
    (response,) = filter_([request], task)
    picked = [request.candidates[i] for i in response.selected]
    return {(request.text[c.start : c.end], c.label) for c in picked}


def f1(filter_: SemanticFilter, exemplars: Sequence[Exemplar], task: FilterTask = TASK) -> float:
    correct = predicted = gold = 0
    responses = filter_([FilterRequest(e.text, e.candidates, lang=e.lang) for e in exemplars], task)
    for exemplar, response in zip(exemplars, responses, strict=True):
        found = {exemplar.candidates[i].key for i in response.selected}
        correct += len(found & set(exemplar.spans))
        predicted += len(found)
        gold += len(set(exemplar.spans))
    return 2 * correct / (predicted + gold)


# Without any exemplar


@pytest.fixture(scope="module", params=["unfitted", "no exemplars", "one kind of answer"])
def cold(request: pytest.FixtureRequest) -> LinearFilter:
    if request.param == "unfitted":
        filter_ = make_linear_filter()
        assert isinstance(filter_, LinearFilter)
        assert not filter_.is_fitted
        return filter_
    if request.param == "no exemplars":
        return linear([])
    return linear([Exemplar("x y", (LabelledSpan(0, 1, "Song"),), candidates=(Candidate(0, 1, "Song"),))])


def test_cold_the_label_word_decides(cold: LinearFilter) -> None:
    names = [("dune", "Movie"), ("dune", "Book")]
    assert chosen(cold, ask("watch the movie dune", *names)) == {("dune", "Movie")}
    assert chosen(cold, ask("get me the book dune", *names)) == {("dune", "Book")}
    assert chosen(cold, ask("ver la película dune", ("dune", "Película"), ("dune", "Libro"))) == {("dune", "Película")}


def test_cold_the_description_decides(cold: LinearFilter) -> None:
    task = FilterTask({"Movie": "a film that people watch", "Book": "something to read"})
    names = [("dune", "Movie"), ("dune", "Book")]
    assert chosen(cold, ask("watch dune", *names), task) == {("dune", "Movie")}
    assert chosen(cold, ask("read dune", *names), task) == {("dune", "Book")}


def test_cold_nested_loses_to_longer(cold: LinearFilter) -> None:
    request = ask("did manchester united win", ("manchester", "City"), ("manchester united", "SportsTeam"))
    assert chosen(cold, request) == {("manchester united", "SportsTeam")}


def test_cold_function_words_are_no_names(cold: LinearFilter) -> None:
    assert chosen(cold, ask("what time is it", ("it", "Movie"))) == set()
    assert chosen(cold, ask("play us by regina spektor", ("us", "Movie"), ("regina spektor", "Artist"))) == {
        ("regina spektor", "Artist")
    }


# Fitted


def test_context_decides_for_the_same_name(exemplars: list[Exemplar]) -> None:
    filter_ = linear(exemplars)
    names = [("dune", "Movie"), ("dune", "Book")]
    assert chosen(filter_, ask("let us watch dune", *names)) == {("dune", "Movie")}
    assert chosen(filter_, ask("let us read dune", *names)) == {("dune", "Book")}
    assert chosen(filter_, ask("hello are you there", ("hello", "Song"))) == set()


def test_a_label_that_no_exemplar_has(exemplars: list[Exemplar]) -> None:
    filter_ = linear(exemplars)
    names = [("serial", "Podcast"), ("serial", "Radio")]
    assert chosen(filter_, ask("play the podcast serial", *names)) == {("serial", "Podcast")}
    assert chosen(filter_, ask("play the radio serial", *names)) == {("serial", "Radio")}
    nested = ask("any news from new york times radio", ("new york", "Place"), ("new york times radio", "Station"))
    assert chosen(filter_, nested) == {("new york times radio", "Station")}


def test_one_label_a_span_unless_exemplars_say_otherwise(exemplars: list[Exemplar]) -> None:
    assert linear(exemplars).written.second_threshold > 1
    both = [
        Exemplar(
            f"tell me about {name} {i}",
            tuple(LabelledSpan(14, 14 + len(name), label) for label in ("Book", "Movie")),
            candidates=(
                Candidate(14, 14 + len(name), "Book"),
                Candidate(14, 14 + len(name), "Movie"),
                Candidate(0, 4, "Song"),
            ),
        )
        for i, name in enumerate(["dune", "it", "carrie", "emma", "holes"] * 6)
    ]
    filter_ = linear(both)
    assert filter_.written.second_threshold < 1
    names = [("carrie", "Movie"), ("carrie", "Book"), ("tell", "Song")]
    assert chosen(filter_, ask("tell me about carrie", *names)) == {("carrie", "Movie"), ("carrie", "Book")}


def coin(n: int, share: float) -> list[Exemplar]:
    """The same evidence each time; a share of the candidates is meant."""
    generator = random.Random(1)
    made = []
    for _ in range(n):
        name = "".join(generator.choices("abcdefgh", k=6))
        gold = (LabelledSpan(3, 9, "Song"),) if generator.random() < share else ()
        made.append(Exemplar(f"go {name}", gold, candidates=(Candidate(3, 9, "Song"),)))
    return made


def test_thresholds_come_from_cross_validation() -> None:
    # Accepting is right in a third of cases: F1 is best by accepting all of them, which 0.5 would not do.
    filter_ = linear(coin(200, 0.35))
    assert filter_.written.threshold < 0.35
    assert chosen(filter_, ask("go qwerty", ("qwerty", "Song"))) == {("qwerty", "Song")}
    # Too few to hold any out: the default.
    assert linear(coin(19, 0.35)).written.threshold == 0.5
    assert linear(coin(200, 0.35), max_calibration=1).written.threshold <= 0.5


def test_what_only_the_annotation_knows_is_no_evidence() -> None:
    # The retriever adds answers that the catalog missed, as candidates of step "exemplar". Nobody will propose such
    # ones later: here all that was proposed was refused, so there is nothing to tell apart.
    extra = Candidate(0, 2, "Song", step="exemplar")
    missed = [Exemplar(e.text, (extra.key,), candidates=(extra, *e.candidates)) for e in coin(60, 0.0)]
    request = ask("go zzzzzz", ("zzzzzz", "Song"))
    assert linear(missed).probabilities(request, TASK) == linear([]).probabilities(request, TASK)


def test_the_same_exemplars_give_the_same_bytes(exemplars: list[Exemplar]) -> None:
    assert linear(exemplars).to_bytes() == linear(exemplars).to_bytes()
    assert linear(exemplars).to_bytes() != linear(exemplars[:-4]).to_bytes()


def test_the_same_bytes_in_another_process(exemplars: list[Exemplar]) -> None:
    program = (
        "import hashlib; from tests.filtering.test_linear_filter import linear, tiny; "
        "print(hashlib.sha256(linear(tiny()).to_bytes()).hexdigest())"
    )
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": other},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(linear(exemplars).to_bytes()).hexdigest()


def test_saved_and_loaded_decides_the_same(exemplars: list[Exemplar]) -> None:
    for trained in (exemplars, [], coin(200, 0.35)):
        filter_ = linear(trained)
        loaded = make_linear_filter()
        assert isinstance(loaded, LinearFilter)
        loaded.from_bytes(filter_.to_bytes())
        assert loaded.is_fitted
        assert (loaded.written.threshold, loaded.spoken.threshold) == (
            filter_.written.threshold,
            filter_.spoken.threshold,
        )
        assert loaded.n_exemplars == len(trained)
        assert loaded.to_bytes() == filter_.to_bytes()
        for exemplar in exemplars:
            request = FilterRequest(exemplar.text, exemplar.candidates)
            expected = filter_.probabilities(request, TASK)
            assert loaded.probabilities(request, TASK) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("make", [make_linear_filter, make_prior_filter])
@pytest.mark.parametrize("data", [b"", b"garbage", b"{}", b"[]", b"\x93NUMPY", b"PK\x03\x04"])
def test_other_data_is_refused(make: Any, data: bytes, exemplars: list[Exemplar]) -> None:
    filter_ = make()
    with pytest.raises(DataError, match="damaged"):
        filter_.from_bytes(data)
    assert not filter_.is_fitted
    filter_.fit(exemplars, TASK)
    before = filter_.to_bytes()
    with pytest.raises(DataError):
        filter_.from_bytes(data)
    assert filter_.to_bytes() == before


def test_damaged_data_is_refused_or_harmless(exemplars: list[Exemplar]) -> None:
    data = linear(exemplars).to_bytes()
    loaded = make_linear_filter()
    assert isinstance(loaded, LinearFilter)
    refused = 0
    for cut in range(0, len(data), max(1, len(data) // 40)):
        with pytest.raises(DataError):
            loaded.from_bytes(data[:cut])
    generator = random.Random(0)
    for position in itertools.chain(range(0, 60), generator.sample(range(len(data)), 150)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << generator.randrange(8)
        try:
            loaded.from_bytes(bytes(damaged))
        except DataError:
            refused += 1
        else:  # a bit that nobody reads, such as a date
            assert loaded.to_bytes() == data
    assert refused > 50


def test_another_format_is_refused(exemplars: list[Exemplar], monkeypatch: pytest.MonkeyPatch) -> None:
    data = linear(exemplars).to_bytes()
    monkeypatch.setattr("spacy_convner.filtering.filters.linear.FORMAT", 2)
    with pytest.raises(DataError, match="format 1, this version reads 2"):
        linear([]).from_bytes(data)


@pytest.mark.parametrize("setting", [{"regularization": 0}, {"folds": 1}, {"max_calibration": 0}])
def test_bad_settings(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected regularization > 0"):
        make_linear_filter(**setting)


def test_quality_on_snips() -> None:
    path = SHARED / "data" / "snips" / "train.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    lines = read_exemplars(path)
    random.Random(0).shuffle(lines)
    lines = lines[:800]
    entries = [CatalogEntry(e.text[s.start : s.end], s.label) for e in lines for s in e.spans]
    matched = match(lines, entries, lang="xx")
    train, test = matched[:400], matched[400:]
    filter_ = linear(train)
    prior = make_prior_filter()
    assert isinstance(prior, TrainableFilter)
    prior.fit(train, TASK)
    score, by_prior, by_all = f1(filter_, test), f1(prior, test), f1(make_accept_all_filter(), test)
    assert score > 0.97
    assert score > by_prior + 0.02
    assert score > by_all + 0.05
    # Without a single exemplar it beats accepting everything.
    assert f1(linear([]), test) > by_all


def test_names_without_capitals() -> None:
    # Who annotates writes names with capitals; speech recognition doesn't. Their absence is no evidence against a name.
    names = ["Dune", "Emma", "Holes", "Carrie", "Heat", "Alien", "Jaws", "Up"]
    written = [f"watch {name} with me {i}" for i, name in enumerate(names * 4)]
    refused = [f"what does {name.lower()} mean {i}" for i, name in enumerate(names * 4)]
    exemplars = []
    for i, text in enumerate([*written, *refused]):
        name = names[i % len(names)]
        start = text.lower().index(name.lower())
        span = LabelledSpan(start, start + len(name), "Movie")
        step = "exact" if name in text else "case"
        candidate = Candidate(span.start, span.end, "Movie", step=step)
        exemplars.append(Exemplar(text, (span,) if name in text else (), candidates=(candidate,)))
    filter_ = linear(exemplars)
    assert chosen(filter_, ask("watch tenet with me", ("tenet", "Movie"))) == {("tenet", "Movie")}
    assert chosen(filter_, ask("what does tenet mean", ("tenet", "Movie"))) == set()
    assert chosen(filter_, ask("watch Tenet with me", ("Tenet", "Movie"))) == {("Tenet", "Movie")}
    loaded = make_linear_filter()
    assert isinstance(loaded, LinearFilter)
    loaded.from_bytes(filter_.to_bytes())
    assert chosen(loaded, ask("watch tenet with me", ("tenet", "Movie"))) == {("tenet", "Movie")}


def test_an_initial_capital_and_emoji_say_nothing(exemplars: list[Exemplar]) -> None:
    filter_ = linear(exemplars)
    plain = filter_.probabilities(ask("put on stay again", ("stay", "Song")), TASK)
    assert filter_.probabilities(ask("Put on stay again", ("stay", "Song")), TASK) == plain
    assert filter_.probabilities(ask("\U0001f642 put on stay again", ("stay", "Song")), TASK) == plain
    assert filter_.probabilities(ask("Put on Stay again", ("Stay", "Song")), TASK) != plain
