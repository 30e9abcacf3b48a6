"""What goes wrong with a labelling run, and what is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_convner.attrs import get_doc_lang, get_doc_meta
from spacy_convner.docbin import read_docbin
from spacy_convner.errors import DataError, FilterError
from spacy_convner.silver.folder import Folder
from spacy_convner.silver.labelling import MANIFEST, label_file
from spacy_convner.silver.shards import read_record

from ..conftest import write_jsonl

MakeRuler = Callable[..., Language]


def label(nlp: Language, source: Path | str, output: Path | str, **settings: Any) -> dict[str, Any]:
    defaults = {"shard_size": 10, "n_process": 1, "batch_size": 4, "keep_exemplars": False}
    return label_file(nlp, source, output, **{**defaults, **settings})


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf8")))


def shards(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("part-*"))}


@Language.component("test_faults_choker")
def choke(doc: Doc) -> Doc:
    """A component that some texts are too much for."""
    if "choke" in doc.text:
        raise RuntimeError(f"can't swallow\n{doc.text}")
    return doc


@Language.component("test_faults_leaver")
def leave(doc: Doc) -> Doc:
    """A component of somebody who takes it for a program."""
    if "leave" in doc.text:
        sys.exit(3)
    return doc


@Language.component("test_faults_babbler")
def babble(doc: Doc) -> Doc:
    """A component that says what no file can hold."""
    if "surrogate" in doc.text:
        raise ValueError("bad \ud800")
    return doc


@Language.component("test_faults_hoarder")
def hoard(doc: Doc) -> Doc:
    """A component that keeps what can't be stored."""
    if "lambda" in doc.text:
        doc.user_data["mine"] = lambda: None
    return doc


@Language.component("test_faults_maker")
def make_anew(doc: Doc) -> Doc:
    """A component that gives a Doc of its own back."""
    return Doc(doc.vocab, [token.text for token in doc], [bool(token.whitespace_) for token in doc])


@pytest.fixture
def choker(make_ruler: MakeRuler) -> Language:
    nlp = make_ruler()
    nlp.add_pipe("test_faults_choker")
    return nlp


@pytest.mark.parametrize("n_process", [1, 2])
def test_an_utterance_that_the_pipeline_chokes_on(choker: Language, tmp_path: Path, n_process: int) -> None:
    texts = [f"play hello {i}" + (" choke" if i in (3, 12, 13, 34) else "") for i in range(35)]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    stats = label(choker, source, tmp_path / "out", n_process=n_process)
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == [t for t in texts if "choke" not in t]
    assert stats["statuses"] == {"none": 31}
    assert stats["rejected"] == 4
    rejected = manifest(tmp_path / "out")["rejected"]
    assert [(row["file"], row["row"]) for row in rejected] == [(str(source), n) for n in (4, 13, 14, 35)]
    assert rejected[0]["reason"] == "the pipeline raised RuntimeError: can't swallow play hello 3 choke"
    assert manifest(tmp_path / "out")["complete"] is True
    assert label(choker, source, tmp_path / "out")["resumed"] == 35


def test_a_pipeline_that_chokes_on_everything(choker: Language, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "choke"}] * 30)
    with pytest.raises(FilterError, match=r"all 10 utterances of part-000001-.* failed: .*swallow"):
        label(choker, source, tmp_path / "out")
    assert manifest(tmp_path / "out")["failures"][0]["reason"].startswith("all 10 utterances")
    assert shards(tmp_path / "out") == {}


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


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_and_messages_that_are_not_unicode(make_ruler: MakeRuler, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    write_jsonl(tmp_path / "in.jsonl", [{"text": "play hello"}, {"text": "surrogate"}])
    (tmp_path / "in.jsonl").rename(os.fsdecode(os.fsencode(lake) + b"/\xff.jsonl"))
    nlp = make_ruler()
    nlp.add_pipe("test_faults_babbler")
    for n_process in (1, 2):
        stats = label(nlp, lake, tmp_path / "out", n_process=n_process)
        assert (stats["rejected"], stats["resumed"]) == (1, 2 * (n_process - 1))
    assert manifest(tmp_path / "out")["rejected"][0]["reason"] == "the pipeline raised ValueError: bad \ud800"
    label(nlp, lake, tmp_path / "out.spacy")
    (line,) = (tmp_path / "out.rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["row"] == 2
    (next(lake.iterdir())).unlink()
    write_jsonl(lake / "good.jsonl", [{"text": "play hello"}])
    label(nlp, lake, tmp_path / "out.spacy")
    assert not (tmp_path / "out.rejected.jsonl").exists()  # it said what isn't in the file before


def test_docs_that_cannot_be_stored_are_rejected(make_ruler: MakeRuler, tmp_path: Path) -> None:
    records = [{"text": f"play hello {i}", "meta": {"id": 10**30 if i == 5 else i}} for i in range(25)]
    records[17]["text"] = "a lambda"
    source = write_jsonl(tmp_path / "in.jsonl", records)
    nlp = make_ruler()
    nlp.add_pipe("test_faults_hoarder")
    stats = label(nlp, source, tmp_path / "out", keep_meta=True)
    assert (stats["rejected"], stats["statuses"]) == (2, {"none": 23})
    (first, second) = manifest(tmp_path / "out")["rejected"]
    assert (first["row"], second["row"]) == (6, 18)
    assert first["reason"] == "can't be stored in DocBin: OverflowError: Integer value out of range"
    texts = [record["text"] for i, record in enumerate(records) if i not in (5, 17)]
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == texts
    with pytest.raises(FilterError, match=r"part-000001-0000000001-0000000001\.spacy: can't be stored"):
        label(nlp, write_jsonl(tmp_path / "all.jsonl", [{"text": "a lambda"}]), tmp_path / "none")


def test_a_doc_of_a_components_own_gets_what_the_record_says(make_ruler: MakeRuler, tmp_path: Path) -> None:
    records = [{"text": "play hello", "lang": "es", "meta": {"id": i}} for i in range(5)]
    source = write_jsonl(tmp_path / "in.jsonl", records)
    nlp = make_ruler()
    nlp.add_pipe("test_faults_maker")
    label(nlp, source, tmp_path / "out", keep_meta=True)
    docs = list(read_docbin(tmp_path / "out", Vocab()))
    assert [(get_doc_lang(doc), get_doc_meta(doc)) for doc in docs] == [("es", {"id": i}) for i in range(5)]


def test_a_component_that_leaves_the_program(make_ruler: MakeRuler, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{i}{' leave' if i == 12 else ''}"} for i in range(30)])
    nlp = make_ruler()
    nlp.add_pipe("test_faults_leaver")
    for n_process in (1, 2):
        stats = label(nlp, source, tmp_path / f"out{n_process}", n_process=n_process)
        assert stats["rejected"] == 1
        assert manifest(tmp_path / f"out{n_process}")["rejected"][0]["reason"] == "the pipeline raised SystemExit: 3"


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
