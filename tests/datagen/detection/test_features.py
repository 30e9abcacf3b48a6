from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.detection.features import COUNTED, SIGNS, find_features
from spacy_convner.datagen.detection.lexicon import Lexicon, read_lexicon
from spacy_convner.errors import ConfigError, DataError

from .conftest import write_language

EN, ES = read_lexicon("en"), read_lexicon("es")


def fired(text: str, lexicon: Lexicon = EN) -> dict[str, list[str]]:
    return {name: found.words for name, found in find_features(text, lexicon).items() if found.value}


@pytest.mark.parametrize(
    ("text", "feature", "words"),
    [
        ("well i think so", "discourse_markers", ["well"]),
        ("play well enough", "discourse_markers", None),
        ("um can you, uh, play it", "fillers", ["um", "uh"]),
        ("maybe something slower", "hedges", ["maybe", "something"]),
        ("would you mind turning it down", "politeness", ["would you mind"]),
        ("my mum said she likes it", "third_person", ["my mum", "she", "it"]),
        ("play that one again", "contextual", ["that one", "again"]),
        ("stop when it ends", "connectives", ["when"]),
        ("when does it end", "connectives", None),
        ("turn it off because i'm tired", "clauses", ["turn", "i'm tired"]),
        ("TURN IT OFF BECAUSE I’M TIRED", "clauses", ["TURN", "I’M TIRED"]),
        ("please play jazz", "plain_request", ["please play"]),
        ("can you please tell me the time", "plain_request", ["can you please tell me"]),
        ("so can you tell me", "plain_request", None),
        ("jazz for dinner", "no_verb", []),
        ("play jazz", "no_verb", None),
    ],
)
def test_english(text: str, feature: str, words: list[str] | None) -> None:
    assert fired(text).get(feature) == words


@pytest.mark.parametrize(
    ("text", "feature", "words"),
    [
        ("oye ponla más alto", "discourse_markers", ["oye"]),
        ("o sea no sé", "fillers", ["o sea", "no sé"]),
        ("quizás algo tranquilo", "hedges", ["quizás", "algo"]),
        ("pon jazz que mi madre viene a cenar", "third_person", ["mi madre"]),
        ("pon otra que no la aguantábamos", "clauses", ["pon", "no la aguantábamos"]),
        ("pon una alarma", "plain_request", ["pon"]),
        ("¿me puedes poner jazz?", "plain_request", ["me puedes poner"]),
    ],
)
def test_spanish(text: str, feature: str, words: list[str] | None) -> None:
    assert fired(text, ES).get(feature) == words


@pytest.mark.parametrize(
    "text", ["vamos, no se si habia otra", "vamos. ¿No sé si había otra?", "VAMOS no sé si había otra"]
)
def test_accents_case_and_marks_change_little(text: str) -> None:
    assert {"first_person", "hedges", "contextual"} <= fired(text, ES).keys()


@pytest.mark.parametrize(
    ("text", "lexicon"),
    [
        ("play You Belong With Me by Taylor Swift", EN),
        ("play we don't talk about bruno", EN),
        ("can you play that's not how this works by charlie puth", EN),
        ('put on "i want you back"', EN),
        ("Play Oh Well by Fleetwood Mac", EN),
        ("pon Nosotros de Los Panchos", ES),
        ("Pon No me doy por vencido de Luis Fonsi", ES),
        ("pon te quiero", ES),
    ],
)
def test_names_say_nothing(text: str, lexicon: Lexicon) -> None:
    assert not {*COUNTED, "clauses"} & fired(text, lexicon).keys()


def test_what_is_no_name_counts() -> None:
    assert fired("play the one you showed me")["clauses"] == ["play", "you showed"]
    assert fired("play that song i like by queen")["contextual"] == ["that"]


@given(st.text(max_size=80), st.sampled_from([EN, ES]))
def test_values_are_bounded(text: str, lexicon: Lexicon) -> None:
    findings = find_features(text, lexicon)
    assert list(findings) == list(SIGNS)
    assert all(0 <= found.value <= 3 for found in findings.values())


SAYINGS = ["well", "i think", "you know", "maybe", "play", "that one", "again", "because", "she said", "please"]


@given(st.lists(st.sampled_from(SAYINGS), max_size=12))
def test_more_words_of_a_kind_never_count_less(said: list[str]) -> None:
    text = " ".join(said)
    for name in COUNTED:
        assert find_features(text + ", um", EN)[name].value >= find_features(text, EN)[name].value


def test_forgotten_matches() -> None:
    assert find_features("well i think so", EN, forget=lambda: True)["hedges"].value == 0


def test_a_folder_is_a_language(resources: Path) -> None:
    lexicon = read_lexicon("eu", resources)
    assert lexicon.lang == "eu"
    found = fired("Beno, ikusten dut hori", lexicon)
    assert found == {"discourse_markers": ["Beno"], "contextual": ["hori"], "length": []}
    assert read_lexicon("en", resources).sha256 == EN.sha256
    write_language(resources / "en", {})
    assert read_lexicon("en", resources).sha256 != EN.sha256


@pytest.mark.parametrize("lang", ["fr", "", "..", "../en", "/etc"])
def test_unknown_language(lang: str, resources: Path) -> None:
    with pytest.raises(ConfigError, match=r"there are: en, es, eu\..*openers.txt"):
        read_lexicon(lang, resources)


def test_a_folder_that_lacks_lists(tmp_path: Path) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "openers.txt").write_text("^joue", encoding="utf8")
    with pytest.raises(DataError, match=r"missing: finite_verbs\.txt"):
        read_lexicon("fr", tmp_path)


@pytest.mark.parametrize("entry", ["a*b", "**", "^", "$", "word!", "(x)"])
def test_an_entry_that_is_none_names_its_line(entry: str, tmp_path: Path) -> None:
    write_language(tmp_path / "fr", {"hedges": f"peut-etre, oui\nnon\n{entry}".replace("-", " ")})
    with pytest.raises(DataError, match=r"hedges.txt:4: "):
        read_lexicon("fr", tmp_path)


def test_a_list_that_is_not_text(tmp_path: Path) -> None:
    write_language(tmp_path / "fr", {})
    (tmp_path / "fr" / "stance.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"stance\.txt: can't be read"):
        read_lexicon("fr", tmp_path)
