"""``spacy_convner.AnthropicMessages.v1``: Claude through the official SDK's Messages API."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, FilterError
from ..request_gate import GateLimits, RequestGate
from ..ty import LLMAnswer, LLMClient
from .answers import FATAL, no_message, read_message
from .backoff import asked_to_wait, backoff
from .connection import Connection
from .ledger import Ledger
from .models import find_traits, request_parameters
from .requests import LLMRequest, most_usage
from .store import ResponseStore

logger = logging.getLogger(__name__)

_REMEMBERED = 1 << 16  # answers kept in memory where there is no store
_CACHE_TRIED = 20  # calls after which a prompt cache that never wrote nor read is worth a warning
_OVERLOADED = (429, 503, 529)
_PASSING = (408, 409, 500, 502, 504)


class AnthropicMessages:
    """Sends one prompt a call; nothing is read or opened before the first one.

    A request is sent once: its answer comes from the store if it is there, from the call under way if another thread
    asks the same. An answer's usage is what it cost when it was made; what a run cost is in ``ledger``. The key
    comes from the environment only and is never part of the config, of a pickle or of a message.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None,
        max_concurrency: int,
        max_tokens: int,
        timeout: float,
        max_retries: int,
        max_wait: float,
        thinking: str,
        effort: str | None,
        store: ResponseStore | None,
        store_prompts: bool,
        ledger: Ledger,
    ) -> None:
        self.model, self.base_url = model, base_url
        self._max_concurrency = max_concurrency
        self.max_tokens, self.max_retries = max_tokens, max_retries
        self.ledger, self.store = ledger, store
        self._store_prompts = store_prompts
        self._parameters = request_parameters(model, thinking, effort)
        self._connection = Connection(base_url, timeout)
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Future[LLMAnswer]] = OrderedDict()
        self._cache_warned = False

    @property
    def fingerprint(self) -> str:
        parameters = ",".join(f"{key}={value}" for key, value in sorted(self._parameters.items()))
        return f"anthropic_messages.v2:{self.base_url or 'default'}:{self.model}:{self.max_tokens}:{parameters}"

    @property
    def max_concurrency(self) -> int:
        return self._max_concurrency

    @property
    def limits(self) -> GateLimits:
        """RETURNS (GateLimits): What a gate for several clients like this one should hold to."""
        return replace(
            self.ledger.limits, max_concurrency=self._max_concurrency, lease=3 * self._connection.timeout + 5
        )

    def share(self, gate: RequestGate | None) -> None:
        """gate (RequestGate | None): Asked before each request from now on, with clients of other processes."""
        self.ledger.share(gate)

    def request(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMRequest:
        """RETURNS (LLMRequest): What a call would send."""
        return LLMRequest(self.model, self.max_tokens, system, user, schema, self._parameters, self.base_url)

    def __call__(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMAnswer:
        """RETURNS (LLMAnswer): Also for a refused, truncated or failed request; its status says so.

        RAISES: FilterError if the service refuses every request alike; MissingKeyError.
        """
        request = self.request(system, user, schema)
        sha256 = request.sha256
        with self._lock:
            known = self._answers.get(sha256)
            if known is None:
                mine = self._answers[sha256] = Future()
        if known is not None:
            self.ledger.note(shared=1)
            return known.result()
        try:
            answer = self._answer(request, sha256)
        except BaseException as err:
            with self._lock:
                self._answers.pop(sha256, None)
            mine.set_exception(err)
            raise
        mine.set_result(answer)
        with self._lock:
            if self.store is not None or answer.status in ("failed", "over_budget"):
                self._answers.pop(sha256, None)  # the store has it, or it is worth another try
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return answer

    def _answer(self, request: LLMRequest, sha256: str) -> LLMAnswer:
        if self.store is not None and (stored := self.store.get(sha256)) is not None:
            self.ledger.note(stored=1)
            return stored
        answer = self._send(request, sha256)
        if self.store is not None and answer.status not in ("failed", "over_budget"):
            self.store.put(sha256, self.model, answer, request.prompt if self._store_prompts else None)
        return answer

    def _send(self, request: LLMRequest, sha256: str) -> LLMAnswer:
        client = self._connection.client()
        import anthropic

        most = most_usage(request)
        reason = ""
        for attempt in range(self.max_retries + 1):
            ticket = self.ledger.acquire(most)
            if ticket is None:
                return LLMAnswer("max_calls or max_usd is reached", "over_budget", request_sha256=sha256)
            used: dict[str, int] = {}
            pause = closed = 0.0
            try:
                if self.ledger.is_shared and self.store is not None and (stored := self.store.get(sha256)) is not None:
                    self.ledger.note(stored=1)  # another process got it while this one waited
                    return stored
                used = {"calls": 1, "retries": 1} if attempt else {"calls": 1}
                message = client.messages.create(**request.parameters())
                answer = read_message(message, sha256)
                used.update({key: int(value) for key, value in answer.usage.items() if key != "calls"})
                self._watch_cache()
                if answer.status != "failed":
                    return answer
                reason = answer.text
                pause = backoff(attempt, self._max_wait)
            except anthropic.APIStatusError as err:
                reason = self._connection.describe(err)
                if type(err).__name__ in FATAL:
                    raise FilterError(f"Claude refused the request for good: {reason} (model {self.model!r})") from None
                if err.response.headers.get("x-should-retry") == "false" or err.status_code not in (
                    *_OVERLOADED,
                    *_PASSING,
                ):
                    break
                pause = backoff(attempt, self._max_wait, asked_to_wait(err))
                if err.status_code in _OVERLOADED:
                    pause, closed = 0.0, min(pause, self._max_wait)
            except anthropic.APIError as err:  # connection lost, timeout, body that is no response
                reason = self._connection.describe(err)
                pause = backoff(attempt, self._max_wait)
            except (ValueError, RecursionError) as err:  # the SDK lets a body through that isn't JSON, or isn't text
                reason = no_message(err)
                pause = backoff(attempt, self._max_wait)
            finally:
                self.ledger.release(ticket, used, closed)
            if attempt < self.max_retries:
                time.sleep(pause)
        return LLMAnswer(reason, "failed", request_sha256=sha256)

    def _watch_cache(self) -> None:
        if self._cache_warned:
            return
        counts = self.ledger.counts
        if counts.get("calls", 0) >= _CACHE_TRIED:
            self._cache_warned = True
            if not counts.get("cache_read_input_tokens") and not counts.get("cache_creation_input_tokens"):
                traits = find_traits(self.model)
                least = f" of {traits.cache_minimum:,} tokens" if traits and traits.cache_minimum else ""
                logger.warning(
                    "%s calls and nothing was cached: the prompt's head (task, rules, labels) is probably under the "
                    "model's minimum%s. Longer label descriptions or instructions may cost less.",
                    counts["calls"],
                    least,
                )

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_lock", "_answers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _answers=OrderedDict())


def make_anthropic_messages(
    model: str = "claude-haiku-5-5",
    base_url: str | None = None,
    max_concurrency: int = 8,
    max_tokens: int = 2048,
    timeout: float = 60.0,
    max_retries: int = 4,
    max_wait: float = 60.0,
    thinking: str = "off",
    effort: str | None = None,
    store: str | None = None,
    store_prompts: bool = False,
    max_calls: int | None = None,
    max_usd: float | None = None,
) -> LLMClient:
    """Registered as ``spacy_convner.AnthropicMessages.v1``; the key is read from ``ANTHROPIC_API_KEY`` at first use.

    model (str): Model id. base_url (str | None): A compatible server. max_concurrency (int): Requests at once.
    max_tokens (int): Of an answer, thinking included. timeout (float): Seconds a try.
    max_retries (int): Tries after the first. max_wait (float): Seconds between tries at most, whatever is asked.
    thinking (str): "off" as far as the model can be without, "on", or "default". effort (str | None): How much of it.
    store (str | None): SQLite file of answers; a request that is in it isn't sent. store_prompts (bool): Keep prompts
        too. max_calls (int | None), max_usd (float | None): Limits of a run; requests over them end "over_budget".
    """
    if max_concurrency < 1 or max_tokens < 1 or timeout <= 0 or max_retries < 0 or max_wait <= 0:
        raise ConfigError(
            "expected max_concurrency >= 1, max_tokens >= 1, timeout > 0, max_retries >= 0 and max_wait > 0, got "
            f"{max_concurrency}, {max_tokens}, {timeout}, {max_retries} and {max_wait}"
        )
    return AnthropicMessages(
        model,
        base_url,
        max_concurrency,
        max_tokens,
        timeout,
        max_retries,
        max_wait,
        thinking,
        effort,
        ResponseStore(Path(store)) if store else None,
        store_prompts,
        Ledger(model, max_calls, max_usd),
    )
