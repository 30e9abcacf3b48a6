"""``configs/student_hybrid.cfg`` puts a NER student and a grounded one together, without training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.training import Example
from spacy.util import filter_spans, fix_random_seed

from spacy_convner.ty import CatalogEntry

from ..conftest import ROOT

TEXTS = [
    ("play hello by adele", [(5, 10, "Song"), (14, 19, "Artist")]),
    ("watch frozen", [(6, 12, "Movie")]),
    ("play yellow by coldplay", [(5, 11, "Song"), (15, 23, "Artist")]),
    ("hello there", []),
] * 5


def save(folder: Path, *, grounded: bool) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec")
    if grounded:
        matcher = nlp.add_pipe("catalog_matcher", first=True)
        names = [("hello", "Song"), ("adele", "Artist"), ("frozen", "Movie")]
        matcher.add([CatalogEntry(*name) for name in names])  # type: ignore[attr-defined]
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    if grounded:
        model = {"@architectures": "spacy_convner.CatalogSpanScorer.v1", "tok2vec": listener}
        nlp.add_pipe("catalog_spancat", config={"model": model})
    else:
        model = {
            "@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "extra_state_tokens": False,
            "hidden_width": 64, "maxout_pieces": 2, "use_upper": True, "nO": None, "tok2vec": listener,
        }  # fmt: skip
        nlp.add_pipe("ner", config={"model": model})
    examples = []
    for text, spans in TEXTS:
        doc = nlp.make_doc(text)
        doc.spans["sc"] = [doc.char_span(*span) for span in spans]
        doc.ents = filter_spans(list(doc.spans["sc"]))
        examples.append(Example(nlp.make_doc(text), doc))
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer, annotates=["catalog_matcher"] if grounded else [])
    nlp.to_disk(folder)


@pytest.mark.slow
def test_both_find_what_they_know(tmp_path: Path) -> None:
    save(tmp_path / "ner", grounded=False)
    save(tmp_path / "grounded", grounded=True)
    done = subprocess.run(
        [
            sys.executable, "-m", "spacy", "assemble", str(ROOT / "configs" / "student_hybrid.cfg"),
            str(tmp_path / "hybrid"),
            "--paths.ner", str(tmp_path / "ner"), "--paths.grounded", str(tmp_path / "grounded"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    hybrid = spacy.load(tmp_path / "hybrid")
    doc = hybrid("play yellow by adele")
    # "adele" is the catalog's; "yellow" is in no catalog.
    assert {(ent.text, ent.label_) for ent in doc.ents} == {("yellow", "Song"), ("adele", "Artist")}
    assert [span.text for span in doc.spans["sc"]] == ["adele"]
    assert not hybrid("hello there").ents
