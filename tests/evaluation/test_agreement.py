"""The numbers of other people's scorers, wherever they define the same thing.

nervaluate: all four schemes on spans that don't overlap among themselves (elsewhere an earlier prediction may take the
gold span of a later one that is right; ``partial_match`` pairs that one first). seqeval: strict IOB2, which can't write
overlaps or two labels. spaCy's Scorer: entities, and overlapping spans of a key with several labels.
"""

from __future__ import annotations

from typing import Any

import pytest
import spacy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from spacy_convner.evaluation.averages import macro
from spacy_convner.evaluation.partial_match import SCHEMES, partial_scores
from spacy_convner.evaluation.scoring import Judged, per_label, strict
from spacy_convner.ty import LabelledSpan

from .strategies import LABELS, WORDS, Spans, any_spans, apart_lists, judged_lists, word_bounds

NLP = spacy.blank("en")


def entities(spans: Spans) -> list[dict[str, Any]]:
    # Their ends are inclusive.
    return [{"start": s.start, "end": s.end - 1, "label": s.label} for s in sorted(spans, key=lambda s: s.start)]


def iob2(spans: Spans) -> list[str]:
    tags = ["O"] * len(WORDS)
    for span in spans:
        start, end = word_bounds(span)
        tags[start:end] = [f"B-{span.label}"] + [f"I-{span.label}"] * (end - start - 1)
    return tags


def doc_of(spans: Spans) -> Doc:
    doc = NLP(" ".join(WORDS))
    found = [doc.char_span(span.start, span.end, span.label) for span in spans]
    doc.spans["sc"] = [span for span in found if span is not None]
    assert len(doc.spans["sc"]) == len(spans)
    return doc


@settings(max_examples=150)
@given(apart_lists)
def test_nervaluate(judged: list[Judged]) -> None:
    assume(any(item.gold or item.pred for item in judged))
    gold, pred = ([entities(getattr(item, side)) for item in judged] for side in ("gold", "pred"))
    theirs = Evaluator(gold, pred, tags=LABELS, loader="dict").evaluate()["overall"]
    for scheme, ours in partial_scores(judged).items():
        for key in ("correct", "incorrect", "partial", "missed", "spurious", "possible", "actual"):
            assert ours[key] == getattr(theirs[scheme], key), (scheme, key)
        for key, name in (("p", "precision"), ("r", "recall"), ("f", "f1")):
            assert ours[key] == pytest.approx(getattr(theirs[scheme], name)), (scheme, key)


@settings(max_examples=100)
@given(apart_lists)
def test_seqeval(judged: list[Judged]) -> None:
    assume(any(item.gold for item in judged) and any(item.pred for item in judged))
    gold, pred = [iob2(item.gold) for item in judged], [iob2(item.pred) for item in judged]
    theirs = classification_report(gold, pred, output_dict=True, mode="strict", scheme=IOB2, zero_division=0)
    ours = {
        **per_label(judged),
        "micro avg": strict(((item.gold, item.pred) for item in judged), n_bootstrap=0),
        "macro avg": macro(judged),
    }
    assert ours.keys() == theirs.keys() - {"weighted avg"}
    for name, row in ours.items():
        found = theirs[name]
        expected = {"p": found["precision"], "r": found["recall"], "f": found["f1-score"]}
        assert {key: row[key] for key in "prf"} == pytest.approx(expected), name


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(any_spans, any_spans), min_size=1, max_size=5))
def test_spacy_spans_with_several_labels(pairs: list[tuple[Spans, Spans]]) -> None:
    # It has no score where there is neither gold nor a prediction; ours is 0.
    assume(any(gold for gold, _ in pairs))
    examples = [Example(doc_of(pred), doc_of(gold)) for gold, pred in pairs]
    theirs = Scorer.score_spans(
        examples,
        "spans_sc",
        getter=lambda doc, _: doc.spans["sc"],
        has_annotation=lambda doc: True,
        allow_overlap=True,
    )
    ours = strict(pairs, n_bootstrap=0)
    assert {key: ours[key] for key in "prf"} == pytest.approx({key: theirs[f"spans_sc_{key}"] for key in "prf"})
    for label, row in per_label([Judged("", gold, pred) for gold, pred in pairs]).items():
        assert {key: row[key] for key in "prf"} == pytest.approx(theirs["spans_sc_per_type"][label]), label


@settings(max_examples=50, deadline=None)
@given(apart_lists)
def test_spacy_ents(judged: list[Judged]) -> None:
    assume(any(item.gold for item in judged))
    examples = []
    for item in judged:
        gold, pred = doc_of(item.gold), doc_of(item.pred)
        gold.ents, pred.ents = list(gold.spans["sc"]), list(pred.spans["sc"])
        examples.append(Example(pred, gold))
    theirs = Scorer.score_spans(examples, "ents")
    ours = strict(((item.gold, item.pred) for item in judged), n_bootstrap=0)
    assert {key: ours[key] for key in "prf"} == pytest.approx({key: theirs[f"ents_{key}"] for key in "prf"})


@given(judged_lists)
def test_strict_scheme_is_the_strict_score_on_any_spans(judged: list[Judged]) -> None:
    scores, schemes = strict(((item.gold, item.pred) for item in judged), n_bootstrap=0), partial_scores(judged)
    assert tuple(schemes) == SCHEMES
    assert {key: schemes["strict"][key] for key in "prf"} == pytest.approx({key: scores[key] for key in "prf"})
    for found in schemes.values():
        assert found["possible"] == scores["n"]
        assert found["actual"] == sum(len(item.pred) for item in judged)
    correct = {scheme: found["correct"] for scheme, found in schemes.items()}
    assert correct["strict"] <= min(correct["exact"], correct["ent_type"])
    assert schemes["exact"]["correct"] == schemes["partial"]["correct"]


def test_a_right_prediction_keeps_its_gold_span() -> None:
    """Where the greedy reading of nervaluate differs, and why ours does."""
    gold = {"start": 5, "end": 9, "label": "Movie"}
    before = {"start": 0, "end": 9, "label": "Movie"}
    theirs = Evaluator([[gold]], [[before, gold]], tags=LABELS, loader="dict").evaluate()["overall"]["strict"]
    assert (theirs.correct, theirs.incorrect, theirs.spurious) == (0, 1, 1)
    right, longer = LabelledSpan(5, 10, "Movie"), LabelledSpan(0, 10, "Movie")
    ours = partial_scores([Judged("play hello", frozenset({right}), frozenset({right, longer}))])["strict"]
    assert (ours["correct"], ours["incorrect"], ours["spurious"]) == (1, 0, 1)
