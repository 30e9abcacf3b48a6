"""A teacher that was run with a key is packaged: the key is in none of the files, the wheel's included."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from spacy.cli.package import package
from spacy.language import Language

from .conftest import KEY, Server


@pytest.mark.slow
def test_the_key_is_not_in_the_wheel(server: Server, make_llm_teacher: Callable[..., Language], tmp_path: Path) -> None:
    pytest.importorskip("build")
    nlp = make_llm_teacher(store=str(tmp_path / "answers.sqlite"))
    assert nlp("play hello by adele")._.convner.status == "ok"
    nlp.to_disk(tmp_path / "model")
    (tmp_path / "packages").mkdir()
    package(
        tmp_path / "model", tmp_path / "packages", name="teacher", create_sdist=False, create_wheel=True, silent=True
    )
    (wheel,) = (tmp_path / "packages").rglob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        found = [name for name in names if KEY.encode() in archive.read(name)]
    assert any(name.endswith("config.cfg") for name in names)
    assert found == []
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
