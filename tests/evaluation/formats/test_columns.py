from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training.converters import conll_ner_to_docs, iob_to_docs

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.evaluation.formats.read import read_annotated

from .conftest import surfaces

Write = Callable[[str, str | bytes], Path]

CONLL03 = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
Jewish JJ I-NP B-MISC
call NN I-NP O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
"""
FOUND03 = [
    ("EU rejects German Jewish call", [("EU", "ORG"), ("German", "MISC"), ("Jewish", "MISC")]),
    ("Peter Blackburn", [("Peter Blackburn", "PER")]),
]


def test_conll2003(write: Write) -> None:
    path = write("eng.train", CONLL03)
    corpus = read_annotated(path)
    assert surfaces(corpus) == FOUND03
    assert (corpus.format, corpus.scheme, corpus.encoding) == ("columns", "IOB1", "utf-8")
    assert corpus.notes == ("blanks-separated columns, words in column 1, tags in 4",)
    assert corpus.origins == ((path, 3), (path, 9))
    assert [e.meta for e in corpus.exemplars] == [{"line": 3}, {"line": 9}]
    assert surfaces(read_annotated(write("w.conll", "\ufeff" + CONLL03.replace("\n", " \r\n")))) == FOUND03
    assert surfaces(read_annotated(write("a.conll.gz", gzip.compress(CONLL03.encode())))) == FOUND03
    assert surfaces(read_annotated(write("u.conll", CONLL03.encode("utf-16")))) == FOUND03
    chunks = read_annotated(path, tag_column=3)
    assert surfaces(chunks)[1] == ("Peter Blackburn", [("Peter Blackburn", "NP")])
    assert surfaces(read_annotated(path, tag_column=-2)) == surfaces(chunks)


def test_conll2002_is_latin1_and_that_is_said(write: Write) -> None:
    spanish = "España NC B-LOC\n( Fpa O\ndoña NC B-PER\nInés NC I-PER\n\nSí RG O\n".encode("latin-1")
    path = write("esp.testb", spanish)
    corpus = read_annotated(path, lang="es")
    assert surfaces(corpus) == [("España ( doña Inés", [("España", "LOC"), ("doña Inés", "PER")]), ("Sí", [])]
    assert corpus.encoding == "latin-1"
    assert f"files that aren't UTF-8, read as latin-1 (another one: --encoding): 1 (first: {path}:1)" in corpus.notes
    assert {e.lang for e in corpus.exemplars} == {"es"}
    given_one = read_annotated(path, encoding="latin-1")
    assert surfaces(given_one) == surfaces(corpus)
    assert len(given_one.notes) == 1
    with pytest.raises(DataError, match=r"esp\.testb:1: byte 0xf1 is not UTF-8 \(.*--encoding latin-1"):
        read_annotated(path, encoding="utf-8")
    assert read_annotated(write("quotes.conll", b"\x93a\x94 B-X\n")).exemplars[0].text == "“a”"
    with pytest.raises(DataError, match=r"isn't Latin-1 or cp1252 either.*--encoding"):
        read_annotated(write("other.conll", b"\x81 O\n"))
    with pytest.raises(ConfigError, match="unknown encoding 'klingon'"):
        read_annotated(path, encoding="klingon")


def test_wnut17_and_its_odd_tokens(write: Write) -> None:
    path = write(
        "emerging.test.annotated",
        "#\tO\n#tag\tO\n\u200b\tO\nA\u2028B\tB-creative-work\n\t\nleft\t\n\xa0\tB-person\n\tO\n",
    )
    corpus = read_annotated(path)
    assert surfaces(corpus) == [
        ("# #tag \u200b A\u2028B", [("A\u2028B", "creative-work")]),
        ("left \xa0", []),
    ]
    assert [note.split(" (first")[0] for note in corpus.notes[1:]] == [
        "lines without a word left out: 1",
        "empty tags read as O: 1",
        "spans of white space alone left out: 1",
    ]


def test_comments_and_ids(write: Write) -> None:
    multi = (
        "# id 9d-1\tdomain=train\nwes _ _ B-Artist\nanderson _ _ I-Artist\n# _ _ O\n\n# id 10 domain=train\nx _ _ O\n"
    )
    corpus = read_annotated(write("en_train.conll", multi))
    assert surfaces(corpus) == [("wes anderson #", [("wes anderson", "Artist")]), ("x", [])]
    assert [e.meta["id"] for e in corpus.exemplars] == ["9d-1", "10"]
    plus = "# global.columns = ID FORM PARSEME:NE UPOS\n# sent_id = 5\n1\tAnn\tB-PER\tN\n2\tran\tO\tV\n"
    corpus = read_annotated(write("a.conllup", plus))
    assert surfaces(corpus) == [("Ann ran", [("Ann", "PER")])]
    assert corpus.exemplars[0].meta == {"id": "5", "line": 3}


def test_running_numbers_are_no_words(write: Write) -> None:
    germ = "#\thttp://x [2009]\n1\tAnn\tB-PER\tO\n2\tran\tO\tO\n\n#\ty\n1\tIna\tO\tB-PER\n2\tgo\tO\tO\n"
    path = write("germeval.tsv", germ)
    assert surfaces(read_annotated(path, tag_column=3)) == [("Ann ran", [("Ann", "PER")]), ("Ina go", [])]
    assert surfaces(read_annotated(path, word_column=1))[0][0] == "1 2"
    numbers = "1 CD O\n2 CD O\nx NN B-X\n"
    assert read_annotated(write("n.conll", numbers)).exemplars[0].text == "1 2 x"


def test_tags_in_front(write: Write) -> None:
    path = write("trivia.bio", "O\tplay\nB-TITLE\tblade\nI-TITLE\trunner\n\nO\tO\n")
    corpus = read_annotated(path)
    assert surfaces(corpus) == [("play blade runner", [("blade runner", "TITLE")]), ("O", [])]
    assert corpus.notes == ("tab-separated columns, words in column 2, tags in 1",)
    assert surfaces(read_annotated(path, tag_column=1)) == surfaces(corpus)
    middle = read_annotated(write("misc.conll", "Ann B-PER x\nran O y\n"))
    assert surfaces(middle) == [("Ann ran", [("Ann", "PER")])]


def test_bare_tags(write: Write) -> None:
    path = write("few-nerd.txt", "a\tO\nwes\tperson-director\nanderson\tperson-director\n")
    assert surfaces(read_annotated(path, bare_tags=True)) == [("a wes anderson", [("wes anderson", "person-director")])]
    with pytest.raises(DataError, match=r"few-nerd\.txt:2: .*--bare-tags"):
        read_annotated(path)


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("a O\nb O\nc\nd O\n", {}, DataError, r":3: expected 2 columns as in most lines, got 1: 'c'"),
        ("a O\nb X O\nc O\n", {}, DataError, r":2: expected 2 columns as in most lines, got 3"),
        ("a\tO\n\tB-X\nc\tO\n", {}, DataError, r":2: no word before the tag 'B-X'"),
        ("a O\nb PER\nc O\n", {}, DataError, r":2: field 'tag': 'PER' isn't a tag"),
        ("a U-X\nb S-X\n", {}, DataError, r":2: .*two tagging schemes"),
        ("-DOCSTART- O\n\n", {}, DataError, r"expected two or more columns"),
        ("a O\n", {"tag_column": 3}, ConfigError, r"--tag-column 3: the file has columns 1 to 2"),
        ("a O\n", {"tag_column": 0}, ConfigError, r"--tag-column 0"),
        ("a O\n", {"word_column": 2}, ConfigError, r"column 2 can't hold both"),
        ("a" * 1_000_001 + " O\n", {}, DataError, r":1: .*characters without an end of sentence"),
    ],
)  # fmt: skip
def test_faults(write: Write, content: str, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_annotated(write("a.conll", content), **options)


def test_only_o_is_fine_and_said(write: Write) -> None:
    corpus = read_annotated(write("a.conll", "a O\nb O\n"))
    assert surfaces(corpus) == [("a b", [])]
    assert corpus.scheme is None
    assert "no utterance has a span" in corpus.notes


words = st.text("abcXYZ.-'#|é", min_size=1, max_size=5).filter(lambda w: not w.startswith("-DOC") and "|" not in w)
rows = st.lists(st.tuples(words, st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])), min_size=1, max_size=8)


@settings(deadline=None, max_examples=15)
@given(st.lists(rows, min_size=1, max_size=12))
def test_as_spacy_reads_them(tmp_path_factory: pytest.TempPathFactory, corpus: list[list[tuple[str, str]]]) -> None:
    """The same words and entities as spaCy's converters, for legal and illegal IOB alike."""
    folder = tmp_path_factory.mktemp("spacy", numbered=True)
    columns = "\n\n".join("\n".join(f"{word} {tag}" for word, tag in sentence) for sentence in corpus)
    lines = "\n".join(" ".join(f"{word}|{tag}" for word, tag in sentence) for sentence in corpus)
    (folder / "a.conll").write_text(columns, encoding="utf8")
    (folder / "a.iob").write_text(lines, encoding="utf8")
    delimited = "-DOCSTART- -X- O O\n\n" + columns.replace("\n\n", "\n\n-DOCSTART- -X- O O\n\n")
    for path, docs in (
        (folder / "a.conll", conll_ner_to_docs(delimited, n_sents=0, no_print=True)),
        (folder / "a.iob", iob_to_docs(lines, n_sents=1, no_print=True)),
    ):
        expected = []
        for doc in docs:
            ents = [(" ".join(token.text for token in ent), ent.label_) for ent in doc.ents]
            expected.append((" ".join(token.text for token in doc), ents))
        options: dict[str, Any] = {"format": "columns" if path.suffix == ".conll" else "iob"}
        assert surfaces(read_annotated(path, **options)) == expected
