"""``convner tryout`` looks at everything that it is given before it makes a virtual environment."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import write_docbin
from spacy_convner.errors import ConfigError
from spacy_convner.student.wheel_inputs import check_inputs

from ..conftest import ROOT

runner = CliRunner()
WHEEL = "xx_songs-1.0.0-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        wheel.writestr("xx_songs/__init__.py", "")
    (tmp_path / "texts.txt").write_text("play hello\n", encoding="utf8")
    (tmp_path / "blank.txt").write_text("\n \n", encoding="utf8")
    (tmp_path / "bad.txt").write_text("spacy==3.8.7  # the version\n\nspacy equals three\n", encoding="utf8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.whl").write_text("x", encoding="utf8")
    (tmp_path / "other-1.0-py3-none-any.whl").write_text("x", encoding="utf8")
    write_docbin(tmp_path / "bare.spacy", [spacy.blank("xx")("play hello")])
    return tmp_path


def tryout(folder: Path, *more: str, wheel: str = WHEEL, texts: str = "texts.txt") -> Any:
    return runner.invoke(app, ["tryout", str(folder / wheel), "--texts", str(folder / texts), *more])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-c", "{}/none.txt"], "none.txt: no such file"),
        (["-c", "{}"], "is a folder, a file was expected"),
        (["-c", "{}/bad.txt"], "bad.txt:3: not a constraint: 'spacy equals three'"),
        (["--with", "{}/none"], "field '--with': no such file or folder"),
        (["--with", "./none.whl"], "field '--with': no such file or folder"),
        (["--with", "{}/empty"], "field '--with': no package here"),
        (["--with", "{}/texts.txt"], "field '--with': not something to install"),
        (["--with", "spacy three"], "--with: neither a path nor a requirement"),
        (["--test", "{}/none.spacy"], "field '--test': expected an annotated .spacy file"),
        (["--test", "{}/texts.txt"], "field '--test': expected an annotated .spacy file"),
        (["--test", "{}/bare.spacy"], "field '--test': no Doc has an entity"),
        (["--output", "{}"], "field '--output': is a folder"),
        (["--output", "{}/" + WHEEL], "is an input"),
    ],
)
def test_bad_options(folder: Path, more: list[str], message: str) -> None:
    start = time.perf_counter()
    done = tryout(folder, *(part.format(folder) for part in more))
    assert done.exit_code == 1, done.output
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert time.perf_counter() - start < 5  # seconds: less than a virtual environment takes


def test_bad_wheels_and_texts(folder: Path) -> None:
    assert "no wheel here" in tryout(folder, wheel="none.whl").stderr
    assert "not the name of a wheel" in tryout(folder, wheel="noise.whl").stderr
    assert "not a wheel that can be read" in tryout(folder, wheel="other-1.0-py3-none-any.whl").stderr
    assert "no utterance in the file" in tryout(folder, texts="blank.txt").stderr
    assert "no such file" in tryout(folder, texts="none.txt").stderr
    assert "wheels of several packages: noise.whl, other, xx_songs" in tryout(folder, wheel="").stderr


def test_what_pip_takes_is_taken(folder: Path) -> None:
    requirements = ["spacy", "spacy>=3.8,<4", "a[b]==1.0; python_version>'3'", "a @ https://example.org/a-1.0.whl"]
    check_inputs(folder / WHEEL, ROOT / "constraints.txt", [str(ROOT), str(folder / WHEEL), *requirements], None)
    with pytest.raises(ConfigError):
        check_inputs(folder / WHEEL, None, ["spacy three"], None)
