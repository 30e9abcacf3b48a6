from __future__ import annotations

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.scorer import Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_convner.evaluation.baselines import Prior, baselines, count_priors
from spacy_convner.evaluation.bootstrap import f_interval
from spacy_convner.evaluation.confusion import confusion, errors
from spacy_convner.evaluation.scoring import (
    Judged,
    candidate_recall,
    count,
    judge,
    per_label,
    predicted_spans,
    prf,
    strict,
)
from spacy_convner.ty import Candidate, Exemplar, LabelledSpan

LABELS = ["Song", "Movie", "Book"]
span_sets = st.frozensets(
    st.builds(
        lambda start, length, label: LabelledSpan(start, start + length, label),
        st.integers(0, 4),
        st.integers(1, 3),
        st.sampled_from(LABELS),
    ),
    max_size=6,
)
pair_lists = st.lists(st.tuples(span_sets, span_sets), min_size=1, max_size=8)


def spans(*items: tuple[int, int, str]) -> frozenset[LabelledSpan]:
    return frozenset(LabelledSpan(*item) for item in items)


def test_scores_by_hand() -> None:
    pairs = [
        (spans((0, 4, "Movie"), (0, 4, "Book")), spans((0, 4, "Movie"))),  # half of a multi-label span
        (spans((0, 5, "Song")), spans((0, 4, "Song"))),  # a wrong end
        (spans(), spans((2, 3, "Song"))),
    ]
    scores = strict(pairs)
    assert (scores["p"], scores["r"], scores["f"]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert scores["n"] == 3


def test_nothing_to_score_is_zero() -> None:
    assert strict([(spans(), spans())]) == {"p": 0.0, "r": 0.0, "f": 0.0, "ci95": [0.0, 0.0], "n": 0}
    assert strict([]) == {"p": 0.0, "r": 0.0, "f": 0.0, "ci95": None, "n": 0}


@given(pair_lists)
def test_f_is_symmetric_and_bounded(pairs: list[tuple[frozenset[LabelledSpan], frozenset[LabelledSpan]]]) -> None:
    scores, swapped = strict(pairs, n_bootstrap=50), strict([(b, a) for a, b in pairs], n_bootstrap=0)
    assert scores["f"] == swapped["f"]
    assert (scores["p"], scores["r"]) == (swapped["r"], swapped["p"])
    low, high = scores["ci95"]
    assert 0 <= low <= high <= 1
    assert min(scores["p"], scores["r"]) - 1e-9 <= scores["f"] <= max(scores["p"], scores["r"]) + 1e-9


@given(pair_lists)
def test_labels_sum_to_the_whole(pairs: list[tuple[frozenset[LabelledSpan], frozenset[LabelledSpan]]]) -> None:
    judged = [Judged("x" * 9, gold, pred) for gold, pred in pairs]
    table = per_label(judged)
    assert sum(row["n"] for row in table.values()) == strict(pairs)["n"]
    wrong = sum(n for row, cells in confusion(judged).items() for column, n in cells.items() if row != column)
    assert (wrong == 0) == all(gold == pred for gold, pred in pairs)
    assert len(errors(judged)) == sum(gold != pred for gold, pred in pairs)


@given(pair_lists, st.lists(span_sets, min_size=8, max_size=8))
def test_no_filter_passes_the_ceiling(
    pairs: list[tuple[frozenset[LabelledSpan], frozenset[LabelledSpan]]], picks: list[frozenset[LabelledSpan]]
) -> None:
    judged = [Judged("x" * 9, gold, spans(), candidates) for gold, candidates in pairs]
    found = baselines(judged, Prior({("xx", "Song"): (1, 3)}), n_bootstrap=0)
    a_filter = [(gold, candidates & pick) for (gold, candidates), pick in zip(pairs, picks, strict=False)]
    best = found["ceiling"]["f"] + 1e-12
    assert strict(a_filter, n_bootstrap=0)["f"] <= best
    assert found["accept_all"]["f"] <= best
    assert found["prior"]["f"] <= best
    recall = candidate_recall(judged)
    if found["ceiling"]["n"]:
        assert recall == found["ceiling"]["r"] == found["accept_all"]["r"]
    else:
        assert recall is None


def test_same_as_spacys_scorer() -> None:
    nlp = spacy.blank("en")
    rng = np.random.default_rng(0)
    examples, pairs = [], []
    for _ in range(40):
        docs = []
        for _ in range(2):
            doc = nlp.make_doc("play hello by adele and then dune again please now")
            starts = rng.choice(10, size=rng.integers(0, 5), replace=False)
            doc.ents = [Span(doc, int(i), int(i) + 1, label=str(rng.choice(LABELS))) for i in sorted(starts)]
            docs.append(doc)
        pred, gold = docs
        examples.append(Example(pred, gold))
        pairs.append((predicted_spans(gold), predicted_spans(pred)))
    theirs = Scorer.score_spans(examples, "ents")
    ours = strict(pairs, n_bootstrap=0)
    assert ours["f"] > 0
    for key in "prf":
        assert ours[key] == pytest.approx(theirs[f"ents_{key}"])
    for label, row in per_label([Judged("", gold, pred) for gold, pred in pairs]).items():
        assert {key: row[key] for key in "prf"} == pytest.approx(theirs["ents_per_type"][label])


def test_interval_is_that_of_resampling_utterances() -> None:
    counts = np.random.default_rng(1).integers(0, 4, size=(60, 3))
    counts[:, 0] = counts.min(axis=1)
    picks = np.random.default_rng(2).integers(0, 60, size=(4000, 60))
    totals = counts[picks].sum(axis=1)
    scores = 2 * totals[:, 0] / (totals[:, 1] + totals[:, 2])
    assert f_interval(counts, n_bootstrap=4000) == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.01)
    assert f_interval(counts) == f_interval(counts)
    assert f_interval(counts, seed=1) != f_interval(counts)
    assert f_interval(counts, n_bootstrap=0) is None


def test_perfect_predictions_have_no_spread() -> None:
    scores = strict([(spans((0, 1, "Song")), spans((0, 1, "Song")))] + [(spans(), spans())] * 30)
    assert scores["ci95"] == [1.0, 1.0]  # resamples without any entity have no F1


def test_count_shape() -> None:
    assert count([]).shape == (0, 3)
    assert count([(spans(), spans())]).tolist() == [[0, 0, 0]]
    assert prf(0, 0, 0) == {"p": 0.0, "r": 0.0, "f": 0.0}


def test_labels_keep_the_order_given() -> None:
    judged = [Judged("", spans((0, 1, "Song"), (1, 2, "Book"), (2, 3, "App")), spans((0, 1, "Movie")))]
    assert list(per_label(judged, ["Movie", "Song", "Unseen"])) == ["Movie", "Song", "App", "Book"]


def test_predictions_come_from_spans_where_the_key_exists() -> None:
    doc = spacy.blank("en")("play dune")
    doc.ents = [Span(doc, 1, 2, label="Movie")]
    assert predicted_spans(doc) == spans((5, 9, "Movie"))
    doc.spans["sc"] = [Span(doc, 1, 2, label="Movie"), Span(doc, 1, 2, label="Book")]
    assert predicted_spans(doc) == spans((5, 9, "Movie"), (5, 9, "Book"))
    doc.spans["sc"] = []
    assert predicted_spans(doc) == frozenset()


def test_gold_inside_a_token_still_counts() -> None:
    doc = spacy.blank("en")("playdune")
    assert isinstance(doc, Doc)
    judged = judge(doc, Exemplar("playdune", (LabelledSpan(4, 8, "Movie"),)))
    assert strict([(judged.gold, judged.pred)])["n"] == 1
    with pytest.raises(ValueError, match="can't be scored"):
        judge(doc, Exemplar("other"))


def test_confusion_of_multi_label_spans() -> None:
    judged = [
        Judged("", spans((0, 4, "Movie"), (0, 4, "Book")), spans((0, 4, "Movie"))),  # Book missed, not confused
        Judged("", spans((0, 4, "Movie")), spans((0, 4, "Movie"), (0, 4, "Book"))),  # an extra label
        Judged("", spans((0, 4, "Song")), spans((0, 4, "Book"))),
        Judged("", spans((0, 4, "Song")), spans((0, 3, "Song"))),  # wrong bounds: missed and spurious
    ]
    assert confusion(judged) == {
        "Book": {"missed": 1},
        "Movie": {"Book": 1, "Movie": 2},
        "Song": {"Book": 1, "missed": 1},
        "spurious": {"Song": 1},
    }


def test_errors_say_what_and_where() -> None:
    item = Judged("play dune", spans((5, 9, "Book")), spans((5, 9, "Movie")), spans((5, 9, "Movie")), "en")
    assert errors([item, Judged("ok", spans(), spans())]) == [
        {
            "text": "play dune",
            "lang": "en",
            "gold": [[5, 9, "Book"]],
            "pred": [[5, 9, "Movie"]],
            "missed": [[5, 9, "Book"]],
            "spurious": [[5, 9, "Movie"]],
            "candidates": [[5, 9, "Movie"]],
            "kinds": ["label"],
        }
    ]


def test_prior_backs_off() -> None:
    exemplars = [
        Exemplar("Hello", (LabelledSpan(0, 5, "Song"),), candidates=(Candidate(0, 5, "Song"),)),
        *[Exemplar("it", (), candidates=(Candidate(0, 2, "Movie"),))] * 3,
    ]
    counts = count_priors(exemplars)
    assert counts == {("hello", "Song"): (1, 1), ("it", "Movie"): (0, 3)}
    prior = Prior(counts)
    assert prior.rate("HELLO", "Song") > prior.rate("never seen", "Song") > 0.5  # by its own rate, then its label's
    assert prior.rate("never seen", "Movie") < 0.5
    assert prior.rate("x", "Unknown") == pytest.approx(0.25)  # the rate of everything
    assert prior.select("it", spans((0, 2, "Movie"), (0, 2, "Song"))) == spans((0, 2, "Song"))
    assert Prior({}).select("it", spans((0, 2, "Movie"))) == spans((0, 2, "Movie"))
