"""The engine of one machine's cores: worker processes that read their input and write their shards themselves.

``nlp.pipe(n_process=…)`` would send every Doc to a worker and back, which costs more than a local filter takes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from typing import Any

from spacy.language import Language
from spacy.tokens.underscore import Underscore

from ..errors import FilterError
from .folder import Folder
from .input_ranges import InputRange
from .range_labelling import warm_up
from .shards import Making, Record
from .unit_labelling import Row, UnitLabeller, split_work, sum_workers, take_records

_LOOK = 0.2  # seconds between two words on progress
_PATIENCE = 10.0  # seconds that workers have to end what they were given, once nobody waits for more

# Of this worker:
_label: UnitLabeller | None = None
_begun: Callable[[int], None]


class ProcessEngine:
    """Labels ranges in worker processes; see ``labelling.Engine``.

    nlp (Language): Workers that are forked share its memory, others get a copy. n_process (int), batch_size (int).
    on_docs (Callable | None): Told how many were labelled just now.
    """

    def __init__(
        self, nlp: Language, n_process: int, batch_size: int, on_docs: Callable[[int], object] | None = None
    ) -> None:
        self._nlp, self._n_process, self._batch_size, self._on_docs = nlp, n_process, batch_size, on_docs
        self._workers: dict[str, float | None] = {}

    @property
    def summary(self) -> dict[str, Any]:
        """RETURNS (dict): See ``sum_workers``."""
        return sum_workers(self._workers)

    def __call__(self, ranges: Sequence[InputRange], folder: Folder, making: Making) -> Iterator[Record]:
        """YIELDS (dict): Record of each shard, in the order in which units end.

        Who leaves early has workers end what they have asked, so that an answer that was paid for is kept.
        RAISES: FilterError for what went wrong in a worker, or if one was killed.
        """
        warm_up(self._nlp)
        units = split_work(ranges, self._n_process)
        workers = min(self._n_process, len(units))
        context = multiprocessing.get_context()
        counter = context.Value("i", 0)
        # No locks, which a killed worker would keep: one process writes ``stop``, and one each place of ``done``.
        stop, done = context.RawValue("b", 0), context.RawArray("q", workers)
        under_way = context.RawArray("q", 2 * workers)  # of each place: process, unit from 1
        others = multiprocessing.active_children()
        work = (self._nlp, folder, making, self._batch_size, Underscore.get_state())
        executor = ProcessPoolExecutor(workers, context, _begin, (work, stop, counter, done, under_way))
        children: list[BaseProcess] = []
        try:
            left = iter(enumerate(units, 1))
            waiting = {executor.submit(_work, *unit) for unit in islice(left, 2 * workers)}
            children = [child for child in multiprocessing.active_children() if child not in others]
            yield from take_records(self._rows(executor, left, waiting, done), folder, self._workers)
        except BrokenProcessPool:
            executor.shutdown(wait=True)
            begun = dict(zip(under_way[::2], under_way[1::2], strict=True))
            raise FilterError(_why_broken(children, begun, units, folder)) from None
        finally:
            stop.value = 1
            executor.shutdown(wait=True, cancel_futures=True)

    def _rows(
        self,
        executor: ProcessPoolExecutor,
        left: Iterator[tuple[int, Sequence[InputRange]]],
        waiting: set[Future[list[Row]]],
        done: Any,
    ) -> Iterator[Row]:
        told = 0
        while waiting:
            ended, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
            now = sum(done)
            if self._on_docs and now > told:
                self._on_docs(now - told)
            told = now
            waiting |= {executor.submit(_work, *unit) for unit in islice(left, len(ended))}
            for future in ended:
                yield from future.result()


def _why_broken(
    children: Sequence[BaseProcess], begun: dict[int, int], units: Sequence[Sequence[InputRange]], folder: Folder
) -> str:
    """begun (dict): Process → the unit that it had, from 1. RETURNS (str): Which worker ended how, and over what."""
    kept = "what was labelled is kept, run the same command again to go on"
    # The executor ends the others by SIGTERM.
    ended = [child for child in children if child.exitcode not in (None, -signal.SIGTERM)]
    if not ended:
        return f"a worker process was killed (SIGTERM); {kept}"
    code, unit = ended[0].exitcode or 0, begun.get(ended[0].pid or 0, 0)
    how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit status {code}"
    why = ", maybe for want of memory" if code == -getattr(signal, "SIGKILL", 9) else ""
    part = next((part for part in units[unit - 1] if not folder.exists(part.name)), None) if unit else None
    if part is None:
        return f"a worker process {how}{why}; {kept}"
    return (
        f"a worker process {how}{why} at row {part.first:,} or later of {part.source.path}; {kept}. "
        "If it ends there each time, a text there is what the pipeline can't take: leave it out"
    )


def _begin(work: tuple[Any, ...], stop: Any, counter: Any, done: Any, under_way: Any) -> None:
    """Make this process a worker."""
    global _label, _begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent says what becomes of it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    with counter.get_lock():
        slot = counter.value
        counter.value += 1
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a fork doesn't have its parent's threads, and would wait for them

    def count(n: int) -> None:
        done[slot] += n

    def begin_unit(number: int) -> None:
        under_way[2 * slot], under_way[2 * slot + 1] = os.getpid(), number

    nlp, folder, making, batch_size, extensions = work
    Underscore.load_state(extensions)
    folder = Folder(folder.place)  # opened anew: a connection to object storage can't be forked
    _begun = begin_unit
    _label = UnitLabeller(nlp, folder, making, batch_size, count, lambda: bool(stop.value))


def _work(number: int, unit: Sequence[InputRange]) -> list[Row]:
    assert _label is not None
    _begun(number)
    return _label(unit)


def _end_with_parent(stop: Any) -> None:
    """Nobody else would tell a worker that its parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    while not wait_for([parent.sentinel], timeout=0.5) and not stop.value:
        pass
    wait_for([parent.sentinel], timeout=_PATIENCE)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
