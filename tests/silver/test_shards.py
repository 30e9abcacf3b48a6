"""Whether a shard that was damaged where it lies is noticed, whichever byte it is."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.silver.folder import Folder
from spacy_convner.silver.input_ranges import InputRange
from spacy_convner.silver.shards import Making, UnstorableError, read_record, write_shard
from spacy_convner.silver.source_rows import Row
from spacy_convner.silver.sources import SourceFile

PART = InputRange(SourceFile("in.jsonl", "jsonl"), "0f" * 32, 1, 1, 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    docs = [spacy.blank("en")(text) for text in ("play hello", "", "pon Beyoncé")]
    written = write_shard(Folder(folder), PART, Making("ab"), docs, [Row(3, None, "null")])
    assert written["bytes"] == (folder / PART.name).stat().st_size
    return folder


def test_a_whole_one_says_what_was_written(whole: Path) -> None:
    record = read_record(Folder(whole), PART.name)
    assert record is not None
    assert record.pop("made") == Making("ab").of(PART)
    assert record["rejected"] == [{"row": 3, "reason": "null"}]
    assert (record["utterances"], record["bytes"]) == (3, (whole / PART.name).stat().st_size)


@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_any_byte_that_changes_is_noticed(whole: Path, where: float, change: int) -> None:
    data = bytearray((whole / PART.name).read_bytes())
    data[int(where * len(data))] ^= change
    (whole / "other").write_bytes(data)
    assert read_record(Folder(whole), "other") is None


@given(length=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=9))
def test_any_other_length_is_noticed(whole: Path, length: float, more: bytes) -> None:
    data = (whole / PART.name).read_bytes()
    (whole / "other").write_bytes(data[: int(length * len(data))] + more)
    assert read_record(Folder(whole), "other") is None


def test_elsewhere_only_the_end_is_read(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Object stores check what they keep; a cut one has no end."""
    system = fsspec.filesystem("memory")
    folder, data = Folder("memory://shards-elsewhere"), (whole / PART.name).read_bytes()
    for tail in (len(data), 200, 1):  # the last two don't hold the footer
        monkeypatch.setattr("spacy_convner.silver.shards._TAIL", tail)
        folder.write(PART.name, data)
        assert read_record(folder, PART.name) == (None if tail == 1 else read_record(Folder(whole), PART.name))
    monkeypatch.undo()
    folder.write(PART.name, data[:-1])
    assert read_record(folder, PART.name) is None
    system.rm("/shards-elsewhere", recursive=True)


def test_what_cannot_be_stored_leaves_nothing(tmp_path: Path) -> None:
    doc = spacy.blank("en")("play")
    doc.user_data["mine"] = object()
    with pytest.raises(UnstorableError, match=r"can't be stored in DocBin: .*object"):
        write_shard(Folder(tmp_path), PART, Making("ab"), [doc], [])
    assert list(tmp_path.iterdir()) == []
