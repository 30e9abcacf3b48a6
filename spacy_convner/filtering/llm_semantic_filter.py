"""Room 3: candidates + exemplars → selection. Factory ``llm_semantic_filter``."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import from_bytes, from_disk, to_bytes, to_disk

from ..atomic import read_saved, write_bytes
from ..attrs import CANDIDATES_KEY, SELECTED_KEY, get_candidates, get_doc_lang, install_extensions
from ..errors import ConfigError, ConvnerError, FilterError
from ..records import read_labels
from ..ty import Exemplar, FilterRequest, FilterResponse, FilterTask, SemanticFilter, Strategy, TrainableFilter
from .annotate import annotate
from .exemplar_sources import exemplars_from, find_exemplars
from .filters.cascade import CascadeFilter
from .filters.llm import LLMFilter, check_strategy
from .saved import pack, unpack

logger = logging.getLogger(__name__)


@Language.factory(
    "llm_semantic_filter",
    assigns=["doc.spans", "doc._.convner"],
    requires=["doc.spans"],
    default_config={
        "filter": {
            "@misc": "spacy_convner.LLMFilter.v1",
            "client": {"@misc": "spacy_convner.AnthropicMessages.v1"},
        },
        "labels": None,
        "instructions": "",
        "template": None,
        "strategy": "sf",
        "candidates_key": CANDIDATES_KEY,
        "spans_key": SELECTED_KEY,
        "on_error": "mark",
    },
)
def make_llm_semantic_filter(
    nlp: Language,
    name: str,
    filter: SemanticFilter,
    labels: str | dict[str, Any] | None,
    instructions: str,
    template: str | None,
    strategy: Strategy,
    candidates_key: str,
    spans_key: str,
    on_error: str,
) -> LLMSemanticFilter:
    """Select among candidates; never invent one (paper, section 4).

    filter (SemanticFilter): ``spacy_convner.LLMFilter.v1`` (Claude, the default), ``spacy_convner.LinearFilter.v2``
        (local, fitted from exemplars, needs no key) or your own.
    labels (str | dict | None): Label descriptions: path of a YAML file, or label → description.
    instructions (str): Task-specific instructions, for the prompt.
    template (str | None): Path of a Jinja2 prompt template of your own.
    strategy (str): "sf", semantic filtering, or "icl", free extraction by a language model, for comparison: what it
        finds needn't be a candidate until ``candidate_postprocess`` has seen it.
    candidates_key, spans_key (str): Keys of ``doc.spans`` to read and to write.
    on_error (str): "mark" keeps a Doc whose request failed, with its status; "raise" stops.
    """
    if not isinstance(filter, SemanticFilter):
        raise ConfigError(f"filter: expected a part such as spacy_convner.LinearFilter.v2, got {filter!r:.80}")
    check_strategy(strategy, filter)
    if on_error not in ("mark", "raise"):
        raise ConfigError(f"on_error must be 'mark' or 'raise', got {on_error!r}")
    return LLMSemanticFilter(
        nlp,
        name,
        filter=filter,
        labels=labels or None,
        instructions=instructions,
        template=template,
        strategy=strategy,
        candidates_key=candidates_key,
        spans_key=spans_key,
        on_error=on_error,
    )


class LLMSemanticFilter(Pipe):
    """Writes ``doc.spans[spans_key]`` and ``doc._.convner``. A filter that learns is fitted before first use, on the
    ``ExemplarSource`` among the components before this one or the examples given to ``nlp.initialize``.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        filter: SemanticFilter,
        labels: str | dict[str, Any] | None,
        instructions: str,
        template: str | None,
        strategy: Strategy,
        candidates_key: str,
        spans_key: str,
        on_error: str,
    ) -> None:
        install_extensions()
        self.vocab = nlp.vocab
        self.name = name
        self.filter = filter
        self.candidates_key, self.spans_key = candidates_key, spans_key
        self.on_error = on_error
        self._nlp = nlp
        self._labels: str | Mapping[str, Any] | None = labels
        self._settings = (instructions, template, strategy)
        self._task: FilterTask | None = None
        self._makeshift = False  # whether the filter was fitted for want of exemplars

    @property
    def task(self) -> FilterTask:
        """RETURNS (FilterTask): What holds for every utterance; the label file is read at first use."""
        if self._task is None:
            instructions, template, strategy = self._settings
            labels = read_labels(self._labels) if self._labels is not None else {}
            self._task = FilterTask(labels, instructions, template, strategy)
        return self._task

    def use_strategy(self, strategy: Strategy) -> None:
        """Ask otherwise from now on, as an ablation does. RAISES: ConfigError for "icl" without a language model."""
        check_strategy(strategy, self.filter)
        self._task = replace(self.task, strategy=strategy)

    @property
    def template(self) -> str | None:  # path of the prompt template, if it isn't ours
        return self._settings[1]

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): Labels with a description; none before the file is read, as spaCy asks for its meta."""
        return tuple(self._task.labels) if self._task is not None else ()

    def prepare(self) -> None:
        """Fit the filter if it learns and hasn't yet. A fit without exemplars holds only until there are some."""
        if isinstance(self.filter, TrainableFilter) and (self._makeshift or not self.filter.is_fitted):
            self._fit(self.filter, find_exemplars(self._nlp, self))

    def _fit(self, filter: TrainableFilter, exemplars: Sequence[Exemplar]) -> None:
        useful = any(candidate.step != "exemplar" for exemplar in exemplars for candidate in exemplar.candidates)
        if not useful:
            if self._makeshift and filter.is_fitted:
                return
            logger.warning(
                "'%s' has no exemplars%s: it judges by label-independent evidence only. "
                "Put a catalog_matcher and an exemplar_retriever with exemplars before it.",
                self.name,
                " with matched candidates" if exemplars else "",
            )
        filter.fit(exemplars, self.task)
        self._makeshift = not useful

    def __call__(self, doc: Doc) -> Doc:
        return next(iter(self.pipe([doc])))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Select for many Docs, in order; every Doc comes back. How many are read ahead is the filter's to say."""
        error_handler = self.get_error_handler()
        self.prepare()
        docs = iter(stream)
        waiting: deque[tuple[Doc, FilterRequest]] = deque()
        given = 0
        while True:
            try:
                for response in self.filter(self._requests(docs, waiting), self.task):
                    given += 1
                    if not waiting:
                        raise self._lost(given, given - 1)
                    doc, request = waiting.popleft()
                    self._check(request, response)
                    self.set_annotations([doc], [(request, response)])
                    yield doc
                if waiting:
                    raise self._lost(given, given + len(waiting))
                return
            except ConvnerError:
                raise  # a missing key or a broken filter fails every Doc alike
            except Exception as err:
                failed = [doc for doc, _ in waiting]
                waiting.clear()
                error_handler(self.name, self, failed, err)
                yield from failed

    @property
    def client(self) -> Any:  # LLMClient | None: who answers, where a language model does
        return getattr(self.filter, "client", None)

    @property
    def reads_exemplars(self) -> bool:
        """RETURNS (bool): Whether what was retrieved for an utterance may change the selection."""
        return bool(getattr(self.filter, "reads_exemplars", True))

    @property
    def templates_sha256(self) -> str | None:
        """RETURNS (str | None): Version of the prompt's templates; None where no language model is asked."""
        llm = getattr(self.filter, "llm", self.filter)
        return llm.templates_sha256(self.task) if isinstance(llm, LLMFilter) else None

    def plan(self, stream: Iterable[Doc]) -> Iterator[Any]:
        """Say what would be asked of a language model, and ask nothing.

        YIELDS (LLMRequest): None for a filter that has no model.
        """
        self.prepare()
        if isinstance(self.filter, LLMFilter | CascadeFilter):
            yield from self.filter.llm_requests(map(self._request, stream), self.task)

    def _requests(self, docs: Iterator[Doc], waiting: deque[tuple[Doc, FilterRequest]]) -> Iterator[FilterRequest]:
        for doc in docs:
            request = self._request(doc)
            waiting.append((doc, request))
            yield request

    def _request(self, doc: Doc) -> FilterRequest:
        candidates = get_candidates(doc, self.candidates_key)
        return FilterRequest(doc.text, candidates, tuple(doc._.exemplars), get_doc_lang(doc))

    def _lost(self, given: int, asked: int) -> FilterError:
        return FilterError(f"the filter '{self.filter.name}' gave {given} responses for {asked} requests")

    def _check(self, request: FilterRequest, response: FilterResponse) -> None:
        if self.on_error == "raise" and response.status not in ("ok", "no_candidates"):
            raise FilterError(f"the filter '{self.filter.name}' ended '{response.status}' for: {request.text}")

    def predict(self, docs: Sequence[Doc]) -> list[tuple[FilterRequest, FilterResponse]]:
        """RETURNS (list): Request and response for each Doc. RAISES: FilterError if the filter loses a response."""
        self.prepare()
        requests = [self._request(doc) for doc in docs]
        responses = list(self.filter(requests, self.task))
        if len(responses) != len(requests):
            raise self._lost(len(responses), len(requests))
        predictions = list(zip(requests, responses, strict=True))
        for pair in predictions:
            self._check(*pair)
        return predictions

    def set_annotations(self, docs: Sequence[Doc], predictions: Sequence[tuple[FilterRequest, FilterResponse]]) -> None:
        """Write selections. An index that names no candidate is dropped and recorded, whatever filter gave it."""
        for doc, (request, response) in zip(docs, predictions, strict=True):
            keys = (self.spans_key, self.candidates_key)
            annotate(doc, request, response, *keys, self.filter.name, self.task.strategy)

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]] | None = None, *, nlp: Language | None = None
    ) -> None:
        """Fit a filter that learns: on the pipeline's exemplars, else on the annotated examples given here."""
        if not isinstance(self.filter, TrainableFilter):
            return
        exemplars = list(find_exemplars(self._nlp, self))
        if not exemplars and get_examples is not None and nlp is not None:
            exemplars = exemplars_from(get_examples(), nlp, self.name, self.candidates_key)
        self._fit(self.filter, exemplars)

    def _dump(self) -> bytes:
        self.prepare()
        # A makeshift fit isn't saved: what is loaded looks for exemplars again.
        learned = self.filter if isinstance(self.filter, TrainableFilter) and not self._makeshift else None
        return pack(self.task.labels, learned.to_bytes() if learned is not None else None)

    def _restore(self, data: bytes) -> None:
        labels, state = unpack(data, self.name)
        self._labels, self._task = labels or None, None
        if state is not None and isinstance(self.filter, TrainableFilter):
            self.filter.from_bytes(state)
            self._makeshift = False

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save label descriptions and the fitted filter (no pickle, no key)."""
        to_disk(Path(path), {"filter.zip": lambda p: write_bytes(p, self._dump())}, exclude)

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> LLMSemanticFilter:
        """Load what ``to_disk`` saved."""
        from_disk(Path(path), {"filter.zip": lambda p: self._restore(read_saved(p))}, exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): Label descriptions and the fitted filter."""
        return bytes(to_bytes({"filter": self._dump}, exclude))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> LLMSemanticFilter:
        """Load what ``to_bytes`` gave."""
        from_bytes(data, {"filter": self._restore}, exclude)
        return self
