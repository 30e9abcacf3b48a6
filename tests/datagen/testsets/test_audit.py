"""Whatever is shared is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_convner.datagen.testsets.audit import Leak, find_leaks, find_shared, promises_of
from spacy_convner.records import parse_utterance
from spacy_convner.ty import Exemplar

from ...conftest import parse_markup, write_jsonl


def exemplars_of(*lines: str) -> list[Exemplar]:
    return [parse_utterance(parse_markup(line)) for line in lines]


def test_clean(exemplars: Path) -> None:
    tests = {
        "conversational.en": exemplars_of("well, could [Adele](Artist) sing it"),
        "unseen.en": exemplars_of("play [Nightcall](Song) by [Kavinsky](Artist)"),
        "head.en": exemplars_of("play [Moby](Artist)", "is [Moby](Artist) on tour"),
    }
    assert find_leaks(tests, [exemplars]) == []


@pytest.mark.parametrize(
    ("name", "line", "kind", "where", "what"),
    [
        ("head.en", "Play hello by Adele!", "texts", 1, "play hello by adele"),
        ("conversational.en", "play [Stay](Song) by [Moby](Artist)", "forms", 1, "play <song> by <artist>"),
        ("unseen.en", "hear [SIA](Artist)", "names", 2, "sia"),
        ("unseen.es", "put on [Stay](Song)", "names", 3, "stay"),
        ("conversational-dev.en", "play [Stay](Song) by [Moby](Artist)", "forms", 1, "play <song> by <artist>"),
        ("gold.en", "What now?", "texts", 4, "what now"),
    ],
)
def test_leaks(exemplars: Path, name: str, line: str, kind: str, where: int, what: str) -> None:
    tests = {name: [*exemplars_of("it is [Kavinsky](Artist)"), *exemplars_of(line)]}
    assert find_leaks(tests, [exemplars]) == [Leak(kind, f"{name}:2", f"{exemplars}:{where}", what)]  # type: ignore[arg-type]


def test_checks_can_be_chosen(exemplars: Path) -> None:
    tests = {"mine": exemplars_of("hear [Sia](Artist)")}
    assert not find_leaks(tests, [exemplars])
    assert find_leaks(tests, [exemplars], checks={"mine": ["names"]})


def test_other_spellings_and_the_guard(tmp_path: Path) -> None:
    training = write_jsonl(tmp_path / "t.jsonl", [parse_markup("play [Queen Bey](Artist)"), {"text": "raw text"}])
    tests = {"unseen.en": exemplars_of("[Beyoncé](Artist), now")}
    assert not find_leaks(tests, [training])
    (leak,) = find_leaks(tests, [training], names={"queen bey", "beyonce"})
    assert (leak.test, leak.where, leak.what) == ("unseen.en", f"{training}:1", "queen bey")
    assert not find_leaks(tests, [training], names={"queen bey"}, guard={"queen bey"})


def test_parts() -> None:
    one = exemplars_of("play [Adele](Artist)", "hear [Sia](Artist)")
    other = exemplars_of("see [Moby](Artist)", "Play [Sia](Artist)!")
    assert find_shared("test", one, "dev", other, "names") == [Leak("names", "test:2", "dev:2", "sia")]
    assert find_shared("test", one, "dev", other, "forms") == [Leak("forms", "test:1", "dev:2", "play <artist>")]
    assert find_shared("test", one, "dev", other, "texts") == []


def test_promises() -> None:
    assert promises_of("unseen.en.spacy") == ("texts", "names")
    assert promises_of("gold") == ("texts",)
