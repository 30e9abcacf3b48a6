"""``convner assemble``: what ``spacy assemble`` does, or one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.training import Example
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.ty import CatalogEntry

from ..conftest import ROOT

runner = CliRunner()
HYBRID = ROOT / "configs" / "student_hybrid.cfg"


@pytest.fixture
def students(tmp_path: Path) -> Path:
    ner = spacy.blank("xx")
    ner.add_pipe("ner").add_label("Song")  # type: ignore[attr-defined]
    ner.initialize()
    for _ in range(20):
        ner.update([Example.from_dict(ner.make_doc("play zorp"), {"entities": [(5, 9, "Song")]})])
    ner.to_disk(tmp_path / "ner")
    matcher = spacy.blank("xx")
    matcher.add_pipe("catalog_matcher").add([CatalogEntry("Hello", "Song")])  # type: ignore[attr-defined]
    matcher.to_disk(tmp_path / "grounded")
    config = """
        [paths]
        ner = "nowhere"
        grounded = "nowhere"
        [nlp]
        lang = "xx"
        pipeline = ["ner", "catalog_matcher"]
        [components]
        [components.ner]
        source = ${paths.ner}
        [components.catalog_matcher]
        source = ${paths.grounded}
    """
    (tmp_path / "both.cfg").write_text(config.replace("        ", ""), encoding="utf8")
    return tmp_path


def assemble(folder: Path, *more: object, config: Path | None = None) -> Any:
    return runner.invoke(app, ["assemble", str(config or folder / "both.cfg"), str(folder / "out"), *map(str, more)])


def test_what_is_trained_stays_trained(students: Path) -> None:
    sources = ["--paths.ner", students / "ner", "--paths.grounded", students / "grounded"]
    done = assemble(students, *sources)
    assert done.exit_code == 0, done.output
    assert "ner, catalog_matcher" in done.stderr
    doc = spacy.load(students / "out")("play zorp")
    assert [ent.text for ent in doc.ents] == ["zorp"]
    assert assemble(students, *sources).exit_code == 0  # a pipeline is replaced
    assert spacy.load(students / "out")("hello").spans["candidates"]


def test_missing_students_are_one_message(students: Path) -> None:
    done = assemble(students, "--paths.ner", students / "none", config=HYBRID)
    assert done.exit_code == 1
    assert f"{students / 'none'}: field 'components.ner.source': no such pipeline" in done.stderr
    assert "train that pipeline first, or give another: --paths.ner FOLDER" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (students / "out").exists()


def test_bad_input(students: Path) -> None:
    ner, grounded = students / "ner", students / "grounded"
    (students / "empty").mkdir()
    for more, message in (
        (["--paths.ner", students / "empty"], "is no pipeline"),
        (["--paths.ner", grounded], "has no component 'ner', only catalog_matcher"),
        (["--paths.nre", ner], "did you mean paths.ner?"),
        (["--paths.ner", ner, "--paths.grounded", grounded, "--nlp.lang", "qq"], "qq"),
    ):
        done = assemble(students, *more)
        assert done.exit_code == 1, more
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    (students / "refers.cfg").write_text("[nlp]\nlang = ${paths.lang}\npipeline = []\n", encoding="utf8")
    assert "paths" in assemble(students, config=students / "refers.cfg").stderr
    (students / "out").mkdir()
    (students / "out" / "thesis.txt").write_text("years of work", encoding="utf8")
    assert "is there and no pipeline" in assemble(students, "--paths.ner", ner, "--paths.grounded", grounded).stderr
    assert (students / "out" / "thesis.txt").is_file()
    done = runner.invoke(app, ["assemble", str(students / "both.cfg"), str(ner), "--paths.ner", str(ner),
                               "--paths.grounded", str(grounded)])  # fmt: skip
    assert "is an input" in done.stderr
