"""Answers as pairs, free extraction, names beyond the catalog: what comes out is a candidate, or stands in the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.filtering.parse import find_in_text, parse_entities, parse_pairs, parse_selection
from spacy_convner.filtering.prompt import SCHEMAS
from spacy_convner.ty import Candidate, LabelledSpan

from .conftest import Server, message

Make = Callable[..., Language]
TEXT = "play hello by adele"
PAIRS = {"filter": {"answers": "pairs"}}
ICL = {"component": {"strategy": "icl"}}


def said(key: str, *pairs: tuple[str, str]) -> Any:
    return message(json.dumps({key: [{"span": span, "label": label} for span, label in pairs]}))


def test_pairs(server: Server, make_llm_teacher: Make) -> None:
    answer = said("selected", ("hello", "Song"), ("adele", "Song"), ("hello", "Song"), ("queen", "Artist"))
    server.reply = lambda query, body: answer
    doc = make_llm_teacher(**PAIRS)(TEXT)
    assert [(ent.text, ent.label_, ent.id_) for ent in doc.ents] == [("hello", "Song", "song:hello")]
    reasons = [(item["text"], item["reason"]) for item in doc._.convner.dropped]
    assert reasons == [("adele", "not a candidate"), ("hello", "duplicate"), ("queen", "not a candidate")]
    # "adele" is in the text under a type that the catalog doesn't give it; "queen" isn't there at all.
    assert [(p["text"], p["label"]) for p in doc._.convner.proposals] == [("adele", "Song")]
    (body,) = server.bodies
    assert body["output_config"]["format"]["schema"] == SCHEMAS["pairs"]
    assert 'Output: {"selected": [{"span": ' in body["messages"][0]["content"]
    assert "numbered" not in body["system"][0]["text"]


def test_free_extraction_with_and_without_postprocessing(server: Server, make_llm_teacher: Make) -> None:
    answer = said(
        "entities", ("HELLO", "Song"), ("ell", "Song"), ("play", "Artist"), ("adele", "City"), ("adele", "Artist")
    )
    server.reply = lambda query, body: answer
    nlp = make_llm_teacher(**ICL)
    with nlp.select_pipes(disable="candidate_postprocess"):
        doc = nlp(TEXT)
    found = [(span.text, span.label_, span.id_) for span in doc.spans["sc"]]
    assert found == [("hello", "Song", "song:hello"), ("play", "Artist", ""), ("adele", "Artist", "artist:adele")]
    reasons = {item["text"]: item["reason"] for item in doc._.convner.dropped}
    assert reasons == {"ell": "not in the text", "adele": "unknown label"}
    assert [p["text"] for p in doc._.convner.proposals] == ["play"]
    held = make_llm_teacher(**ICL)(TEXT)
    assert [(ent.text, ent.label_) for ent in held.ents] == [("hello", "Song"), ("adele", "Artist")]
    body = server.bodies[0]
    assert "<candidates>" not in body["messages"][0]["content"]
    assert body["output_config"]["format"]["schema"] == SCHEMAS["extract"]
    # Extraction needs no candidates.
    assert make_llm_teacher(**ICL)("good morning")._.convner.status == "ok"


def test_names_beyond_the_catalog_are_proposed_and_never_labelled(server: Server, make_llm_teacher: Make) -> None:
    missing = [
        {"span": "Vampire", "label": "Song"},
        {"span": "hello", "label": "Song"},
        {"span": "vamp", "label": "Song"},
        7,
    ]
    server.reply = lambda query, body: message(json.dumps({"selected": [1], "missing": missing}))
    doc = make_llm_teacher(filter={"propose": True})("play hello and vampire")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("hello", "Song")]
    assert [(p["text"], p["label"]) for p in doc._.convner.proposals] == [("vampire", "Song")]
    assert server.bodies[0]["output_config"]["format"]["schema"] == SCHEMAS["ids+missing"]
    assert '"missing"' in server.bodies[0]["system"][0]["text"]
    assert '"missing"' not in SCHEMAS["ids"]["required"]


def test_templates_of_ones_own(server: Server, make_llm_teacher: Make, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "system.jinja").write_text("Choose.", encoding="utf8")
    (folder / "user.jinja").write_text("Input: {{ query | data }}\n{{ candidates | length }}\n", encoding="utf8")
    doc = make_llm_teacher(component={"template": str(folder)})(TEXT)
    assert doc._.convner.status == "ok"
    (body,) = server.bodies
    assert body["system"][0]["text"] == "Choose."
    assert body["messages"][0]["content"] == f'Input: "{TEXT}"\n2\n'


@pytest.mark.parametrize(
    ("span", "text", "places"),
    [
        ("art", "art of smart art", [(0, 3), (13, 16)]),
        ("ART", "play art", [(5, 8)]),
        ("art", "smart party", []),
        ("AC/DC", "play AC/DC.", [(5, 10)]),
        ("!!!", "play !!! now", [(5, 8)]),
        ("ñu", "el ñu y añus", [(3, 5)]),
        (".*", "anything", []),
        ("", "x", []),
        (" hello ", "hello", [(0, 5)]),
    ],
)
def test_spans_are_found_as_whole_words(span: str, text: str, places: list[tuple[int, int]]) -> None:
    assert find_in_text(span, text) == places


def test_a_pair_that_is_there_twice() -> None:
    text = "hello hello"
    candidates = [Candidate(0, 5, "Song"), Candidate(6, 11, "Song")]
    once = json.dumps({"selected": [{"span": "hello", "label": "Song"}]})
    twice = json.dumps({"selected": [{"span": "hello", "label": "Song"}] * 3})
    assert parse_pairs(once, text, candidates, ()).selected == (0,)
    parsed = parse_pairs(twice, text, candidates, ())
    assert parsed.selected == (0, 1)
    assert [item["reason"] for item in parsed.dropped] == ["duplicate"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["span", "label", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
pairs = st.fixed_dictionaries(
    {"span": st.sampled_from(["hello", "adele", "llo", "", "x"]), "label": st.text(max_size=3)}
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["selected", "entities", "missing"]), st.lists(json_values | pairs, max_size=6)))
def test_whatever_is_said_nothing_is_invented(record: dict[str, Any]) -> None:
    answer = json.dumps(record)
    candidates = (Candidate(5, 10, "Song"), Candidate(14, 19, "Artist"))
    for parsed in (
        parse_pairs(answer, TEXT, candidates, ()),
        parse_selection(answer, 2, TEXT, ("Song",), {("hello", "Song")}),
        parse_entities(answer, TEXT, ("Song",), candidates),
    ):
        assert set(parsed.selected) <= {0, 1}
        assert len(set(parsed.selected)) == len(parsed.selected)
        for span in parsed.found:
            assert isinstance(span, LabelledSpan)
            assert span.label == "Song"
            assert TEXT[span.start : span.end] in ("hello", "adele")
        assert all(proposal["text"] in TEXT for proposal in parsed.proposals)
