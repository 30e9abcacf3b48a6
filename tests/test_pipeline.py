"""The four components together: in code, from a config, saved, in processes, through spaCy's own commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_convner.attrs import get_candidates
from spacy_convner.ty import CatalogEntry

from .conftest import ROOT

TEXTS = ["play hello by adele", "hello there", "did manchester united win in boston", "", " ", "🎧 play Dune"]


def found(nlp: Language, **kwargs: object) -> list[list[tuple[str, str]]]:
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(TEXTS, **kwargs)]  # type: ignore[arg-type]


def test_selects_by_context(teacher: Language) -> None:
    assert [(e.text, e.label_) for e in teacher("please play hello by adele now").ents] == [
        ("hello", "Song"),
        ("adele", "Artist"),
    ]
    assert [(e.text, e.label_) for e in teacher("let us watch dune").ents] == [("dune", "Movie")]
    assert [(e.text, e.label_) for e in teacher("let us read dune").ents] == [("dune", "Book")]
    assert teacher("hello are you there").ents == ()


def test_every_candidate_stays_visible(teacher: Language) -> None:
    doc = teacher("did manchester united win")
    assert {(s.text, s.label_, s.id_) for s in doc.spans["candidates"]} == {
        ("manchester", "City", "city:manchester"),
        ("manchester united", "SportsTeam", "team:united"),
    }
    assert [(e.text, e.id_) for e in doc.ents] == [("manchester united", "team:united")]
    assert doc._.convner.status == "ok"
    assert doc._.convner.filter == "linear"
    assert teacher("good morning")._.convner.status == "no_candidates"


@pytest.mark.parametrize("n_process", [1, 2])
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_processes(teacher: Language, n_process: int, method: str) -> None:
    import multiprocessing

    if n_process == 1 and method == "spawn":
        pytest.skip("one process starts nothing")
    expected = found(teacher)
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(method, force=True)
    try:
        assert found(teacher, n_process=n_process, batch_size=2) == expected
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_saved_pipeline_needs_none_of_its_sources(
    teacher: Language, tmp_path: Path, catalog_path: Path, exemplars_path: Path
) -> None:
    expected = found(teacher)
    teacher.to_disk(tmp_path / "model")
    catalog_path.unlink()
    exemplars_path.unlink()
    loaded = spacy.load(tmp_path / "model")
    assert found(loaded) == expected
    assert [e.text for e, _ in loaded("play hello")._.exemplars] == [
        e.text for e, _ in teacher("play hello")._.exemplars
    ]
    again = spacy.blank("en").from_config(loaded.config)
    again.from_bytes(loaded.to_bytes())
    assert found(again) == expected


def test_saving_is_deterministic(make_teacher: Callable[..., Language]) -> None:
    from spacy_convner.pipelines import pipeline_fingerprint

    assert pipeline_fingerprint(make_teacher()) == pipeline_fingerprint(make_teacher())


class OnDiskOnly:
    def __init__(self, answer: str = "") -> None:
        self.answer = answer

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def to_disk(self, path: Path, exclude: object = ()) -> None:
        path.mkdir()
        (path / "answer").write_text(self.answer)


def test_what_labels_depend_on_is_in_the_fingerprint(tmp_path: Path) -> None:
    from spacy_convner.pipelines import pipeline_fingerprint

    Language.factory("test_pipeline_on_disk_only", func=lambda nlp, name: OnDiskOnly())

    def make() -> Language:
        nlp = spacy.blank("en")
        nlp.add_pipe("test_pipeline_on_disk_only")
        return nlp

    whole, seen = make(), set()
    whole.tokenizer.to_disk(tmp_path / "tokenizer")
    again = make()
    again.tokenizer.from_disk(tmp_path / "tokenizer")
    assert pipeline_fingerprint(again) == pipeline_fingerprint(whole)
    for change in (
        lambda nlp: None,
        lambda nlp: nlp.tokenizer.add_special_case("number", [{"ORTH": "num"}, {"ORTH": "ber"}]),
        lambda nlp: setattr(nlp.tokenizer, "infix_finditer", None),
        lambda nlp: nlp.vocab.set_vector("play", np.ones(4, dtype="f")),
        lambda nlp: nlp.vocab.lookups.add_table("lexeme_norm", {"u": "you"}),
        lambda nlp: setattr(nlp.get_pipe("test_pipeline_on_disk_only"), "answer", "Song"),
    ):
        nlp = make()
        change(nlp)
        seen.add(pipeline_fingerprint(nlp))
    assert len(seen) == 6


def test_no_pickle_in_a_saved_pipeline(teacher: Language, tmp_path: Path) -> None:
    teacher.to_disk(tmp_path / "model")
    names = [p.name for p in (tmp_path / "model").rglob("*") if p.is_file()]
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    for path in (tmp_path / "model").rglob("*.np*"):
        found = np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            with found as arrays:
                assert [arrays[name] for name in arrays]


def test_docbin_keeps_everything(teacher: Language) -> None:
    doc = teacher("play Hello by Beyoncé, dune")
    data = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (copy,) = DocBin().from_bytes(data).get_docs(spacy.blank("en").vocab)
    assert get_candidates(copy, "candidates") == get_candidates(doc, "candidates")
    assert [(s.text, s.label_, s.id_) for s in copy.spans["sc"]] == [(s.text, s.label_, s.id_) for s in doc.spans["sc"]]
    assert dict(copy._.convner) == dict(doc._.convner)
    assert copy._.exemplars == doc._.exemplars


CONFIG = """
[nlp]
lang = "en"
pipeline = ["catalog_matcher","exemplar_retriever","llm_semantic_filter","candidate_postprocess"]
[components]
[components.catalog_matcher]
factory = "catalog_matcher"
catalog = "{catalog}"
[components.exemplar_retriever]
factory = "exemplar_retriever"
exemplars = "{exemplars}"
[components.llm_semantic_filter]
factory = "llm_semantic_filter"
[components.llm_semantic_filter.filter]
@misc = "spacy_convner.LinearFilter.v1"
[components.candidate_postprocess]
factory = "candidate_postprocess"
"""


@pytest.mark.slow
def test_spacy_assemble_and_apply(teacher: Language, tmp_path: Path, catalog_path: Path, exemplars_path: Path) -> None:
    config = tmp_path / "teacher.cfg"
    config.write_text(CONFIG.format(catalog=catalog_path, exemplars=exemplars_path), encoding="utf8")
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "play hello by adele"}\n{"text": "watch dune"}\n', encoding="utf8")
    for command in (
        ["assemble", str(config), str(tmp_path / "model")],
        ["apply", str(tmp_path / "model"), str(texts), str(tmp_path / "out.spacy")],
    ):
        subprocess.run([sys.executable, "-m", "spacy", *command], check=True, capture_output=True, cwd=tmp_path)
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(teacher.vocab))
    assert [[(e.text, e.label_) for e in doc.ents] for doc in docs] == [
        [("hello", "Song"), ("adele", "Artist")],
        [("dune", "Movie")],
    ]


@pytest.mark.slow
def test_a_name_of_today_without_popularity() -> None:
    # As the README has it. Every name of the demo's catalogs has a popularity; to have none is no evidence.
    nlp = spacy.blank("en")
    assets = ROOT / "assets"
    matcher: Any = nlp.add_pipe("catalog_matcher", config={"catalog": str(assets / "catalogs")})
    nlp.add_pipe("exemplar_retriever", config={"exemplars": str(assets / "exemplars")})
    nlp.add_pipe("llm_semantic_filter", config={"filter": {"@misc": "spacy_convner.LinearFilter.v2"}})
    nlp.add_pipe("candidate_postprocess")
    matcher.add([CatalogEntry("Velvet Harbour", "Song", id="song:42"), CatalogEntry("Zorbal", "Song")])
    texts = ["play velvet harbour", "Play Velvet Harbour", "could you put on zorbal"]
    found = [[(ent.text, ent.label_, ent.id_) for ent in doc.ents] for doc in nlp.pipe(texts)]
    assert found == [
        [("velvet harbour", "Song", "song:42")],
        [("Velvet Harbour", "Song", "song:42")],
        [("zorbal", "Song", "Song:Zorbal")],
    ]


def test_no_import_is_needed(catalog_path: Path) -> None:
    program = (
        "import sys, spacy; nlp = spacy.blank('en'); "
        f"nlp.add_pipe('catalog_matcher', config={{'catalog': {str(catalog_path)!r}}}); "
        "doc = nlp('dune'); print([s.label_ for s in doc.spans['candidates']])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['Book', 'Movie']"


def test_nothing_heavy_is_imported() -> None:
    heavy = "print(sorted({'torch', 'sklearn', 'anthropic', 'scipy', 'transformers'} & set(sys.modules)))"
    program, before = f"import sys, spacy_convner; {heavy}", f"import sys, spacy; {heavy}"
    outputs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        for code in (program, before)
    ]
    assert outputs[0] == outputs[1]


NAMES = ["hello", "Hello", "stay", "adele", "Dr. Dre", "dune", "DUNE", "boston", "manchester united", "Queen Bey"]
WORDS = ["play", "watch", "read", "please", "by", "in", ",", "?", "the", "band", "🎵", "ñandú", "\n"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(NAMES + WORDS) | st.text(max_size=8), max_size=14))
def test_selected_is_a_subset_of_candidates(teacher: Language, words: list[str]) -> None:
    doc = teacher(" ".join(words))
    candidates = {(s.start, s.end, s.label_, s.id_) for s in doc.spans["candidates"]}
    selected = {(s.start, s.end, s.label_, s.id_) for s in doc.spans["sc"]}
    assert selected <= candidates
    assert {(e.start, e.end, e.label_, e.id_) for e in doc.ents} <= selected
