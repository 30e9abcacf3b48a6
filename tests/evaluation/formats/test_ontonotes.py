from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spacy_convner.errors import DataError
from spacy_convner.evaluation.formats.read import read_annotated

from .conftest import surfaces

Write = Callable[[str, str | bytes], Path]


def gold(*names: str, begin: str = "#begin document (bc/x/00/x_0000); part 001") -> str:
    """One word a cell; "" ends a sentence."""
    lines = [begin]
    number = 0
    for cell in names:
        if not cell:
            lines.append("")
            number = 0
            continue
        lines.append(f"bc/x/00/x_0000   1   {number}   w{number}   NN   (TOP*   -   -   -   Ann#1   {cell}   *   (12)")
        number += 1
    return "\n".join([*lines, "", "#end document", ""])


def test_conll2012(write: Write) -> None:
    path = write("x.v4_gold_conll", gold("*", "(DATE*", "*)", "(GPE)", "", "(ORG*", "*", "*)"))
    corpus = read_annotated(path)
    assert surfaces(corpus) == [
        ("w0 w1 w2 w3", [("w1 w2", "DATE"), ("w3", "GPE")]),
        ("w0 w1 w2", [("w0 w1 w2", "ORG")]),
    ]
    assert corpus.format == "conll2012"
    assert [e.meta for e in corpus.exemplars] == [
        {"id": "bc/x/00/x_0000.1", "line": 2},
        {"id": "bc/x/00/x_0000.1", "line": 7},
    ]
    other_parts = gold("(GPE)") + gold("*", begin="#begin document (bc/y); part 000").replace("#end document\n", "")
    corpus = read_annotated(write("y_conll", other_parts))
    assert [e.meta["id"] for e in corpus.exemplars] == ["bc/x/00/x_0000.1", "bc/y.0"]


def test_nested_brackets_keep_the_outermost(write: Write) -> None:
    path = write("x_conll", gold("(ORG*", "(GPE*)", "*)", "(A(B*))"))
    corpus = read_annotated(path)
    assert surfaces(corpus) == [("w0 w1 w2 w3", [("w0 w1 w2", "ORG"), ("w3", "A"), ("w3", "B")])]
    assert f"spans inside or across longer ones left out: 1 (first: {path}:2)" in corpus.notes
    kept = read_annotated(path, nested="keep")
    assert ("w1", "GPE") in surfaces(kept)[0][1]
    assert len(kept.exemplars[0].spans) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gold("*", "(GPE*", "*"), r":3: field 'named entity': unbalanced brackets: \(GPE isn't closed"),
        (gold("*", "*)"), r":3: .*'\*\)' closes nothing"),
        (gold("*", "PERSON"), r":3: .*'PERSON' isn't a bracket.*--tag-column"),
        (gold("*") + "a b c\n", r":5: expected at least 12 columns, got 3"),
        (gold("*").replace("w0", "[WORD]"), r":2: a skeleton without words \(.*skeleton2conll"),
    ],
)
def test_faults_of_conll2012(write: Write, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_annotated(write("x_conll", content))


NAME = """<DOC DOCNO="bc/x/00/x_0000@0000@x@bc@en@on">
In <ENAMEX TYPE="DATE">summer 2005</ENAMEX> , AT&amp;T &lt;met&gt; <ENAMEX TYPE="NORP" S_OFF="4">pro-Soviet</ENAMEX>

<ENAMEX TYPE="ORG">the <ENAMEX TYPE="GPE">Rome</ENAMEX> Times</ENAMEX>  <ENAMEX TYPE="GPE" E_OFF="6">U.S.-based</ENAMEX>
R&B at &nbsp; <b> < 5
</DOC>
"""


def test_enamex(write: Write) -> None:
    path = write("x.name", NAME)
    corpus = read_annotated(path)
    assert corpus.format == "enamex"
    assert surfaces(corpus) == [
        (
            "In summer 2005 , AT&T <met> pro-Soviet",
            [("summer 2005", "DATE"), ("Soviet", "NORP")],
        ),
        ("the Rome Times U.S.-based", [("the Rome Times", "ORG"), ("U.S.", "GPE")]),
        ("R&B at &nbsp; <b> < 5", []),
    ]
    assert corpus.exemplars[0].meta == {"id": "bc/x/00/x_0000@0000@x@bc@en@on", "line": 2}
    assert corpus.notes == (
        f"names that are part of a token (S_OFF, E_OFF): 2 (first: {path}:2)",
        f"spans inside or across longer ones left out: 1 (first: {path}:4)",
    )
    kept = surfaces(read_annotated(path, nested="keep"))
    assert kept[1][1] == [("the Rome Times", "ORG"), ("Rome", "GPE"), ("U.S.", "GPE")]


def test_enamex_with_two_labels_and_odd_offsets(write: Write) -> None:
    text = (
        'a <ENAMEX TYPE="A"><ENAMEX TYPE="B">x y</ENAMEX></ENAMEX>\n'
        '<ENAMEX TYPE="A" S_OFF="9">ab</ENAMEX> <ENAMEX TYPE="A"> </ENAMEX>c\n'
    )
    path = write("x.name", text)
    corpus = read_annotated(path)
    assert surfaces(corpus) == [("a x y", [("x y", "A"), ("x y", "B")]), ("ab c", [("ab", "A")])]
    assert corpus.notes == (
        f"S_OFF or E_OFF longer than the token, ignored: 1 (first: {path}:2)",
        f"names without text left out: 1 (first: {path}:2)",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('<ENAMEX TYPE="P">b', "isn't closed on its line"),
        ("b</ENAMEX>", "closes nothing"),
        ("<ENAMEX>b</ENAMEX>", "has no TYPE"),
        ('<ENAMEX TYPE="P" b', "isn't whole markup"),
        ('<ENAMEX TYPE="P" S_OFF="x">b</ENAMEX>', "are numbers"),
        ('<ENAMEX TYPE="P">b</TIMEX>', "closes nothing"),
    ],
)
def test_faults_of_enamex(write: Write, line: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"x\.name:2: field 'ENAMEX': .*{message}"):
        read_annotated(write("x.name", f'<DOC DOCNO="x">\n{line}\n</DOC>\n'))


def test_folders_and_patterns(write: Write, tmp_path: Path) -> None:
    write("nw/b/2.name", '<DOC DOCNO="two">\ntwo\n</DOC>\n')
    write("nw/a/1.name", '<DOC DOCNO="one">\none\n</DOC>\n')
    write("nw/a/1.parse", "(TOP)")
    seen: list[int] = []
    corpus = read_annotated(tmp_path / "nw", on_file=lambda: seen.append(1))
    assert [e.text for e in corpus.exemplars] == ["one", "two"]
    assert len(corpus.files) == len(seen) == 2
    assert surfaces(read_annotated(str(tmp_path / "nw" / "**" / "*.name"))) == surfaces(corpus)
    assert surfaces(read_annotated([tmp_path / "nw" / "b", tmp_path / "nw" / "a"]))[0][0] == "two"
    write("nw/a/1.v4_gold_conll", gold("(GPE)"))
    write("nw/a/1.v4_auto_conll", gold("*", "*"))
    with pytest.raises(DataError, match=r"2 OntoNotes \.name files, 2 CoNLL-2012 files .*--format: "):
        read_annotated(tmp_path / "nw")
    assert surfaces(read_annotated(tmp_path / "nw", format="conll2012")) == [("w0", [("w0", "GPE")])]
    with pytest.raises(DataError, match=r"is a folder without \.spacy files, a file was expected"):
        read_annotated(tmp_path / "nw", format="docbin")
    with pytest.raises(DataError, match="no file matches"):
        read_annotated(tmp_path / "*.none")
