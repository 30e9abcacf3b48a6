from __future__ import annotations

import pickle
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.attrs import get_candidates
from spacy_convner.errors import ConfigError, MissingExtraError
from spacy_convner.ty import CatalogEntry

NAMES = ["Bohemian Rhapsody", "Queen", "Radiohead", "Blink-182", "Beyoncé", "The Lord of the Rings", "Help", "Thanks"]
FUZZY = {"@misc": "spacy_convner.FuzzyStep.v1"}


def pipeline(kind: str = "auto", **settings: Any) -> Language:
    nlp = spacy.blank("en")
    matcher: Any = nlp.add_pipe("catalog_matcher", config={"fuzzy": {**FUZZY, **settings}, "index": kind})
    matcher.add([CatalogEntry(name, "Name", id=name) for name in NAMES])
    return nlp


def found(nlp: Language, text: str) -> list[tuple[str, str, str]]:
    return [(text[c.start : c.end], c.id, c.step) for c in get_candidates(nlp(text), "candidates")]


@pytest.mark.parametrize("kind", ["trie", "phrase"])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("play bohemain rapsody", "Bohemian Rhapsody"),  # two letters swapped, one left out
        ("anything by radiohaed", "Radiohead"),
        ("a song of beyonse", "Beyoncé"),
        ("watch the lord of the rigns tonight", "The Lord of the Rings"),
    ],
)
def test_mistakes(kind: str, text: str, name: str) -> None:
    if name == "The Lord of the Rings":
        assert found(pipeline(kind, max_words=5), text)[0][1:] == (name, "fuzzy")
    else:
        ((surface, *rest),) = found(pipeline(kind), text)
        assert rest == [name, "fuzzy"]
        assert surface in text


@pytest.mark.parametrize(
    "text",
    [
        "play something by oasis",  # nothing like it
        "blink 183",  # digits are no mistakes
        "play qeen",  # a word of four letters may be anything
        "thank you",  # everyday words are written right
        "bohemian",  # a part is no mistake
        "",
        "!!!",
    ],
)
def test_no_mistakes(text: str) -> None:
    assert found(pipeline(), text) == []


def test_what_matched_is_left_alone() -> None:
    assert found(pipeline(), "radiohead and radiohaed") == [
        ("radiohead", "Radiohead", "case"),
        ("radiohaed", "Radiohead", "fuzzy"),
    ]


def test_off_by_default() -> None:
    nlp = spacy.blank("en")
    matcher: Any = nlp.add_pipe("catalog_matcher")
    matcher.add([CatalogEntry("Radiohead", "Name")])
    assert found(nlp, "anything by radiohaed") == []


def test_removed_names_are_gone_and_new_ones_there() -> None:
    nlp = pipeline()
    matcher: Any = nlp.get_pipe("catalog_matcher")
    assert found(nlp, "radiohaed")
    matcher.add([CatalogEntry("Radiance", "Name", id="Radiohead"), CatalogEntry("Rosalía", "Artist")])  # replaced
    assert found(nlp, "radiohaed") == []
    assert [row[1:] for row in found(nlp, "rosalai")] == [("Artist:Rosalía", "fuzzy")]


def test_keys_compared_are_bounded() -> None:
    assert found(pipeline(max_compared=1), "radiohaed") == [("radiohaed", "Radiohead", "fuzzy")]
    nlp = pipeline(max_compared=2)
    matcher: Any = nlp.get_pipe("catalog_matcher")
    matcher.add([CatalogEntry(f"Rad {number}", "Name") for number in range(9)])
    assert found(nlp, "rdaiohead") == []  # the first letters must be right


def test_saved_and_pickled(tmp_path: Any) -> None:
    nlp = pipeline()
    expected = found(nlp, "play bohemain rapsody")
    nlp.to_disk(tmp_path / "model")
    assert found(spacy.load(tmp_path / "model"), "play bohemain rapsody") == expected
    assert found(pickle.loads(pickle.dumps(nlp)), "play bohemain rapsody") == expected


@settings(max_examples=60, deadline=None)
@given(st.text("abehimnoprsy radqu", max_size=40))
def test_never_loses_or_overlaps(text: str) -> None:
    strict, loose = STRICT(text), LOOSE(text)
    exact = get_candidates(strict, "candidates")
    candidates = get_candidates(loose, "candidates")
    assert set(exact) <= set(candidates)
    fuzzy = [c for c in candidates if c.step == "fuzzy"]
    for one in fuzzy:
        for other in candidates:
            same = (one.start, one.end) == (other.start, other.end)
            assert same or one.end <= other.start or other.end <= one.start


def test_bad_settings() -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        pipeline(max_words=0)


def test_without_rapidfuzz(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(MissingExtraError, match=r"spacy-convner\[fuzzy\]"):
        pipeline()("radiohaed")


STRICT = spacy.blank("en")
STRICT.add_pipe("catalog_matcher").add([CatalogEntry(name, "Name", id=name) for name in NAMES])  # type: ignore[attr-defined]
LOOSE = pipeline()
