"""``spacy_convner.LLMFilter.v1``: asks a language model to select among the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from ...errors import ConfigError
from ...llm_calls import answered_sha256, ask_in_order
from ...ty import FilterRequest, FilterResponse, FilterTask, LLMClient, SemanticFilter
from ..parse import ParsedAnswer, parse_entities, parse_pairs, parse_selection, refusal
from ..prompt import Answers, PromptFormat, render, templates_sha256

_AHEAD = 8  # requests waiting for each one under way, so that a slow one holds up nobody


class LLMFilter:
    """client (LLMClient): Who answers. Utterances without candidates cost no call, except in free extraction.

    answers (str): "ids" or "pairs", see ``PromptFormat``. propose (bool): Ask for names that the catalog lacks.
    """

    name = "llm"

    def __init__(self, client: LLMClient, answers: Answers = "ids", propose: bool = False) -> None:
        self.client = client
        self.answers, self.propose = answers, propose

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        yield from ask_in_order(
            self.client,
            requests,
            partial(self._decide, task=task),
            partial(self.llm_requests, task=task),
            ahead=_AHEAD,
        )

    def llm_requests(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[Any]:
        """YIELDS (LLMRequest): What the client would be asked, in order, repeated where utterances are."""
        form = self.prompt_format(task)
        client: Any = self.client
        for request in requests:
            if request.candidates or form.extract:
                yield client.request(*render(task, request, form), form.schema)

    def prompt_format(self, task: FilterTask) -> PromptFormat:
        """RETURNS (PromptFormat): For the task's strategy."""
        return PromptFormat(self.answers, self.propose, extract=task.strategy == "icl")

    def templates_sha256(self, task: FilterTask) -> str:
        """RETURNS (str): Version of the prompt's templates."""
        return templates_sha256(task, self.prompt_format(task))

    def _decide(self, request: FilterRequest, task: FilterTask) -> FilterResponse:
        form = self.prompt_format(task)
        if not request.candidates and not form.extract:
            return FilterResponse(status="no_candidates")
        system, user = render(task, request, form)
        answer = self.client(system, user, form.schema)
        sha256 = answered_sha256(self.client, answer, system, user, form.schema)
        if answer.status != "ok":
            dropped = (refusal(answer.text, answer.status),)
            return FilterResponse(status=answer.status, usage=answer.usage, request_sha256=sha256, dropped=dropped)
        parsed = self._parse(answer.text, request, task, form)
        return FilterResponse(
            selected=parsed.selected,
            scores=(1.0,) * len(parsed.selected),
            status="ok" if parsed.valid else "invalid",
            usage=answer.usage,
            request_sha256=sha256,
            dropped=parsed.dropped,
            proposals=parsed.proposals,
            found=parsed.found,
        )

    @staticmethod
    def _parse(answer: str, request: FilterRequest, task: FilterTask, form: PromptFormat) -> ParsedAnswer:
        text, candidates = request.text, request.candidates
        if form.extract:
            return parse_entities(answer, text, task.labels, candidates)
        if form.answers == "pairs":
            return parse_pairs(answer, text, candidates, task.labels)
        known = {(text[c.start : c.end], c.label) for c in candidates} if form.propose else ()
        return parse_selection(answer, len(candidates), text, task.labels, known)


def check_strategy(strategy: str, filter: SemanticFilter) -> None:
    """RAISES: ConfigError for an unknown strategy, and for "icl" without a language model."""
    if strategy not in ("sf", "icl"):
        raise ConfigError(f"strategy must be 'sf' or 'icl', got {strategy!r}")
    if strategy == "icl" and not isinstance(filter, LLMFilter):
        raise ConfigError("strategy = 'icl' needs a language model: use spacy_convner.LLMFilter.v1, or strategy = 'sf'")


def make_llm_filter(client: LLMClient, answers: Answers = "ids", propose: bool = False) -> SemanticFilter:
    """Registered as ``spacy_convner.LLMFilter.v1``.

    client (LLMClient): e.g. ``spacy_convner.AnthropicMessages.v1``. answers (str): "ids", numbers of candidates (the
    cheapest, and nothing can be copied wrong), or "pairs", copies of them as in the paper. propose (bool): With "ids",
    ask for names that the catalog lacks too; they go to ``doc._.convner.proposals``, never to the labels.
    """
    if answers not in ("ids", "pairs"):
        raise ConfigError(f"answers must be 'ids' or 'pairs', got {answers!r}")
    return LLMFilter(client, answers, propose)
