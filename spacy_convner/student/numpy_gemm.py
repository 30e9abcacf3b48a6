"""Matrix products by NumPy instead of BLIS. Callback ``spacy_convner.numpy_gemm.v1``."""

from __future__ import annotations

from collections.abc import Callable

from spacy.language import Language
from thinc.api import Model, NumpyOps


def make_numpy_gemm() -> Callable[[Language], Language]:
    """Create a ``spacy_convner.numpy_gemm.v1``: the models of a pipeline multiply with NumPy's BLAS on a CPU.

    thinc multiplies with BLIS. NumPy's wheels carry OpenBLAS, which takes about a third of the time for the small
    products of one utterance (``benchmarks/students.py`` measures the whole pipeline); results differ in the last bits.
    As ``[nlp.after_pipeline_creation]`` it holds for training and use, as ``[initialize.before_init]`` for training
    alone, so that the trained pipeline needs nothing but spaCy.

    RETURNS (Callable): Changes the pipeline in place and returns it. Models on a GPU stay as they are.
    """
    return _use_numpy


def _use_numpy(nlp: Language) -> Language:
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            for node in model.walk():
                if isinstance(node.ops, NumpyOps):
                    node.ops = NumpyOps(use_blis=False)
    return nlp
