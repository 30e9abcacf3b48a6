"""Mention replacement keeps everything but the names."""

from __future__ import annotations

import random
from itertools import accumulate
from math import nan, sqrt

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from spacy_convner.errors import DataError
from spacy_convner.student.mention_replacement import make_replace_mentions
from spacy_convner.ty import CatalogEntry

NLP = spacy.blank("xx")
CATALOG = [
    CatalogEntry("Clair de Lune", "Song", id="1", popularity=50),
    CatalogEntry("24K Magic", "Song", id="2", popularity=1),
    CatalogEntry("Dr. Dre", "Artist", id="3"),
]


def example(text: str, *spans: tuple[int, int, str]) -> Example:
    doc = NLP.make_doc(text)
    doc.set_ents([doc.char_span(*span) for span in spans])
    return Example(NLP.make_doc(text), doc)


def variants(source: Example, count: int = 4, seed: int = 0, nlp: Language = NLP) -> list[Doc]:
    augmented = list(make_replace_mentions(lambda: iter(CATALOG), variants=count, seed=seed)(nlp, source))
    assert augmented[0] is source
    assert all(item.predicted.text == item.reference.text for item in augmented)
    return [item.reference for item in augmented[1:]]


@given(
    st.lists(st.tuples(st.sampled_from(["play", "¿y", "o'clock, ", "by", "…"]), st.sampled_from(["Song", "Artist"]))),
    st.integers(0, 9),
)
def test_only_the_names_change(pieces: list[tuple[str, str]], seed: int) -> None:
    text, spans = "", []
    for word, label in pieces:
        text += f"{word} "
        spans.append((len(text), len(text) + 3, label))
        text += "Xyz "
    source = example(text + "end", *spans)
    names = {label: {entry.text for entry in CATALOG if entry.label == label} for label in ("Song", "Artist")}
    found = variants(source, seed=seed)
    assert len(found) == (4 if pieces else 0)
    for doc in found:
        assert [ent.label_ for ent in doc.ents] == [label for _, label in pieces]
        assert all(ent.text in names[ent.label_] for ent in doc.ents)
        rest = doc.text
        for ent in reversed(doc.ents):
            rest = f"{rest[: ent.start_char]}Xyz{rest[ent.end_char :]}"
        assert rest == source.reference.text


def test_case_follows_the_utterance() -> None:
    assert {ent.text for doc in variants(example("play hello", (5, 10, "Song")), 30) for ent in doc.ents} == {
        "clair de lune",
        "24k magic",
    }


def test_popular_names_come_more_often_and_a_seed_repeats() -> None:
    source = example("play Hello", (5, 10, "Song"))
    first = [doc.text for doc in variants(source, 100)]
    assert first == [doc.text for doc in variants(source, 100)]
    assert first != [doc.text for doc in variants(source, 100, seed=1)]
    assert first.count("play Clair de Lune") > 60


def test_what_the_catalog_lacks_stays() -> None:
    assert variants(example("watch Dune", (6, 10, "Movie"))) == []
    mixed = variants(example("watch Dune to Hello", (6, 10, "Movie"), (14, 19, "Song")))
    assert {doc.ents[0].text for doc in mixed} == {"Dune"}


def test_a_name_that_ends_inside_a_token_makes_no_variant() -> None:
    # No tokenizer would part "Abc" from "5".
    doc = Doc(NLP.vocab, words=["Xyz", "5"], spaces=[False, False])
    doc.set_ents([doc.char_span(0, 3, label="Artist")])
    source = Example(Doc(NLP.vocab, words=["Xyz", "5"], spaces=[False, False]), doc)
    augment = make_replace_mentions(lambda: iter([CatalogEntry("Abc", "Artist", id="1")]), variants=3)
    assert list(augment(NLP, source)) == [source]


def test_a_share_of_utterances_and_variants_is_recased() -> None:
    source = example("Play Hello now", (5, 10, "Song"))

    def texts(recased: float) -> list[str]:
        augment = make_replace_mentions(lambda: iter(CATALOG[:2]), variants=1, recased=recased)
        return [each.reference.text for _ in range(300) for each in augment(NLP, source)]

    assert set(texts(0)) == {"Play Hello now", "Play Clair de Lune now", "Play 24K Magic now"}
    everything = texts(1)
    assert {text for text in everything if "ello" in text.lower()} == {
        "play hello now",
        "PLAY HELLO NOW",
        "Play Hello Now",
    }
    assert "PLAY CLAIR DE LUNE NOW" in everything
    changed = sum(text in set(everything) for text in texts(0.4))
    assert 0.3 < changed / 600 < 0.5
    assert texts(0.4) == texts(0.4)


def test_no_share_draws_the_same_names_as_without() -> None:
    source = example("play Hello", (5, 10, "Song"))
    generator = random.Random(0)
    weights = list(accumulate(1 + sqrt(entry.popularity) for entry in CATALOG[:2]))
    drawn = [generator.choices([entry.text for entry in CATALOG[:2]], cum_weights=weights)[0] for _ in range(20)]
    assert [doc.ents[0].text for doc in variants(source, 20)] == drawn


def test_what_nobody_annotated_is_not_said_to_be_no_name() -> None:
    source = example("play Hello now", (5, 10, "Song"))
    source.reference.set_ents(list(source.reference.ents), default="missing")
    for doc in variants(source):
        assert {token.ent_iob_ for token in doc if not token.ent_type_} == {""}


@pytest.mark.parametrize(
    "settings",
    [{"variants": -1}, {"variants": "4"}, {"recased": -0.1}, {"recased": 1.1}, {"recased": nan}, {"recased": ".25"}],
)
def test_bad_settings(settings: dict[str, float | str]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        make_replace_mentions(lambda: iter(CATALOG), **settings)  # type: ignore[arg-type]


def test_in_a_config() -> None:
    block = {
        "augmenter": {
            "@augmenters": "spacy_convner.replace_mentions.v1",
            "names": {"@misc": "spacy_convner.CatalogRecords.v1", "path": "no/such/file.jsonl"},
        }
    }
    augment = registry.resolve(block)["augmenter"]  # nothing is read before the first example
    with pytest.raises(DataError, match="no/such/file"):
        list(augment(NLP, example("play Hello", (5, 10, "Song"))))
