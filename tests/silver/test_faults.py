"""What goes wrong with a labelling run, and what is left of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_convner.attrs import get_doc_meta
from spacy_convner.docbin import read_docbin
from spacy_convner.errors import DataError
from spacy_convner.silver.folder import Folder
from spacy_convner.silver.labelling import MANIFEST
from spacy_convner.silver.shards import read_record

from ..conftest import write_jsonl
from .conftest import label, manifest, shards

MakeRuler = Callable[..., Language]


def test_hostile_texts_are_in_the_manifest_and_others_in_one_shard(make_ruler: MakeRuler, tmp_path: Path) -> None:
    texts = [None if i % 7 == 3 else f"play hello {i}\x07" for i in range(40)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "in.parquet")
    stats = label(make_ruler(), tmp_path / "in.parquet", tmp_path / "out")
    found = Counter(doc.text for doc in read_docbin(tmp_path / "out", Vocab()))
    assert found == Counter(text for text in texts if text is not None)
    assert {row["row"] for row in manifest(tmp_path / "out")["rejected"]} == {i + 1 for i in range(40) if i % 7 == 3}
    assert stats["rejected"] + sum(found.values()) == stats["utterances"] == 40
    stats = label(make_ruler(), tmp_path / "in.parquet", tmp_path / "out.spacy")
    assert len((tmp_path / "out.rejected.jsonl").read_text().splitlines()) == stats["rejected"] == 6


def test_a_day_is_added(make_ruler: MakeRuler, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    for day in ("b", "d"):
        write_jsonl(lake / f"{day}.jsonl", [{"text": f"play hello {day} {i}"} for i in range(12)])
    label(make_ruler(), lake, tmp_path / "out")
    before = shards(tmp_path / "out")
    assert len(before) == 4
    for day in ("a", "c"):
        write_jsonl(lake / f"{day}.jsonl", [{"text": f"play hello {day} {i}"} for i in range(12)])
    assert label(make_ruler(), lake, tmp_path / "out")["resumed"] == 24
    after = shards(tmp_path / "out")
    assert len(after) == 8
    assert {name: after[name] for name in before} == before
    assert [file["number"] for file in manifest(tmp_path / "out")["files"]] == [3, 1, 4, 2]
    # One changes, one goes, one is moved.
    write_jsonl(lake / "a.jsonl", [{"text": "play hello"}])
    (lake / "b.jsonl").unlink()
    (lake / "c.jsonl").rename(lake / "e.jsonl")
    assert label(make_ruler(), lake, tmp_path / "out")["resumed"] == 24
    texts = [doc.text for doc in read_docbin(tmp_path / "out", Vocab())]
    assert sorted(texts) == sorted(["play hello"] + [f"play hello {day} {i}" for day in "dc" for i in range(12)])


def test_what_is_not_ours_stays(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    mine = {"notes.txt": b"precious", "part-000009-0000000001-0000000002.spacy": b"another tool's", "x.spacy": b"x"}
    for name, content in mine.items():
        (out / name).write_bytes(content)
    label(make_ruler("Track"), traffic, out, shard_size=50)
    assert {name: (out / name).read_bytes() for name in mine} == mine
    assert len(shards(out)) == 4
    (out / MANIFEST).write_text('{"shards": []}')
    with pytest.raises(DataError, match="another program's manifest, or an older release's"):
        label(make_ruler(), traffic, out)
    assert len(shards(out)) == 4


def test_a_shard_says_how_it_was_made(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    label(make_ruler(), traffic, tmp_path / "out")
    (name, *_) = shards(tmp_path / "out")
    record = read_record(Folder(tmp_path / "out"), name)
    assert record is not None
    assert (record["shard"], record["utterances"], record["labels"]) == (name, 10, {"Song": 10})
    assert len(list(DocBin().from_disk(tmp_path / "out" / name).get_docs(Vocab()))) == 10
    # A driver that is killed has told nobody; its shards have.
    known = manifest(tmp_path / "out")
    (tmp_path / "out" / MANIFEST).write_text(json.dumps({**known, "shards": {}, "complete": False}))
    assert label(make_ruler(), traffic, tmp_path / "out")["resumed"] == 103


def test_object_storage(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    place = "memory://silver/en"
    system = fsspec.filesystem("memory")
    try:
        assert label(make_ruler(), traffic, place)["entities"] == 96
        assert label(make_ruler(), traffic, place)["resumed"] == 103
        label(make_ruler(), traffic, tmp_path / "out")
        assert {Path(name).name: system.cat(name) for name in system.glob("/silver/en/part-*")} == {
            path.name: path.read_bytes() for path in (tmp_path / "out").glob("part-*")
        }
        assert label(make_ruler("Track"), traffic, place)["resumed"] == 0
    finally:
        system.rm("/silver", recursive=True)


def test_meta_is_kept_where_it_is_asked_for(make_ruler: MakeRuler, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "play hello", "meta": {"id": 7}}])
    for keep in (False, True):
        label(make_ruler(), source, tmp_path / "out", keep_meta=keep)
        (doc,) = read_docbin(tmp_path / "out", Vocab())
        assert get_doc_meta(doc) == ({"id": 7} if keep else {})
    write_jsonl(source, [{"text": "play hello", "meta": {"id": 8}}])
    assert label(make_ruler(), source, tmp_path / "out", keep_meta=True)["resumed"] == 0


@pytest.mark.slow
def test_a_full_disk(make_ruler: MakeRuler, tmp_path: Path) -> None:
    texts = [f"play hello {i}" for i in range(20)] + [token_hex(999) for _ in range(10)] + ["the end"] * 10
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    make_ruler().to_disk(tmp_path / "pipeline")
    program = (
        "import resource, sys; limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1];"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, limit)); from spacy_convner.cli import main; main()"
    )
    arguments = ["label", str(source), str(tmp_path / "out"), "-p", str(tmp_path / "pipeline"), "--shard-size", "10"]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    assert "part-000001-0000000021-0000000030.spacy: can't be written: File too large" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert len(shards(tmp_path / "out")) == 2
    assert not list((tmp_path / "out").glob(".*"))
    assert "can't be written" in manifest(tmp_path / "out")["failures"][0]["reason"]
    assert label(make_ruler(), source, tmp_path / "out")["resumed"] == 20
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == texts
