"""Spans for spaCy's span categoriser: those that a catalog proposes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from spacy.pipeline.spancat import Suggester
from spacy.tokens import Doc
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from ..attrs import CANDIDATES_KEY


def make_catalog_suggester(candidates_key: str = CANDIDATES_KEY) -> Suggester:
    """Create a ``spacy_convner.catalog_suggester.v1``: each span with a candidate once, whatever its labels.

    A ``catalog_matcher`` before the span categoriser writes the candidates; in training it is one of
    ``annotating_components``. A Doc that nobody matched has none.

    candidates_key (str): Key of ``doc.spans`` with the candidates.
    RETURNS (Suggester): Docs → Ragged of (start, end) in tokens, end exclusive; by start, then end, in each Doc.
    """
    return partial(_suggest, candidates_key=candidates_key)


def _suggest(docs: Iterable[Doc], *, candidates_key: str, ops: Ops | None = None) -> Ragged:
    backend: Any = ops or get_current_ops()
    found = [candidate_bounds(doc, candidates_key) for doc in docs]
    flat = [bound for bounds in found for bound in bounds]
    lengths = backend.asarray1i([len(bounds) for bounds in found])
    return Ragged(backend.asarray2i(np.array(flat, dtype="int32").reshape(len(flat), 2)), lengths)


def candidate_bounds(doc: Doc, candidates_key: str) -> list[tuple[int, int]]:
    """RETURNS (list[tuple[int, int]]): (start, end) of every span with a candidate, in tokens, sorted."""
    return sorted({(span.start, span.end) for span in doc.spans.get(candidates_key, ())})
