"""Whatever a filter wrote, what comes out are candidates, and every refusal is on record."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from spacy_convner.attrs import set_candidates
from spacy_convner.postprocess.rules import Policy, Prediction, check_predictions, resolve_overlaps
from spacy_convner.ty import LabelledSpan

WORDS = ["play", "new", "york", "state", "of", "mind", "by", "billy", "joel"]
Given = tuple[int, int, str]


@cache
def make(**config: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("candidate_postprocess", config=config)
    return nlp


def predicted(
    nlp: Language,
    candidates: list[Given],
    predictions: list[Given],
    scores: object = None,
    ids: list[str] | None = None,
) -> Doc:
    doc = Doc(nlp.vocab, words=WORDS)
    spans = [Span(doc, a, b, label=label, span_id=f"id:{a}-{b}:{label}") for a, b, label in candidates]
    set_candidates(doc, "candidates", spans, ["exact"] * len(spans), [0.0] * len(spans))
    ids = ids or [""] * len(predictions)
    chosen = [Span(doc, a, b, label=label, span_id=i) for (a, b, label), i in zip(predictions, ids, strict=True)]
    doc.spans["sc"] = SpanGroup(doc, name="sc", spans=chosen, attrs={} if scores is None else {"scores": scores})
    doc = nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
    assert isinstance(doc, Doc)
    return doc


def ents(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


SONG, CITY, ARTIST = (1, 6, "Song"), (1, 3, "City"), (7, 9, "Artist")
ALL = [SONG, CITY, ARTIST, (7, 9, "Song")]


def test_only_candidates_stay_and_each_refusal_has_its_reason() -> None:
    predictions = [SONG, (0, 1, "Song"), SONG, (1, 6, "Artist"), (7, 9, ""), ARTIST, (4, 4, "Song"), CITY]
    doc = predicted(make(), ALL, predictions, [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 1.5])
    assert [(s.start, s.end, s.label_) for s in doc.spans["sc"]] == [SONG, ARTIST]
    assert doc.spans["sc"].attrs["scores"] == [0.9, 0.9]
    assert [(item["label"], item["text"], item["reason"]) for item in doc._.convner.dropped] == [
        ("Song", "play", "not a candidate"),
        ("Song", "new york state of mind", "duplicate"),
        ("Artist", "new york state of mind", "not a candidate"),
        ("", "billy joel", "no label"),
        ("Song", "", "empty span"),
        ("City", "new york", "score 1.5 outside 0..1"),
    ]
    assert doc._.convner.dropped[0] == {
        "start": 0,
        "end": 4,
        "label": "Song",
        "text": "play",
        "reason": "not a candidate",
    }
    assert ents(doc) == [("new york state of mind", "Song"), ("billy joel", "Artist")]


def test_refusals_are_added_to_those_of_the_filter_and_survive_saving() -> None:
    nlp = make()
    doc = Doc(nlp.vocab, words=WORDS)
    doc._.convner.dropped = [{"text": "9", "label": "", "reason": "not a candidate"}]
    doc.spans["sc"] = [Span(doc, 0, 1, label="Song")]
    doc = nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
    copy = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert [item["reason"] for item in copy._.convner.dropped] == ["not a candidate", "not a candidate"]
    assert [item["text"] for item in copy._.convner.dropped] == ["9", "play"]


def test_a_catalog_id_can_not_be_made_up() -> None:
    doc = predicted(make(), ALL, [SONG, ARTIST], ids=["somebody:else", ""])
    assert [span.id_ for span in doc.spans["sc"]] == ["id:1-6:Song", "id:7-9:Artist"]
    assert [ent.id_ for ent in doc.ents] == ["id:1-6:Song", "id:7-9:Artist"]


def test_several_labels_of_a_span_stay_and_the_likelier_is_the_entity() -> None:
    doc = predicted(make(), ALL, [(7, 9, "Song"), ARTIST], [0.6, 0.8])
    assert {(s.text, s.label_) for s in doc.spans["sc"]} == {("billy joel", "Song"), ("billy joel", "Artist")}
    assert ents(doc) == [("billy joel", "Artist")]
    assert doc._.convner.dropped == []


@pytest.mark.parametrize(
    ("policy", "scores", "expected"),
    [
        ("longest", [0.5, 0.9], "new york state of mind"),
        ("score", [0.5, 0.9], "new york"),
        ("score", [0.9, 0.5], "new york state of mind"),
        ("score", [0.7, 0.7], "new york state of mind"),  # the longer one of equals
        ("longest", None, "new york state of mind"),
    ],
)
def test_overlap_policies(policy: Policy, scores: list[float] | None, expected: str) -> None:
    doc = predicted(make(policy=policy), ALL, [SONG, CITY], scores)
    assert [ent.text for ent in doc.ents] == [expected]
    # The loser is a selection still, not a refusal.
    assert len(doc.spans["sc"]) == 2
    assert doc._.convner.dropped == []


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="policy"):
        make(policy="shortest")


def test_set_ents_false_leaves_entities_alone() -> None:
    nlp = make(set_ents=False)
    doc = Doc(nlp.vocab, words=WORDS, ents=["B-City", *["O"] * 8])
    set_candidates(doc, "candidates", [Span(doc, 7, 9, label="Artist")], ["exact"], [0.0])
    doc.spans["sc"] = [Span(doc, 7, 9, label="Artist"), Span(doc, 0, 1, label="City")]
    doc = nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
    assert ents(doc) == [("play", "City")]
    assert [s.text for s in doc.spans["sc"]] == ["billy joel"]


def test_entities_of_an_earlier_component_stay_where_none_of_ours_is() -> None:
    nlp = make()
    postprocess = nlp.get_pipe("candidate_postprocess")
    doc = Doc(nlp.vocab, words=WORDS, ents=["B-Command", *["O"] * 6, "B-Other", "I-Other"])
    set_candidates(doc, "candidates", [Span(doc, 7, 9, label="Artist")], ["exact"], [0.0])
    doc.spans["sc"] = [Span(doc, 7, 9, label="Artist")]
    assert {label for _, label in ents(postprocess(doc))} == {"Command", "Artist"}  # type: ignore[operator]
    assert {label for _, label in ents(postprocess(doc))} == {"Command", "Artist"}  # type: ignore[operator]
    doc.spans["sc"] = []  # no longer selected: what this component wrote goes, what others wrote stays
    assert {label for _, label in ents(postprocess(doc))} == {"Command"}  # type: ignore[operator]


def test_spacy_evaluate_scores_the_entities() -> None:
    nlp = make()
    predicted = Doc(nlp.vocab, words=WORDS)
    set_candidates(predicted, "candidates", [Span(predicted, 7, 9, label="Artist")], ["exact"], [0.0])
    predicted.spans["sc"] = [Span(predicted, 7, 9, label="Artist")]
    predicted = nlp.get_pipe("candidate_postprocess")(predicted)  # type: ignore[operator]
    reference = Doc(nlp.vocab, words=WORDS, ents=["B-City", *["O"] * 6, "B-Artist", "I-Artist"])
    scores = nlp.get_pipe("candidate_postprocess").score([Example(predicted, reference)])  # type: ignore[attr-defined]
    assert scores["ents_p"] == 1.0
    assert scores["ents_r"] == 0.5


def test_other_keys() -> None:
    nlp = make(spans_key="mine", candidates_key="theirs")
    doc = Doc(nlp.vocab, words=WORDS)
    doc.spans["theirs"] = doc.spans["mine"] = [Span(doc, 7, 9, label="Artist")]
    doc.spans["sc"] = [Span(doc, 0, 1, label="Song")]
    doc = nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
    assert ents(doc) == [("billy joel", "Artist")]
    assert [s.text for s in doc.spans["sc"]] == ["play"]


positions = st.integers(0, len(WORDS))
labels = st.sampled_from(["Song", "Artist", "City"])
sound = st.tuples(positions, positions, labels).filter(lambda item: item[0] < item[1])
hostile = st.tuples(positions, positions, labels | st.just("") | st.text(max_size=3)).map(
    lambda item: (min(item[:2]), max(item[:2]), item[2])
)
scores_of = st.lists(st.floats() | st.integers() | st.none() | st.text(max_size=2) | st.just("0.5"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(sound, max_size=8, unique=True),
    st.data(),
    scores_of | st.none() | st.just(3),
    st.sampled_from(["longest", "score"]),
)
def test_entities_are_candidates_that_never_overlap(
    candidates: list[Given], data: st.DataObject, scores: object, policy: Policy
) -> None:
    pick = hostile | st.sampled_from(candidates) if candidates else hostile
    predictions = data.draw(st.lists(pick, max_size=10))
    if isinstance(scores, list) and data.draw(st.booleans()):
        scores = (scores * 11)[: len(predictions)]
    doc = predicted(make(policy=policy), candidates, predictions, scores)
    taken: set[int] = set()
    for ent in doc.ents:
        assert (ent.start, ent.end, ent.label_) in candidates
        assert not taken & set(range(ent.start, ent.end))
        taken |= set(range(ent.start, ent.end))
    kept = [(s.start, s.end, s.label_) for s in doc.spans["sc"]]
    assert len(kept) == len(set(kept))
    assert set(kept) <= set(candidates)
    assert len(kept) + len(doc._.convner.dropped) == len(predictions)
    assert all(item["reason"] for item in doc._.convner.dropped)
    assert bool(kept) == bool(doc.ents)
    assert all(0 <= score <= 1 for score in doc.spans["sc"].attrs["scores"])


@given(st.lists(st.builds(Prediction, positions, positions, labels, st.floats(0, 1)), max_size=12))
def test_nothing_more_could_be_chosen(predictions: list[Prediction]) -> None:
    keep, _ = check_predictions(predictions, {LabelledSpan(p.start, p.end, p.label) for p in predictions})
    kept = [predictions[i] for i in keep]
    for policy in ("longest", "score"):
        chosen = [kept[i] for i in resolve_overlaps(kept, policy)]
        for item in kept:
            assert any(item.start < other.end and other.start < item.end for other in chosen)


def test_not_a_number_is_no_score() -> None:
    keep, drop = check_predictions([Prediction(0, 1, "Song", math.nan)], {LabelledSpan(0, 1, "Song")})
    assert keep == []
    assert drop == [(0, "score nan outside 0..1")]


def test_entities_of_others_where_the_catalog_says_nothing() -> None:
    """The policy of a hybrid: ``ner`` adds names that no catalog has."""

    def kept(policy: str) -> list[tuple[str, str]]:
        nlp = make(keep_ents=policy)
        doc = Doc(nlp.vocab, words=WORDS)
        spans = [Span(doc, 1, 3, "City"), Span(doc, 7, 8, "Artist")]
        set_candidates(doc, "candidates", spans, ["exact"] * 2, [0.0] * 2)
        doc.spans["sc"] = [spans[0]]
        # Overlaps ours; judged and refused; longer than what was judged; unknown to the catalog.
        doc.ents = [Span(doc, 2, 4, "Song"), Span(doc, 5, 6, "Song"), Span(doc, 7, 8, "Artist")]
        nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
        first = ents(doc)
        nlp.get_pipe("candidate_postprocess")(doc)  # type: ignore[operator]
        assert ents(doc) == first
        return first

    assert kept("all") == [("new york", "City"), ("mind", "Song"), ("billy", "Artist")]
    assert kept("outside_catalog") == [("new york", "City"), ("mind", "Song")]
