"""Names that training can't know, and what it has seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_convner.datagen.population.names import group_names
from spacy_convner.datagen.testsets.training import Training, read_training
from spacy_convner.datagen.testsets.unseen import Unseen, all_keys, choose_unseen, name_keys, unseen_records
from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.errors import DataError
from spacy_convner.exemplars.store import guard_leaks, read_excluded
from spacy_convner.records import parse_utterance, read_exemplars, to_record
from spacy_convner.ty import Exemplar, LabelledSpan, Normalizer

from ...conftest import parse_markup, write_jsonl
from .conftest import ENTRIES


@pytest.fixture
def seen(exemplars: Path, normalizer: Normalizer) -> Training:
    return read_training([exemplars], set(all_keys(ENTRIES, normalizer)))


def choose(training: Training, normalizer: Normalizer, **settings: float) -> Unseen:
    given = {"per_label": 50, **settings}
    return choose_unseen(group_names(ENTRIES, "en"), training, normalizer, **given)  # type: ignore[arg-type]


def names(unseen: Unseen) -> set[str]:
    return {entry.text for entry in unseen.entries}


def test_what_training_has_seen(seen: Training, exemplars: Path) -> None:
    assert seen.annotated == {"hello": f"{exemplars}:1", "adele": f"{exemplars}:1", "sia": f"{exemplars}:2"}
    assert seen.raw == {"stay": f"{exemplars}:3"}
    assert seen.forms == {"play <song> by <artist>": f"{exemplars}:1", "is <artist> on tour": f"{exemplars}:2"}
    assert seen.texts["what now"] == f"{exemplars}:4"


def test_every_kind_of_file(tmp_path: Path, nlp: object, normalizer: Normalizer) -> None:
    keys = set(all_keys(ENTRIES, normalizer))
    write_jsonl(tmp_path / "in" / "traffic.jsonl", [{"text": "play adele's hello"}, {"text": "queen bey, please"}])
    doc = exemplar_to_doc(nlp, parse_utterance(parse_markup("play [Moby](Artist), moby!")))  # type: ignore[arg-type]
    write_docbin(tmp_path / "in" / "silver.spacy", [doc])
    training = read_training([tmp_path / "in"], keys)
    # "Moby" is annotated once and stands there once more
    assert set(training.raw) == {"adele", "hello", "queen bey", "moby"}
    assert set(training.annotated) == {"moby"}
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"no file to read"):
        read_training([tmp_path / "none"], keys)
    bad = write_jsonl(tmp_path / "bad.jsonl", [{"text": "a", "spans": [{"start": 0, "end": 9, "label": "X"}]}])
    with pytest.raises(DataError, match=r"bad.jsonl:1.*offsets"):
        read_training([bad], keys)


def test_names_by_every_spelling(normalizer: Normalizer) -> None:
    by_text = {entry.text: entry for entry in ENTRIES}
    assert name_keys(by_text["The Beatles"], normalizer) == {"the beatles", "beatles"}
    assert name_keys(by_text["Beyoncé"], normalizer) == {"beyonce", "queen bey"}


def test_unseen_names(seen: Training, normalizer: Normalizer) -> None:
    unseen = choose(seen, normalizer)
    assert names(unseen) == {"Sheep", "Rolling", "Nightcall", "Fireflies", "Moby", "The Beatles", "Kavinsky", "Beyoncé"}
    assert not unseen.reserved
    assert unseen.available == {"Artist": 4, "Song": 4}


def test_other_ways_to_say_a_name_count(tmp_path: Path, normalizer: Normalizer) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", [{"text": "beatles or QUEEN BEY’s"}])
    unseen = choose(read_training([path], set(all_keys(ENTRIES, normalizer))), normalizer)
    assert not {"The Beatles", "Beyoncé"} & names(unseen)


def test_few_a_label_and_rather_popular_ones(normalizer: Normalizer) -> None:
    counts = dict.fromkeys((entry.text for entry in ENTRIES), 0)
    for seed in range(200):
        unseen = choose(Training(), normalizer, per_label=2, seed=seed)
        assert len(unseen.entries) == 4
        for name in names(unseen):
            counts[name] += 1
    assert counts["Hello"] > counts["Sheep"] > counts["Fireflies"]
    again = choose(Training(), normalizer, per_label=2, seed=3)
    assert names(again) == names(choose(Training(), normalizer, per_label=2, seed=3))


def test_reserved_names_and_the_leak_guard(
    exemplars: Path, tmp_path: Path, seen: Training, normalizer: Normalizer
) -> None:
    unseen = choose(seen, normalizer, share=0.999)
    # "Stay" is said in an exemplar that isn't annotated with it: no guard finds that
    assert {"Hello", "Adele", "Sia"} <= names(unseen)
    assert "Stay" not in names(unseen)
    assert unseen.reserved == {"hello", "adele", "sia"}
    made = [
        Exemplar(entry.text, (LabelledSpan(0, len(entry.text), entry.label),), "en", meta={"entries": [entry.id]})
        for entry in unseen.entries
    ]
    rows = unseen_records(made, unseen.entries, normalizer)
    path = write_jsonl(tmp_path / "unseen_entities.en.jsonl", [to_record(row) for row in rows])
    listed = read_excluded(str(path), lambda e: [e.text[s.start : s.end] for s in e.spans])
    assert {"Beyoncé", "Queen Bey", "The Beatles", "beatles", "Hello"} <= set(listed)
    left = guard_leaks(read_exemplars(exemplars), [], listed)
    assert [exemplar.text for exemplar in left] == ["stay where you are", "what now"]
    after = read_training([exemplars], set(all_keys(ENTRIES, normalizer)), unseen.reserved)
    assert not after.annotated
    assert after.raw.keys() == {"stay"}


def test_only_names_that_are_used_are_listed(normalizer: Normalizer) -> None:
    made = [Exemplar("Moby", (LabelledSpan(0, 4, "Artist"),), "es", meta={"entries": ["artist:moby"]})]
    rows = unseen_records(made, ENTRIES, normalizer)
    assert [(row.text, row.lang, row.meta) for row in rows] == [("Moby", "es", {"id": "artist:moby", "name": "Moby"})]
