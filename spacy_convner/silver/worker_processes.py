"""Docs of ``nlp.pipe`` with several processes, which can be left early and don't outlast a process that died.

spaCy's workers inherit each other's pipes. So nobody notices that one was killed, and one that sends more than a pipe
holds waits for ever when its reader has gone.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import threading
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from spacy.tokens import Doc

from ..errors import ConvnerError, FilterError

_LOOK = 0.2  # seconds
_PATIENCE = 10.0  # seconds that workers have to end what they were given


def from_workers(docs: Iterable[Doc], given: Generator[Any, None, None]) -> Iterator[Doc]:
    """docs (Iterable[Doc]): Of ``nlp.pipe``, not begun. given (Generator): What it is given.

    Who leaves early has workers end what they have, so that an answer that was paid for is kept.
    RAISES: What a component of ours raised in a worker; FilterError if a worker was killed.
    """
    watch = _Watch()
    try:
        for doc in docs:  # noqa: UP028  # "yield from" would close them before this is told
            yield doc
    except GeneratorExit:
        given.close()
        watch.deadline = time.monotonic() + _PATIENCE
        try:
            for _ in docs:
                pass
        except Exception:  # of work that nobody waits for
            return
    except EOFError:
        raise FilterError(
            "a worker process was killed, maybe for want of memory; what was labelled is kept, run the same command "
            "again to go on"
        ) from None
    except ValueError as err:  # spaCy reports what failed in another process as the text of a traceback
        last = str(err).strip().splitlines()[-1]
        if last.startswith("spacy_convner.errors."):
            raise ConvnerError(last.partition(": ")[2]) from None
        raise
    finally:
        watch.end()


class _Watch:
    """A thread that stops the workers begun after it when one of them was killed, or past ``deadline``."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self._before = _children()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="convner-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        known: set[Any] = set()
        while not self._ended.wait(_LOOK):
            known |= _children() - self._before
            killed = any((worker.exitcode or 0) < 0 for worker in known)
            if killed or (self.deadline is not None and time.monotonic() > self.deadline):
                warnings.filterwarnings("ignore", message=r"\[W127\]")  # that they were stopped is no news
                for worker in known:
                    worker.kill()


def _children() -> set[Any]:
    """RETURNS (set): Processes of this one, also those that have died; ``active_children`` would forget these."""
    return set(multiprocessing.process._children)  # type: ignore[attr-defined]
