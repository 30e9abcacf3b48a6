"""``llm_semantic_filter`` holds any filter to its contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_convner.errors import ConfigError, DataError, FilterError, MissingKeyError
from spacy_convner.ty import FilterRequest, FilterResponse, FilterTask


class Fixed:
    name = "fixed"

    def __init__(self, response: FilterResponse, lose: bool = False) -> None:
        self.response, self.lose = response, lose

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        for i, _ in enumerate(requests):
            if not (self.lose and i == 0):
                yield self.response


@pytest.fixture
def with_filter(make_teacher: Callable[..., Language]) -> Callable[[Fixed], Language]:
    def make(filter_: Fixed) -> Language:
        nlp = make_teacher()
        nlp.get_pipe("llm_semantic_filter").filter = filter_  # type: ignore[attr-defined]
        return nlp

    return make


def test_invented_and_repeated_indices_are_dropped(with_filter: Callable[[Fixed], Language]) -> None:
    nlp = with_filter(Fixed(FilterResponse(selected=(0, 7, -1, 0), scores=(0.9, 0.9, 0.9, 0.9))))
    doc = nlp("play hello")
    assert [(s.text, s.label_) for s in doc.spans["sc"]] == [("hello", "Song")]
    assert [item["reason"] for item in doc._.convner.dropped] == [
        "not a candidate: 7",
        "not a candidate: -1",
        "duplicate: 0",
    ]


def test_a_lost_response_is_an_error(with_filter: Callable[[Fixed], Language]) -> None:
    with pytest.raises(FilterError, match="1 responses for 2 requests"):
        list(with_filter(Fixed(FilterResponse(), lose=True)).pipe(["a", "b"]))


def test_failed_docs_are_marked_or_raise(make_teacher: Callable[..., Language]) -> None:
    failed = Fixed(FilterResponse(status="failed"))
    nlp = make_teacher()
    nlp.get_pipe("llm_semantic_filter").filter = failed  # type: ignore[attr-defined]
    assert nlp("play hello")._.convner.status == "failed"
    nlp = make_teacher(llm_semantic_filter={"on_error": "raise"})
    nlp.get_pipe("llm_semantic_filter").filter = failed  # type: ignore[attr-defined]
    with pytest.raises(FilterError, match="ended 'failed' for: play hello"):
        nlp("play hello")


def test_default_constructs_without_key_or_network() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("llm_semantic_filter")
    assert "key" not in nlp.config.to_str().lower().replace("candidates_key", "").replace("spans_key", "")


def test_calling_without_a_key_says_what_to_do(catalog_path: object) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog_path)})
    nlp.add_pipe("llm_semantic_filter")
    with pytest.raises(MissingKeyError, match=r"ANTHROPIC_API_KEY.*spacy_convner\.LinearFilter\.v2"):
        nlp("play hello")
    # No candidates, no call: no key needed.
    assert nlp("good morning")._.convner.status == "no_candidates"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"strategy": "icl", "filter": {"@misc": "spacy_convner.LinearFilter.v1"}}, "strategy = 'sf'"),
        ({"on_error": "ignore"}, "'mark' or 'raise'"),
    ],
)
def test_bad_settings(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        spacy.blank("en").add_pipe("llm_semantic_filter", config=config)


def test_initialize_with_examples(catalog_path: object, exemplars_path: object) -> None:
    from spacy.training import Example

    from spacy_convner.docbin import exemplar_to_doc
    from spacy_convner.records import read_exemplars

    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog_path)})
    nlp.add_pipe("llm_semantic_filter", config={"filter": {"@misc": "spacy_convner.LinearFilter.v1"}})
    nlp.add_pipe("candidate_postprocess")
    golds = [exemplar_to_doc(nlp, e) for e in read_exemplars(Path(str(exemplars_path)))]
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold) for gold in golds])
    assert [(e.text, e.label_) for e in nlp("let us read dune").ents] == [("dune", "Book")]


def test_scores_that_do_not_fit_are_an_error(with_filter: Callable[[Fixed], Language]) -> None:
    with pytest.raises(FilterError, match="gave 1 scores for 2 selected"):
        with_filter(Fixed(FilterResponse(selected=(0, 1), scores=(0.5,))))("play hello by adele")


def test_what_is_no_number_is_no_candidate(with_filter: Callable[[Fixed], Language]) -> None:
    odd: tuple[object, ...] = (True, "0", 0.0, None, [0], 0)
    doc = with_filter(Fixed(FilterResponse(selected=odd)))("play hello")  # type: ignore[arg-type]
    assert [s.text for s in doc.spans["sc"]] == ["hello"]
    assert [item["reason"] for item in doc._.convner.dropped] == [f"not a candidate: {item}" for item in odd[:5]]


def test_no_descriptions_are_the_same_as_none(make_teacher: Callable[..., Language]) -> None:
    linear = {"@misc": "spacy_convner.LinearFilter.v1"}
    nlp = make_teacher(llm_semantic_filter={"filter": linear, "labels": {}})
    assert [ent.text for ent in nlp("play hello by adele").ents] == ["hello", "adele"]


def test_a_fit_without_exemplars_does_not_last(
    catalog_path: object, exemplars_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    linear = {"filter": {"@misc": "spacy_convner.LinearFilter.v1"}}
    nlp = spacy.blank("en")
    judge = nlp.add_pipe("llm_semantic_filter", config=linear)
    nlp("let us read dune")
    nlp("let us read dune")
    assert caplog.text.count("has no exemplars") == 1
    # What proposes nothing teaches nothing, and is said; a catalog that comes later is used.
    nlp.add_pipe("exemplar_retriever", first=True, config={"exemplars": str(exemplars_path)})
    nlp("let us read dune")
    assert judge.filter.n_exemplars == 0  # type: ignore[attr-defined]
    assert caplog.text.count("Put catalog_matcher before it") == 1
    loaded = spacy.blank("en")
    loaded.add_pipe("llm_semantic_filter", config=linear).from_bytes(judge.to_bytes())  # type: ignore[attr-defined]
    assert not loaded.get_pipe("llm_semantic_filter").filter.is_fitted  # type: ignore[attr-defined]
    nlp.add_pipe("catalog_matcher", first=True, config={"catalog": str(catalog_path)})
    nlp.add_pipe("candidate_postprocess")
    assert [(e.text, e.label_) for e in nlp("let us read dune").ents] == [("dune", "Book")]
    assert judge.filter.n_exemplars == 22  # type: ignore[attr-defined]


def test_deleted_state_is_said(make_teacher: Callable[..., Language], tmp_path: Path) -> None:
    make_teacher().to_disk(tmp_path)
    for file in ("exemplar_retriever/exemplars.npz", "llm_semantic_filter/filter.zip"):
        data = (tmp_path / file).read_bytes()
        (tmp_path / file).unlink()
        with pytest.raises(DataError, match=Path(file).name):
            spacy.load(tmp_path)
        (tmp_path / file).write_bytes(data)
    spacy.load(tmp_path)
