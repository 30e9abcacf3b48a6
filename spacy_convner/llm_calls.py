"""Ask a language model about many things: several at once, answers in order."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from .ty import BatchClient, LLMAnswer, LLMClient

T = TypeVar("T")
R = TypeVar("R")


def ask_in_order(
    client: LLMClient,
    items: Iterable[T],
    ask: Callable[[T], R],
    planned: Callable[[Sequence[T]], Iterable[Any]],
    *,
    ahead: int,
) -> Iterator[R]:
    """Ask about each item, as many at once as the client takes.

    items (Iterable): Streamed. ask (Callable): Calls the client, from any thread. planned (Callable): Requests
        (LLMRequest) that asking about items will send; a client of batches is given them a chunk at a time.
    ahead (int): Items waiting for each one under way, so that a slow one holds up nobody.
    YIELDS (R): What ``ask`` gave, in the order of the items.
    """
    if isinstance(client, BatchClient):
        stream = iter(items)
        while chunk := list(islice(stream, client.chunk)):
            client.prefetch(planned(chunk))
            yield from map(ask, chunk)
        return
    pool = ThreadPoolExecutor(max_workers=client.max_concurrency, thread_name_prefix="convner-llm")
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(ask, item))
            while waiting and (len(waiting) > ahead * client.max_concurrency or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def answered_sha256(client: LLMClient, answer: LLMAnswer, system: str, user: str, schema: Mapping[str, Any]) -> str:
    """RETURNS (str): Hash of the request that was answered: the client's own, else of all that it was given."""
    key = json.dumps([client.fingerprint, system, user, schema], sort_keys=True)
    return answer.request_sha256 or hashlib.sha256(key.encode("utf8")).hexdigest()
