from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.errors import ConfigError, DataError
from spacy_convner.evaluation.formats.read import read_annotated

from .conftest import Found, surfaces

Write = Callable[[str, str | bytes], Path]
NEW_YORK: Found = [("in New York", [("New York", "LOC")])]
ANN: Found = [("Ann ran", [("Ann", "PER")])]
INTS = {"id": "7", "tokens": ["in", "New", "York"], "pos_tags": [1, 2, 3], "ner_tags": [0, 1, 2]}


@pytest.mark.parametrize(
    "record",
    [
        {"tokens": ["in", "New", "York"], "ner_tags": ["O", "B-LOC", "I-LOC"]},
        {"tokens": ["in", "New", "York"], "tags": ["O", "B-LOC", "L-LOC"]},
        {"words": ["in", "New", "York"], "labels": ["O", "I-LOC", "I-LOC"]},
        {"tokenized_text": ["in", "New", "York"], "ner": [[1, 2, "LOC"]]},
        {"tokens": ["in", "New", "York"], "ner": [[1, 2, "LOC"], [1, 2, "LOC"]]},
        {"tokens": ["in", "New", "York"], "entities": [{"start": 1, "end": 3, "type": "LOC"}]},
    ],
)
def test_tokens(write: Write, record: dict[str, Any]) -> None:
    corpus = read_annotated(write("a.jsonl", json.dumps(record) + "\n"))
    assert surfaces(corpus) == NEW_YORK
    assert corpus.format == "token-json"
    empty = {**record, **{key: [] for key in record}}
    assert surfaces(read_annotated(write("b.jsonl", json.dumps(record) + "\n\n" + json.dumps(empty)))) == [
        *NEW_YORK,
        ("", []),
    ]


@pytest.mark.parametrize(
    "names",
    [
        "O\nB-LOC\nI-LOC\n",
        '["O", "B-LOC", "I-LOC"]',
        '{"O": 0, "B-LOC": 1, "I-LOC": 2}',
        '{"0": "O", "1": "B-LOC", "2": "I-LOC"}',
    ],
)  # fmt: skip
def test_numbered_tags_with_their_names(write: Write, names: str) -> None:
    corpus = read_annotated(write("a.jsonl", json.dumps(INTS)), tag_names=write("names", names))
    assert surfaces(corpus) == NEW_YORK
    assert corpus.exemplars[0].meta == {"id": "7", "line": 1}


def test_numbered_tags_need_names(write: Write) -> None:
    path = write("a.jsonl", json.dumps(INTS))
    with pytest.raises(DataError, match=r"a\.jsonl:1: field 'ner_tags\[0\]': tags are numbers.*--tag-names FILE"):
        read_annotated(path)
    with pytest.raises(DataError, match="no name for the tag 2"):
        read_annotated(path, tag_names=["O", "B-LOC"])
    for wrong in ("", "O PER", '{"a": "O"}', "[]", '[["O"]]'):
        with pytest.raises(DataError):
            read_annotated(path, tag_names=write("names", wrong))


def test_nested_spans_of_tokens(write: Write) -> None:
    path = write("a.jsonl", json.dumps({"tokenized_text": ["in", "New", "York"], "ner": [[0, 2, "A"], [1, 2, "B"]]}))
    corpus = read_annotated(path)
    assert surfaces(corpus) == [("in New York", [("in New York", "A")])]
    assert corpus.notes == (f"spans inside or across longer ones left out: 1 (first: {path}:1)",)
    assert len(read_annotated(path, nested="keep").exemplars[0].spans) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"text": "Ann ran", "entities": [[0, 3, "PER"]]},
        {"text": "Ann ran", "entities": [{"start": 0, "end": 3, "label": "PER"}]},
        {"text": "Ann ran", "tokens": ["Ann", "ran"], "entities": [{"start": 0, "end": 3, "type": "PER"}]},
        {"sentence": "Ann ran", "entities": [{"pos": [0, 3], "type": "PER", "name": "Ann"}]},
        {"id": 3, "text": "Ann ran", "label": [[0, 4, "PER"]]},
        {"text": "Ann ran", "labels": [[0, 3, "PER"]]},
        ["Ann ran", {"entities": [[0, 3, "PER"]]}],
        [["Ann ran", {"entities": [[0, 3, "PER"]]}]],
        [{"text": "Ann ran", "spans": [{"start": 0, "end": 3, "label": "PER"}], "meta": {"a": 1}}],
        {"data": [{"text": "Ann ran", "entities": [[0, 3, "PER"]]}]},
    ],
)
def test_entities(write: Write, content: Any) -> None:
    assert surfaces(read_annotated(write("a.json", json.dumps(content)))) == ANN
    assert surfaces(read_annotated(write("b.json", json.dumps(content, indent=1)))) == ANN


def test_meta_and_language_are_kept(write: Write) -> None:
    record = {"text": "Ann ran", "entities": [], "lang": "es", "meta": {"a": 1}}
    (exemplar,) = read_annotated(write("a.jsonl", json.dumps(record)), lang="en").exemplars
    assert (exemplar.lang, exemplar.meta) == ("es", {"a": 1})


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"tokens": ["a", "b"], "ner_tags": ["O"]}, "field 'ner_tags': 1 tags for 2 tokens"),
        ({"tokens": ["a", 1], "ner_tags": ["O", "O"]}, "field 'tokens': expected a list of strings"),
        ({"tokens": ["\ud800"], "ner_tags": ["O"]}, "field 'tokens': lone surrogate"),
        ({"tokens": ["a"]}, "field 'ner_tags': no tags beside the tokens"),
        ({"tokens": ["a"], "ner_tags": ["PER"]}, "'PER' isn't a tag"),
        ({"tokens": ["a"], "ner_tags": [None]}, "expected a tag such as B-PER"),
        ({"tokens": ["a"], "ner": [[0, 1, "X"]]}, r"ner\[0\]': tokens 0 to 1 are outside the sentence of 1"),
        ({"tokens": ["a"], "ner": [[0, "X"]]}, r"field 'ner\[0\]': expected \[first token, last token, label\]"),
        ({"text": "a"}, "field 'tokens': missing"),
        ([1], "expected"),
    ],
)  # fmt: skip
def test_faults_of_tokens(write: Write, second: Any, message: str) -> None:
    first = {"tokens": ["a"], "ner_tags": ["O"]}
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{message}"):
        read_annotated(write("a.jsonl", f"{json.dumps(first)}\n{json.dumps(second)}\n"))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"text": "ab", "entities": [[0, 3, "X"]]}, r"field 'entities\[0\]': offsets 0\.\.3 are outside the text of 2"),
        ({"text": "ab", "entities": [[1, 1, "X"]]}, "or empty"),
        ({"text": "ab", "entities": [[0, 1]]}, r"expected \[start, end, label\]"),
        ({"text": "ab", "entities": [[0, True, "X"]]}, r"expected \[start, end, label\]"),
        ({"text": "ab", "entities": [{"start": 0, "end": 1, "type": "X", "text": "ab"}]}, "has 'a' at 0..1, not 'ab'"),
        ({"text": "ab", "entities": {}}, "field 'entities': expected a list"),
        ({"text": "ab"}, "field 'entities': missing"),
        ({"text": 1, "entities": []}, "field 'text': expected a string"),
        ("ab", "expected"),
    ],
)  # fmt: skip
def test_faults_of_entities(write: Write, second: Any, message: str) -> None:
    first = {"text": "a", "entities": []}
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{message}"):
        read_annotated(write("a.jsonl", f"{json.dumps(first)}\n{json.dumps(second)}\n"))


def test_no_json(write: Write) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl:2: not valid JSON"):
        read_annotated(write("a.jsonl", '{"text": "a",\n'))
    with pytest.raises(DataError, match=r"a\.jsonl:2: not valid JSON"):
        read_annotated(write("a.jsonl", '{"tokens": ["a"], "ner_tags": ["O"]}\n{"tokens"\n'))
    with pytest.raises(DataError, match=r"a\.jsonl:1: byte 0xf3 is not UTF-8"):
        read_annotated(write("a.jsonl", '{"tokens": ["canción"], "tags": ["O"]}'.encode("latin-1")))
    braces = read_annotated(write("a.conll", "{ O\n[ O\nx B-X\n"))
    assert surfaces(braces) == [("{ [ x", [("x", "X")])]


def test_own_jsonl_stays_strict(write: Write) -> None:
    spans = [{"start": 0, "end": 7, "label": "A"}, {"start": 0, "end": 3, "label": "B"}]
    path = write("a.jsonl", json.dumps({"text": "Ann ran", "spans": spans}))
    with pytest.raises(DataError, match=r"a\.jsonl:1: field 'spans': .*overlaps"):
        read_annotated(path)
    assert surfaces(read_annotated(path, nested="outermost")) == [("Ann ran", [("Ann ran", "A")])]
    assert len(read_annotated(path, nested="keep").exemplars[0].spans) == 2
    with pytest.raises(ConfigError, match="JSONL is UTF-8"):
        read_annotated(path, encoding="latin-1")
    with pytest.raises(DataError, match="field 'spans': missing"):
        read_annotated(write("b.jsonl", '{"text": "Ann"}'))
