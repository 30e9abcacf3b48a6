from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.errors import DataError
from spacy_convner.evaluation.formats.annotated import Sentence, Tally
from spacy_convner.evaluation.formats.schemes import MENDED, decode, read_tags, split_tag

HERE = Path("corpus.conll")


def read(tags: str, *, bare: bool = False) -> tuple[list[tuple[int, int, str]], Tally]:
    words = tags.split()
    tally = Tally()
    sentence = Sentence(["w"] * len(words), words, list(range(1, len(words) + 1)))
    (spans,) = read_tags([sentence], HERE, tally, bare=bare)
    return spans, tally


@pytest.mark.parametrize(
    ("tags", "scheme", "spans", "mended"),
    [
        ("B-PER I-PER O B-PER B-PER", "IOB2", [(0, 2, "PER"), (3, 4, "PER"), (4, 5, "PER")], 0),
        ("I-PER I-PER B-PER O I-LOC", "IOB1", [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC")], 0),
        ("I-PER I-LOC O I-PER", "IOB1 or IO", [(0, 1, "PER"), (1, 2, "LOC"), (3, 4, "PER")], 0),
        ("B-PER L-PER U-LOC B-PER I-PER L-PER", "BILOU", [(0, 2, "PER"), (2, 3, "LOC"), (3, 6, "PER")], 0),
        ("B-PER E-PER S-LOC B-PER I-PER E-PER", "BIOES", [(0, 2, "PER"), (2, 3, "LOC"), (3, 6, "PER")], 0),
        ("B-PER M-PER E-PER S-LOC", "BIOES", [(0, 3, "PER"), (3, 4, "LOC")], 0),
        ("O O", None, [], 0),
        ("B-P I-Q O I-P B-P I-P B-Q", "IOB2", [(0, 1, "P"), (1, 2, "Q"), (3, 4, "P"), (4, 6, "P"), (6, 7, "Q")], 2),
        ("I-PER O I-PER B-LOC", "IOB1", [(0, 1, "PER"), (2, 3, "PER"), (3, 4, "LOC")], 1),
        ("B-PER O U-PER L-PER", "BILOU", [(0, 1, "PER"), (2, 3, "PER"), (3, 4, "PER")], 2),
        ("B-PER I-PER S-PER B-LOC", "BIOES", [(0, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")], 2),
        ("B-creative-work I-creative-work", "IOB2", [(0, 2, "creative-work")], 0),
    ],
)  # fmt: skip
def test_schemes(tags: str, scheme: str | None, spans: list[tuple[int, int, str]], mended: int) -> None:
    found, tally = read(tags)
    assert found == spans
    assert list(tally.schemes) == ([scheme] if scheme else [])
    assert tally.counts.get(MENDED, 0) == mended


def test_empty_tags_are_o_and_counted() -> None:
    found, tally = read("B-PER _ I-PER -")
    assert found == [(0, 1, "PER"), (2, 3, "PER")]
    assert tally.notes() == (
        "empty tags read as O: 2 (first: corpus.conll:2)",
        f"{MENDED}: 1 (first: corpus.conll:3)",
    )


def test_bare_labels() -> None:
    found, tally = read("art-music art-music O person-actor", bare=True)
    assert found == [(0, 2, "art-music"), (3, 4, "person-actor")]
    assert list(tally.schemes) == ["IO (bare labels)"]
    with pytest.raises(DataError, match=r"corpus\.conll:1: .*'art-music' isn't a tag.*--tag-column.*--bare-tags"):
        read("art-music O")


@pytest.mark.parametrize("tag", ["PER", "b-PER", "X-PER", "B-", "-PER", "B_PER", "OO", "o"])
def test_no_tags(tag: str) -> None:
    assert split_tag(tag) is None
    with pytest.raises(DataError, match=r"corpus\.conll:2: field 'tag'"):
        read(f"O {tag}")


def test_two_schemes() -> None:
    with pytest.raises(DataError, match=r"corpus\.conll:3: .*L- is BILOU \(line 2\), S- is BIOES \(line 3\)"):
        read("B-PER L-PER S-PER")


tags_of = st.lists(st.sampled_from(["O", *(f"{p}-{label}" for p in "BIES" for label in ("X", "Y"))]), max_size=12)


@given(tags_of)
def test_as_seqeval_reads_them(tags: list[str]) -> None:
    """seqeval is a port of conlleval; whatever the tags, legal or not."""
    from seqeval.metrics.sequence_labeling import get_entities

    pairs = [pair for tag in tags if (pair := split_tag(tag)) is not None]
    expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    for scheme in ("IOB1", "IOB2", "BIOES"):
        assert decode(pairs, scheme)[0] == expected


chunks_of = st.lists(st.tuples(st.sampled_from(["", "X", "Y"]), st.integers(1, 3)), max_size=6)


@given(chunks_of, st.sampled_from(["IOB1", "IOB2", "BILOU", "BIOES"]))
def test_what_a_scheme_writes_is_legal_in_it(chunks: list[tuple[str, int]], scheme: str) -> None:
    pairs: list[tuple[str, str]] = []
    spans = []
    for label, size in chunks:
        if not label:
            pairs += [("O", "")] * size
            continue
        after_same = bool(pairs) and pairs[-1][1] == label
        spans.append((len(pairs), len(pairs) + size, label))
        first = "I" if scheme == "IOB1" and not after_same else "B"
        prefixes = [first] + ["I"] * (size - 1)
        if scheme in ("BILOU", "BIOES"):
            last, single = ("L", "U") if scheme == "BILOU" else ("E", "S")
            prefixes = [single] if size == 1 else [*prefixes[:-1], last]
        pairs += [(prefix, label) for prefix in prefixes]
    assert decode(pairs, scheme) == (spans, [])
