"""What is ignored between a name and an utterance, and what isn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.catalog.normalization.normalizer import FoldingNormalizer, make_normalizer, normalizer_like
from spacy_convner.catalog.normalization.words import fold_key, fold_words
from spacy_convner.errors import ConfigError, DataError

# The names of DESIGN's measurement: written as they are, in lower and in upper case, none may be missed.
NAMES = ["Dr. Dre", "R.E.M.", "24K Magic", "Can't Stop", "N.W.A.", "P!nk", "St. Vincent", "A$AP Rocky", "AC/DC",
         "Mr. Brightside", "Don't Stop Me Now", "Sgt. Pepper's", "will.i.am", "M.I.A.", "Ain't It Fun", "U.S.A.",
         "J. Cole", "Notorious B.I.G.", "I'm Yours", "We'll Be Fine", "You're Beautiful", "T. Rex", "3AM", "9PM",
         "10K", "No.5", "Jay-Z", "Blink-182", "5SOS", "X-Men", "Ke$ha", "Guns N' Roses", "Beyoncé", "Sigur Rós",
         "Motörhead", "Panic! At The Disco", "Simon & Garfunkel", "Earth, Wind & Fire",
         "Rock 'n' Roll", "Wham!"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_case_never_matters(name: str) -> None:
    assert fold_key(name.lower()) == fold_key(name.upper()) == fold_key(name) != ""


@pytest.mark.parametrize(
    ("written", "name", "step"),
    [
        ("Hello", "Hello", "exact"),
        ("hello", "Hello", "case"),
        ("Beyonce", "Beyoncé", "accents"),
        ("cant stop", "Can't Stop", "apostrophes"),
        ("can’t stop", "Can't Stop", "apostrophes"),
        ("ac dc", "AC/DC", "punctuation"),
        ("guns n roses", "Guns N' Roses", "apostrophes"),
        ("pink", "P!nk", "punctuation"),
    ],
)
def test_least_difference(written: str, name: str, step: str) -> None:
    assert fold_key(written) == fold_key(name)
    assert make_normalizer().difference(written, name) == step
    without = [known for known in FoldingNormalizer(None).steps if known != step]
    assert make_normalizer(without).difference(written, name) == (None if step != "exact" else "exact")


@pytest.mark.parametrize(
    ("written", "name", "lang", "step"),
    [
        ("acdc", "AC/DC", None, "joiners"),
        ("jayz", "Jay-Z", "en", "joiners"),
        ("rnb", "R&B", None, "joiners"),
        ("guns and roses", "Guns N' Roses", "en", "ampersand"),
        ("Simon y Garfunkel", "Simon & Garfunkel", "es", "ampersand"),
        ("beatles", "The Beatles", "en", "articles"),
        ("planetas", "Los Planetas", "es", "articles"),
        ("maroon five", "Maroon 5", "en", "numbers"),
        ("nineteen seventy-five", "1975", "en", "numbers"),
        ("cincuenta sombras", "50 Sombras", "es", "numbers"),
        ("7 nation army", "Seven Nation Army", "en", "numbers"),
        ("umbrella", "Umbrella (feat. Jay-Z)", "en", "suffixes"),
        ("angie", "Angie - Remastered 2009", "en", "suffixes"),
    ],
)
def test_name_steps(written: str, name: str, lang: str | None, step: str) -> None:
    assert dict(make_normalizer().keys(name, lang))[fold_key(written)] == step
    without = [known for known in FoldingNormalizer(None).steps if known != step]
    assert fold_key(written) not in dict(make_normalizer(without).keys(name, lang))


@pytest.mark.parametrize(
    ("name", "never"),
    [("The Who", "who"), ("The Band", "band"), ("The The", "the"), ("will.i.am", "william"), ("A!", "")],
)
def test_steps_invent_no_everyday_word(name: str, never: str) -> None:
    assert never not in dict(make_normalizer().keys(name, None))


@given(st.text())
def test_folding_keeps_its_place(text: str) -> None:
    words, starts, ends = fold_words(text)
    assert len(words) == len(starts) == len(ends)
    assert all(word and " " not in word for word in words)
    bounds = [bound for pair in zip(starts, ends, strict=True) for bound in pair]
    assert bounds == sorted(bounds)
    assert all(start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert " ".join(words) == fold_key(text)


@given(st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd", "Zs"]), min_size=1))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold_key(fold_key(text)) == fold_key(text)


def test_fingerprint_and_unknown_steps() -> None:
    assert normalizer_like(make_normalizer(["case"]).fingerprint).steps == ("case",)
    assert normalizer_like(make_normalizer([]).fingerprint).steps == ()
    assert make_normalizer().fingerprint != make_normalizer(["case"]).fingerprint
    with pytest.raises(DataError, match=r"isn't spacy_convner\.Normalizer\.v1"):
        normalizer_like("mine:1")
    with pytest.raises(ConfigError, match="unknown step 'stemming'"):
        make_normalizer(["stemming"])
