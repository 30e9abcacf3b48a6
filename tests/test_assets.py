"""The demo data keeps its promises: valid, enough, varied, and the test sets share nothing with the rest."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import pytest
import spacy
from spacy.language import Language
from spacy.util import filter_spans
from typer.testing import CliRunner

from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.cli import app
from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.placeholders import find_placeholders
from spacy_convner.datagen.ty import USABLE
from spacy_convner.docbin import exemplar_to_doc
from spacy_convner.records import (
    normalize_text,
    open_lines,
    read_exemplars,
    read_jsonl,
    read_labels,
    read_utterances,
)
from spacy_convner.ty import Exemplar

from .conftest import ROOT

ASSETS = ROOT / "assets"
LABELS = [
    "Artist",
    "Song",
    "Album",
    "Playlist",
    "MusicGenre",
    "RadioStation",
    "Podcast",
    "Movie",
    "TVShow",
    "Actor",
    "Book",
    "Author",
    "VideoGame",
    "App",
    "Brand",
    "Product",
    "Restaurant",
    "Dish",
    "City",
    "Landmark",
    "SportsTeam",
    "Athlete",
]
MINIMUM = {
    ("traffic", "en"): 1500,
    ("traffic", "es"): 1000,
    ("exemplars", "en"): 400,
    ("exemplars", "es"): 300,
    ("gold", "en"): 200,
    ("gold", "es"): 200,
}


@lru_cache
def read(kind: str, lang: str) -> list[Exemplar]:
    path = ASSETS / kind / f"{lang}.jsonl"
    return list(read_utterances(path)) if kind == "traffic" else read_exemplars(path, set(LABELS))


@lru_cache
def matcher() -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(ASSETS / "catalogs")})
    return nlp


@pytest.mark.parametrize("lang", ["en", "es"])
def test_later_traffic_is_of_other_utterances(lang: str) -> None:
    later = [u for u in read_utterances(ASSETS / "traffic" / "later.jsonl") if u.lang == lang]
    texts = [normalize_text(utterance.text) for utterance in later]
    assert len(set(texts)) == len(texts) >= 1500
    rest = {normalize_text(u.text) for kind in ("traffic", "exemplars", "gold") for u in read(kind, lang)}
    assert not set(texts) & rest
    (most_common, count), *_ = Counter(map(form, later)).most_common(1)
    assert count <= 0.01 * len(later), most_common


@pytest.mark.parametrize("lang", ["en", "es"])
def test_detection_is_labelled_in_two_parts(lang: str) -> None:
    counts: Counter[tuple[str, bool]] = Counter()
    texts = []
    for _, record in read_jsonl(ASSETS / "detection" / f"{lang}.jsonl"):
        assert record["lang"] == lang
        counts[record["split"], record["conversational"]] += 1
        texts.append(normalize_text(record["text"]))
    assert set(counts) == {(split, found) for split in ("train", "test") for found in (True, False)}
    assert sum(counts.values()) >= 400
    assert min(counts.values()) >= 100
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_reviewed_patterns(lang: str) -> None:
    path = ASSETS / "patterns" / f"{lang}.jsonl"
    patterns = read_patterns(path)
    assert {pattern.lang for pattern in patterns} == {lang}
    assert all(pattern.reviewer and pattern.decided_at for pattern in patterns)
    assert all(pattern.status != "proposed" for pattern in patterns)
    kept = [pattern for pattern in patterns if pattern.status in USABLE and pattern.style == "conversational"]
    assert len(kept) >= 400
    counts = Counter(label for p in kept for label in {tag.label for tag in find_placeholders(p.text)})
    assert set(counts) == set(LABELS)
    assert min(counts.values()) >= 20
    options = ["--labels", str(ASSETS / "labels.yml"), "--catalog", str(ASSETS / "catalogs")]
    checked = CliRunner().invoke(app, ["patterns", "validate", str(path), *options])
    assert checked.exit_code == 0, checked.output


def test_labels() -> None:
    assert list(read_labels(ASSETS / "labels.yml")) == LABELS


@pytest.mark.parametrize(("kind", "lang"), MINIMUM)
def test_enough_and_valid(kind: str, lang: str) -> None:
    utterances = read(kind, lang)
    assert len({normalize_text(u.text) for u in utterances}) >= MINIMUM[kind, lang]
    assert {u.lang for u in utterances} == {lang}
    nlp = spacy.blank("xx")
    for number, utterance in enumerate(utterances, 1):
        exemplar_to_doc(nlp, utterance, path=ASSETS / kind, line=number)  # raises if a span cuts a token


def test_catalogs() -> None:
    entries = list(read_catalog(ASSETS / "catalogs"))
    assert len({entry.text.casefold() for entry in entries}) >= 4000
    assert {entry.label for entry in entries} == set(LABELS)
    assert {entry.lang for entry in entries} == {None, "en", "es"}
    assert len({entry.id for entry in entries}) == len(entries)
    assert min(Counter(entry.label for entry in entries).values()) >= 100
    assert all(entry.popularity > 0 for entry in entries)
    assert sum(bool(entry.aliases) for entry in entries) >= 300
    labels_of: dict[str, set[str]] = {}
    for entry in entries:
        labels_of.setdefault(entry.text.casefold(), set()).add(entry.label)
    assert sum(len(labels) > 1 for labels in labels_of.values()) >= 300
    for word in ("Hello", "Stay", "Home", "Something", "Time"):
        assert labels_of[word.casefold()]


def form(utterance: Exemplar) -> str:
    """The utterance with entities replaced by labels: annotated ones, else the longest that the catalog proposes."""
    if utterance.spans:
        found = {(s.start, s.end): s.label for s in utterance.spans}
    else:
        doc = matcher()(matcher().make_doc(utterance.text))
        found = {(s.start_char, s.end_char): s.label_ for s in filter_spans(doc.spans["candidates"])}
    text, position = "", 0
    for (start, end), label in sorted(found.items()):
        text += utterance.text[position:start] + f"<{label}>"
        position = end
    return normalize_text(text + utterance.text[position:])


@pytest.mark.parametrize(("kind", "lang"), MINIMUM)
def test_no_form_covers_more_than_one_percent(kind: str, lang: str) -> None:
    utterances = read(kind, lang)
    (most_common, count), *_ = Counter(map(form, utterances)).most_common(1)
    assert count <= 0.01 * len(utterances), most_common


@pytest.mark.parametrize("kind", ["exemplars", "gold"])
def test_every_label_and_hard_negatives(kind: str) -> None:
    utterances = [*read(kind, "en"), *read(kind, "es")]
    counts = Counter(span.label for u in utterances for span in u.spans)
    assert set(counts) == set(LABELS)
    # Everyday words that are names: no entity although the catalog proposes one.
    negatives = [u for u in utterances if not u.spans and matcher()(matcher().make_doc(u.text)).spans["candidates"]]
    assert len(negatives) >= 40


def test_both_styles() -> None:
    for lang in ("en", "es"):
        texts = [u.text for u in read("traffic", lang)]
        assert sum(text == text.lower() and not re.search(r"[.?!]$", text) for text in texts) >= 0.3 * len(texts)
        assert sum(text != text.lower() for text in texts) >= 0.15 * len(texts)


def test_gold_shares_no_text_with_the_rest() -> None:
    gold = [normalize_text(u.text) for lang in ("en", "es") for u in read("gold", lang)]
    assert len(gold) == len(set(gold))
    rest = {
        normalize_text(u.text) for kind in ("traffic", "exemplars") for lang in ("en", "es") for u in read(kind, lang)
    }
    tryout = {normalize_text(line) for _, line in open_lines(ASSETS / "tryout.txt")}
    assert not set(gold) & rest
    assert not tryout & (rest | set(gold))
