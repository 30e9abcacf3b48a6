"""How fast a filter is by itself, on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...ty import FilterRequest, FilterTask, SemanticFilter

_FEW = 5_000  # requests; of more, one pass is steady enough


def filter_speed(filter: SemanticFilter, requests: Sequence[FilterRequest], task: FilterTask) -> float:
    """RETURNS (float): Utterances a second, of the median of three passes; one pass over many requests."""
    seconds = []
    with _one_thread():
        for _ in range(3 if len(requests) <= _FEW else 1):
            start = time.perf_counter()
            for _response in filter(requests, task):
                pass
            seconds.append(time.perf_counter() - start)
    return len(requests) / max(statistics.median(seconds), 1e-9)


@contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(limits=1):
        yield
