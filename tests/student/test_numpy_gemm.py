"""Matrix products by NumPy: the same pipeline, on a CPU alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import spacy
from spacy.language import Language
from spacy.training import Example
from spacy.util import load_model_from_config, registry
from thinc.api import Model, NumpyOps

from spacy_convner.student.numpy_gemm import make_numpy_gemm

PIPES = ["tok2vec", "ner"]


def pipeline() -> Language:
    nlp = spacy.blank("xx")
    for name in PIPES:
        nlp.add_pipe(name)
    examples = [Example.from_dict(nlp.make_doc("play Hello"), {"entities": [(5, 10, "Song")]})]
    nlp.initialize(lambda: examples)
    return nlp


def nodes(nlp: Language) -> list[Model]:
    return [node for _, pipe in nlp.pipeline for node in pipe.model.walk()]


def test_every_model_multiplies_with_numpy_and_means_the_same() -> None:
    nlp = pipeline()
    doc = nlp.make_doc("could you maybe play that")
    before = nlp.get_pipe("tok2vec").predict([doc])[0]  # type: ignore[attr-defined]
    assert any(node.ops.use_blis for node in nodes(nlp))  # type: ignore[attr-defined]
    assert make_numpy_gemm()(nlp) is nlp
    assert not any(node.ops.use_blis for node in nodes(nlp))  # type: ignore[attr-defined]
    after = nlp.get_pipe("tok2vec").predict([doc])[0]  # type: ignore[attr-defined]
    assert np.allclose(before, after, atol=1e-5)


def test_models_on_another_device_stay() -> None:
    class Elsewhere:
        """Stands for CupyOps: not NumpyOps, and nothing that is changed."""

    nlp = pipeline()
    elsewhere: Any = Elsewhere()
    nlp.get_pipe("ner").model.ops = elsewhere  # type: ignore[attr-defined]
    make_numpy_gemm()(nlp)
    assert nlp.get_pipe("ner").model.ops is elsewhere  # type: ignore[attr-defined]


def test_in_a_config_after_the_pipeline_is_made() -> None:
    config = {
        "nlp": {
            "lang": "xx",
            "pipeline": PIPES,
            "after_pipeline_creation": {"@callbacks": "spacy_convner.numpy_gemm.v1"},
        },
        "components": {name: {"factory": name} for name in PIPES},
    }
    nlp = load_model_from_config(config, auto_fill=True)
    assert all(isinstance(node.ops, NumpyOps) and not node.ops.use_blis for node in nodes(nlp))
    assert registry.callbacks.get("spacy_convner.numpy_gemm.v1") is make_numpy_gemm
