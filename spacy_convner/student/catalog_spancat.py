"""A student that is told names instead of learning them. Factory ``catalog_spancat``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer, Suggester
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Model
from thinc.types import Floats2d, Ragged

from ..attrs import CANDIDATES_KEY, SELECTED_KEY, set_probabilities
from ..errors import ConfigError, DataError

_DEFAULT_MODEL = {
    "@architectures": "spacy_convner.CatalogSpanScorer.v1",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy_convner.CatalogEmbed.v1",
            "width": 96,
            "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
            "rows": [5000, 1000, 2500, 1000],
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": 96,
            "window_size": 1,
            "maxout_pieces": 3,
            "depth": 4,
        },
    },
}


@Language.factory(
    "catalog_spancat",
    assigns=["doc.spans"],
    requires=["doc.spans"],
    default_config={
        "model": _DEFAULT_MODEL,
        "suggester": {"@misc": "spacy_convner.catalog_suggester.v1"},
        "spans_key": SELECTED_KEY,
        "candidates_key": CANDIDATES_KEY,
        "threshold": 0.5,
        "max_positive": None,
        "scorer": {"@scorers": "spacy.spancat_scorer.v1"},
    },
    default_score_weights={"spans_sc_f": 1.0, "spans_sc_p": 0.0, "spans_sc_r": 0.0},
)
def make_catalog_spancat(
    nlp: Language,
    name: str,
    model: Model[tuple[list[Doc], Ragged], Floats2d],
    suggester: Suggester,
    spans_key: str,
    candidates_key: str,
    threshold: float,
    max_positive: int | None,
    scorer: Callable[..., Any] | None,
) -> CatalogSpanCategorizer:
    """Select among what a ``catalog_matcher`` before it proposes: spaCy's span categoriser, held to the catalog.

    model (Model): ``spacy_convner.CatalogSpanScorer.v1`` over any token vectors.
    suggester (Suggester): ``spacy_convner.catalog_suggester.v1`` proposes the catalog's spans.
    spans_key (str): Key of ``doc.spans`` to write, and of the reference's spans to learn from; its ``doc.ents`` stand
        in where it has no such key.
    candidates_key (str): Key with the candidates. threshold (float): Least probability (0..1) of what is selected.
    max_positive (int | None): Labels a span at most.
    scorer (Callable | None): What ``spacy evaluate`` calls.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must be a probability, 0 to 1, got {threshold}")
    return CatalogSpanCategorizer(
        nlp.vocab,
        model,
        suggester,
        name,
        spans_key=spans_key,
        candidates_key=candidates_key,
        threshold=threshold,
        max_positive=max_positive,
        scorer=scorer,
    )


class CatalogSpanCategorizer(SpanCategorizer):
    """Writes ``doc.spans[spans_key]``: nested spans and several labels a span, each a candidate of the catalog.

    It knows labels, not names: give the ``catalog_matcher`` another catalog and it selects among that one's.
    """

    def __init__(
        self,
        vocab: Any,
        model: Model[tuple[list[Doc], Ragged], Floats2d],
        suggester: Suggester,
        name: str = "catalog_spancat",
        *,
        spans_key: str = SELECTED_KEY,
        candidates_key: str = CANDIDATES_KEY,
        threshold: float = 0.5,
        max_positive: int | None = None,
        scorer: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(
            vocab,
            model,
            suggester,
            name,
            spans_key=spans_key,
            threshold=threshold,
            max_positive=max_positive,
            scorer=scorer,
        )
        self.candidates_key = candidates_key

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Take the labels from the data, or as they are given in ``[initialize.components]``.

        RAISES: DataError without any label in the data.
        """
        if labels is None:
            labels = sorted({span.label_ for example in get_examples() for span in self._gold(example.reference)})
        if not labels:
            raise DataError(
                f"no annotated span to learn labels from: neither doc.spans[{self.key!r}] nor doc.ents",
                hint="check the training corpus",
            )
        for label in labels:
            self.add_label(label)
        self.model.attrs["labels"] = list(self.labels)
        super().initialize(get_examples, nlp=nlp, labels=list(labels))

    def _gold(self, reference: Doc) -> list[Span]:
        return list(reference.spans.get(self.key, reference.ents))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score as spaCy does. A reference without the key is given its ``doc.ents`` there, as in training."""
        examples = list(examples)
        for example in examples:
            if self.key not in example.reference.spans:
                example.reference.spans[self.key] = list(example.reference.ents)
        return dict(super().score(examples, **kwargs))

    def set_annotations(self, docs: Iterable[Doc], indices_scores: tuple[Ragged, Floats2d]) -> None:
        """Write the selection, and the probability of every candidate beside it (``attrs.get_probabilities``)."""
        docs = list(docs)
        super().set_annotations(docs, indices_scores)
        ops: Any = self.model.ops
        spans, scores = indices_scores
        probabilities, place = ops.to_numpy(scores), self._label_map
        for doc, row_of in zip(docs, self._rows(spans), strict=True):
            group = doc.spans.get(self.candidates_key, ())
            found = [(row_of.get((span.start, span.end)), place.get(span.label_)) for span in group]
            known = [0.0 if row is None or label is None else float(probabilities[row, label]) for row, label in found]
            set_probabilities(doc, self.candidates_key, known)

    def get_loss(self, examples: Iterable[Example], spans_scores: tuple[Ragged, Floats2d]) -> tuple[float, Any]:
        """Compare probabilities of candidates with the reference.

        RETURNS (tuple[float, Floats2d]): Cross-entropy in nats, and its gradient to the log-odds.
        RAISES: DataError for a label in the data that the component doesn't have.
        """
        spans, scores = spans_scores
        ops: Any = self.model.ops
        place = self._label_map
        target = np.zeros(scores.shape, dtype="float32")
        for example, row_of in zip(examples, self._rows(spans), strict=True):
            hard = {(span.start, span.end, span.label_) for span in self._aligned(example)}
            unknown = {label for _, _, label in hard} - place.keys()
            if unknown:
                raise DataError(
                    f"label {min(unknown)!r} is in the training data, but '{self.name}' was initialized without it",
                    hint="give all labels in [initialize.components], or let them be read from the data",
                )
            for start, end, label in hard:
                if (start, end) in row_of:
                    target[row_of[start, end], place[label]] = 1.0
        targets = ops.asarray2f(target)
        sure = ops.xp.clip(scores, 1e-7, 1 - 1e-7)
        loss = -(targets * ops.xp.log(sure) + (1 - targets) * ops.xp.log(1 - sure)) * (scores > 0)
        return float(loss.sum()), scores - targets

    def _rows(self, spans: Ragged) -> Iterator[dict[tuple[int, int], int]]:
        """YIELDS (dict): For each Doc: (start, end) of a suggested span → its row among those of all Docs."""
        ops: Any = self.model.ops
        bounds = [(int(start), int(end)) for start, end in ops.to_numpy(spans.dataXd)]
        offset = 0
        for length in ops.to_numpy(spans.lengths).tolist():
            yield {bound: offset + i for i, bound in enumerate(bounds[offset : offset + length])}
            offset += length

    def _aligned(self, example: Example) -> list[Span]:
        return list(example.get_aligned_spans_y2x(self._gold(example.reference), allow_overlap=True))
