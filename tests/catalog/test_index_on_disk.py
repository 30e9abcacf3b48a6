"""A built index: what it says when it is damaged, and that a change is seen whole or not at all."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language

from spacy_convner.catalog.index import storage, update
from spacy_convner.catalog.index.catalog_index import CatalogIndex
from spacy_convner.catalog.index.update import MOST_LATER_SEGMENTS, build_index, update_index
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.errors import DataError
from spacy_convner.ty import CatalogEntry

NORMALIZER = make_normalizer()
ENTRIES = [
    CatalogEntry("Hello", "Song", id="s1", popularity=9, aliases=("Hallo",)),
    CatalogEntry("Hello", "Movie", id="m1"),
    CatalogEntry("Adele", "Artist", id="a1", popularity=5, lang="en"),
    CatalogEntry("Bad Bunny", "Artist"),
]


@pytest.fixture
def nlp() -> Language:
    return spacy.blank("en")


@pytest.fixture(params=["trie", "phrase"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, nlp: Language) -> Path:
    build_index(ENTRIES, tmp_path / "index", nlp.vocab, NORMALIZER, request.param)
    return tmp_path / "index"


def ids(nlp: Language, text: str) -> set[str]:
    doc = nlp(text)
    return {span.id_ for span in doc.spans["candidates"]}


def found(nlp: Language, folder: Path, text: str = "hello adele bad bunny") -> set[tuple[str, str, str]]:
    index = CatalogIndex.open(folder, nlp.vocab, NORMALIZER)
    doc = nlp.make_doc(text)
    return {(doc[m.start : m.end].text, m.label, m.id) for m in index.find(doc)}


ALL = {
    ("hello", "Song", "s1"),
    ("hello", "Movie", "m1"),
    ("adele", "Artist", "a1"),
    ("bad bunny", "Artist", "Artist:Bad Bunny"),
}


def test_opened_again(nlp: Language, folder: Path) -> None:
    assert found(nlp, folder) == ALL
    entries = list(CatalogIndex.open(folder, nlp.vocab, NORMALIZER).entries())
    assert entries == [*ENTRIES[:3], CatalogEntry("Bad Bunny", "Artist", id="Artist:Bad Bunny")]
    assert all((folder / name).stat().st_mode & 0o444 == 0o444 for name in os.listdir(folder) if name != ".lock")


def test_in_a_pipeline(nlp: Language, folder: Path, tmp_path: Path) -> None:
    nlp.add_pipe("catalog_matcher", config={"catalog": str(folder)})
    assert ids(nlp, "hello adele") == {"s1", "m1", "a1"}
    nlp.to_disk(tmp_path / "model")
    shutil.rmtree(folder)
    loaded = spacy.load(tmp_path / "model")
    assert ids(loaded, "hello adele") == {"s1", "m1", "a1"}
    loaded.to_disk(tmp_path / "model")  # over the files that it has open
    assert ids(spacy.load(tmp_path / "model"), "hallo") == {"s1"}


def test_update_adds_replaces_and_removes(nlp: Language, folder: Path) -> None:
    new = [CatalogEntry("Hello Again", "Song", id="s2"), CatalogEntry("Adele Adkins", "Artist", id="a1")]
    gone = [CatalogEntry("Hello", "Movie", id="m1"), CatalogEntry("x", "Song", id="never")]
    report = update_index(folder, nlp.vocab, NORMALIZER, new, gone)
    assert (report.added, report.replaced, report.removed, report.not_found) == (2, 1, 1, ["never"])
    assert found(nlp, folder, "hello again adele adkins") == {
        ("hello", "Song", "s1"),
        ("hello again", "Song", "s2"),
        ("adele adkins", "Artist", "a1"),
    }
    index = CatalogIndex.open(folder, nlp.vocab, NORMALIZER)
    assert len(list(index.entries())) == 4


def test_many_updates_stay_few_segments(nlp: Language, folder: Path) -> None:
    for day in range(3 * MOST_LATER_SEGMENTS):
        gone = [CatalogEntry("x", "Song", id=f"day{day - 2}")] if day > 1 else []
        update_index(folder, nlp.vocab, NORMALIZER, [CatalogEntry(f"release {day}", "Song", id=f"day{day}")], gone)
    assert len(storage.read_manifest(folder).segments) <= MOST_LATER_SEGMENTS + 1
    assert len(list(folder.glob("segment-*"))) == len(storage.read_manifest(folder).segments)
    last = 3 * MOST_LATER_SEGMENTS - 1
    assert found(nlp, folder, f"release {last}, release {last - 1}, release {last - 2}, release 0, hello") == {
        (f"release {last}", "Song", f"day{last}"),
        (f"release {last - 1}", "Song", f"day{last - 1}"),
        ("hello", "Song", "s1"),
        ("hello", "Movie", "m1"),
    }


def test_a_pipeline_picks_up_what_changed(nlp: Language, folder: Path) -> None:
    matcher = nlp.add_pipe("catalog_matcher", config={"catalog": str(folder)})
    held = nlp.make_doc("brand new song")
    assert len(matcher(held).spans["candidates"]) == 0  # type: ignore[operator]
    matcher.add([CatalogEntry("In Memory", "Song")])  # type: ignore[attr-defined]
    update_index(folder, spacy.blank("en").vocab, NORMALIZER, [CatalogEntry("Brand New Song", "Song")])
    assert ids(nlp, "brand new song") == set()  # a consistent view until it is asked for
    assert [[s.text for s in doc.spans["candidates"]] for doc in nlp.pipe(["brand new song", "in memory"])] == [
        ["brand new song"],
        ["in memory"],
    ]
    assert matcher.reload() is False  # type: ignore[attr-defined]
    build_index([CatalogEntry("Another", "Song")], folder, spacy.blank("en").vocab, NORMALIZER)
    assert matcher.reload() is True  # type: ignore[attr-defined]
    assert ids(nlp, "another brand new song") == {"Song:Another"}


def test_damage_is_said(nlp: Language, folder: Path) -> None:
    generator = random.Random(0)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"):
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[generator.randrange(len(flipped))] ^= 1
        for damaged in (whole[:-1], whole[: len(whole) // 2], b"", bytes(flipped), whole + b"x"):
            if path.name == storage.CURRENT and damaged in (bytes(flipped), whole[:-1]):
                continue  # a changed name of a label is another index, not a damaged one
            path.write_bytes(damaged)
            with pytest.raises(DataError, match=r"damaged index|version|not a catalog index"):
                CatalogIndex.open(folder, nlp.vocab, NORMALIZER)
        path.unlink()
        with pytest.raises(DataError, match=r"damaged index|no catalog index"):
            CatalogIndex.open(folder, nlp.vocab, NORMALIZER)
        path.write_bytes(whole)
    assert found(nlp, folder) == ALL


def test_other_versions_and_normalizers(nlp: Language, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"built with the normalizer .*build the index again"):
        CatalogIndex.open(folder, nlp.vocab, make_normalizer(["case"]))
    data = json.loads((folder / "CURRENT").read_text())
    (folder / "CURRENT").write_text(json.dumps({**data, "version": 99}))
    with pytest.raises(DataError, match=r"version 99; this release reads version 1 .*convner catalog build"):
        CatalogIndex.open(folder, nlp.vocab, NORMALIZER)
    with pytest.raises(DataError, match="no catalog index"):
        CatalogIndex.open(tmp_path, nlp.vocab, NORMALIZER)


def broken() -> Iterator[CatalogEntry]:
    yield CatalogEntry("Fine", "Song")
    raise DataError("not valid JSON", path="new.jsonl", line=2)


def test_a_build_or_update_that_fails_leaves_the_old_index(
    nlp: Language, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(p.name for p in folder.iterdir())

    def check() -> None:
        assert found(nlp, folder) == ALL
        assert sorted(p.name for p in folder.iterdir()) == before

    twice = [CatalogEntry("One", "Song", id="x"), CatalogEntry("Two", "Song", id="x")]
    for bad in (broken(), iter(()), iter(twice)):
        with pytest.raises(DataError):
            build_index(bad, folder, nlp.vocab, NORMALIZER)
        check()
    for bad in (broken(), iter(twice)):
        with pytest.raises(DataError):
            update_index(folder, nlp.vocab, NORMALIZER, bad)
        check()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(DataError, match="No space left on device; the index is as before"):
            update_index(folder, nlp.vocab, NORMALIZER, [CatalogEntry("New", "Song")])
        check()
    with monkeypatch.context() as patch:
        patch.setattr(update, "write_manifest", full)
        with pytest.raises(DataError, match="No space left on device"):
            build_index([CatalogEntry("New", "Song")], folder, nlp.vocab, NORMALIZER)
        check()


def test_one_writer_at_a_time(nlp: Language, folder: Path) -> None:
    with storage.writing(folder), pytest.raises(DataError, match="another build or update"):
        update_index(folder, nlp.vocab, NORMALIZER, [CatalogEntry("New", "Song")])


def test_folders_of_other_things_are_left_alone(nlp: Language, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"holds other things \(thesis\.txt\)"):
        build_index(ENTRIES, tmp_path / "mine", nlp.vocab, NORMALIZER)
    with pytest.raises(DataError, match="is a file"):
        build_index(ENTRIES, tmp_path / "mine" / "thesis.txt", nlp.vocab, NORMALIZER)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_named_twice_is_merged_and_two_names_of_an_id_are_refused(nlp: Language, tmp_path: Path) -> None:
    rows = [CatalogEntry("Hello", "Song", id="s", popularity=1), CatalogEntry("HELLO", "Song", id="s", popularity=7)]
    report = build_index(rows, tmp_path / "i", nlp.vocab, NORMALIZER)
    assert (report.entries, report.merged) == (1, 1)
    (match,) = CatalogIndex.open(tmp_path / "i", nlp.vocab, NORMALIZER).find(nlp.make_doc("hello"))
    assert (match.id, match.popularity) == ("s", 7.0)
    with pytest.raises(DataError, match=r"two names with one id under 'Song': .*own id, or the other name as an alias"):
        build_index([*rows, CatalogEntry("Bye", "Song", id="s")], tmp_path / "i", nlp.vocab, NORMALIZER)


def test_names_that_can_never_match_are_reported(nlp: Language, tmp_path: Path) -> None:
    report = build_index([*ENTRIES, CatalogEntry("?! ?!", "Song")], tmp_path / "i", nlp.vocab, NORMALIZER)
    assert (report.unmatchable, report.examples) == (1, ["?! ?!"])


def test_a_fingerprint_follows_the_catalog(folder: Path) -> None:
    nlp = spacy.blank("en")
    matcher = nlp.add_pipe("catalog_matcher", config={"catalog": str(folder)})
    before = matcher.fingerprint()  # type: ignore[attr-defined]
    assert before == matcher.fingerprint()  # type: ignore[attr-defined]
    update_index(folder, nlp.vocab, NORMALIZER, [CatalogEntry("Rosalía", "Artist")], [])
    matcher.reload()  # type: ignore[attr-defined]
    updated = matcher.fingerprint()  # type: ignore[attr-defined]
    assert updated != before
    matcher.add([CatalogEntry("Only Here", "Song")])  # type: ignore[attr-defined]
    assert matcher.fingerprint() not in (before, updated)  # type: ignore[attr-defined]


def test_an_update_reads_nothing_of_the_base_but_who_is_in_it(nlp: Language, folder: Path) -> None:
    records = next(folder.glob("segment-*")) / "records.npy"
    whole = records.read_bytes()
    records.write_bytes(whole[:128] + b"x" * (len(whole) - 128))  # all but the header
    report = update_index(folder, nlp.vocab, NORMALIZER, [CatalogEntry("New", "Song", id="s1")], [])
    assert (report.added, report.replaced) == (1, 1)
    with pytest.raises(DataError, match="damaged index"):
        CatalogIndex.open(folder, nlp.vocab, NORMALIZER)


def test_labels_that_share_an_id_are_removed_each(nlp: Language, folder: Path) -> None:
    twins = [CatalogEntry("Twin", label, id="1") for label in ("Song", "Movie")]
    update_index(folder, nlp.vocab, NORMALIZER, twins)
    assert {label for _, label, _ in found(nlp, folder, "twin")} == {"Song", "Movie"}
    assert update_index(folder, nlp.vocab, NORMALIZER, [], twins).removed == 2
    assert found(nlp, folder, "twin") == set()
    update_index(folder, nlp.vocab, NORMALIZER, twins[:1])  # and back again
    assert {label for _, label, _ in found(nlp, folder, "twin")} == {"Song"}


STEPS = ("np.save", "storage._checksum", "update.write_manifest", "update.remove_unused")
# One process for all: each case works on a copy of the index in a child that kills itself before the step.
KILLED = f"""
import os, shutil, signal, sys
from pathlib import Path
import numpy as np, spacy
from spacy_convner.catalog.index import storage, update
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.ty import CatalogEntry

folder, target = map(Path, sys.argv[1:])
vocab, normalizer = spacy.blank("en").vocab, make_normalizer()
for change in ("build", "update"):
    for module, step in [name.split(".") for name in {STEPS}]:
        copy = target / f"{{change}} {{module}}.{{step}}"
        shutil.copytree(folder, copy)
        child = os.fork()
        if child == 0:
            setattr(globals()[module], step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            rows = [CatalogEntry("New", "Song", id="new")]
            if change == "build":
                update.build_index(rows, copy, vocab, normalizer)
            else:
                update.update_index(copy, vocab, normalizer, rows)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
"""


@pytest.mark.slow
def test_killed_in_the_middle(nlp: Language, folder: Path, tmp_path: Path) -> None:
    """A reader finds the old index or the new one, and the next writer goes on."""
    subprocess.run([sys.executable, "-c", KILLED, str(folder), str(tmp_path / "killed")], check=True)
    new, text = {("new", "Song", "new")}, "new hello adele bad bunny"
    for change in ("build", "update"):
        for step in STEPS:
            copy = tmp_path / "killed" / f"{change} {step}"
            # A build sweeps before it begins, an update once it is done.
            written = change == "update" and step == "update.remove_unused"
            assert found(nlp, copy, text) == (new | ALL if written else ALL)
            update_index(copy, nlp.vocab, NORMALIZER, [CatalogEntry("New", "Song", id="new")])
            assert new <= found(nlp, copy, text)
            build_index(ENTRIES, copy, nlp.vocab, NORMALIZER)
            assert found(nlp, copy, text) == ALL
            assert len(list(copy.glob("segment-*"))) == 1
