from __future__ import annotations

import json

import pytest
from spacy.language import Language

from spacy_convner.attrs import set_probabilities
from spacy_convner.errors import DataError
from spacy_convner.evaluation.evaluate import evaluate_pipeline, make_prior
from spacy_convner.memory import max_rss_mb
from spacy_convner.ty import Exemplar, LabelledSpan


def test_teacher(teacher: Language, gold: list[Exemplar]) -> None:
    seen: list[int] = []
    metrics = evaluate_pipeline(
        teacher, {"a": gold[:2], "b": gold[2:]}, system="teacher", on_doc=lambda: seen.append(1), sizes={"load_s": 1.0}
    )
    assert json.loads(json.dumps(metrics)) == metrics
    assert list(metrics["sets"]) == ["a", "b", "all"]
    assert metrics["left_out"] == ["test_evaluation_exemplars"]
    assert teacher.disabled == []
    assert len(seen) == 4  # the warm-up isn't counted
    pooled = metrics["sets"]["all"]
    assert pooled["docs"] == 4
    assert pooled["strict"]["n"] == 3
    assert (pooled["strict"]["p"], pooled["strict"]["r"]) == pytest.approx((1 / 3, 1 / 3))
    assert pooled["candidate_recall"] == pytest.approx(2 / 3)
    assert pooled["candidates_per_utterance"] == 1.0
    assert pooled["baselines"]["accept_all"]["p"] == pytest.approx(2 / 4)
    assert pooled["baselines"]["ceiling"]["p"] == 1
    assert "prior" in pooled["baselines"]
    assert pooled["confusion"] == {
        "Book": {"Movie": 1},
        "Song": {"Song": 1, "missed": 1},
        "spurious": {"Song": 1},
    }
    assert [error["text"] for error in pooled["errors"]] == ["read dune", "play yellow", "hello, can you hear me"]
    assert pooled["utterances_per_s"] > 0
    assert metrics["sizes"] == {"load_s": 1.0}
    assert pooled["error_kinds"] == {"label": 1, "missed: not a candidate": 1, "spurious": 1}
    assert [error["kinds"] for error in pooled["errors"]] == [["label"], ["missed: not a candidate"], ["spurious"]]
    # The exemplars are what it was trained on: Hello is a Song and Dune a Movie there.
    assert {value: row["n"] for value, row in pooled["slices"]["seen"].items()} == {"yes": 2, "no": 1}
    assert {value: row["n"] for value, row in pooled["slices"]["seen_pair"].items()} == {"yes": 1, "no": 2}
    assert pooled["slices"]["candidate"]["no"]["n"] == 1
    assert pooled["per_lang"]["en"]["f"] == pooled["strict"]["f"]
    assert pooled["macro"]["labels"] == 3
    assert pooled["intervals"]["f"] == pooled["strict"]["ci95"]
    assert pooled["partial"]["exact"]["correct"] == 2
    assert pooled["calibration"] is None
    assert metrics["components"] == ["span_ruler", "entity_ruler", "test_evaluation_exemplars"]


def test_what_two_systems_are_compared_by(student: Language, gold: list[Exemplar]) -> None:
    sets = evaluate_pipeline(student, {"a": gold[:2], "b": gold[2:]})["sets"]
    counts = sets["a"]["utterance_counts"]
    assert {name: counts[name] for name in ("right", "predicted", "gold")} == {
        "right": [1, 0],
        "predicted": [1, 1],
        "gold": [1, 1],
    }
    assert "utterance_counts" not in sets["all"]
    again = evaluate_pipeline(student, {"a": gold[:2], "b": gold[1::-1], "c": [Exemplar(gold[0].text), gold[1]]})[
        "sets"
    ]
    assert again["a"]["utterance_counts"] == counts
    assert len({again[name]["utterance_counts"]["sha256"] for name in "abc"}) == 3  # another order, other gold


def test_probabilities_of_the_filter(teacher: Language, gold: list[Exemplar]) -> None:
    @Language.component("test_evaluation_probabilities")
    def write(doc):  # type: ignore[no-untyped-def]
        set_probabilities(
            doc, "candidates", [1.0 if span.label_ == "Song" else 0.25 for span in doc.spans["candidates"]]
        )
        return doc

    teacher.add_pipe("test_evaluation_probabilities", last=True)
    found = evaluate_pipeline(teacher, {"gold": gold})["sets"]["gold"]["calibration"]
    # Hello twice, once right; Dune as a Movie, wrong, and as a Book, right.
    assert (found["n"], found["share"]) == (4, 0.5)
    assert found["brier"] == pytest.approx((0 + 1 + 0.25**2 + 0.75**2) / 4)


def test_training_data_says_what_was_seen(student: Language, gold: list[Exemplar]) -> None:
    assert "seen" not in evaluate_pipeline(student, {"gold": gold})["sets"]["gold"]["slices"]
    slices = evaluate_pipeline(student, {"gold": gold}, train=gold[2:3])["sets"]["gold"]["slices"]
    assert {value: row["n"] for value, row in slices["seen"].items()} == {"yes": 1, "no": 2}


def test_student_has_no_candidates(student: Language, gold: list[Exemplar]) -> None:
    scores = evaluate_pipeline(student, {"gold": gold}, n_bootstrap=0)["sets"]["gold"]
    assert scores["candidate_recall"] is None
    assert scores["candidates_per_utterance"] is None
    assert "baselines" not in scores
    assert scores["strict"]["ci95"] is None
    assert all(error["candidates"] is None for error in scores["errors"])


def test_pooled_is_not_the_mean(student: Language, gold: list[Exemplar]) -> None:
    sets = evaluate_pipeline(student, {"one": gold[:1], "rest": gold[1:]})["sets"]
    assert sets["one"]["strict"]["f"] == 1
    assert sets["rest"]["strict"]["f"] == 0
    assert sets["all"]["strict"]["f"] == pytest.approx(1 / 3)


def test_prior_needs_exemplars(student: Language) -> None:
    assert make_prior(student) is None
    student.add_pipe("test_evaluation_exemplars")
    prior = make_prior(student)
    assert prior is not None
    assert prior.counts["dune", "Book"] == (0, 2)


def test_language_reaches_the_pipeline(student: Language) -> None:
    langs = []

    @Language.component("test_evaluation_langs")
    def note(doc):  # type: ignore[no-untyped-def]
        langs.append(doc.user_data.get("convner_lang"))
        doc.user_data["convner"] = {"status": "refused"}
        return doc

    student.add_pipe("test_evaluation_langs")
    scores = evaluate_pipeline(student, {"es": [Exemplar("hola", (), "es"), Exemplar("hello")]})
    assert langs == ["es", "es", None]
    assert scores["sets"]["es"]["statuses"] == {"refused": 2}


@pytest.mark.parametrize("text", ["", " ", "🎧", "playdune"])
def test_odd_texts(student: Language, text: str) -> None:
    gold = (LabelledSpan(4, 8, "Movie"),) if text == "playdune" else ()
    scores = evaluate_pipeline(student, {"odd": [Exemplar(text, gold)]})["sets"]["odd"]
    assert scores["strict"]["n"] == len(gold)


@pytest.mark.parametrize(
    ("sets", "message"),
    [({}, "no test set"), ({"all": [Exemplar("x")]}, "'all'"), ({"empty": []}, "'empty' has no utterances")],
)
def test_wrong_sets(student: Language, sets: dict[str, list[Exemplar]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_pipeline(student, sets)


def test_memory_is_in_megabytes() -> None:
    peak = max_rss_mb()
    assert peak is None or 10 < peak < 100_000
