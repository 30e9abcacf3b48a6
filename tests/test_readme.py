"""The README's first example runs as it stands and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_first_example(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(compile(BLOCKS[0], "README.md", "exec"), names)
    exec(compile(BLOCKS[1], "README.md", "exec"), names)  # a name released today
    promised = re.findall(r"^# (\[.*)$", BLOCKS[0] + BLOCKS[1], re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert len(promised) == 2
    assert [promised[0], promised[1]] == [printed[0], printed[-1]]

    nlp = names["nlp"]
    doc = nlp("watch dune tonight")  # type: ignore[operator]
    assert {s.label_ for s in doc.spans["candidates"]} == {"Movie", "Book"}
    assert [(e.text, e.label_) for e in doc.ents] == [("dune", "Movie")]
    doc = nlp("hello, can you hear me")  # type: ignore[operator]
    assert ("hello", "Song") in [(s.text, s.label_) for s in doc.spans["candidates"]]
    assert not doc.ents
    assert not nlp("Hello, can you hear me").ents  # type: ignore[operator]


@pytest.mark.parametrize("block", [block for block in BLOCKS[2:] if "training/" not in block])
def test_other_examples_are_accepted(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import spacy

    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"nlp": spacy.blank("en")})


def test_files_that_it_names_exist() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
