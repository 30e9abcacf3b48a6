from __future__ import annotations

from pathlib import Path

import pytest

from spacy_convner.datagen.patterns.guidance import Guidance, read_guidance
from spacy_convner.errors import DataError


def test_own_guidance(tmp_path: Path) -> None:
    path = tmp_path / "guidance.yml"
    path.write_text(
        "rules: ['  one\n  rule ']\nforbidden_forms: [{regex: 'foo', reason: 'bar'}]\neveryday_words: {en: [Hello]}\n",
        encoding="utf8",
    )
    guidance = read_guidance(path)
    assert guidance.rules == ("one rule",)
    assert guidance.everyday_words == {"en": frozenset({"hello"})}
    regex, reason = guidance.forbidden_forms[0]
    assert regex.search("FOO")
    assert reason == "bar"
    assert guidance.negative_examples == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "expected a mapping of sections"),
        ("{", "not valid YAML"),
        ("rulez: []\n", "field 'rulez': unknown section"),
        ("rules: one\n", "field 'rules': expected a list of strings"),
        ("rules: [1]\n", "field 'rules': expected text"),
        ("rules: ['']\n", "field 'rules': expected text"),
        ("correct_replacements: one\n", "expected a list"),
        ("correct_replacements: [{text: a}]\n", "expected {text, tag}"),
        ("forbidden_forms: [{regex: '(', reason: b}]\n", "is no regular expression"),
        ("entity_rules: [a]\n", "expected a mapping"),
        ("entity_rules: {Song: 1}\n", "expected text"),
        ("everyday_words: {no: [a]}\n", "expected a mapping"),
        ("everyday_words: {en: [on]}\n", "quote them"),
    ],
)
def test_bad_guidance(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "guidance.yml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(DataError) as caught:
        read_guidance(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_guidance(tmp_path / "no.yml")


def test_the_shipped_one_is_whole() -> None:
    guidance = read_guidance()
    assert all(getattr(guidance, name) for name in Guidance.__dataclass_fields__)
    assert set(guidance.everyday_words) == {"en", "es"}
