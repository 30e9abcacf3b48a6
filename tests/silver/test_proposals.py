"""Names beyond the catalog are counted for review, whatever said them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_convner.attrs import install_extensions
from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.cli import app
from spacy_convner.silver.proposals import count_proposals

NLP = spacy.blank("en")
Pairs = Sequence[tuple[str, str]]


def doc_of(text: str, proposals: Pairs = (), dropped: Pairs = ()) -> Doc:
    install_extensions()
    doc = NLP.make_doc(text)
    doc._.convner.proposals = [{"text": t, "label": label, "reason": "not in the catalog"} for t, label in proposals]
    doc._.convner.dropped = [{"text": t, "label": label, "reason": "not a candidate"} for t, label in dropped]
    return doc


DOCS = [
    doc_of("play Vampire", [("Vampire", "Song")]),
    doc_of("play vampire and vampire", [("vampire", "Song"), ("vampire", "Song")]),
    doc_of("watch vampire", [], [("vampire", "Movie"), ("dune", "Movie"), ("", "Movie"), ("vampire", "")]),
    doc_of("Vampire now", [("Vampire", "Song")]),
    doc_of("good morning"),
]


def test_counts() -> None:
    rows = count_proposals(DOCS)
    assert rows == [
        {"text": "Vampire", "label": "Song", "popularity": 3, "example": "play Vampire"},
        {"text": "vampire", "label": "Movie", "popularity": 1, "example": "watch vampire"},
    ]
    assert count_proposals(DOCS, min_count=2) == rows[:1]
    assert count_proposals([]) == []


def test_command(tmp_path: Path) -> None:
    corpus, out = tmp_path / "c.spacy", tmp_path / "proposals.jsonl"
    DocBin(store_user_data=True, docs=DOCS).to_disk(corpus)
    result = CliRunner().invoke(app, ["catalog", "propose", str(corpus), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 names to review, most often 'Vampire' (Song, 3)" in result.stderr
    assert len(out.read_text(encoding="utf8").splitlines()) == 2
    assert next((e.text, e.label, e.popularity) for e in read_catalog(out)) == ("Vampire", "Song", 3.0)
    assert json.loads(out.read_text(encoding="utf8").splitlines()[1])["example"] == "watch vampire"
    result = CliRunner().invoke(app, ["catalog", "propose", str(corpus), "-o", str(corpus)])
    assert result.exit_code == 1
    assert "is an input" in result.stderr
