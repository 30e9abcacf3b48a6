"""``spacy_convner.AnthropicBatches.v1``: the Message Batches API, for bulk labelling at the batch price.

A batch's id is in the store before anybody asks for its state, so an interrupted run goes on with the batches it has.
Results come in any order and are joined by custom id, which is the request's SHA-256.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ConfigError, FilterError
from ..ty import LLMAnswer, LLMClient, Status
from .answers import FATAL, read_message
from .connection import Connection
from .gate import Gate
from .ledger import Ledger
from .models import request_parameters
from .requests import LLMRequest, most_usage
from .store import ResponseStore

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

_MOST_BYTES = 200_000_000  # the service takes 256 MB


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
        self._gate = Gate(60.0)
        self._given_up: set[str] = set()  # what the last ``prefetch`` got no answer for

    @property
    def fingerprint(self) -> str:
        parameters = ",".join(f"{key}={value}" for key, value in sorted(self._parameters.items()))
        return f"anthropic_batches.v1:{self.base_url or 'default'}:{self.model}:{self.max_tokens}:{parameters}"

    @property
    def chunk(self) -> int:
        """RETURNS (int): Requests that are worth waiting for together."""
        return self.max_batch

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
            status: Status = "over_budget" if self._is_new(request.sha256) else "failed"
            return LLMAnswer(self._outcome(request.sha256), status, request_sha256=request.sha256)
        return answer

    def prefetch(self, requests: Iterable[LLMRequest], on_poll: Callable[[int, int], None] | None = None) -> None:
        """Submit what is neither answered nor under way, wait, collect; again what errored or expired.

        on_poll: Told (batches still under way, answers missing) before each wait.
        RAISES: FilterError if the service refuses every request alike.
        """
        wanted = {request.sha256: request for request in requests}
        tries = dict.fromkeys(wanted, 0)
        while True:
            under_way = self._under_way()
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
        for group in self._groups(requests):
            affordable = [request for request in group if self.ledger.reserve(most_usage(request))]
            if not affordable:
                break
            entries = [{"custom_id": request.sha256, "params": request.parameters()} for request in affordable]
            batch = self._retry(partial(_create, entries))
            with self.store.open() as db:
                db.execute("BEGIN")
                db.execute("INSERT OR IGNORE INTO batches (id, created) VALUES (?, ?)", (batch.id, time.time()))
                db.executemany(
                    "INSERT OR IGNORE INTO batch_requests (sha256, batch) VALUES (?, ?)",
                    [(request.sha256, batch.id) for request in affordable],
                )
                db.execute("COMMIT")
            for request in affordable:  # counted when the answer comes
                self.ledger.settle(most_usage(request), {"calls": 1})
            ids.append(batch.id)
        return ids

    def submit_all(self, requests: Iterable[LLMRequest]) -> list[str]:
        """Submit a stream of requests, each once, that are neither answered nor under way.

        RETURNS (list[str]): Ids of the batches.
        """
        known = self._under_way()
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
                on_poll(len(self._open_batches()), len(self._under_way()))
            time.sleep(self.poll_seconds)

    def collect(self) -> int:
        """Take up the results of batches that have ended. RETURNS (int): Batches still under way."""
        for batch_id in self._open_batches():
            batch = self._retry(partial(_retrieve, batch_id))
            if batch.processing_status != "ended":
                continue
            results = self._retry(partial(_results, batch_id))
            outcomes: dict[str, str] = {}
            for item in results:
                outcomes[item.custom_id] = self._take(item)
            with self.store.open() as db:
                db.execute("BEGIN")
                db.executemany(
                    "UPDATE batch_requests SET outcome = ? WHERE sha256 = ? AND batch = ?",
                    [(outcome, sha256, batch_id) for sha256, outcome in outcomes.items()],
                )
                db.execute(
                    "UPDATE batch_requests SET outcome = 'lost' WHERE batch = ? AND outcome IS NULL", (batch_id,)
                )
                db.execute("UPDATE batches SET ended = ? WHERE id = ?", (time.time(), batch_id))
                db.execute("COMMIT")
        return len(self._open_batches())

    def _take(self, item: Any) -> str:
        """RETURNS (str): The outcome; an answer is in the store."""
        result = item.result
        if result.type != "succeeded":
            error = getattr(getattr(result, "error", None), "error", None)
            return f"{result.type}: {getattr(error, 'message', '')}".rstrip(": ")
        answer = read_message(result.message, item.custom_id)
        if answer.status == "failed":
            return f"errored: {answer.text}"
        self.store.put(item.custom_id, self.model, answer)
        self.ledger.note(**{key: int(value) for key, value in answer.usage.items() if key != "calls"})
        return "succeeded"

    def _groups(self, requests: Sequence[LLMRequest]) -> Iterator[list[LLMRequest]]:
        group: list[LLMRequest] = []
        size = 0
        for request in requests:
            length = 2 * len(request.system) + 2 * len(request.user) + 2000  # JSON may escape every other letter
            if group and (len(group) >= self.max_batch or size + length > _MOST_BYTES):
                yield group
                group, size = [], 0
            group.append(request)
            size += length
        if group:
            yield group

    def _retry(self, call: Callable[[Any], Any]) -> Any:
        client = self._connection.client()
        import anthropic

        for attempt in range(self.max_retries + 1):
            self._gate.wait()
            try:
                return call(client.messages.batches)
            except anthropic.APIError as err:
                reason = self._connection.describe(err)
                code = getattr(err, "status_code", 500)
                if type(err).__name__ in FATAL or code == 400 or attempt == self.max_retries:
                    raise FilterError(f"the batch service said: {reason} (model {self.model!r})") from None
                time.sleep(self._gate.backoff(attempt))
        raise AssertionError("unreachable")

    def _open_batches(self) -> list[str]:
        with self.store.open() as db:
            return [row[0] for row in db.execute("SELECT id FROM batches WHERE ended IS NULL ORDER BY created")]

    def _under_way(self) -> set[str]:
        query = "SELECT sha256 FROM batch_requests JOIN batches ON batch = id WHERE ended IS NULL"
        with self.store.open() as db:
            return {row[0] for row in db.execute(query)}

    def _is_new(self, sha256: str) -> bool:
        with self.store.open() as db:
            return db.execute("SELECT 1 FROM batch_requests WHERE sha256 = ?", (sha256,)).fetchone() is None

    def _outcome(self, sha256: str) -> str:
        with self.store.open() as db:
            row = db.execute(
                "SELECT outcome FROM batch_requests JOIN batches ON batch = id WHERE sha256 = ? ORDER BY created DESC",
                (sha256,),
            ).fetchone()
        return str(row[0]) if row else "max_calls or max_usd is reached"


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
