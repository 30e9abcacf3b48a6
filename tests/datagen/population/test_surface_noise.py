"""Written otherwise, annotated as before."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.attrs import get_candidates, set_doc_lang
from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.datagen.population.filling import fill, make_frames
from spacy_convner.datagen.population.names import group_names
from spacy_convner.datagen.population.population import fits_tokens
from spacy_convner.datagen.population.surface_noise import KINDS, SurfaceNoise, add_noise
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import ConfigError
from spacy_convner.leaks import form_of
from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar, LabelledSpan

from ...conftest import ROOT, parse_markup


class NoFiller(random.Random):
    """Draws the plain form."""

    def random(self) -> float:
        return 0.99


def noisy(markup: str, kind: str, lang: str = "en", rng: random.Random | None = None) -> tuple[str, list[str]]:
    exemplar = add_noise(parse_utterance(parse_markup(markup, lang)), kind, rng or NoFiller())
    return exemplar.text, [exemplar.text[span.start : span.end] for span in exemplar.spans]


@pytest.mark.parametrize(
    ("kind", "markup", "text", "names"),
    [
        ("lower", "Play [Hello](Song) NOW", "play hello now", ["hello"]),
        ("unpunctuated", "Hey, is “[Hello](Song)” on?", "Hey is Hello on", ["Hello"]),
        ("unpunctuated", "[Sia](Artist)'s, or [Jay-Z](Artist)'s? Can't.", "Sia's or Jay Z's Can't", ["Sia", "Jay Z"]),
        ("unpunctuated", "[R.E.M.](Artist)/[P!nk](Artist)", "REM P!nk", ["REM", "P!nk"]),
        ("unpunctuated", "at 7:30, [Spider-Man: Home](Movie)!", "at 7:30 Spider Man Home", ["Spider Man Home"]),
        ("unpunctuated", "play 'til dawn", "play til dawn", []),
        ("unaccented", "[Beyoncé](Artist) está en [Ñuñoa](City)", "Beyonce esta en Ñuñoa", ["Beyonce", "Ñuñoa"]),
        ("spoken", "Play [Maroon 5](Artist), 20 songs!", "play maroon five twenty songs", ["maroon five"]),
        ("spoken", "[Simon & Garfunkel](Artist) & co", "simon and garfunkel and co", ["simon and garfunkel"]),
        ("spoken", "[1984](Book) at 7:30 or 007", "nineteen eighty four at 7:30 or 007", ["nineteen eighty four"]),
    ],
)  # fmt: skip
def test_kinds(kind: str, markup: str, text: str, names: list[str]) -> None:
    assert noisy(markup, kind) == (text, names)


def test_spanish_is_said_in_spanish() -> None:
    text, names = noisy("¿Pones [Dúo & Trío](Artist) a las 10?", "spoken", "es")
    assert text == "pones dúo y trío a las diez"
    assert names == ["dúo y trío"]
    assert noisy("¿Pones 1984?", "spoken", "es")[0] == "pones mil novecientos ochenta y cuatro"
    assert noisy("Spiel 5 & 6!", "spoken", "de")[0] == "spiel 5 & 6"


def test_fillers() -> None:
    first = {noisy("[Adele](Artist)?", "spoken", "es", random.Random(i))[0] for i in range(60)}
    assert {"adele", "pues adele", "a ver adele"} <= first


def test_what_would_vanish_stays() -> None:
    exemplar = Exemplar("play !!! now", (LabelledSpan(5, 8, "Artist"),), "en")
    assert add_noise(exemplar, "unpunctuated", NoFiller()) is exemplar
    assert add_noise(exemplar, "lower", NoFiller()).text == "play !!! now"


def test_share_and_kinds() -> None:
    exemplar = parse_utterance(parse_markup("Play [Beyoncé](Artist), now!"))
    rng = random.Random(0)
    counts = Counter(SurfaceNoise(0.4)(exemplar, rng).meta.get("noise") for _ in range(4000))
    assert counts[None] == pytest.approx(2400, abs=120)
    assert min(counts[kind] for kind in KINDS) > 300
    plain = parse_utterance(parse_markup("play [hello](Song)"))
    assert SurfaceNoise(1, ["lower", "unaccented"])(plain, rng) is plain
    assert SurfaceNoise(0)(exemplar, rng) is exemplar


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="share of noise"):
        SurfaceNoise(1.5)
    with pytest.raises(ConfigError, match="unknown kind of noise 'typos'; known: lower"):
        SurfaceNoise(0.5, ["typos"])


@given(
    st.lists(st.text(max_size=8), min_size=3, max_size=5),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["en", "es", "fr", None]),
    st.integers(0, 3),
)
def test_spans_of_anything(pieces: list[str], kind: str, lang: str | None, seed: int) -> None:
    text, spans = "", []
    for i, piece in enumerate(pieces):
        name = piece.strip()
        if i % 2 and name:
            spans.append(LabelledSpan(len(text), len(text) + len(name), "X"))
            text += name
        elif not i % 2:
            text += piece
    before = Exemplar(text, tuple(spans), lang)
    after = add_noise(before, kind, random.Random(seed))
    assert len(after.spans) == len(spans)
    rewritten = [KINDS[kind](text[span.start : span.end], lang or "en", True).strip() for span in spans]
    if after is not before:
        assert [after.text[span.start : span.end] for span in after.spans] == rewritten
    for span in after.spans:
        name = after.text[span.start : span.end]
        assert name == name.strip() != ""


@pytest.fixture(scope="module")
def matcher() -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(ROOT / "assets" / "catalogs")})
    return nlp


@pytest.mark.parametrize(("lang", "text"), [("en", "hey, is <{}> on now?"), ("es", "¿has probado <{}>, tío?")])
def test_the_catalog_still_proposes_the_name(matcher: Language, lang: str, text: str) -> None:
    grouped = group_names(read_catalog(ROOT / "assets" / "catalogs"), lang)
    rng = random.Random(0)
    for label, names in grouped.items():
        pattern = text.format(label)
        (frame,) = make_frames([(1, Pattern(pattern, lang, "accepted"))], grouped)
        exemplars = [fill(frame, [name.entry]) for name in names[:: 1 + len(names) // 25]]
        changed = [add_noise(exemplar, kind, rng) for exemplar in exemplars for kind in KINDS]
        docs = [matcher.make_doc(exemplar.text) for exemplar in changed]
        for doc in docs:
            set_doc_lang(doc, lang)
        for exemplar, doc in zip(changed, matcher.pipe(docs), strict=True):
            assert fits_tokens(matcher, exemplar), exemplar.text
            proposed = {candidate.key for candidate in get_candidates(doc, "candidates")}
            assert exemplar.spans[0] in proposed, exemplar.text


WORDS = [
    "play",
    "5",
    "1905",
    "2004",
    "31,",
    "R&B",
    "&",
    "o'clock",
    "and",
    "y",
    "U.S.",
    "a",
    "the",
    "café-bar",
    "so",
    "[Hello](Song)",
]


@given(
    st.lists(st.sampled_from(WORDS), min_size=1),
    st.sampled_from(list(KINDS)),
    st.sampled_from(["en", "es"]),
    st.integers(),
)
def test_the_form_stays(words: list[str], kind: str, lang: str, seed: int) -> None:
    exemplar = parse_utterance(parse_markup(" ".join([*words, "[Adele](Artist)"]), lang))
    assert form_of(add_noise(exemplar, kind, random.Random(seed))) == form_of(exemplar)


@pytest.mark.parametrize(("lang", "step"), [("en", 7), ("es", 7)])
def test_numbers_in_words_have_the_form_of_digits(lang: str, step: int) -> None:
    for number in (*range(200), *range(200, 10000, step), 10000):
        said = noisy(f"at {number} [Hello](Song)", "spoken", lang)[0]
        exemplar = parse_utterance(parse_markup(said.replace("hello", "[hello](Song)")))
        assert form_of(exemplar) == "at # <song>", said
