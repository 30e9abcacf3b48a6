"""``spacy_convner.LLMFilter.v1``: asks a language model to select among the candidates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from ...ty import FilterRequest, FilterResponse, FilterTask, LLMClient, SemanticFilter
from ..parse import parse_selection, refusal
from ..prompt import SCHEMA, render


class LLMFilter:
    """client (LLMClient): Who answers. Utterances without candidates cost no call."""

    name = "llm"

    def __init__(self, client: LLMClient) -> None:
        self.client = client

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        stream = iter(requests)
        with ThreadPoolExecutor(max_workers=self.client.max_concurrency) as pool:
            while batch := list(islice(stream, 16 * self.client.max_concurrency)):
                futures = [pool.submit(self._decide, request, task) for request in batch]
                try:
                    for future in futures:
                        yield future.result()
                finally:
                    for future in futures:
                        future.cancel()

    def _decide(self, request: FilterRequest, task: FilterTask) -> FilterResponse:
        if not request.candidates:
            return FilterResponse(status="no_candidates")
        system, user = render(task, request)
        key = json.dumps([self.client.fingerprint, system, user, SCHEMA], sort_keys=True)
        sha256 = hashlib.sha256(key.encode("utf8")).hexdigest()
        answer = self.client(system, user, SCHEMA)
        if answer.status != "ok":
            dropped = (refusal(answer.text, answer.status),)
            return FilterResponse(status=answer.status, usage=answer.usage, request_sha256=sha256, dropped=dropped)
        parsed = parse_selection(answer.text, len(request.candidates))
        return FilterResponse(
            selected=parsed.selected,
            scores=(1.0,) * len(parsed.selected),
            status="ok" if parsed.valid else "invalid",
            usage=answer.usage,
            request_sha256=sha256,
            dropped=parsed.dropped,
        )


def make_llm_filter(client: LLMClient) -> SemanticFilter:
    """Registered as ``spacy_convner.LLMFilter.v1``. client (LLMClient): e.g. ``spacy_convner.AnthropicMessages.v1``."""
    return LLMFilter(client)
