"""Token embeddings that know where the catalog sees names. Architecture ``spacy_convner.CatalogEmbed.v1``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import HashEmbed, Maxout, Model, chain, concatenate, list2ragged, ragged2list, with_array
from thinc.types import Floats2d, Ints2d

from ..attrs import CANDIDATES_KEY


def make_catalog_embed(
    width: int,
    attrs: list[str],
    rows: list[int],
    candidates_key: str = CANDIDATES_KEY,
    candidate_rows: int = 500,
    name_dropout: float = 0.3,
) -> Model[list[Doc], list[Floats2d]]:
    """Create a ``spacy_convner.CatalogEmbed.v1``: spaCy's MultiHashEmbed with one column more.

    That column says which labels the catalog gives the longest name over a token, and where in the name it stands. In
    training a share of names loses its words, so that the model learns what is said about names and not which ones
    there are: names that are new are judged as well as those that it was trained on.

    width (int): Of the vectors. attrs, rows (list): Token attributes to embed, and the rows of each table.
    candidates_key (str): Key of ``doc.spans`` with the candidates. candidate_rows (int): Rows of their table.
    name_dropout (float): Share (0..1) of names that lose their words in training.
    RAISES: ValueError for lists of different lengths or a share outside 0..1.
    """
    if len(rows) != len(attrs):
        raise ValueError(f"CatalogEmbed: {len(attrs)} attrs, but {len(rows)} rows")
    if not 0.0 <= name_dropout <= 1.0:
        raise ValueError(f"CatalogEmbed: name_dropout must be in 0..1, got {name_dropout}")
    tables: list[Model[Ints2d, Floats2d]] = [
        HashEmbed(width, n, column=i, seed=8 + i, dropout=0.0) for i, n in enumerate([*rows, candidate_rows])
    ]
    features: Model[list[Doc], list[Ints2d]] = Model(
        "catalog_token_features",
        _forward,
        attrs={"columns": list(attrs), "candidates_key": candidates_key, "name_dropout": name_dropout},
    )
    mix: Any = with_array(Maxout(width, width * len(tables), nP=3, dropout=0.0, normalize=True))
    embed: Any = with_array(concatenate(*tables))
    made: Model[list[Doc], list[Floats2d]] = chain(features, list2ragged(), embed, mix, ragged2list())
    return made


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: Sequence[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable[[Any], list[Doc]]]:
    columns, key = model.attrs["columns"], model.attrs["candidates_key"]
    share = model.attrs["name_dropout"] if is_train else 0.0
    found = []
    for doc in docs:
        features = np.zeros((len(doc), len(columns) + 1), dtype="uint64")
        features[:, : len(columns)] = doc.to_array(columns).reshape(len(doc), len(columns))
        for start, end, labels in longest_names(doc, key):
            for i in range(start, end):
                position = ("S" if end - start == 1 else "B") if i == start else "L" if i == end - 1 else "I"
                features[i, -1] = get_string_id(f"{position}\t{labels}")
            if share and np.random.random() < share:
                features[start:end, : len(columns)] = 0
        found.append(model.ops.asarray2i(cast(Ints2d, features), dtype="uint64"))
    return found, lambda d_features: []


def longest_names(doc: Doc, candidates_key: str) -> list[tuple[int, int, str]]:
    """RETURNS (list): (start, end, labels) in tokens: of overlapping candidates the longest, then the first."""
    labels: dict[tuple[int, int], set[str]] = {}
    for span in doc.spans.get(candidates_key, ()):
        labels.setdefault((span.start, span.end), set()).add(span.label_)
    taken: set[int] = set()
    names = []
    for start, end in sorted(labels, key=lambda bound: (bound[0] - bound[1], bound)):
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            names.append((start, end, " ".join(sorted(labels[start, end]))))
    return sorted(names)
