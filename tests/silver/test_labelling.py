from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_convner.attrs import get_doc_lang
from spacy_convner.docbin import read_docbin
from spacy_convner.errors import DataError, FilterError
from spacy_convner.silver.labelling import MANIFEST, check_input

from ..conftest import write_jsonl
from .conftest import label

MakeRuler = Callable[..., Language]


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.spacy"))}


def shard(i: int, size: int = 10, total: int = 103) -> str:
    """Name of the i-th shard of the traffic."""
    return f"part-000001-{i * size + 1:010d}-{min((i + 1) * size, total):010d}.spacy"


def read(path: Path) -> list[tuple[str, list[tuple[str, str]], str | None]]:
    return [
        (doc.text, [(ent.text, ent.label_) for ent in doc.ents], get_doc_lang(doc))
        for doc in read_docbin(path, Vocab())
    ]


class Interrupt:
    """Ctrl-C once so many utterances are labelled."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, n: int) -> None:
        self.left -= n
        if self.left < 0:
            raise KeyboardInterrupt


def test_a_folder_of_shards(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er"
    stats = label(make_ruler(), traffic, out)
    assert sorted(parts(out)) == [shard(i) for i in range(11)]
    assert [len(DocBin().from_disk(out / name)) for name in sorted(parts(out))] == [10] * 10 + [3]
    texts = [json.loads(line)["text"] for line in traffic.read_text(encoding="utf8").splitlines()]
    assert [text for text, _, _ in read(out)] == texts
    assert read(out)[0] == ("play hello 0", [("hello", "Song")], None)
    assert ("pon hello", [("hello", "Song")], "es") in read(out)
    assert stats["utterances"] == 103
    assert stats["resumed"] == 0
    assert stats["entities"] == stats["labels"]["Song"] == 96
    assert stats["utterances_per_s"] > 0
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf8"))
    assert manifest["complete"] is True
    assert manifest["stats"]["entities"] == 96


def test_a_file_has_the_same_docs(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    stats = label(make_ruler(), traffic, tmp_path / "folder")
    as_file = label(make_ruler(), traffic, tmp_path / "one.spacy")
    timing = {"seconds", "utterances_per_s", "max_rss_mb"}
    assert {k: v for k, v in stats.items() if k not in timing} == {k: v for k, v in as_file.items() if k not in timing}
    assert read(tmp_path / "one.spacy") == read(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "one.spacy", "traffic.jsonl"]


@pytest.mark.parametrize("name", ["out", "out.spacy"])
def test_continues_after_an_interruption(make_ruler: MakeRuler, traffic: Path, tmp_path: Path, name: str) -> None:
    expected = tmp_path / "expected"
    label(make_ruler(), traffic, expected)
    out = tmp_path / name
    folder = tmp_path / "out.spacy.parts" if name == "out.spacy" else out
    with pytest.raises(KeyboardInterrupt):
        label(make_ruler(), traffic, out, on_docs=Interrupt(37))
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("part-*.spacy")}
    assert len(finished) == 3
    assert not out.is_file()
    assert not list(folder.glob(".*"))
    assert [text for text, _, _ in read(folder)] == [text for text, _, _ in read(expected)][:30]
    assert json.loads((folder / MANIFEST).read_text(encoding="utf8"))["complete"] is False

    told: list[tuple[int, int]] = []
    keep = {path: path.read_bytes() for path in finished}
    done: list[int] = []

    def on_docs(n: int) -> None:
        done.append(n)
        assert {path: path.stat().st_mtime_ns for path in finished} == finished

    stats = label(
        make_ruler(), traffic, out, on_start=lambda total, before: told.append((total, before)), on_docs=on_docs
    )
    assert told == [(103, 30)]
    assert sum(done) == 73
    assert stats["resumed"] == 30
    assert stats["entities"] == 96
    if name == "out":
        assert {path: path.read_bytes() for path in finished} == keep
        assert parts(out) == parts(expected)
    assert read(out) == read(expected)


def test_a_lost_shard_in_the_middle_is_made_again(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    expected = parts(out)
    (out / shard(4)).unlink()
    (out / shard(10)).unlink()
    assert label(make_ruler(), traffic, out)["resumed"] == 90
    assert parts(out) == expected


def test_a_finished_run_does_nothing_again(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("part-*.spacy")}
    stats = label(make_ruler(), traffic, out)
    assert stats["resumed"] == stats["utterances"] == 103
    assert stats["utterances_per_s"] is None
    assert {path: path.stat().st_mtime_ns for path in out.glob("part-*.spacy")} == before


def test_what_a_killed_writer_left_is_cleared(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".0123456789abcdef.tmp").write_bytes(b"half a manifest")
    assert label(make_ruler(), traffic, out)["entities"] == 96
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("change", ["text", "lang", "more", "label", "shard_size", "keep_exemplars"])
def test_a_change_starts_over(make_ruler: MakeRuler, traffic: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        label(make_ruler(), traffic, out, on_docs=Interrupt(90))
    nlp, settings = make_ruler("Track" if change == "label" else "Song"), {}
    lines = traffic.read_text(encoding="utf8").splitlines()
    if change == "text":
        lines[0] = json.dumps({"text": "play stay 0"})
    elif change == "lang":
        lines[0] = json.dumps({"text": "play hello 0", "lang": "es"})
    elif change == "more":
        lines.append(json.dumps({"text": "one more"}))
    elif change != "label":
        settings = {"shard_size": 40} if change == "shard_size" else {"keep_exemplars": True}
    traffic.write_text("\n".join(lines) + "\n", encoding="utf8")
    assert label(nlp, traffic, out, **settings)["resumed"] == 0
    label(nlp, traffic, tmp_path / "expected", **settings)
    assert parts(out) == parts(tmp_path / "expected")


def test_meta_of_the_input_is_no_change(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(make_ruler(), traffic, out)
    records = [json.loads(line) for line in traffic.read_text(encoding="utf8").splitlines()]
    write_jsonl(traffic, [{**record, "meta": {"from": "somewhere"}} for record in records])
    assert label(make_ruler(), traffic, out)["resumed"] == 103


def test_a_teacher_of_ours(
    make_teacher: Callable[..., Language], exemplars_path: Path, traffic: Path, tmp_path: Path
) -> None:
    stats = label(make_teacher(), traffic, tmp_path / "a")
    assert set(stats["statuses"]) == {"ok", "no_candidates"}
    label(make_teacher(), traffic, tmp_path / "b", keep_exemplars=True)
    (bare, *_), (full, *_) = (list(read_docbin(tmp_path / name, Vocab())) for name in "ab")
    assert stats["left_out"] == ["exemplar_retriever"]
    assert bare._.exemplars == []
    assert len(full._.exemplars) == 3
    assert bare._.convner.status == full._.convner.status == "ok"
    assert [s.text for s in bare.spans["candidates"]] == ["hello"]
    # Another exemplar is another teacher.
    with exemplars_path.open("a", encoding="utf8") as file:
        file.write('{"text": "play on", "spans": []}\n')
    assert label(make_teacher(), traffic, tmp_path / "a")["resumed"] == 0


@pytest.mark.parametrize("ours", [True, False])
def test_two_processes_give_the_same(
    make_ruler: MakeRuler, make_teacher: Callable[..., Language], traffic: Path, tmp_path: Path, ours: bool
) -> None:
    make = make_teacher if ours else make_ruler
    label(make(), traffic, tmp_path / "one")
    stats = label(make(), traffic, tmp_path / "two", n_process=2)
    assert parts(tmp_path / "two") == parts(tmp_path / "one")
    assert stats["utterances"] == 103


def test_a_pipeline_that_loses_docs_is_found_out(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    class Loser:
        def __call__(self, doc: Doc) -> Doc:
            return doc

        def pipe(self, stream: Iterable[Doc], **kwargs: object) -> Iterator[Doc]:
            return (doc for doc in stream if "stay" not in doc.text)

    nlp = make_ruler()
    Language.component("test_labelling_loser", func=Loser())  # type: ignore[arg-type]
    nlp.add_pipe("test_labelling_loser")
    with pytest.raises(FilterError, match="Docs back for"):
        label(nlp, traffic, tmp_path / "out", shard_size=200)
    assert not list((tmp_path / "out").glob("part-*"))


def test_a_pipeline_that_stops_reading_is_found_out(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    class Idler:
        def __call__(self, doc: Doc) -> Doc:
            return doc

        def pipe(self, stream: Iterable[Doc], **kwargs: object) -> Iterator[Doc]:
            return islice(stream, 15)

    nlp = make_ruler()
    Language.component("test_labelling_idler", func=Idler())  # type: ignore[arg-type]
    nlp.add_pipe("test_labelling_idler")
    with pytest.raises(FilterError, match="stopped reading in part-000001-0000000011-"):
        label(nlp, traffic, tmp_path / "out")
    assert sorted(parts(tmp_path / "out")) == [shard(0)]


def test_blank_texts_survive(make_ruler: MakeRuler, tmp_path: Path) -> None:
    blank = ["", " ", "\n", "  ", ""]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in blank])
    for name in ("out", "out.spacy"):
        label(make_ruler(), source, tmp_path / name, shard_size=2)
        assert [text for text, _, _ in read(tmp_path / name)] == blank


def test_bad_input_is_found_before_any_work(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    with traffic.open("a", encoding="utf8") as file:
        file.write('{"txt": "x"}\n')
    with pytest.raises(DataError, match=r"traffic\.jsonl:104: field 'text': missing"):
        label(make_ruler(), traffic, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match=":104:"):
        check_input(traffic)


def test_places_that_are_no_place(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious", encoding="utf8")
    with pytest.raises(DataError, match="no labelling run made it"):
        label(make_ruler(), traffic, mine)
    with pytest.raises(DataError, match="a folder was expected"):
        label(make_ruler(), traffic, mine / "thesis.txt")
    (tmp_path / "folder.spacy").mkdir()
    with pytest.raises(DataError, match="a file was expected"):
        label(make_ruler(), traffic, tmp_path / "folder.spacy")
    for below in ("out", "out.spacy"):
        with pytest.raises(DataError, match="can't be written"):
            label(make_ruler(), traffic, mine / "thesis.txt" / below)
    assert [(path.name, path.read_text(encoding="utf8")) for path in mine.iterdir()] == [("thesis.txt", "precious")]
