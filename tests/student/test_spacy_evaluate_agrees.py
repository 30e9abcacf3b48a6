"""``spacy evaluate`` and ``convner evaluate`` give one strict F1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.cli.evaluate import evaluate
from spacy.tokens import DocBin
from spacy.util import filter_spans
from typer.testing import CliRunner

from spacy_convner.cli.app import app

from .test_hybrid import save

# Some right, some missed, some wrong: an F1 of 0 or 1 would agree by chance.
GOLD = [
    ("play hello by adele", [(5, 10, "Song"), (14, 19, "Artist")]),
    ("watch frozen", [(6, 12, "Song")]),
    ("play yellow by oasis", [(5, 11, "Song"), (15, 20, "Artist")]),
    ("hello there", []),
]


@pytest.mark.slow
@pytest.mark.parametrize(("grounded", "score"), [(False, "ents_f"), (True, "spans_sc_f")])
def test_one_f1(tmp_path: Path, grounded: bool, score: str) -> None:
    save(tmp_path / "student", grounded=grounded)
    nlp = spacy.blank("xx")
    docs = DocBin()
    for text, spans in GOLD:
        doc = nlp.make_doc(text)
        doc.spans["sc"] = [doc.char_span(*span) for span in spans]
        doc.ents = filter_spans(list(doc.spans["sc"]))
        docs.add(doc)
    test, output = tmp_path / "gold.spacy", tmp_path / "student.json"
    docs.to_disk(test)
    theirs = evaluate(str(tmp_path / "student"), test)[score]
    args = ["evaluate", str(tmp_path / "student"), str(test), "-o", str(output), "--n-bootstrap", "0"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    ours = json.loads(output.read_text(encoding="utf8"))["sets"]["gold"]["strict"]["f"]
    assert 0 < theirs < 1
    assert abs(ours - theirs) < 1e-9
