"""Outputs that aren't plain files, and files that must keep what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spacy_convner.atomic import read_saved, write_text
from spacy_convner.errors import DataError


def test_a_link_stays_a_link_and_a_mode_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_device_isn_t_replaced(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_text(link, "x")
    assert Path(os.devnull).is_char_device()
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    write_text(fifo, "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert fifo.is_fifo()


def test_a_missing_saved_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the saved pipeline is damaged"):
        read_saved(tmp_path / "filter.zip")
