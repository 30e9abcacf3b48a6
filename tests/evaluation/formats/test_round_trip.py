from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.errors import DataError
from spacy_convner.evaluation.formats.annotated import Tally
from spacy_convner.evaluation.formats.read import read_annotated
from spacy_convner.evaluation.formats.write_columns import Scheme, spacy_tokens, split_blanks, to_columns
from spacy_convner.pipelines import blank_pipeline
from spacy_convner.records import to_record
from spacy_convner.ty import Exemplar, LabelledSpan

HERE = Path("here.jsonl")


def columns(exemplars: list[Exemplar], tally: Tally | None = None, *, lang: str | None = None, **kwargs: object) -> str:
    numbered = [(HERE, i, exemplar) for i, exemplar in enumerate(exemplars, 1)]
    tokenize = split_blanks if lang is None else spacy_tokens(lang)
    return "".join(rows for rows, _ in to_columns(numbered, tokenize, tally or Tally(), **kwargs))  # type: ignore[arg-type]


def labelled(exemplar: Exemplar) -> tuple[str, list[tuple[str, str]]]:
    return exemplar.text, [(exemplar.text[s.start : s.end], s.label) for s in exemplar.spans]


# Any character but what ends a word or can't be in a file; "#" and "-" begin words on purpose.
characters = st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufeff")
words = st.one_of(
    st.sampled_from(["#", "# ", "O", "B-X", "-", "_", "don't", "U.S."]), st.text(characters, min_size=1, max_size=6)
)
labels = st.sampled_from(["X", "creative-work", "work of art", "B-X"])


@st.composite
def token_aligned(draw: st.DrawFn) -> Exemplar:
    chunks = draw(
        st.lists(st.tuples(st.none() | labels, st.lists(words, min_size=1, max_size=3)), min_size=1, max_size=5)
    )
    text, spans = "", []
    for label, tokens in chunks:
        start = len(text)
        text += " ".join(token.strip() for token in tokens) + " "
        if label is not None:
            spans.append(LabelledSpan(start, len(text) - 1, label))
    return Exemplar(text.rstrip(), tuple(spans))


@settings(deadline=None, max_examples=60)
@given(st.lists(token_aligned(), min_size=1, max_size=4), st.sampled_from(["iob2", "bilou"]))
def test_columns_and_back(tmp_path_factory: pytest.TempPathFactory, exemplars: list[Exemplar], scheme: Scheme) -> None:
    path = tmp_path_factory.mktemp("round") / "a.conll"
    path.write_text(columns(exemplars, scheme=scheme), encoding="utf8", newline="\n")
    corpus = read_annotated(path, format="columns")
    assert [labelled(exemplar) for exemplar in corpus.exemplars] == [labelled(exemplar) for exemplar in exemplars]
    assert not any("illegal" in note or "left out" in note for note in corpus.notes)


@settings(deadline=None, max_examples=30)
@given(st.lists(token_aligned(), min_size=1, max_size=3))
def test_jsonl_docbin_columns_agree(tmp_path_factory: pytest.TempPathFactory, exemplars: list[Exemplar]) -> None:
    folder = tmp_path_factory.mktemp("round")
    lines = "".join(json.dumps(to_record(exemplar)) + "\n" for exemplar in exemplars)
    (folder / "a.jsonl").write_text(lines, encoding="utf8")
    first = read_annotated(folder / "a.jsonl").exemplars
    nlp = blank_pipeline("xx", "--lang")
    write_docbin(folder / "a.spacy", [exemplar_to_doc(nlp, exemplar) for exemplar in first])
    second = read_annotated(folder / "a.spacy").exemplars
    (folder / "a.bio").write_text(columns(second), encoding="utf8", newline="\n")
    third = read_annotated(folder / "a.bio", format="columns").exemplars
    assert [labelled(e) for e in first] == [labelled(e) for e in second] == [labelled(e) for e in third]


def test_tokens_of_spacy() -> None:
    exemplar = Exemplar("play  don't stop", (LabelledSpan(6, 16, "Song"),))
    assert columns([exemplar], lang="en") == "play\tO\ndo\tB-Song\nn't\tI-Song\nstop\tI-Song\n\n"
    assert columns([exemplar], scheme="bilou") == "play\tO\ndon't\tB-Song\nstop\tL-Song\n\n"
    assert columns([Exemplar("dune", (LabelledSpan(0, 4, "A"),))], scheme="bilou") == "dune\tU-A\n\n"


def test_a_span_cuts_its_tokens() -> None:
    tally = Tally()
    assert (
        columns([Exemplar("radioheads kid", (LabelledSpan(0, 9, "A"),))], tally) == "radiohead\tB-A\ns\tO\nkid\tO\n\n"
    )
    assert tally.notes() == ("tokens divided at the edge of a span: 1 (first: here.jsonl:1)",)


def test_what_columns_cant_hold() -> None:
    double = Exemplar("play dune", (LabelledSpan(5, 9, "Movie"), LabelledSpan(5, 9, "Book")))
    nested = Exemplar("new york times", (LabelledSpan(0, 8, "City"), LabelledSpan(0, 14, "Paper")))
    with pytest.raises(DataError, match=r"here\.jsonl:1: .*'dune' \(5\.\.9, Book\) has two labels, .*--lossy"):
        columns([double])
    with pytest.raises(DataError, match=r"here\.jsonl:2: .*'new york' .* overlaps Paper"):
        columns([Exemplar("x"), nested])
    with pytest.raises(DataError, match="can't be written in columns"):
        columns([Exemplar("dune", (LabelledSpan(0, 4, "a\tb"),))])
    tally = Tally()
    rows = columns([double, nested, Exemplar(" ")], tally, lossy=True)
    assert rows == "play\tO\ndune\tB-Book\n\nnew\tB-Paper\nyork\tI-Paper\ntimes\tI-Paper\n\n"
    assert tally.notes() == (
        "further labels of a span left out: 1 (first: here.jsonl:1)",
        "spans inside or across longer ones left out: 1 (first: here.jsonl:2)",
        "utterances without words left out: 1 (first: here.jsonl:3)",
    )
