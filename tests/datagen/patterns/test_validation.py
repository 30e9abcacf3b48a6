from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from spacy_convner.datagen.pattern_files import pattern_id
from spacy_convner.datagen.patterns.guidance import Guidance, read_guidance
from spacy_convner.datagen.patterns.validation import PatternChecks, find_violations, reopen, validate_patterns
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import ConfigError

from ...conftest import write_jsonl
from .conftest import LABELS

GUIDANCE = read_guidance()
CHECKS = PatternChecks(LABELS, GUIDANCE)


@pytest.fixture
def matcher(tmp_path: Path) -> Language:
    catalog = [
        {"text": "Bad Bunny", "label": "Artist", "popularity": 97},
        {"text": "Dancing Queen", "label": "Song", "popularity": 40},
        {"text": "Hello", "label": "Song", "popularity": 99},
        {"text": "21", "label": "Album", "popularity": 99},
        {"text": "The Bear", "label": "Movie", "popularity": 99},
        {"text": "Imagine", "label": "Song", "popularity": 99},
        {"text": "Encanto", "label": "Movie", "popularity": 99},
        {"text": "Rosalía", "label": "Artist", "popularity": 99},
        {"text": "by night", "label": "Song", "popularity": 99},
        {"text": "Of The", "label": "Movie", "popularity": 99},
        {"text": "Paris", "label": "Perfume", "popularity": 99},
    ]
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(write_jsonl(tmp_path / "catalog.jsonl", catalog))})
    return nlp


def reasons(text: str, lang: str = "en", checks: PatternChecks = CHECKS) -> list[str]:
    return find_violations([Pattern(text, lang)], checks)[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("play <Song for me", "brackets: '<' without '>'"),
        ("play Song> for me", "brackets: '>' without '<'"),
        ("play <my Song> for me", "brackets: '<my Song>' is no placeholder"),
        ("play <> for me", "brackets: '<>' is no placeholder"),
        ("play <Song:x> for me", "brackets: '<Song:x>' is no placeholder"),
        ("play something", "no tag: nothing to put a name in"),
        ("play <Tune> for <Person>", "unknown tag: <Person>, <Tune>"),
        ("ponme <Song> de ese que te dije", "language: Spanish, not 'en'"),
        ("<Song>", "forbidden form: a tag alone"),
        ("play <Song> <Artist>", "forbidden form: two tags without a word between"),
        ("play the <Song>s again", "forbidden form: a tag grown together with a word"),
        ("what's <City> city like", "forbidden form: the tag's own word after it"),
        ("play [song] by <Artist>", "forbidden form: brackets of another kind"),
        ("mail <Song> to me@example.org", "forbidden form: an e-mail address"),
        ("open www.example.org and play <Song>", "forbidden form: a link"),
        ("call 555 123 4567 and play <Song>", "forbidden form: a long number"),
        ("Here is a pattern: play <Song>", "forbidden form: words about the answer"),
        ("can you play the tag <Song>", "forbidden form: talks about the tag"),
        ("play\u2028<Song> again", "forbidden form: a control character or line break"),
        ("play <Song> " + "again and " * 40, "forbidden form: 412 characters, more than 300"),
        ("PLAY <song> <Artist>, <Album>!", "forbidden form: two tags without a word between"),
    ],
)
def test_what_a_look_at_one_pattern_finds(text: str, reason: str) -> None:
    assert reason in reasons(text)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("could you play <Song> by <Artist> again", "en"),
        ("<Artist>'s new one please", "en"),
        ("<Artist>, <Artist> or <Artist>, who is oldest", "en"),
        ("play <Song:1> and then <Song:1> once more", "en"),
        ("in 2023 i saw <Artist> 12 times", "en"),
        ("¿me pones <Song> de <Artist>?", "es"),
        ("l'<Artist> che mi piace di più", "it"),
    ],
)
def test_good_patterns_pass(text: str, lang: str) -> None:
    assert reasons(text, lang) == []


def test_negative_examples_are_refused_whatever_their_case() -> None:
    checks = PatternChecks(LABELS, Guidance(negative_examples=("Play <Song>, will you",)))
    assert reasons("play <Song> will you!", checks=checks) == ["forbidden form: one of the negative examples"]
    assert reasons("play <Artist> will you!", checks=checks) == []


@pytest.mark.parametrize(
    ("text", "lang", "found"),
    [
        ("play bad bunny by <Artist>", "en", "literal entity: 'bad bunny' (Artist, popularity 97)"),
        ("play bad bunny's <Song>", "en", "literal entity: 'bad bunny' (Artist, popularity 97)"),
        ("¿conoces a rosalia o a <Artist>?", "es", "literal entity: 'rosalia' (Artist, popularity 99)"),
        ("play dancing queen by <Artist>", "en", None),  # below the floor
        ("hello can you play <Song>", "en", None),  # an everyday word
        ("play track 21 of <Song>", "en", None),  # a number
        ("bear with me and play <Song>", "en", None),  # not all of the name
        ("i imagine <Song> is sad", "en", None),  # the guidance lets it pass
        ("me encantó <Movie> de verdad", "es", None),  # another word, with its accent
        ("play <Song> by <Artist> night", "en", None),  # a name isn't put together across a tag
        ("the end of the <Song>", "en", None),  # function words
        ("fly to paris with <Artist>", "en", None),  # no label of ours
    ],
)
def test_names_left_as_words(matcher: Language, text: str, lang: str, found: str | None) -> None:
    assert reasons(text, lang, PatternChecks(LABELS, GUIDANCE, matcher)) == ([found] if found else [])


def test_the_floor_is_the_users(matcher: Language) -> None:
    checks = PatternChecks(LABELS, GUIDANCE, matcher, popularity_floor=40)
    assert reasons("play dancing queen by <Artist>", checks=checks)
    assert reasons("play dancing queen by <Artist>", checks=replace(checks, popularity_floor=41)) == []
    with pytest.raises(ConfigError, match="no catalog_matcher"):
        reasons("play <Song>", checks=replace(checks, matcher=spacy.blank("en")))


def test_other_components_of_the_matchers_pipeline_rest(matcher: Language) -> None:
    @Language.component("test_fails")
    def fail(doc: spacy.tokens.Doc) -> spacy.tokens.Doc:
        raise AssertionError("it ran")

    matcher.add_pipe("test_fails")
    assert reasons("play bad bunny by <Artist>", checks=PatternChecks(LABELS, GUIDANCE, matcher))
    assert matcher.pipe_names == ["catalog_matcher", "test_fails"]


def test_the_most_frequent_duplicate_stays() -> None:
    found = validate_patterns(
        [
            Pattern("could you put on <Song>", "en"),
            Pattern("could you put <Artist> on please", "en", frequency=9),
            Pattern("could you put on <Movie>", "es"),
            Pattern("could you put on <Movie>", "en", "accepted"),
            Pattern("Could you  put on <Movie>", "en"),
        ],
        PatternChecks(LABELS, Guidance(), near_duplicate=0.6),
    )
    assert [p.status for p in found] == ["rejected", "rejected", "rejected", "accepted", "rejected"]
    assert found[0].reason == "near duplicate: 100% the words of 'could you put on <Movie>'"
    assert found[1].reason == "near duplicate: 67% the words of 'could you put on <Movie>'"
    assert found[2].reason == "language: English, not 'es'"
    assert found[4].reason == "duplicate: of 'could you put on <Movie>'"
    assert [p.status for p in validate_patterns(found[:2], replace(CHECKS, near_duplicate=0.6))] == [
        "rejected",
        "proposed",  # of two proposals the more frequent one
    ]


def test_commands_are_told_apart_by_their_tags() -> None:
    for style, status in (("command", "proposed"), ("conversational", "rejected")):
        pair = [Pattern(text, "en", style=style) for text in ("play <Song>", "play <Artist>")]  # type: ignore[arg-type]
        assert validate_patterns(pair, CHECKS)[1].status == status
        assert validate_patterns(pair, replace(CHECKS, ignore_tags=False))[1].status == "proposed"
        assert validate_patterns(pair, replace(CHECKS, near_duplicate=2))[1].status == "proposed"


def test_ids_differ_whatever_is_rejected() -> None:
    found = validate_patterns([Pattern("play <Song> again", "en", seeds=(str(i),)) for i in range(3)], CHECKS)
    assert [p.text for p in found] == [
        "play <Song> again",
        "play <Song> again (number 2)",
        "play <Song> again (number 3)",
    ]
    assert {p.reason for p in found[1:]} == {"duplicate: of 'play <Song> again'"}
    assert len({pattern_id(p) for p in found}) == 3
    assert validate_patterns(found, CHECKS) == found


def test_decisions_of_people_stand_and_automatic_ones_are_made_again() -> None:
    patterns = [
        Pattern("play something", "en", "accepted", reviewer="ana"),
        Pattern("play something else", "en", "rejected", reason="too generic", reviewer="ana"),
        Pattern("play <Tune> then", "en", "rejected", reason="unknown tag: <Tune>", reviewer="validate"),
        Pattern("a seed", "en", "rejected", reason="no entity: the teacher selected none", reviewer="validate"),
    ]
    assert validate_patterns(patterns, CHECKS) == patterns
    assert find_violations(patterns, CHECKS)[0] == ["no tag: nothing to put a name in"]
    found = validate_patterns(patterns, PatternChecks([*LABELS, "Tune"], GUIDANCE))
    assert [p.status for p in found] == ["accepted", "rejected", "proposed", "rejected"]
    assert [p.status for p in reopen(patterns)] == ["accepted", "rejected", "proposed", "rejected"]


def test_unknown_language() -> None:
    with pytest.raises(ConfigError, match="unknown language 'qq'"):
        validate_patterns([Pattern("play <Song>", "qq")], CHECKS)
    assert validate_patterns([], CHECKS) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="<>SongArti :1abc \n", min_size=1, max_size=30).filter(str.strip), max_size=5))
def test_any_text_is_judged_and_judged_the_same_again(texts: list[str]) -> None:
    found = validate_patterns([Pattern(text, "en") for text in texts], CHECKS)
    assert len(found) == len(texts)
    assert all(bool(p.reason) == (p.status == "rejected") for p in found)
    assert validate_patterns(found, CHECKS) == found
    proposed = [p for p in found if p.status == "proposed"]
    assert not any(find_violations(proposed, CHECKS))
