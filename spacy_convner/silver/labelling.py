"""Room 5: label traffic into DocBin shards. Streams, resumes, never leaves a half-written shard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import DocBin

from ..errors import DataError, FilterError
from ..memory import max_rss_mb
from ..pipelines import needless_retrievers, pipeline_fingerprint
from .folder import Folder
from .input_ranges import InputRange, PlannedFile, check_input, plan_source
from .manifest import MANIFEST, Manifest, to_json
from .process_engine import ProcessEngine
from .range_labelling import label_ranges
from .shards import Making, Record, sum_records, why_stop

__all__ = ["MANIFEST", "check_input", "label_file"]

_REJECTED = ("file", "row", "reason")
Engine = Callable[[Sequence[InputRange], Folder, Making], Iterable[Record]]


def label_file(
    nlp: Language,
    source: Path | str | Sequence[PlannedFile],
    output: Path | str,
    *,
    shard_size: int,
    n_process: int,
    batch_size: int,
    keep_exemplars: bool,
    keep_meta: bool = False,
    engine: Engine | None = None,
    on_start: Callable[[int, int], None] | None = None,
    on_docs: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Label every utterance of an input.

    nlp (Language): The teacher. source (Path | str): JSONL with ``text`` and maybe ``lang``, DocBin or Parquet: a file,
        a folder, a pattern or a URL (see ``find_files``), looked through before any work; or what ``plan_source`` gave.
    output (Path | str): ``NAME.spacy`` for one file, else a folder of shards, or the URL of one. Shards of a ``.spacy``
        output are kept in ``NAME.spacy.parts`` until all are there.
    shard_size (int): Utterances a shard: what an interruption may cost. n_process, batch_size (int): For ``nlp.pipe``.
    keep_exemplars, keep_meta (bool): Store retrieved exemplars, and ``meta`` of the input, with every Doc.
    engine (Callable | None): Labels ranges, writes their shards and yields their records; None does it here.
    on_start: Told (utterances in all, already labelled). on_docs: Told how many were labelled just now.
    RETURNS (dict): utterances, resumed, rejected, seconds, utterances_per_s, statuses, entities, labels, usage,
        left_out (components that retrieve exemplars which nothing reads), damaged (files of an earlier run that
        weren't whole), max_rss_mb.
    """
    files = plan_source(source, shard_size, keep_meta) if isinstance(source, str | Path) else source
    as_file = str(output).endswith(".spacy")
    if as_file and Path(output).is_dir():
        raise DataError("is a folder, a file was expected", path=Path(output))
    if as_file:
        _check_rejected(rejected_file(Path(output)))
    folder = Folder(f"{output}.parts" if as_file else output)
    making = Making(pipeline_fingerprint(nlp), keep_exemplars, keep_meta)
    manifest = Manifest(folder, files, making, shard_size)
    missing = manifest.open()
    todo = sum(map(len, missing))
    if on_start:
        on_start(manifest.total, manifest.total - todo)
    started = time.perf_counter()
    if engine is None and n_process > 1:
        engine = ProcessEngine(nlp, n_process, batch_size, on_docs)
    elif engine is None:
        engine = partial(label_ranges, nlp, batch_size=batch_size, on_docs=on_docs)
    left_out = [] if keep_exemplars else needless_retrievers(nlp)
    try:
        with nlp.select_pipes(disable=left_out):
            for record in engine(missing, folder, making) if missing else ():
                manifest.add(record)
                if reason := why_stop(record):
                    raise FilterError(reason)
    except BaseException as err:
        if isinstance(err, Exception):
            manifest.fail(str(err))
        with suppress(DataError):  # a full disk; shards say for themselves what is in them
            manifest.write()
        raise
    seconds = time.perf_counter() - started
    stats = {
        "utterances": manifest.total,
        "resumed": manifest.total - todo,
        "seconds": round(seconds, 3),
        "utterances_per_s": round(todo / seconds, 1) if todo and seconds else None,
        **sum_records(manifest.records.values()),
        "left_out": left_out,
        "damaged": manifest.damaged,
        "max_rss_mb": max_rss_mb(),
        **getattr(engine, "summary", {}),
    }
    if failed := manifest.failed:
        stats["reason"] = manifest.records[next(iter(failed))]["reason"]
    manifest.write(stats)
    if as_file and failed:
        stats["reason"] += f"; {output} waits for them, the others are in {folder}"
    elif as_file:
        _merge(manifest, Path(output))
    return stats


def rejected_file(output: Path) -> Path:
    """RETURNS (Path): Beside ``NAME.spacy``, where the utterances that aren't in it are listed."""
    return output.with_suffix(".rejected.jsonl")


def _check_rejected(path: Path) -> None:
    """RAISES: DataError if there is a file that no run of ours made."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf8") as file:
            if json.loads(file.readline()).keys() == set(_REJECTED):
                return
    except (OSError, ValueError, AttributeError):
        pass
    hint = "move it, or choose another output"
    raise DataError("is somebody's file; what can't be labelled would be listed there", path=path, hint=hint)


def _merge(manifest: Manifest, output: Path) -> None:
    """Put all shards into one file, in the input's order, and delete them."""
    merged = DocBin(store_user_data=True)
    names = sorted(manifest.records)
    for name in names:
        merged.merge(DocBin(store_user_data=True).from_bytes(manifest.folder.read(name)))
    beside, rejected = Folder(output.parent), rejected_file(output).name
    beside.write(output.name, merged.to_bytes())
    lines = [to_json({key: row[key] for key in _REJECTED}) for row in manifest.rejected()]
    if lines:
        beside.write(rejected, ("\n".join(lines) + "\n").encode())
    else:
        beside.delete(rejected)  # of a run before
    for name in [*names, MANIFEST]:
        manifest.folder.delete(name)
    manifest.folder.remove_if_empty()
