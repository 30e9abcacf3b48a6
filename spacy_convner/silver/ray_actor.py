"""What runs inside a Ray actor: a pipeline, loaded once, that labels one unit of input ranges after the other."""

from __future__ import annotations

import json
import os
import pickle
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language

from ..errors import ConvnerError, FilterError
from ..memory import max_rss_mb
from ..pipelines import load_pipeline
from .folder import Folder
from .input_ranges import InputRange
from .pipeline_bundle import unpack_pipeline
from .range_labelling import label_ranges
from .shards import Making, Record, read_record, unanswered

Prepare = Callable[[Language], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Job:
    """What every actor is told. pipeline (list): A reference to the bytes of ``pack_pipeline``.

    prepare (Callable | None): Called once with the pipeline; gives what is called after each unit.
    """

    pipeline: list[Any]
    folder: Folder
    making: Making
    batch_size: int
    prepare: Prepare | None = None


class RangeLabeller:
    """For ``Dataset.map_batches``. What goes wrong comes back as a row, so that Ray retries deaths and nothing else."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._nlp: Language | None = None
        self._after: Callable[[], object] | None = None
        self._error = ""
        try:
            self._load()
        except (ConvnerError, OSError) as err:
            self._error = str(err)

    def _load(self) -> None:
        import ray

        data = ray.get(self._job.pipeline[0])
        self._nlp = load_pipeline(str(unpack_pipeline(self._job.making.pipeline_sha256, data)))
        if self._job.prepare is not None:
            self._after = self._job.prepare(self._nlp)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """batch (dict): ``unit``, each a pickled list of ranges. RETURNS (dict): ``row``, JSON, one for each shard."""
        return {"row": [json.dumps(row) for unit in batch["unit"] for row in self._label(pickle.loads(unit))]}

    def _label(self, unit: Sequence[InputRange]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        if self._nlp is None:
            return [self._row(error=self._error)]
        # A unit comes again where an actor died; shards that it had written are there.
        known = [self._known(part) for part in unit]
        rows += [self._row(record=record) for record in known if record is not None]
        missing = [part for part, record in zip(unit, known, strict=True) if record is None]
        job = self._job
        try:
            for record in label_ranges(self._nlp, missing, job.folder, job.making, batch_size=job.batch_size):
                rows.append(self._row(record=record))
                if record["statuses"].get("over_budget"):
                    break  # what is left wouldn't be asked either
        except (ConvnerError, OSError) as err:
            rows.append(self._row(error=str(err)))
        except Exception as err:
            error = FilterError(f"the pipeline raised {type(err).__name__}: {err}")
            rows.append(self._row(error=" ".join(str(error).split())))
        if self._after is not None:
            self._after()
        return rows

    def _known(self, part: InputRange) -> Record | None:
        record = read_record(self._job.folder, part.name) if self._job.folder.exists(part.name) else None
        if record is None or record.pop("made", None) != self._job.making.of(part) or unanswered(record):
            return None
        return record

    def _row(self, **content: Any) -> dict[str, Any]:
        return {**content, "node": platform.node(), "pid": os.getpid(), "max_rss_mb": max_rss_mb()}
