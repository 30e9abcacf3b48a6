"""Which files are an input, and what is read from each kind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_convner.errors import DataError, MissingExtraError
from spacy_convner.silver.folder import Folder
from spacy_convner.silver.input_ranges import RangeReader, plan_file, split_file
from spacy_convner.silver.source_rows import LONGEST_WORD, Row, read_rows
from spacy_convner.silver.sources import SourceFile, find_files

from ..conftest import write_jsonl

TEXTS = [f"play hello {i}" for i in range(25)]


def write(path: Path, kind: str) -> SourceFile:
    """One input in any kind, with a blank line where there can be one."""
    if kind == "parquet":
        table = pyarrow.table({"text": TEXTS, "lang": ["en"] * 25, "other": range(25)})
        pyarrow.parquet.write_table(table, path / "in.parquet", row_group_size=7)
        return SourceFile(str(path / "in.parquet"), "parquet")
    if kind == "docbin":
        nlp = spacy.blank("en")
        DocBin(docs=[nlp.make_doc(text) for text in TEXTS]).to_disk(path / "in.spacy")
        return SourceFile(str(path / "in.spacy"), "docbin")
    lines = "\n\n".join(json.dumps({"text": text}) for text in TEXTS) + "\n"
    file = path / ("in.jsonl.gz" if kind == "gzip" else "in.jsonl")
    file.write_bytes(gzip.compress(lines.encode()) if kind == "gzip" else lines.encode())
    return SourceFile(str(file), "jsonl")


def texts(rows: Any) -> list[str]:
    return [row.utterance.text for row in rows]


@pytest.mark.parametrize("kind", ["jsonl", "gzip", "docbin", "parquet"])
def test_ranges_are_the_file_in_any_order(tmp_path: Path, kind: str) -> None:
    file = plan_file(write(tmp_path, kind), 4)
    ranges = list(split_file(file, 3, 4))
    assert file.rows == sum(map(len, ranges)) == 25
    assert [part.name for part in ranges][::6] == [
        "part-000003-0000000001-0000000004.spacy",
        "part-000003-0000000025-0000000025.spacy",
    ]
    reader = RangeReader()
    assert [text for part in ranges for text in texts(reader(part))] == TEXTS
    every_other = [text for i in range(0, 25, 8) for text in TEXTS[i : i + 4]]
    assert [text for part in ranges[::2] for text in texts(reader(part))] == every_other
    assert texts(reader(ranges[5])) + texts(reader(ranges[1])) == TEXTS[20:24] + TEXTS[4:8]


@pytest.mark.parametrize("kind", ["jsonl", "docbin", "parquet"])
def test_a_file_that_changes_has_another_fingerprint(tmp_path: Path, kind: str) -> None:
    one = plan_file(write(tmp_path, kind), 4)
    assert plan_file(write(tmp_path, kind), 9).sha256 == one.sha256
    TEXTS[3] = "play hullo 3"
    try:
        assert plan_file(write(tmp_path, kind), 4).sha256 != one.sha256
    finally:
        TEXTS[3] = "play hello 3"


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    source = write(tmp_path, "jsonl")
    (*_, last) = split_file(plan_file(source, 10), 1, 10)
    write_jsonl(tmp_path / "in.jsonl", [{"text": "one"}])
    with pytest.raises(DataError, match="fewer utterances than a moment ago"):
        list(RangeReader()(last))


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in (
        "b/day=2/x.jsonl",
        "b/day=1/y.parquet",
        "a.spacy",
        "_SUCCESS",
        "b/_tmp/z.jsonl",
        "b/.x.jsonl",
        "c.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"text": "a"}\n')
    found = [(Path(file.path).relative_to(tmp_path).as_posix(), file.kind) for file in find_files(tmp_path)]
    assert found == [("a.spacy", "docbin"), ("b/day=1/y.parquet", "parquet"), ("b/day=2/x.jsonl", "jsonl")]
    assert [Path(file.path).name for file in find_files(str(tmp_path / "b" / "day=*" / "*"))] == [
        "y.parquet",
        "x.jsonl",
    ]
    for prefix in ("", "file://"):
        days = find_files(f"{prefix}{tmp_path}/b/day=[12]")
        assert [Path(file.path).name for file in days] == ["y.parquet", "x.jsonl"]
    assert find_files(tmp_path / "c.txt") == [SourceFile(str(tmp_path / "c.txt"), "jsonl")]
    assert [Path(file.path).name for file in find_files(f"file://{tmp_path}/b")] == ["y.parquet", "x.jsonl"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.jsonl", "no such file"), ("no*.jsonl", "no file of utterances"), ("empty", "no file of utterances")],
)
def test_nothing_to_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    for place in (str(tmp_path / name), f"file://{tmp_path}/{name}", f"memory://{tmp_path}/{name}"):
        with pytest.raises(DataError, match=r"no such file|no file of utterances") as caught:
            find_files(place)
        assert place.startswith("memory") or message in str(caught.value)
        assert name in str(caught.value)


def test_addresses(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for kind in ("gzip", "parquet", "docbin"):
        source = write(tmp_path, kind)
        system.pipe_file(f"/lake/{Path(source.path).name}", Path(source.path).read_bytes())
    try:
        files = find_files("memory://lake/in.*")
        assert [file.kind for file in files] == ["jsonl", "parquet", "docbin"]
        assert find_files("memory://lake") == files
        for file in files:
            assert texts(read_rows(file, first=20)) == TEXTS[19:]
            assert plan_file(file, 10).sha256 == plan_file(file, 10).sha256
    finally:
        system.rm("/lake", recursive=True)


def test_a_scheme_whose_package_is_missing() -> None:
    with pytest.raises(DataError, match=r"s3://bucket/x\.jsonl: .*s3fs.*install it beside spacy-convner"):
        find_files("s3://bucket/x.jsonl")


def test_an_address_of_an_unknown_scheme() -> None:
    with pytest.raises(DataError, match="can't be opened"):
        find_files("nonsense://bucket/x.jsonl")


@pytest.mark.parametrize(("module", "place"), [("fsspec", "s3://bucket/x.jsonl"), ("pyarrow", "in.parquet")])
def test_the_extra_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, place: str
) -> None:
    write(tmp_path, "parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    extra = "remote" if module == "fsspec" else "parquet"
    with pytest.raises(MissingExtraError, match=rf"pip install 'spacy-convner\[{extra}\]'"):
        plan_file(find_files(place)[0], 10)


def parquet(path: Path, **columns: Any) -> SourceFile:
    pyarrow.parquet.write_table(pyarrow.table(columns), path / "in.parquet")
    return SourceFile(str(path / "in.parquet"), "parquet")


def test_meta_of_a_table(tmp_path: Path) -> None:
    day = pyarrow.array([20000], pyarrow.date32())
    structs = pyarrow.StructArray.from_arrays([pyarrow.array([7]), day], names=["id", "day"])
    (row,) = read_rows(parquet(tmp_path, text=["a"], meta=structs))
    assert row.utterance is not None
    assert row.utterance.meta == {"id": 7, "day": "2024-10-04"}
    (row,) = read_rows(parquet(tmp_path, text=["a"], meta=['{"id": 8}']))
    assert row.utterance is not None
    assert row.utterance.meta == {"id": 8}
    with pytest.raises(DataError, match=r"in\.parquet:1: field 'meta': expected JSON"):
        list(read_rows(parquet(tmp_path, text=["a"], meta=["{"])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"txt": ["a"]}, "field 'text': no such column, the file has txt"),
        ({"text": [1]}, "field 'text': expected a column of strings, got int64"),
        ({"text": ["a"], "lang": [1.5]}, "field 'lang': expected a column of strings, got double"),
    ],
)
def test_tables_of_something_else(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=r"in\.parquet: ") as caught:
        plan_file(parquet(tmp_path, **content), 10)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.parquet", "not a Parquet file"), ("x.spacy", "not a readable DocBin"), ("x.jsonl.gz", "can't be read")],
)
def test_files_that_are_not_what_they_say(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 no it is not")
    with pytest.raises(DataError, match=message):
        plan_file(find_files(tmp_path / name)[0], 10)


def test_a_table_that_is_cut_off(tmp_path: Path) -> None:
    source = parquet(tmp_path, text=TEXTS)
    data = bytearray(Path(source.path).read_bytes())
    data[4:60] = bytes(56)  # its pages, not its footer
    Path(source.path).write_bytes(data)
    with pytest.raises(DataError, match=r"in\.parquet: "):
        list(read_rows(source))


def test_texts_that_no_pipeline_can_take(tmp_path: Path) -> None:
    lines = [
        '{"text": "fine"}',
        json.dumps({"text": "a" * (1 << 20)}),
        json.dumps({"text": "!" * (LONGEST_WORD + 1)}),
        '{"text": "\\ud800 play"}',
        '{"text": null}',
        json.dumps({"text": "\x00\x01\x1b[2J"}),
        json.dumps({"text": "! " * LONGEST_WORD}),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf8")
    rows = list(read_rows(SourceFile(str(tmp_path / "in.jsonl"), "jsonl")))
    assert [(row.number, row.reason.partition(",")[0]) for row in rows if row.utterance is None] == [
        (2, "field 'text': 1"),
        (3, "field 'text': more than 2"),
        (4, "field 'text': lone surrogate '\\ud800'"),
        (5, "field 'text': null"),
    ]
    assert texts(row for row in rows if row.utterance)[1] == "\x00\x01\x1b[2J"


def test_rows_of_a_table_that_no_pipeline_can_take(tmp_path: Path) -> None:
    raw = pyarrow.array([b"fine", b"\xff\xfe", b"too"], pyarrow.binary()).view(pyarrow.string())
    reasons = [row.reason for row in read_rows(parquet(tmp_path, text=raw))]
    assert reasons == ["", "field 'text': byte 0xff is not UTF-8", ""]
    rows = list(read_rows(parquet(tmp_path, text=["a", None, "c"], lang=[None, "en", "es"])))
    assert rows[1] == Row(2, None, "field 'text': null")
    assert rows[2].utterance is not None
    assert rows[2].utterance.lang == "es"


def test_meta_of_a_table_that_is_none(tmp_path: Path) -> None:
    for content in ("[1]", "{bad", "7"):
        source = parquet(tmp_path, text=["a", "b"], meta=["{}", content])
        with pytest.raises(DataError, match=r"in\.parquet:2: field 'meta': expected"):
            list(read_rows(source))
        assert texts(read_rows(source, keep_meta=False)) == ["a", "b"]
    for column in ("text", "meta"):
        table = pyarrow.table([["a"], ["b"], ["c"]], names=["text", column, "meta"])
        pyarrow.parquet.write_table(table, tmp_path / "twice.parquet")
        with pytest.raises(DataError, match=f"field '{column}': more than one column"):
            plan_file(find_files(tmp_path / "twice.parquet")[0], 10)


def test_a_missing_field_is_no_hostile_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=":1: field 'text': missing"):
        plan_file(SourceFile(str(write_jsonl(tmp_path / "in.jsonl", [{"txt": "a"}])), "jsonl"), 10)


class Unreachable(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """As object stores' clients, whose errors are no OSError."""

    protocol = "unreachable"

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        raise RuntimeError("Could not connect to the endpoint")

    info = pipe_file = ls


def test_a_store_that_cannot_be_reached_is_one_message() -> None:
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    with pytest.raises(DataError, match=r"unreachable://lake/x\.jsonl: can't be read: Could not connect"):
        find_files("unreachable://lake/x.jsonl")
    with pytest.raises(DataError, match="unreachable://out: can't be listed: Could not connect"):
        Folder("unreachable://out").sizes()
    with pytest.raises(DataError, match=r"ftp://127\.0\.0\.1:1/out: can't be opened: .*refused"):
        Folder("ftp://127.0.0.1:1/out").sizes()
    with pytest.raises(DataError, match="unreachable://out/part: can't be written: Could not connect"):
        Folder("unreachable://out").write("part", b"")
