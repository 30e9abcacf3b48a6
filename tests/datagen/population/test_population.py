"""Exact offsets, no repeats, the same every time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.datagen.pattern_files import pattern_id
from spacy_convner.datagen.population.filling import Frame, draw_names, fill, make_frames, takes_an
from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.datagen.population.population import PopulationReport, SeenTexts, populate
from spacy_convner.datagen.population.surface_noise import SurfaceNoise
from spacy_convner.datagen.ty import NameSampler, Pattern
from spacy_convner.errors import DataError
from spacy_convner.records import normalize_text

from .conftest import NAMES, entry, frames_of

Make = Callable[..., list[Frame]]
BY_ID = {name.id: name for name in NAMES}


def test_spans_are_the_names(sampler: NameSampler, nlp: Language, make: Make) -> None:
    frames = make("play <Song> by <Artist>", "is <Artist>'s <Song> on, in <City>?", "<Artist>, please")
    found = list(populate(frames, sampler, size=20, nlp=nlp))
    assert len(found) == 20
    for exemplar in found:
        names = [exemplar.text[span.start : span.end] for span in exemplar.spans]
        assert names == [BY_ID[i].text for i in exemplar.meta["entries"]]
        assert [span.label for span in exemplar.spans] == [BY_ID[i].label for i in exemplar.meta["entries"]]
        assert exemplar.lang == "en"
        assert exemplar.meta["style"] == "conversational"
        assert exemplar.meta["pattern"] in {pattern_id(frame.pattern) for frame in frames}


def test_no_repeats(sampler: NameSampler, nlp: Language, make: Make) -> None:
    report = PopulationReport()
    frames = make("play <Song>", "Play <Song>!", "<Artist> or <Artist>", "never mind")
    found = list(populate(frames, sampler, size=1000, nlp=nlp, report=report))
    assert len({normalize_text(exemplar.text) for exemplar in found}) == len(found) == report.utterances
    # every pair of artists, both ways, or nearly; the same song in either pattern
    assert 10 <= Counter(e.meta["pattern"] for e in found)[frames[2].id] <= 4 * 3
    assert Counter(len(e.spans) for e in found)[1] == 3
    assert Counter(len(e.spans) for e in found)[0] == 1
    assert set(report.exhausted) == {frame.id for frame in frames if frame.slots}
    assert report.rejected["duplicate"]


def test_no_name_twice_unless_asked(sampler: NameSampler, nlp: Language, make: Make) -> None:
    frames = make("<Artist:1> or <Artist>? <Artist:1>! or <Artist:2>", "<SportsTeam> against <City>")
    for exemplar in populate(frames, sampler, size=24, nlp=nlp):
        names = [exemplar.text[span.start : span.end] for span in exemplar.spans]
        assert names[0] == names[2]
        assert len(set(names)) == 3
    assert all(e.meta["pattern"] == frames[0].id for e in populate(frames, sampler, size=24, nlp=nlp))


def test_patterns_get_the_same_share(sampler: NameSampler, nlp: Language, make: Make) -> None:
    frames = make(*(f"number {i}: <Artist> and <Song>" for i in range(7)))
    counts = Counter(e.meta["pattern"] for e in populate(frames, sampler, size=40, nlp=nlp))
    assert sorted(counts.values()) == [5, 5, 6, 6, 6, 6, 6]


def test_patterns_as_in_the_traffic(sampler: NameSampler, nlp: Language, make: Make) -> None:
    frames = make("number one: <Artist> and <Song>", frequency=3) + make("number two: <Artist> and <Song>")
    found = populate(frames, sampler, size=12, nlp=nlp, weighting="frequency")
    assert Counter(e.meta["pattern"] for e in found) == {frames[0].id: 9, frames[1].id: 3}


def test_the_same_every_time(sampler: NameSampler, nlp: Language, make: Make) -> None:
    frames = make("play <Song> by <Artist>", "<Artist> in <City>")
    noise = SurfaceNoise(0.5)

    def texts(seed: int) -> list[str]:
        return [e.text for e in populate(frames, sampler, size=12, nlp=nlp, seed=seed, noise=noise)]

    assert texts(3) == texts(3)
    assert texts(3) != texts(4)
    # These are the ones on every machine.
    assert texts(0)[:3] == EXPECTED, texts(0)[:3]


EXPECTED = ["so beyoncé in manchester", "play Stay by Beyoncé", "Beyoncé in Manchester"]


def test_known_texts_are_skipped(sampler: NameSampler, nlp: Language, make: Make) -> None:
    report = PopulationReport()
    found = list(populate(make("play <Song>"), sampler, size=9, nlp=nlp, skip={"play hello"}, report=report))
    assert {e.text for e in found} == {"play Stay", "play Sheep"}
    assert report.rejected["known"]


def test_names_that_cut_tokens_are_drawn_again(sampler: NameSampler, nlp: Language, make: Make) -> None:
    report = PopulationReport()
    found = list(populate(make("<Artist>ish <Song>"), sampler, size=9, nlp=nlp, report=report))
    assert not found
    assert report.rejected["tokens"]
    assert report.exhausted


def test_frames_that_cannot_be(sampler: NameSampler) -> None:
    path = Path("p.jsonl")
    good = Pattern("play <Song>", "en", "accepted")

    def fails(*patterns: Pattern, **wanted: str) -> str:
        with pytest.raises(DataError) as caught:
            make_frames(enumerate(patterns, 1), sampler.labels, path=path, **wanted)  # type: ignore[arg-type]
        return str(caught.value)

    assert "p.jsonl:2" in fails(good, Pattern("watch <Movie>", "en", "edited"))
    assert "<Movie>" in fails(good, Pattern("watch <Movie>", "en", "edited"))
    assert "p.jsonl:2" in fails(good, Pattern("watch <Song", "en", "edited"))
    assert "accepted" in fails(Pattern("play <Song>", "en", "proposed"), Pattern("<", "en", "rejected"))
    assert "'es'" in fails(good, lang="es")
    assert "command" in fails(good, style="command")
    assert "accepted" in fails()
    twice = make_frames([(1, good), (2, good), (3, Pattern("play  <Song> ", "en", "accepted"))], sampler.labels)
    assert len(twice) == 1


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("a <Dish>", "omelette", "an omelette"),
        ("an <Dish>", "pizza", "a pizza"),
        ("An <Dish>, please", "pizza", "A pizza, please"),
        ("play a “<Dish>”", "apple pie", "play an “apple pie”"),
        ("Vitamina <Dish>", "olivas", "Vitamina olivas"),
        ("one <Dish>", "olives", "one olives"),
        ("is it a <Dish>", "8-bit", "is it an 8-bit"),
        ("I can <Dish>", "olives", "I can olives"),
    ],
)
def test_articles_agree(text: str, name: str, expected: str) -> None:
    exemplar = fill(frames_of(text)[0], [entry(name, "Dish")])
    assert exemplar.text == expected
    (span,) = exemplar.spans
    assert exemplar.text[span.start : span.end] == name


@pytest.mark.parametrize(
    ("text", "lang", "name", "expected"),
    [
        ("play the <Artist> now", "en", "The Beatles", "play The Beatles now"),
        ("The <Artist>, please", "en", "The Beatles", "The Beatles, please"),
        ("bathe <Artist>", "en", "The Beatles", "bathe The Beatles"),
        ("the <Artist>", "en", "Theory of Sound", "the Theory of Sound"),
        ("the best <Artist>", "en", "The Beatles", "the best The Beatles"),
        ("pon la <Artist>", "es", "La Oreja de Van Gogh", "pon La Oreja de Van Gogh"),
        ("la <Artist>", "es", "La", "la La"),
        ("die <Artist>", "de", "Die Ärzte", "die Die Ärzte"),
    ],
)
def test_no_article_twice(text: str, lang: str, name: str, expected: str) -> None:
    exemplar = fill(frames_of(text, lang=lang)[0], [entry(name, "Artist")])
    assert exemplar.text == expected
    assert exemplar.text[exemplar.spans[0].start : exemplar.spans[0].end] == name


def test_the_vocab_does_not_grow(sampler: NameSampler, make: Make) -> None:
    nlp = spacy.blank("xx")
    list(populate(make("is <Artist>'s <Song>? in (<City>)"), sampler, size=3, nlp=nlp))
    before = len(nlp.vocab.strings)
    list(populate(make("is <Artist>'s <Song>? in (<City>)"), sampler, size=12, nlp=nlp, noise=SurfaceNoise(0.5)))
    assert len(nlp.vocab.strings) == before


def test_articles_of_other_languages_stay() -> None:
    assert fill(frames_of("voy a <City>", lang="es")[0], [entry("Oviedo", "City")]).text == "voy a Oviedo"


AN = ["Uno", "MTV show", "iPhone", "HBO", "hour", "Umbrella", "X5", "R.E.M.", "11", "NBA", "omelette", "80s"]


@pytest.mark.parametrize("name", [*AN, "Xbox", "U2", "UFC", "European Union", "pizza", "FIFA 24"])
def test_an(name: str) -> None:
    assert takes_an(name) == (name in AN)


NO_SPACE = st.characters(blacklist_categories=("Cc", "Cs", "Z"))


@given(
    st.lists(st.sampled_from(["<Song>", "<Artist>", "<Artist:1>", " ", "a ", "¿qué? ", "'s", ", ", "É!"]), min_size=1),
    st.lists(st.text(NO_SPACE, min_size=1), min_size=9, max_size=9, unique=True),
    st.integers(0, 5),
)  # fmt: skip
@settings(max_examples=150)
def test_offsets_of_anything(pieces: list[str], names: list[str], seed: int) -> None:
    text = "".join(pieces)
    if not text.strip():
        return
    (frame,) = frames_of(text)
    sampler = make_popularity_sampler()
    sampler.fit([entry(name, label) for name in names for label in ("Song", "Artist")], "en")
    rng = random.Random(seed)
    entries = draw_names(frame, lambda label, taken: sampler.draw(label, taken, rng))
    if entries is None:
        return
    exemplar = fill(frame, entries)
    wanted = [entries[piece] for piece in frame.pieces if not isinstance(piece, str)]
    assert [(exemplar.text[s.start : s.end], s.label) for s in exemplar.spans] == [(e.text, e.label) for e in wanted]
    assert len({e.text.casefold() for e in entries}) == len(entries)


def test_seen_texts() -> None:
    seen = SeenTexts(1000)
    texts = [f"text {i}" for i in range(1000)]
    assert not any(text in seen for text in texts)
    for text in texts:
        seen.add(text)
    assert all(text in seen for text in texts)
    assert sum(f"other {i}" in seen for i in range(10_000)) < 10
