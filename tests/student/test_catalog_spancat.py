"""The grounded student selects among the catalog's candidates, today's ones too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, registry
from thinc.api import Model

from spacy_convner.attrs import get_probabilities
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.student.catalog_embed import longest_names, make_catalog_embed
from spacy_convner.student.catalog_evidence import GENERAL, describe_spans, evidence_width
from spacy_convner.student.catalog_scorer import make_catalog_span_scorer
from spacy_convner.ty import CatalogEntry

CATALOG = [
    CatalogEntry("hello", "Song", popularity=9),
    CatalogEntry("hello", "Album", popularity=1),
    CatalogEntry("adele", "Artist"),
    CatalogEntry("play", "Album"),
    CatalogEntry("frozen", "Movie"),
    CatalogEntry("frozen", "Album"),
    CatalogEntry("frozen two", "Movie"),
]
TRAIN = [
    ("play hello by adele", [(5, 10, "Song"), (14, 19, "Artist")]),
    ("watch frozen", [(6, 12, "Movie")]),
    ("watch frozen two", [(6, 16, "Movie")]),
    ("play the album frozen", [(15, 21, "Album")]),
    ("both frozen", [(5, 11, "Album"), (5, 11, "Movie")]),
    ("say hi", []),
] * 2


def example(nlp: Language, text: str, spans: list[tuple[int, int, str]]) -> Example:
    reference = nlp.make_doc(text)
    reference.spans["sc"] = [reference.char_span(*span) for span in spans]
    return Example(nlp.make_doc(text), reference)


def blank(**config: object) -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add(CATALOG)  # type: ignore[attr-defined]
    nlp.add_pipe("catalog_spancat", config=config)
    nlp.add_pipe("candidate_postprocess")
    return nlp


def train(nlp: Language, examples: list[Example], steps: int = 40) -> Language:
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, annotates=["catalog_matcher"])
    return nlp


@pytest.fixture(scope="module")
def trained() -> Language:
    nlp = blank()
    return train(nlp, [example(nlp, *item) for item in TRAIN])


@pytest.fixture
def student(trained: Language, tmp_path: Path) -> Language:
    """A copy that a test may change."""
    trained.to_disk(tmp_path / "student")
    return spacy.load(tmp_path / "student")


def found(doc: Doc) -> set[tuple[str, str]]:
    return {(span.text, span.label_) for span in doc.spans["sc"]}


def test_learns_several_labels_a_span(trained: Language) -> None:
    for text, spans in TRAIN:
        assert found(trained(text)) == {(text[start:end], label) for start, end, label in spans}
    assert [ent.text for ent in trained("watch frozen two").ents] == ["frozen two"]


def test_finds_what_is_added_after_training(student: Language, tmp_path: Path) -> None:
    assert not student("watch zorp flimp").spans["sc"]
    today = tmp_path / "today.jsonl"
    today.write_text(json.dumps({"text": "Zorp Flimp", "label": "Movie"}) + "\n", encoding="utf8")
    matcher = student.get_pipe("catalog_matcher")
    matcher.load_catalog(today, extend=True)  # type: ignore[attr-defined]
    assert found(student("watch zorp flimp")) == {("zorp flimp", "Movie")}
    assert found(student("watch frozen")) == {("frozen", "Movie")}
    matcher.load_catalog(today)  # type: ignore[attr-defined]
    assert found(student("watch zorp flimp")) == {("zorp flimp", "Movie")}
    assert not student("watch frozen").spans["sc"]


def test_a_bad_catalog_leaves_the_old_one(student: Language, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "Dune"}\n', encoding="utf8")
    for extend in (False, True):
        with pytest.raises(DataError, match=r"bad\.jsonl"):
            student.get_pipe("catalog_matcher").load_catalog(bad, extend=extend)  # type: ignore[attr-defined]
    assert found(student("watch frozen")) == {("frozen", "Movie")}


def test_what_was_loaded_is_saved(student: Language, tmp_path: Path) -> None:
    today = tmp_path / "today.jsonl"
    today.write_text(json.dumps({"text": "Zorp", "label": "Movie"}) + "\n", encoding="utf8")
    student.get_pipe("catalog_matcher").load_catalog(today)  # type: ignore[attr-defined]
    student.to_disk(tmp_path / "again")
    today.unlink()
    assert found(spacy.load(tmp_path / "again")("watch zorp")) == {("zorp", "Movie")}


def test_bytes_and_processes_give_the_same(trained: Language) -> None:
    copy = blank().from_bytes(trained.to_bytes())
    texts = [text for text, _ in TRAIN[:6]] + [""]
    one = [found(doc) for doc in trained.pipe(texts)]
    assert [found(doc) for doc in copy.pipe(texts)] == one
    assert [found(doc) for doc in trained.pipe(texts, n_process=2, batch_size=2)] == one


words = st.lists(st.sampled_from(["play", "hello", "frozen", "two", "adele", "the", "…"]), max_size=7).map(" ".join)


@settings(max_examples=50, deadline=None)
@given(st.lists(words, max_size=4))
def test_selected_are_candidates(trained: Language, texts: list[str]) -> None:
    for doc in trained.pipe(texts):
        candidates = {(span.start, span.end, span.label_) for span in doc.spans["candidates"]}
        selected = [(span.start, span.end, span.label_) for span in doc.spans["sc"]]
        assert candidates >= set(selected)
        assert len(selected) == len(set(selected))
        assert not doc._.convner.dropped  # the model alone kept to them


def test_reference_entities_stand_in_for_spans() -> None:
    nlp = blank()
    examples = []
    for text, spans in TRAIN:
        doc = nlp.make_doc(text)
        doc.set_ents(spacy.util.filter_spans([doc.char_span(*span) for span in spans]))
        examples.append(Example(nlp.make_doc(text), doc))
    assert found(train(nlp, examples)("watch frozen")) == {("frozen", "Movie")}


def test_a_label_that_it_was_not_initialized_with() -> None:
    nlp = blank()
    train(nlp, [example(nlp, *TRAIN[0])], steps=1)
    with pytest.raises(DataError, match=r"'Movie'.*catalog_spancat"):
        nlp.update([example(nlp, *TRAIN[1])], annotates=["catalog_matcher"])


def test_no_label_in_the_data() -> None:
    nlp = blank()
    with pytest.raises(DataError, match="no annotated span"):
        nlp.initialize(lambda: [example(nlp, "say hi", [])])


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="name_dropout"):
        make_catalog_embed(8, ["NORM"], [100], name_dropout=2.0)
    with pytest.raises(ValueError, match="2 attrs, but 1 rows"):
        make_catalog_embed(8, ["NORM", "SHAPE"], [100])
    with pytest.raises(ConfigError, match="threshold must be a probability"):
        spacy.blank("en").add_pipe("catalog_spancat", config={"threshold": 1.5})


def test_suggester_with_spacys_own_spancat() -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add(CATALOG)  # type: ignore[attr-defined]
    suggester = {"@misc": "spacy_convner.catalog_suggester.v1"}
    nlp.add_pipe("spancat", config={"suggester": suggester, "spans_key": "sc"})
    train(nlp, [example(nlp, *item) for item in TRAIN], steps=30)
    assert found(nlp("watch frozen")) == {("frozen", "Movie")}


def test_suggested_spans_are_sorted_and_once_each() -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add(CATALOG)  # type: ignore[attr-defined]
    suggest = registry.misc.get("spacy_convner.catalog_suggester.v1")()
    spans = suggest([nlp("play frozen two"), nlp.make_doc("play frozen"), nlp("")])
    assert spans.lengths.tolist() == [3, 0, 0]
    assert spans.data.tolist() == [[0, 1], [1, 2], [1, 3]]
    assert not len(suggest([]).data)


def test_evidence() -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add(CATALOG)  # type: ignore[attr-defined]
    labels = ["Album", "Movie", "Song"]
    evidence, mask = describe_spans(nlp("Hello frozen two"), [(0, 1), (1, 2), (1, 3)], labels, "candidates")
    assert evidence.shape == (3, evidence_width(3))
    assert mask.tolist() == [[1, 0, 1], [1, 1, 0], [0, 1, 0]]
    column = {name: evidence[:, i].tolist() for i, name in enumerate(GENERAL)}
    assert column["nested"] == [0, 1, 0]
    assert column["contains"] == [0, 0, 1]
    assert column["first"] == [1, 0, 0]
    assert column["last"] == [0, 0, 1]
    assert column["exact"] == [0, 1, 1]  # the catalog writes "hello"
    assert column["title"] == [1, 0, 0]
    popularity = evidence[:, len(GENERAL) + 3 :]
    assert np.allclose(popularity, [[1 / 3, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0]])


def test_evidence_of_spans_that_cross() -> None:
    nlp = spacy.blank("xx")
    bounds = [(0, 2), (1, 3), (3, 4)]
    evidence, mask = describe_spans(nlp.make_doc("one two three four"), bounds, ["Song"], "candidates")
    column = {name: evidence[:, i].tolist() for i, name in enumerate(GENERAL)}
    assert column["crossing"] == [1, 1, 0]
    assert column["nested"] == column["contains"] == [0, 0, 0]
    assert column["lower"] == column["spoken"] == [1, 1, 1]
    assert not mask.any()
    assert describe_spans(nlp(""), [], ["Song"], "candidates")[0].shape == (0, evidence_width(1))


def test_gradients_are_those_of_the_log_odds() -> None:
    nlp = train(blank(), [example(blank(), *item) for item in TRAIN], steps=3)
    matcher, spancat = nlp.get_pipe("catalog_matcher"), nlp.get_pipe("catalog_spancat")
    docs = [matcher(nlp.make_doc(text)) for text in ("play hello by adele", "", "nothing", "watch frozen two")]
    spans = spancat.suggester(docs)  # type: ignore[attr-defined]
    vectors = [np.random.default_rng(i).normal(size=(len(doc), 96)).astype("float32") for i, doc in enumerate(docs)]
    gradient: list[np.ndarray] = []

    def keep(d_vectors: list[np.ndarray]) -> list[Doc]:
        gradient[:] = d_vectors
        return []

    model = make_catalog_span_scorer(Model("given", lambda model, X, is_train: (vectors, keep), dims={"nO": 96}))
    model.attrs["labels"] = ["Album", "Artist", "Movie", "Song"]
    model.initialize(X=(docs, spans))

    def log_odds() -> float:
        scores = model.predict((docs, spans)).astype("float64")
        return float(np.log(scores[scores > 0] / (1 - scores[scores > 0])).sum())

    scores, backprop = model.begin_update((docs, spans))
    backprop(np.ones_like(scores))
    for doc, row in ((0, 0), (0, 2), (0, 3), (3, 1), (3, 2)):
        value, step = vectors[doc][row, 5], np.float32(1e-2)
        vectors[doc][row, 5] = value + step
        up = log_odds()
        vectors[doc][row, 5] = value - step
        down = log_odds()
        vectors[doc][row, 5] = value
        assert gradient[doc][row, 5] == pytest.approx((up - down) / (2 * step), rel=0.05, abs=2e-3)


def test_names_lose_their_words_in_training_only() -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("catalog_matcher").add(CATALOG)  # type: ignore[attr-defined]
    embed: Model = make_catalog_embed(8, ["NORM"], [100], name_dropout=1.0)
    doc = nlp("watch frozen two now")
    assert longest_names(doc, "candidates") == [(1, 3, "Movie")]
    features = embed.layers[0]
    asked, learned = features.predict([doc])[0], features([doc], is_train=True)[0][0]
    assert (asked[:, 0] > 0).all()
    assert learned[:, 0].astype(bool).tolist() == [True, False, False, True]
    assert asked[:, 1].tolist() == learned[:, 1].tolist()
    assert asked[:, 1].astype(bool).tolist() == [False, True, True, False]
    assert asked[1, 1] != asked[2, 1]  # where in the name


def test_every_candidate_has_its_probability(trained: Language) -> None:
    for doc in trained.pipe(["watch frozen two", "play hello by adele", ""]):
        probabilities = get_probabilities(doc, "candidates")
        if not doc.text:
            continue
        candidates = doc.spans["candidates"]
        assert probabilities is not None
        assert len(probabilities) == len(candidates)
        above = {(s.text, s.label_) for s, p in zip(candidates, probabilities, strict=True) if p >= 0.5}
        assert above == found(doc)


def test_a_corpus_with_entities_alone_is_scored_as_it_is_learned(trained: Language) -> None:
    doc = trained.make_doc("watch frozen")
    doc.set_ents([doc.char_span(6, 12, "Movie")])
    scores = trained.evaluate([Example(trained.make_doc(doc.text), doc)])
    assert scores["spans_sc_f"] == 1.0


def test_an_index_does_not_extend_and_other_labels_are_said(
    student: Language, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    matcher = student.get_pipe("catalog_matcher")
    assert matcher.labels  # type: ignore[attr-defined]
    index = tmp_path / "student" / "catalog_matcher" / "index"
    with pytest.raises(DataError, match="is an index; only records extend"):
        matcher.load_catalog(index, extend=True)  # type: ignore[attr-defined]
    today = tmp_path / "today.jsonl"
    today.write_text(json.dumps({"text": "Zorp", "label": "movie"}) + "\n", encoding="utf8")
    matcher.load_catalog(today)  # type: ignore[attr-defined]
    assert "has other labels now: ('movie',)" in caplog.text
