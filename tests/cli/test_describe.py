"""``convner describe`` writes what ``spacy package`` puts into the wheel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.cli.package import package
from typer.testing import CliRunner

from spacy_convner.cli.app import app
from spacy_convner.ty import CatalogEntry

SCORES = {"p": 0.9, "r": 0.8, "f": 0.847, "n": 1234}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add([CatalogEntry("hello", "Song")])  # type: ignore[attr-defined]
    folder = tmp_path / "trained"
    nlp.to_disk(folder)
    config = folder / "config.cfg"
    text = config.read_text(encoding="utf8")
    text = text.replace("train = null", f'train = "{tmp_path}/train.spacy"', 1)
    config.write_text(text.replace("catalog = null", f'catalog = "{tmp_path}/names.jsonl"', 1), encoding="utf8")
    (tmp_path / "student.json").write_text(json.dumps({"system": "s", "sets": {"gold": {"strict": SCORES}}}))
    return folder


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["describe", *map(str, args)])
    return done.exit_code, done.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_the_package_says(pipeline: Path, tmp_path: Path) -> None:
    later = {"system": "s", "catalog": "today", "sets": {"gold": {"strict": {**SCORES, "f": 0.9}}}}
    (tmp_path / "later.json").write_text(json.dumps(later))
    args = [
        pipeline, "--metrics", tmp_path / "student.json", "--metrics", tmp_path / "later.json",
        "--name", "songs", "--version", "1.2.3", "--license", "MIT",
        "--author", "Us", "--description", "Finds songs.", "--source", "traffic=labelled by a | teacher",
    ]  # fmt: skip
    assert run(*args)[0] == 0
    first = contents(pipeline)
    assert run(*args)[0] == 0
    assert contents(pipeline) == first
    assert not [file for file, data in first.items() if str(tmp_path).encode() in data]
    (tmp_path / "packages").mkdir()
    package(pipeline, tmp_path / "packages", create_sdist=False)
    made = tmp_path / "packages" / "xx_songs-1.2.3"
    meta = json.loads((made / "meta.json").read_text(encoding="utf8"))
    # What the wheel gives as it is, and what it gives after another catalog was loaded.
    assert meta["performance"]["strict"] == {"s": {"gold": SCORES}, "s, today loaded": {"gold": {**SCORES, "f": 0.9}}}
    assert meta["sources"] == [{"name": "traffic", "description": "labelled by a | teacher"}]
    assert [wanted for wanted in meta["requirements"] if wanted.startswith("spacy-convner")]
    readme = (made / "README.md").read_text(encoding="utf8")
    for piece in ('spacy.load("xx_songs")', "nlp.pipe(", "load_catalog(", "| s | gold | 90.0 | 80.0 | 84.7 | 1,234 |"):
        assert piece in readme
    assert r"labelled by a \| teacher" in readme
    doc = spacy.load(made / "xx_songs" / "xx_songs-1.2.3")("hello")
    assert [span.label_ for span in doc.spans["candidates"]] == ["Song"]


def test_a_pipeline_without_our_parts_needs_only_spacy(tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.meta["requirements"] = ["spacy-convner>=0.0.1"]
    nlp.to_disk(tmp_path / "plain")
    assert run(tmp_path / "plain", "--version", "0.0.1")[0] == 0
    (tmp_path / "packages").mkdir()
    package(tmp_path / "plain", tmp_path / "packages", create_sdist=False)
    made = tmp_path / "packages" / "xx_pipeline-0.0.1"
    assert "convner>=" not in (made / "meta.json").read_text(encoding="utf8")
    assert "load_catalog" not in (made / "README.md").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--source", "traffic"], "expected NAME="),
        (["--metrics", "{tmp}/trained/meta.json"], "not a metrics file"),
        (["--metrics", "{tmp}/student.json", "--metrics", "{tmp}/student.json"], "second file of the system"),
    ],
)
def test_bad_input_changes_nothing(pipeline: Path, tmp_path: Path, args: list[str], message: str) -> None:
    before = contents(pipeline)
    code, output = run(pipeline, *(arg.format(tmp=tmp_path) for arg in args))
    assert code == 1
    assert message in " ".join(output.split())
    assert contents(pipeline) == before


def test_somebodys_own_readme_stays(pipeline: Path) -> None:
    (pipeline / "README.md").write_text("mine", encoding="utf8")
    before = contents(pipeline)
    code, output = run(pipeline, "--license", "MIT")
    assert code == 1
    assert "--force" in output
    assert contents(pipeline) == before
    assert run(pipeline, "--license", "MIT", "--force")[0] == 0


def test_not_a_pipeline(tmp_path: Path) -> None:
    code, output = run(tmp_path)
    assert code == 1
    assert "meta.json" in output


def test_a_described_copy_leaves_the_pipeline_alone(pipeline: Path, tmp_path: Path) -> None:
    before = contents(pipeline)
    copy = tmp_path / "described"
    for _ in range(2):  # again after another evaluation
        status, said = run(pipeline, "--output", copy, "--license", "MIT")
        assert status == 0, said
    assert contents(pipeline) == before
    assert json.loads((copy / "meta.json").read_text(encoding="utf8"))["license"] == "MIT"
    assert (copy / "README.md").is_file()
    assert spacy.load(copy).pipe_names == spacy.load(pipeline).pipe_names
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="utf8")
    status, said = run(pipeline, "--output", other, "--license", "MIT")
    assert status == 1
    assert "is there and not of this command" in said
    assert [path.name for path in other.iterdir()] == ["mine.txt"]
    status, said = run(pipeline, "--output", pipeline / "copy", "--license", "MIT")
    assert status == 1
    assert "inside the pipeline's own folder" in said
    assert contents(pipeline) == before
