"""What runs inside a Ray actor: a pipeline, loaded once, that labels one unit of input ranges after the other."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spacy.language import Language

from ..errors import ConvnerError
from ..pipelines import load_pipeline
from .folder import Folder
from .pipeline_bundle import unpack_pipeline
from .shards import Making
from .unit_labelling import Row, UnitLabeller, make_row

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
        self._label: UnitLabeller | None = None
        self._after: Callable[[], object] | None = None
        self._error = ""
        try:
            self._load(job)
        except (ConvnerError, OSError) as err:
            self._error = str(err)

    def _load(self, job: Job) -> None:
        import ray

        data = ray.get(job.pipeline[0])
        nlp = load_pipeline(str(unpack_pipeline(job.making.pipeline_sha256, data)))
        if job.prepare is not None:
            self._after = job.prepare(nlp)
        self._label = UnitLabeller(nlp, job.folder, job.making, job.batch_size)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """batch (dict): ``unit``, each a pickled list of ranges. RETURNS (dict): ``row``, JSON, one for each shard."""
        return {"row": [json.dumps(row) for unit in batch["unit"] for row in self._rows(unit)]}

    def _rows(self, unit: bytes) -> list[Row]:
        if self._label is None:
            return [make_row(error=self._error)]
        rows = self._label(pickle.loads(unit))
        if self._after is not None:
            self._after()
        return rows
