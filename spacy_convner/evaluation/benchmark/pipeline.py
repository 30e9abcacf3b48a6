"""The pipeline that is measured: the project's own components around a filter."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...attrs import CANDIDATES_KEY, get_candidates, get_doc_lang
from ...errors import ConfigError, ConvnerError
from ...pipelines import blank_pipeline
from ...ty import CalibratedFilter, Exemplar, FilterRequest, FilterTask, TrainableFilter
from ..evaluate import label_and_judge, make_docs
from ..scoring import Judged
from .catalogs import BenchmarkCatalog
from .settings import STEPS, Settings

_MATCHER, _RETRIEVER, _SELECTOR = "catalog_matcher", "exemplar_retriever", "llm_semantic_filter"


class MeasuredPipeline:
    """catalog_matcher, llm_semantic_filter, candidate_postprocess; exemplar_retriever where a language model is asked.

    settings (Settings): attr, lang, filter, labels; the first seed is the filter's.
    catalog (BenchmarkCatalog): Streamed into the matcher.
    RAISES: DataError for a catalog that can't be read; ConfigError for a filter that can't be made.
    """

    def __init__(self, settings: Settings, catalog: BenchmarkCatalog) -> None:
        self.nlp = blank_pipeline(settings.lang, "--lang")
        self._choice, self._labels = settings.choice, settings.labels
        if self._labels is None and self._choice.asks_model and not self._choice.selector.get("labels"):
            self._labels = {label: label for label in catalog.gold_labels}  # a prompt must say which labels there are
        normalizer = {"@misc": "spacy_convner.Normalizer.v1", "steps": STEPS[settings.attr]}
        matcher: Any = self.nlp.add_pipe(_MATCHER, config={"normalizer": normalizer})
        matcher.add(catalog.entries())
        self._add_selector(settings.seeds[0])

    def _add_selector(self, seed: int) -> None:
        config = {**self._choice.selector, "filter": self._choice.block(seed)}
        if self._labels is not None:
            config["labels"] = self._labels
        with _as_config_error(self._choice.name):
            self.nlp.add_pipe(_SELECTOR, config=config)
        self.nlp.add_pipe("candidate_postprocess", config={"policy": "score"})

    @property
    def selector(self) -> Any:  # LLMSemanticFilter
        return self.nlp.get_pipe(_SELECTOR)

    @property
    def task(self) -> FilterTask:
        """RETURNS (FilterTask): What the filter knows of the labels."""
        return self.selector.task  # type: ignore[no-any-return]

    @property
    def asks_model(self) -> bool:
        """RETURNS (bool): Whether a language model is asked, which costs money and needs retrieved exemplars."""
        return self.client is not None

    @property
    def client(self) -> Any:  # LLMClient | None
        return self.selector.client

    def match(self, exemplars: Sequence[Exemplar]) -> list[Exemplar]:
        """RETURNS (list[Exemplar]): With their candidates, as ``exemplar_retriever`` gives them to a filter."""
        with self._retrieving(exemplars, {"selection": "none"}) as retriever:
            return list(retriever.matched_exemplars())

    def requests(self, exemplars: Sequence[Exemplar]) -> list[FilterRequest]:
        """RETURNS (list[FilterRequest]): What a filter is asked about utterances, without exemplars."""
        matcher: Any = self.nlp.get_pipe(_MATCHER)
        docs = matcher.pipe(make_docs(self.nlp, exemplars))
        return [FilterRequest(d.text, get_candidates(d, CANDIDATES_KEY), (), get_doc_lang(d)) for d in docs]

    def renew(self, seed: int) -> None:
        """Put a new filter in; one that asks a language model stays, with its store and limits."""
        if not self.asks_model:
            self.nlp.remove_pipe("candidate_postprocess")
            self.nlp.remove_pipe(_SELECTOR)
            self._add_selector(seed)

    def fit(self, exemplars: Sequence[Exemplar], development: Sequence[Exemplar] = ()) -> float:
        """Fit the filter.

        exemplars (Sequence[Exemplar]): Matched. development (Sequence[Exemplar]): Matched; for thresholds, where the
            filter can choose them on utterances that it wasn't fitted on.
        RETURNS (float): Seconds; 0 for a filter that doesn't learn.
        """
        filter = self.selector.filter
        if not isinstance(filter, TrainableFilter):
            return 0.0
        task = self.task
        start = time.perf_counter()
        filter.fit(exemplars, task)
        if development and isinstance(filter, CalibratedFilter):
            filter.calibrate(development, task)
        return time.perf_counter() - start

    def judge(
        self,
        exemplars: Sequence[Exemplar],
        pool: Sequence[Exemplar],
        on_doc: Callable[[], object] | None = None,
    ) -> tuple[list[Judged], Counter[str], float]:
        """Label utterances.

        pool (Sequence[Exemplar]): What may be retrieved, where a language model is asked.
        RETURNS (tuple): Judged utterances in order, provenance statuses, seconds.
        """
        if not self.asks_model:
            return label_and_judge(self.nlp, exemplars, on_doc=on_doc)
        with self._retrieving(pool, self._choice.retriever):
            return label_and_judge(self.nlp, exemplars, on_doc=on_doc)

    def plan(self, exemplars: Sequence[Exemplar], pool: Sequence[Exemplar]) -> Iterator[Any]:
        """YIELDS (LLMRequest): What a language model would be asked about utterances; nothing is sent."""
        with self._retrieving(pool, self._choice.retriever) as retriever:
            matcher: Any = self.nlp.get_pipe(_MATCHER)
            yield from self.selector.plan(retriever.pipe(matcher.pipe(make_docs(self.nlp, exemplars))))

    @contextmanager
    def _retrieving(self, exemplars: Sequence[Exemplar], config: Any) -> Iterator[Any]:
        with _as_config_error(self._choice.name):
            retriever: Any = self.nlp.add_pipe(_RETRIEVER, before=_SELECTOR, config=dict(config))
        try:
            retriever.add(exemplars)
            yield retriever
        finally:
            self.nlp.remove_pipe(_RETRIEVER)


@contextmanager
def _as_config_error(name: str) -> Iterator[None]:
    try:
        yield
    except ConvnerError:
        raise
    except (ValueError, TypeError) as err:  # confection's own: a setting that is missing or of the wrong type
        raise ConfigError(f"--filter {name}: {str(err).strip()}") from err
