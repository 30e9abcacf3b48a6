"""A unit of work, a few input ranges, labelled in a process of its own: Ray's actor, or a worker of this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language

from ..errors import ConvnerError, DataError, FilterError
from ..memory import max_rss_mb
from .folder import Folder
from .input_ranges import InputRange, in_groups
from .range_labelling import label_ranges
from .shards import Making, Record, read_record, unanswered, why_stop

Row = dict[str, Any]  # ``record`` of a shard or ``error``, and ``node``, ``pid``, ``max_rss_mb``
_UNIT = 5_000  # utterances at least that a process takes at once, if there are enough for all
_UNITS_EACH = 8  # units a process at least, so that all end at about the same time


def split_work(ranges: Sequence[InputRange], workers: int) -> list[list[InputRange]]:
    """RETURNS (list[list[InputRange]]): Units for so many processes, each of one file."""
    utterances = min(_UNIT, -(-sum(map(len, ranges)) // (workers * _UNITS_EACH)))
    return list(in_groups(ranges, utterances))


class UnitLabeller:
    """Labels unit after unit with one pipeline. What goes wrong is a row, so that only a death looks like one.

    nlp (Language). folder (Folder), making (Making): Of the run. batch_size (int): For ``nlp.pipe``.
    on_docs, stopped (Callable | None): See ``label_ranges``.
    """

    def __init__(
        self,
        nlp: Language,
        folder: Folder,
        making: Making,
        batch_size: int,
        on_docs: Callable[[int], object] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._nlp, self._folder, self._making, self._batch_size = nlp, folder, making, batch_size
        self._on_docs, self._stopped = on_docs, stopped

    def __call__(self, unit: Sequence[InputRange]) -> list[Row]:
        """RETURNS (list[dict]): A row for each shard; the last one may be an error."""
        rows: list[Row] = []
        settings: dict[str, Any] = {"on_docs": self._on_docs, "stopped": self._stopped, "batch_size": self._batch_size}
        try:
            # A unit comes again where a process died; shards that it had written are there.
            known = [self._known(part) for part in unit]
            rows += [make_row(record=record) for record in known if record is not None]
            missing = [part for part, record in zip(unit, known, strict=True) if record is None]
            for record in label_ranges(self._nlp, missing, self._folder, self._making, **settings):
                rows.append(make_row(record=record))
                if why_stop(record):
                    break  # what is left wouldn't be answered either
        except (ConvnerError, OSError) as err:
            rows.append(make_row(error=str(err)))
        except (Exception, SystemExit) as err:
            rows.append(make_row(error=" ".join(f"the pipeline raised {type(err).__name__}: {err}".split())))
        return rows

    def _known(self, part: InputRange) -> Record | None:
        record = read_record(self._folder, part.name) if self._folder.exists(part.name) else None
        if record is None or record.pop("made", None) != self._making.of(part) or unanswered(record):
            return None
        return record


def make_row(**content: Any) -> Row:
    """content: ``record`` or ``error``. RETURNS (dict): With the process that it is of."""
    return {**content, "node": platform.node(), "pid": os.getpid(), "max_rss_mb": max_rss_mb()}


def take_records(rows: Iterable[Row], folder: Folder, workers: dict[str, float | None]) -> Iterator[Record]:
    """rows (Iterable[dict]): Of all workers. workers (dict): Gets the peak of each, see ``sum_workers``.

    YIELDS (Record): Of each shard. RAISES: FilterError for what went wrong in a worker; DataError if it wrote a shard
        that isn't here.
    """
    for row in rows:
        worker = f"{row['node']}/{row['pid']}"
        if "error" in row:
            raise FilterError(f"{row['error']}. What was labelled is kept, run the same command again to go on")
        record: Record = row["record"]
        if worker not in workers and not folder.exists(record["shard"]):
            hint = "all must see one OUT: a folder of this machine, a file system of all nodes, or object storage"
            message = f"{row['node']}: a worker process wrote a shard that isn't here"
            raise DataError(message, path=str(folder), hint=hint)
        workers[worker] = row["max_rss_mb"]
        yield record


def sum_workers(workers: dict[str, float | None]) -> dict[str, Any]:
    """workers (dict): Process → its peak in MiB. RETURNS (dict): ``workers`` and ``worker_max_rss_mb``, of the most."""
    known = [rss for rss in workers.values() if rss is not None]
    return {"workers": len(workers), "worker_max_rss_mb": max(known, default=None)}
