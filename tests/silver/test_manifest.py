"""Going on from shards that were damaged, or from a manifest that was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from spacy.language import Language

from spacy_convner.silver.labelling import MANIFEST

from ..conftest import write_jsonl
from .conftest import label, manifest, shards

MakeRuler = Callable[..., Language]


@pytest.mark.parametrize("n_process", [1, 2])
def test_damaged_shards_are_made_again(make_ruler: MakeRuler, traffic: Path, tmp_path: Path, n_process: int) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    cut, flipped, swapped, empty, *_ = shards(out)
    whole = {name: (out / name).read_bytes() for name in shards(out)}
    (out / cut).write_bytes(whole[cut][: len(whole[cut]) // 3])
    (out / flipped).write_bytes(whole[flipped][:50] + bytes([whole[flipped][50] ^ 1]) + whole[flipped][51:])
    (out / swapped).write_bytes(whole[cut])
    (out / empty).write_bytes(b"")
    stats = label(make_ruler(), traffic, out, n_process=n_process)
    assert stats["resumed"] == 63
    assert stats["damaged"] == manifest(out)["damaged"] == [cut, flipped, swapped, empty]
    assert {name: (out / name).read_bytes() for name in shards(out)} == whole
    assert label(make_ruler(), traffic, out)["damaged"] == []


def test_a_shard_that_was_cut_elsewhere_is_made_again(make_ruler: MakeRuler, traffic: Path) -> None:
    system, place = fsspec.filesystem("memory"), "memory://cut/en"
    try:
        label(make_ruler(), traffic, place)
        names = system.glob("/cut/en/part-*")
        whole = {name: system.cat(name) for name in names}
        system.pipe(names[3], whole[names[3]][:-9])
        stats = label(make_ruler(), traffic, place)
        assert (stats["resumed"], len(stats["damaged"])) == (93, 1)
        assert {name: system.cat(name) for name in names} == whole
    finally:
        system.rm("/cut", recursive=True)


@pytest.mark.parametrize(
    "content", [None, b"", b"[1, 2]", b'{"version": 3, "files"', b'{"version": 3, "files": ["x"]}', b"\xff"]
)
def test_without_its_manifest_a_run_goes_on_from_its_shards(
    make_ruler: MakeRuler, tmp_path: Path, content: bytes | None
) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    for days in ("b", "b2d", "b2dac"):  # numbered in the order in which they came; two are the same
        for day in days:
            write_jsonl(lake / f"{day}.jsonl", [{"text": f"play hello {day.replace('2', 'd')} {i}"} for i in range(12)])
        label(make_ruler(), lake, tmp_path / "out")
    before = shards(tmp_path / "out")
    assert len(before) == 10
    if content is None:
        (tmp_path / "out" / MANIFEST).unlink()
    else:
        (tmp_path / "out" / MANIFEST).write_bytes(content)
    stats = label(make_ruler(), lake, tmp_path / "out")
    assert stats["resumed"] == 60
    assert stats["damaged"] == ([] if content is None else [MANIFEST])
    assert shards(tmp_path / "out") == before
    (tmp_path / "out" / MANIFEST).unlink()
    assert label(make_ruler("Track"), lake, tmp_path / "out")["resumed"] == 0  # of another pipeline
    assert len(shards(tmp_path / "out")) == 10


@pytest.mark.parametrize(
    "change", [{"number": "x"}, {"number": -3}, {"number": 0}, {"number": 10**7}, {"sha256": 7}, {"path": None}]
)
def test_a_manifest_that_somebody_edited(
    make_ruler: MakeRuler, traffic: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    before, known = shards(out), manifest(out)
    known["files"][0].update(change)
    (out / MANIFEST).write_text(json.dumps(known))
    stats = label(make_ruler(), traffic, out)
    assert (stats["resumed"], stats["damaged"]) == (103, [MANIFEST])
    assert shards(out) == before
