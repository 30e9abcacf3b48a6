"""A pipeline that travels to nodes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_convner.errors import DataError
from spacy_convner.silver.pipeline_bundle import pack_pipeline, unpack_pipeline


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_many_processes_of_a_node_share_one_folder(make_teacher: Callable[..., Language]) -> None:
    nlp = make_teacher()
    data = pack_pipeline(nlp)
    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(unpack_pipeline, ["one"] * 8, [data] * 8))
    (folder,) = places
    assert [path.name for path in folder.parent.iterdir()] == ["one"]
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    doc, again = nlp("play hello"), spacy.load(folder)("play hello")
    found = [[(span.start, span.end, span.label_) for span in one.spans["sc"]] for one in (doc, again)]
    assert found[0] == found[1] != []


def test_the_last_three_stay(make_ruler: Callable[..., Language]) -> None:
    data = pack_pipeline(make_ruler())
    for name in "abcde":
        folder = unpack_pipeline(name, data)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["c", "d", "e"]


def test_what_a_cleaner_took_is_unpacked_again(make_ruler: Callable[..., Language]) -> None:
    data = pack_pipeline(make_ruler())
    folder = unpack_pipeline("a", data)
    (folder / "tokenizer").unlink()
    (folder / "config.cfg").write_text("")
    assert spacy.load(unpack_pipeline("a", data))("play hello").ents


def test_a_place_that_is_no_place(make_ruler: Callable[..., Language], place: Path) -> None:
    data = pack_pipeline(make_ruler())
    folder = unpack_pipeline("a", data)
    (folder.parent / "b").write_text("")
    with pytest.raises(DataError, match="can't be written"):
        unpack_pipeline("b", data)
