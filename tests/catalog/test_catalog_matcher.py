from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_convner.catalog.index.builder import SegmentBuilder
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.ty import CatalogEntry

from ..conftest import write_jsonl


def with_catalog(path: Path | str | None, **config: object) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(path) if path else None, **config})
    return nlp


def proposed(nlp: Language, text: str) -> set[tuple[str, str]]:
    doc = nlp(text)
    return {(span.text, span.label_) for span in doc.spans["candidates"]}


@pytest.mark.parametrize(
    "text",
    ["dr. dre", "DR. DRE", "Dr. Dre", "dr dre", "beyonce", "BEYONCÉ", "beyoncé's", "guns n roses", "Guns N’ Roses",
     "guns n' roses", "queen bey"],
)  # fmt: skip
def test_ways_of_writing(catalog_path: Path, text: str) -> None:
    names = {label for _, label in proposed(with_catalog(catalog_path), f"play {text} please")}
    assert names == {"Artist"}


def test_case_dependent_tokenization_of_forty_names() -> None:
    names = ["Dr. Dre", "R.E.M.", "24K Magic", "Can't Stop", "N.W.A.", "P!nk", "St. Vincent", "A$AP Rocky", "AC/DC",
             "Mr. Brightside", "Don't Stop Me Now", "Sgt. Pepper's", "will.i.am", "M.I.A.", "Ain't It Fun", "U.S.A.",
             "J. Cole", "Notorious B.I.G.", "I'm Yours", "We'll Be Fine", "You're Beautiful", "T. Rex", "3AM",
             "9PM", "10K", "No.5", "Jay-Z", "Blink-182", "5SOS", "X-Men", "Lil' Kim", "Rock 'n' Roll", "D'Angelo",
             "O.A.R.", "T.N.T.", "It's My Life", "24/7", "7 a.m.", "50 Cent's", "K-391"]  # fmt: skip
    assert len(set(names)) == 40
    nlp = with_catalog(None)
    nlp.get_pipe("catalog_matcher").add(CatalogEntry(n, "Name", id=n) for n in names)  # type: ignore[attr-defined]
    missed = [
        variant
        for name in names
        for variant in (name, name.lower(), name.upper())
        if (variant, "Name") not in proposed(nlp, f"play {variant} now")
    ]
    assert missed == []


def test_all_labels_ids_and_steps(catalog_path: Path) -> None:
    doc = with_catalog(catalog_path)("watch Dune or listen to BEYONCE")
    assert [(s.text, s.label_, s.id_) for s in doc.spans["candidates"]] == [
        ("Dune", "Book", "book:dune"),
        ("Dune", "Movie", "movie:dune"),
        ("BEYONCE", "Artist", "artist:beyonce"),
    ]
    attrs = doc.spans["candidates"].attrs
    assert attrs["steps"][:2] == ["exact", "exact"]
    assert attrs["steps"][2] != "exact"
    assert attrs["popularity"] == [60.0, 80.0, 97.0]


def test_steps_can_be_switched_off(catalog_path: Path) -> None:
    nlp = with_catalog(catalog_path, normalizer={"@misc": "spacy_convner.Normalizer.v1", "steps": []})
    assert proposed(nlp, "play guns n roses or HELLO") == set()
    assert proposed(nlp, "play Hello, Guns N' Roses") == {("Hello", "Song"), ("Guns N' Roses", "Artist")}
    with pytest.raises(ConfigError, match="unknown step 'fuzzy'"):
        make_normalizer(["fuzzy"])


def test_labels_option(catalog_path: Path) -> None:
    assert proposed(with_catalog(catalog_path, labels=["Book"]), "dune by adele") == {("dune", "Book")}


def test_the_popular_entry_gives_the_id() -> None:
    nlp = with_catalog(None)
    entries = [CatalogEntry("Hello", "Song", id=i, popularity=p) for i, p in (("a", 1.0), ("b", 9.0), ("c", 3.0))]
    nlp.get_pipe("catalog_matcher").add(entries)  # type: ignore[attr-defined]
    doc = nlp("hello")
    assert [s.id_ for s in doc.spans["candidates"]] == ["b"]


def test_todays_release_is_found_at_once(catalog_path: Path, tmp_path: Path) -> None:
    nlp = with_catalog(catalog_path)
    assert proposed(nlp, "play brand new song") == set()
    nlp.get_pipe("catalog_matcher").add([CatalogEntry("Brand New Song", "Song", id="n")])  # type: ignore[attr-defined]
    assert proposed(nlp, "play brand new song") == {("brand new song", "Song")}
    nlp.to_disk(tmp_path / "m")
    assert proposed(spacy.load(tmp_path / "m"), "play brand new song") == {("brand new song", "Song")}


def test_lines_with_odd_separators_survive_saving(tmp_path: Path) -> None:
    nlp = with_catalog(None)
    nlp.get_pipe("catalog_matcher").add([CatalogEntry("a\u2028b", "Song", id="x\x85y")])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "m")
    matcher = spacy.load(tmp_path / "m").get_pipe("catalog_matcher")
    assert [(e.text, e.id) for e in matcher.entries()] == [("a\u2028b", "x\x85y")]  # type: ignore[attr-defined]


def test_entries_are_streamed() -> None:
    builder = SegmentBuilder(spacy.blank("en").vocab, make_normalizer(), "trie")
    tracemalloc.start()
    for i in range(20_000):
        builder.add(CatalogEntry(f"a rather long name of a song number {i}", "Song", id=str(i), popularity=1.0))
    _, top = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    segment, report = builder.finish()
    assert report.entries == segment.n_entries == 20_000
    assert top < 15e6  # of it the cache of words, which has a limit; as Docs the names would take 40 MB


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("c.jsonl", '{"text": "a", "label": "Song"}\n{"text": "", "label": "Song"}\n', r"c\.jsonl:2: field 'text'"),
        ("c.jsonl", '{"text": "a"}\n', r"c\.jsonl:1: field 'label': missing"),
        ("c.jsonl", '{"text": "a", "label": "S", "popularity": "many"}\n', "field 'popularity': expected a number"),
        ("c.jsonl", '{"text": "a", "label": "S", "popularity": -1}\n', "field 'popularity'"),
        ("c.jsonl", '{"text": "a", "label": "S", "aliases": 3}\n', "field 'aliases': expected a list"),
        ("c.jsonl", "", "the file is empty"),
        ("c.jsonl", "\n", "no records"),
        ("c.csv", "name,label\nA,Song\n", r"c\.csv:1: no column 'text'"),
        ("c.csv", "text,label\nEarth, Wind & Fire,Artist\n", r"c\.csv:2: 1 more fields than columns"),
        ("c.csv", "text,label\n", "the catalog has no entries"),
        ("c.txt", "hello\n", "unknown kind of catalog file"),
    ],
)
def test_bad_catalogs(tmp_path: Path, name: str, content: str, match: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=match):
        with_catalog(path)("hello")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        with_catalog(tmp_path / "nothing.jsonl")("hello")
    with pytest.raises(DataError, match="no catalog file"):
        with_catalog(tmp_path)("hello")


def test_csv_tsv_folder_and_glob(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,label,popularity,aliases\n"Earth, Wind & Fire",Artist,5,EWF|E.W.F.\n')
    (tmp_path / "b.tsv").write_text("text\tlabel\nHello\tSong\n")
    write_jsonl(tmp_path / "sub" / "c.jsonl", [{"text": "Dune", "label": "Book"}])
    nlp = with_catalog(tmp_path)
    assert proposed(nlp, "ewf or hello or dune") == {("ewf", "Artist"), ("hello", "Song"), ("dune", "Book")}
    assert proposed(nlp, "earth, wind and fire") == {("earth, wind and fire", "Artist")}
    assert proposed(with_catalog(tmp_path / "*.tsv"), "hello dune") == {("hello", "Song")}


@pytest.mark.parametrize("index", ["phrase", "trie"])
def test_both_indexes(catalog_path: Path, index: str) -> None:
    nlp = with_catalog(catalog_path, index=index)
    assert proposed(nlp, "dr dre in boston") == {("dr dre", "Artist"), ("boston", "City"), ("boston", "Artist")}
    with pytest.raises(ValueError, match="index"):
        with_catalog(catalog_path, index="hash")


@pytest.mark.parametrize(
    "text", ["beyonce\u0301", "guns\u00a0n  roses", "guns\nn roses", "ＢＥＹＯＮＣＥ", "bey\u200bonce"]
)
def test_unicode_and_white_space(catalog_path: Path, text: str) -> None:
    assert {label for _, label in proposed(with_catalog(catalog_path), f"play {text} now")} == {"Artist"}


def test_marks_of_a_name_belong_to_it() -> None:
    nlp = with_catalog(None)
    nlp.get_pipe("catalog_matcher").add(
        CatalogEntry(n, "Name") for n in ("Wham!", "!!!", "...Baby One More Time", "C++")
    )
    assert proposed(nlp, "play Wham! or wham") == {("Wham!", "Name"), ("wham", "Name")}
    assert proposed(nlp, "songs by !!! please") == {("!!!", "Name")}
    assert proposed(nlp, "the c++ one") == {("c++", "Name")}
    assert proposed(nlp, "baby one more time") == {("baby one more time", "Name")}


@pytest.mark.parametrize(
    ("steps", "text", "expected"),
    [
        ([], "in the U.S. today", {"U.S."}),
        ([], "in the U.S today", set()),
        ([], "I use Yahoo!", {"Yahoo!"}),
        ([], "I use Yahoo or yahoo!", set()),
        (["case"], "I use yahoo!", {"yahoo!"}),
        (["case", "accents"], "I use yahoo", set()),
        ([], "Wham! and (Wham) and Wham", {"Wham!", "(Wham)", "Wham"}),
        ([], "see / r / news .", {"/ r / news"}),
        ([], "see r / news", set()),
        ([], "in B . C . now", {"B . C ."}),
        ([], "Wham's song, whams, Whams", {"Wham"}),  # "'s" is a token
    ],
)
def test_marks_of_a_name_where_they_matter(steps: list[str], text: str, expected: set[str]) -> None:
    nlp = spacy.blank("xx")
    matcher = nlp.add_pipe(
        "catalog_matcher", config={"normalizer": {"@misc": "spacy_convner.Normalizer.v1", "steps": steps}}
    )
    names = ("U.S.", "Yahoo!", "Wham", "Wham!", "(Wham)", "/ r / news", "B . C .")
    matcher.add(CatalogEntry(name, "Name") for name in names)
    assert {text for text, _ in proposed(nlp, text)} == expected


def test_a_matcher_sourced_from_another_pipeline(catalog_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", source=with_catalog(catalog_path))
    assert proposed(nlp, "play hello") == {("hello", "Song")}


@pytest.mark.parametrize(
    "entry",
    [
        {"text": "x", "label": "Song"},
        CatalogEntry("", "Song"),
        CatalogEntry("x", " "),
        CatalogEntry("x", "S", id=None),  # type: ignore[arg-type]
        CatalogEntry("x", "S", popularity=-1),
        CatalogEntry("x", "S", popularity=float("nan")),
        CatalogEntry("a\x1fb", "S"),
    ],
)
def test_a_bad_entry_changes_nothing(catalog_path: Path, entry: CatalogEntry) -> None:
    nlp = with_catalog(catalog_path)
    before = list(nlp.get_pipe("catalog_matcher").entries())  # type: ignore[attr-defined]
    with pytest.raises(DataError):
        nlp.get_pipe("catalog_matcher").add([CatalogEntry("Good", "Song"), entry])  # type: ignore[attr-defined]
    assert list(nlp.get_pipe("catalog_matcher").entries()) == before  # type: ignore[attr-defined]
    assert nlp.to_bytes()
    assert proposed(nlp, "good") == set()


@pytest.mark.parametrize("extend", [False, True])
@pytest.mark.parametrize("given", [None, "", [CatalogEntry("x", "Song")], {"text": "x", "label": "Song"}, b"c.jsonl"])
def test_what_is_no_path_is_no_catalog(catalog_path: Path, given: object, extend: bool) -> None:
    nlp = with_catalog(catalog_path)
    with pytest.raises(ConfigError, match=r"path of a file .*an index .*got \w+ .*For entries in memory: add\(\["):
        nlp.get_pipe("catalog_matcher").load_catalog(given, extend=extend)  # type: ignore[attr-defined]
    assert proposed(nlp, "play hello") == {("hello", "Song")}


def test_common_words_are_marked_and_may_need_popularity(catalog_path: Path) -> None:
    doc = with_catalog(catalog_path)("hello from Manchester United, stay")
    group = doc.spans["candidates"]
    marked = {span.text for span, common in zip(group, group.attrs["common_word"], strict=True) if common}
    assert marked == {"hello", "stay"}
    assert "Manchester" in {span.text for span in group}
    nlp = with_catalog(catalog_path, common_word_floor=80)
    assert proposed(nlp, "hello boston, stay") == {("hello", "Song"), ("boston", "City"), ("boston", "Artist")}


def test_max_candidates_keeps_the_longest_and_most_popular(catalog_path: Path) -> None:
    doc = with_catalog(catalog_path, max_candidates=2)("hello manchester united or dune")
    assert [(s.text, s.label_) for s in doc.spans["candidates"]] == [
        ("hello", "Song"),
        ("manchester united", "SportsTeam"),
    ]
    assert doc.spans["candidates"].attrs["cut"] == 3
    assert len(doc.spans["candidates"].attrs["steps"]) == 2


def test_huge_utterances(catalog_path: Path) -> None:
    nlp = with_catalog(catalog_path)
    doc = nlp.make_doc("play hello by adele " * 2000)
    assert len(nlp.get_pipe("catalog_matcher")(doc).spans["candidates"]) == 4000  # type: ignore[operator]
    assert proposed(nlp, "x" * 100_000) == set()
    assert proposed(nlp, "") == set()
    assert proposed(nlp, "  \n ") == set()


def test_labels_that_the_catalog_lacks_are_said(catalog_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert proposed(with_catalog(catalog_path, labels=["Nope"]), "play hello by adele") == set()
    assert "none of its labels ['Nope'] is in the catalog, which has [" in caplog.text
