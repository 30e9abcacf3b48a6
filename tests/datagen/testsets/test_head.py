"""The most probable utterances, in order."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from spacy.language import Language

from spacy_convner.datagen.population.names import group_names
from spacy_convner.datagen.testsets.head import counted_utterances, probable_utterances
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import DataError
from spacy_convner.leaks import form_of
from spacy_convner.ty import CatalogEntry

from ...conftest import parse_markup, write_jsonl
from .conftest import ENTRIES, frames_of

GROUPED = group_names(ENTRIES, "en")


def pattern(text: str, frequency: int) -> Pattern:
    return Pattern(text, "en", "accepted", style="command", frequency=frequency)


def test_by_frequency_and_popularity(nlp: Language) -> None:
    frames = frames_of(pattern("play <Song>", 6), pattern("stop", 3), pattern("play <Song> by <Artist>", 1))
    found = probable_utterances(frames, GROUPED, size=8, nlp=nlp)
    assert [e.text for e in found][:3] == ["play Hello", "stop", "play Stay"]
    logs = [e.meta["log_probability"] for e in found]
    assert all(before >= after for before, after in pairwise(logs))
    songs = sum(name.weight for name in GROUPED["Song"])
    assert logs[0] == pytest.approx(math.log(0.6 * 90 / songs), abs=1e-4)
    assert logs[1] == pytest.approx(math.log(0.3), abs=1e-4)
    assert found == probable_utterances(frames, GROUPED, size=8, nlp=nlp)
    by = [e for e in found if " by " in e.text]
    assert by[0].text == "play Hello by The Beatles"


def test_all_combinations_in_order(nlp: Language) -> None:
    found = probable_utterances(frames_of(pattern("<Song> by <Artist> or <Artist>", 1)), GROUPED, size=999, nlp=nlp)
    assert len(found) == len({e.text for e in found}) == 6 * 6 * 5
    logs = [e.meta["log_probability"] for e in found]
    assert all(before >= after for before, after in pairwise(logs))


def test_every_label_and_no_pattern_alone(nlp: Language) -> None:
    frames = frames_of(pattern("play <Song>", 1000), pattern("who is <Artist>", 1), pattern("more <Song>", 999))
    found = probable_utterances(frames, GROUPED, size=6, nlp=nlp)
    assert any(span.label == "Artist" for e in found for span in e.spans)
    assert sum(e.text.startswith("play") for e in found) <= 4
    # where the others give too little, a pattern may give more
    alone = probable_utterances(frames_of(pattern("play <Song>", 9), pattern("stop", 1)), GROUPED, size=6, nlp=nlp)
    assert len(alone) == 6


def test_known_texts_are_skipped(nlp: Language) -> None:
    frames = frames_of(pattern("play <Song>", 1), pattern("Play <Song>!", 1))
    found = probable_utterances(frames, GROUPED, size=99, nlp=nlp, skip={"play hello"})
    assert sorted(e.text.strip("!").lower() for e in found) == [
        f"play {name}" for name in ("fireflies", "nightcall", "rolling", "sheep", "stay")
    ]


def test_counted(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "counted.jsonl",
        [
            {**parse_markup("play [hello](Song)"), "meta": {"count": 3}},
            {**parse_markup("play [stay](Song)"), "meta": {"count": 9}},
            {**parse_markup("Play [Hello](Song)!"), "meta": {"count": 7}},
            parse_markup("what now"),
            {**parse_markup("para", "es"), "meta": {"count": 99}},
        ],
    )
    found = counted_utterances([path], "en", None, 2)
    assert [(e.text, e.meta["count"]) for e in found] == [("play hello", 10), ("play stay", 9)]
    counted: Counter[str] = Counter()
    rest = counted_utterances([path], "en", None, 9, {"play stay"}, counted)
    assert [e.text for e in rest] == ["play hello", "what now"]
    assert counted == {"utterances": 3, "skipped": 1}
    with pytest.raises(DataError, match="unknown label"):
        counted_utterances([path], "en", ["Artist"], 9)
    bad = write_jsonl(tmp_path / "bad.jsonl", [{**parse_markup("stop"), "meta": {"count": 0}}])
    with pytest.raises(DataError, match=r"bad.jsonl:1.*meta.count"):
        counted_utterances([bad], "en", None, 9)


def test_a_form_gives_its_share_of_the_traffic(nlp: Language) -> None:
    # A label with many names has none that is probable, but its forms are said as often.
    entries = [CatalogEntry(f"Name {i}", "Song", id=f"s{i}", popularity=100 - i) for i in range(40)]
    entries += [CatalogEntry(f"Town {i}", "City", id=f"c{i}", popularity=1) for i in range(400)]
    frames = frames_of(pattern("play <Song>", 3), pattern("<Song> then <Song>", 1), pattern("weather in <City>", 1))
    found = probable_utterances(frames, group_names(entries, "en"), size=50, nlp=nlp)
    forms = Counter(form_of(exemplar) for exemplar in found)
    assert sorted(forms.values()) == [10, 10, 30]
