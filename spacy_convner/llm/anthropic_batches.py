"""``spacy_convner.AnthropicBatches.v1``: the Message Batches API, for bulk labelling at the batch price.

A batch's id is in the store before anybody asks for its state, so an interrupted run goes on with the batches it has.
Results come in any order and are joined by custom id, which is the request's SHA-256.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ConfigError, FilterError
from ..request_gate import GateLimits, RequestGate
from ..ty import LLMAnswer, LLMClient
from .answers import FATAL, read_message
from .backoff import asked_to_wait, backoff
from .batch_records import BatchRecords
from .connection import Connection
from .ledger import Ledger
from .models import request_parameters
from .requests import LLMRequest, in_groups, most_usage
from .store import ResponseStore

logger = logging.getLogger(__name__)

_MAX_WAIT = 60.0  # seconds between tries
_LONGEST_BATCH = 90_000.0  # seconds; the service ends it after a day


class AnthropicBatches:
    """Answers come from the store; ``prefetch`` puts them there."""

    max_concurrency = 1

    def __init__(
        self,
        model: str,
        base_url: str | None,
        max_tokens: int,
        timeout: float,
        max_retries: int,
        max_batch: int,
        poll_seconds: float,
        thinking: str,
        effort: str | None,
        store: ResponseStore,
        ledger: Ledger,
    ) -> None:
        self.model, self.base_url = model, base_url
        self.max_tokens, self.max_retries = max_tokens, max_retries
        self.max_batch, self.poll_seconds = max_batch, poll_seconds
        self.store, self.ledger = store, ledger
        self._parameters = request_parameters(model, thinking, effort)
        self._connection = Connection(base_url, timeout)
        self._tickets: dict[str, tuple[str, int]] = {}  # batch → its reservation and how many requests it has
        self._given_up: set[str] = set()  # what the last ``prefetch`` got no answer for

    @property
    def _records(self) -> BatchRecords:
        return BatchRecords(self.store)

    @property
    def fingerprint(self) -> str:
        parameters = ",".join(f"{key}={value}" for key, value in sorted(self._parameters.items()))
        return f"anthropic_batches.v1:{self.base_url or 'default'}:{self.model}:{self.max_tokens}:{parameters}"

    @property
    def chunk(self) -> int:
        """RETURNS (int): Requests that are worth waiting for together."""
        return self.max_batch

    @property
    def limits(self) -> GateLimits:
        """RETURNS (GateLimits): What a gate for several clients like this one should hold to."""
        return replace(self.ledger.limits, lease=_LONGEST_BATCH)

    def share(self, gate: RequestGate | None) -> None:
        """gate (RequestGate | None): Asked before each batch from now on, with clients of other processes."""
        self.ledger.share(gate)

    def request(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMRequest:
        """RETURNS (LLMRequest): What a batch would hold."""
        return LLMRequest(self.model, self.max_tokens, system, user, schema, self._parameters, self.base_url)

    def __call__(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMAnswer:
        """RETURNS (LLMAnswer): From the store; "failed" for what no batch answered."""
        request = self.request(system, user, schema)
        answer = self.store.get(request.sha256)
        if answer is None and request.sha256 not in self._given_up:
            self.prefetch([request])
            answer = self.store.get(request.sha256)
        if answer is None:
            asked, outcome = self._records.outcome(request.sha256)
            if not asked:
                return LLMAnswer("max_calls or max_usd is reached", "over_budget", request_sha256=request.sha256)
            return LLMAnswer(outcome or "no answer yet", "failed", request_sha256=request.sha256)
        return answer

    def prefetch(self, requests: Iterable[LLMRequest], on_poll: Callable[[int, int], None] | None = None) -> None:
        """Submit what is neither answered nor under way, wait, collect; again what errored or expired.

        on_poll: Told (batches still under way, answers missing) before each wait.
        RAISES: FilterError if the service refuses every request alike.
        """
        wanted = {request.sha256: request for request in requests}
        tries = dict.fromkeys(wanted, 0)
        while True:
            under_way = self._records.under_way()
            missing = [
                request
                for sha256, request in wanted.items()
                if sha256 not in under_way and tries[sha256] <= self.max_retries and self.store.get(sha256) is None
            ]
            sent = self.submit(missing)
            for request in missing:
                tries[request.sha256] += 1
            if not sent and not (under_way & wanted.keys()):
                self._given_up = {sha256 for sha256 in wanted if self.store.get(sha256) is None}
                return
            self.wait(on_poll)

    def submit(self, requests: Sequence[LLMRequest]) -> list[str]:
        """Send batches; those that would pass the limits of the ledger aren't sent. RETURNS (list[str]): Their ids."""
        ids = []
        for group in in_groups(requests, self.max_batch):
            affordable, ticket = self._reserve(group)
            if ticket is None:
                break
            entries = [{"custom_id": request.sha256, "params": request.parameters()} for request in affordable]
            try:
                batch = self._retry(partial(_create, entries))
            except BaseException:
                self.ledger.release(ticket, {})
                raise
            self._records.add(batch.id, [request.sha256 for request in affordable])
            self._tickets[batch.id] = ticket, len(affordable)  # what they cost is known when it has ended
            ids.append(batch.id)
        return ids

    def _reserve(self, group: list[LLMRequest]) -> tuple[list[LLMRequest], str | None]:
        """RETURNS (tuple): As many requests, from the first, as the limits allow, and their ticket."""
        low, high = 0, len(group)
        size = high
        while size:
            most: Counter[str] = Counter()
            for request in group[:size]:
                most.update(most_usage(request))
            ticket = self.ledger.acquire(most, wait=False, calls=size)
            if ticket is not None and size == high:
                return group[:size], ticket
            if ticket is not None:
                self.ledger.release(ticket, {})
                low = size
            else:
                high = size - 1
                low = min(low, high)
            size = (low + high + 1) // 2
        return [], None

    def submit_all(self, requests: Iterable[LLMRequest]) -> list[str]:
        """Submit a stream of requests, each once, that are neither answered nor under way.

        RETURNS (list[str]): Ids of the batches.
        """
        known = self._records.under_way()
        ids: list[str] = []
        stream = iter(requests)
        while chunk := list(islice(stream, self.max_batch)):
            new = {r.sha256: r for r in chunk if r.sha256 not in known and self.store.get(r.sha256) is None}
            known.update(new)
            ids += self.submit(list(new.values()))
        return ids

    def wait(self, on_poll: Callable[[int, int], None] | None = None) -> None:
        """Poll until no batch is under way, collecting each that ends."""
        while self.collect():
            if on_poll:
                on_poll(len(self._records.open()), len(self._records.under_way()))
            time.sleep(self.poll_seconds)

    def collect(self) -> int:
        """Take up the results of batches that have ended. RETURNS (int): Batches still under way."""
        for batch_id in self._records.open():
            if self._retry(partial(_retrieve, batch_id)).processing_status != "ended":
                continue
            results = self._retry(partial(_results, batch_id))
            used: Counter[str] = Counter()
            outcomes = {item.custom_id: self._take(item, used) for item in results}
            self._records.end(batch_id, outcomes)
            self._settle(batch_id, used)
        return len(self._records.open())

    def _take(self, item: Any, used: Counter[str]) -> str:
        """used (Counter): Its tokens are added. RETURNS (str): The outcome; an answer is in the store."""
        result = item.result
        if result.type != "succeeded":
            error = getattr(getattr(result, "error", None), "error", None)
            return f"{result.type}: {getattr(error, 'message', '')}".rstrip(": ")
        answer = read_message(result.message, item.custom_id)
        if answer.status == "failed":
            return f"errored: {answer.text}"
        if self.store.put(item.custom_id, self.model, answer):  # else another process counts it
            used.update({key: int(value) for key, value in answer.usage.items() if key != "calls"})
        return "succeeded"

    def _settle(self, batch_id: str, used: Counter[str]) -> None:
        ticket, calls = self._tickets.pop(batch_id, (None, 0))
        if ticket is not None:
            self.ledger.release(ticket, {"calls": calls, **used})
        elif used:  # submitted by an earlier run
            self.ledger.note(**used)

    def _retry(self, call: Callable[[Any], Any]) -> Any:
        client = self._connection.client()
        import anthropic

        for attempt in range(self.max_retries + 1):
            try:
                return call(client.messages.batches)
            except anthropic.APIError as err:
                reason = self._connection.describe(err)
                code = getattr(err, "status_code", 500)
                if type(err).__name__ in FATAL or code == 400 or attempt == self.max_retries:
                    raise FilterError(f"the batch service said: {reason} (model {self.model!r})") from None
                asked = asked_to_wait(err) if isinstance(err, anthropic.APIStatusError) else None
                time.sleep(backoff(attempt, _MAX_WAIT, asked))
        raise AssertionError("unreachable")


def _create(entries: list[dict[str, Any]], batches: Any) -> Any:
    return batches.create(requests=entries)


def _retrieve(batch_id: str, batches: Any) -> Any:
    return batches.retrieve(batch_id)


def _results(batch_id: str, batches: Any) -> list[Any]:
    return list(batches.results(batch_id))


def make_anthropic_batches(
    store: str,
    model: str = "claude-haiku-5-5",
    base_url: str | None = None,
    max_tokens: int = 2048,
    timeout: float = 120.0,
    max_retries: int = 4,
    max_batch: int = 10_000,
    poll_seconds: float = 30.0,
    thinking: str = "off",
    effort: str | None = None,
    max_calls: int | None = None,
    max_usd: float | None = None,
) -> LLMClient:
    """Registered as ``spacy_convner.AnthropicBatches.v1``: half the price, an answer within a day.

    store (str): SQLite file of answers and of batches under way. model (str): Model id. base_url (str | None): A
    compatible server. max_tokens (int): Of an answer. timeout (float): Seconds a request to the service.
    max_retries (int): Times that what errored or expired is submitted again. max_batch (int): Requests a batch, 100,000
    at most. poll_seconds (float): Between looks at the batches. thinking (str), effort (str | None), max_calls
    (int | None), max_usd (float | None): As for ``spacy_convner.AnthropicMessages.v1``.
    """
    if not 1 <= max_batch <= 100_000 or max_tokens < 1 or timeout <= 0 or max_retries < 0 or poll_seconds < 0:
        raise ConfigError(
            "expected 1 <= max_batch <= 100000, max_tokens >= 1, timeout > 0, max_retries >= 0 and poll_seconds >= 0, "
            f"got {max_batch}, {max_tokens}, {timeout}, {max_retries} and {poll_seconds}"
        )
    return AnthropicBatches(
        model,
        base_url,
        max_tokens,
        timeout,
        max_retries,
        max_batch,
        poll_seconds,
        thinking,
        effort,
        ResponseStore(Path(store)),
        Ledger(model, max_calls, max_usd, batch=True),
    )
