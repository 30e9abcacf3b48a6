"""A saved component that was damaged says so, or decides as before: never a crash, never another answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_convner.errors import DataError

TEXTS = ["play hello by adele", "let us watch dune", "hello there"]
FILES = {
    "catalog_matcher": "index/segment-*/records.npy",
    "exemplar_retriever": "exemplars.npz",
    "llm_semantic_filter": "filter.zip",
}


def answers(nlp: Language) -> list[list[tuple[str, str, str]]]:
    return [[(s.text, s.label_, s.id_) for s in doc.spans["sc"]] for doc in nlp.pipe(TEXTS)]


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(make_teacher: Callable[..., Language], tmp_path: Path, name: str) -> None:
    nlp = make_teacher()
    expected = answers(nlp)
    nlp.to_disk(tmp_path / "model")
    (path,) = (tmp_path / "model" / name).glob(FILES[name])
    data = path.read_bytes()
    generator = random.Random(name)
    damaged = [data[: len(data) // 2], b"", b"garbage", data[:-1]]
    for position in [*range(12), *generator.sample(range(len(data)), 15)]:
        flipped = bytearray(data)
        flipped[position] ^= 1 << generator.randrange(8)
        damaged.append(bytes(flipped))
    said = []
    for content in damaged:
        path.write_bytes(content)
        try:
            nlp.get_pipe(name).from_disk(tmp_path / "model" / name)  # type: ignore[attr-defined]
        except DataError as err:
            said.append(str(err))
        else:  # a bit that nobody reads, such as a date
            assert answers(nlp) == expected
    assert len(said) > 10
    assert all("damaged" in message for message in said)
    path.write_bytes(data)
    assert answers(spacy.load(tmp_path / "model")) == expected
