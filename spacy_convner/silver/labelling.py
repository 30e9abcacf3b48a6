"""Room 5: label traffic into DocBin shards. Streams, resumes, never leaves a half-written shard."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..atomic import write_bytes, write_text
from ..attrs import drop_exemplars, set_doc_lang
from ..docbin import quick_msgpack, read_docbin
from ..errors import ConvnerError, DataError, FilterError
from ..memory import max_rss_mb
from ..pipelines import pipeline_fingerprint
from ..records import read_utterances
from ..ty import Exemplar

MANIFEST = "manifest.json"
_UNANSWERED = ("failed", "over_budget")  # asked again by the next run


def label_file(
    nlp: Language,
    source: Path,
    output: Path,
    *,
    shard_size: int,
    n_process: int,
    batch_size: int,
    keep_exemplars: bool,
    on_start: Callable[[int, int], None] | None = None,
    on_docs: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Label every utterance of a JSONL file.

    nlp (Language): The teacher. source (Path): JSONL with ``text`` and maybe ``lang``; checked whole before any work.
    output (Path): ``NAME.spacy`` for one file, else a folder of shards. Shards of a ``.spacy`` output are kept in
        ``NAME.spacy.parts`` until all are there.
    shard_size (int): Utterances a shard: what an interruption may cost. n_process, batch_size (int): For ``nlp.pipe``.
    keep_exemplars (bool): Store retrieved exemplars with every Doc.
    on_start: Told (utterances in all, already labelled). on_docs: Told how many were labelled just now.
    RETURNS (dict): utterances, resumed, seconds, utterances_per_s, statuses, entities, labels, max_rss_mb.
    """
    total, input_sha256 = check_input(source)
    as_file = output.suffix == ".spacy"
    folder = output.with_name(output.name + ".parts") if as_file else output
    manifest = {
        "input_sha256": input_sha256,
        "utterances": total,
        "pipeline_sha256": pipeline_fingerprint(nlp),
        "shard_size": shard_size,
        "keep_exemplars": keep_exemplars,
    }
    if as_file and output.is_dir():
        raise DataError("is a folder, a file was expected", path=output)
    _open_folder(folder, manifest)
    shards = -(-total // shard_size)
    _forget_failed(folder)
    missing = {i: min(shard_size, total - i * shard_size) for i in range(shards) if not _shard(folder, i).is_file()}
    todo = sum(missing.values())
    if on_start:
        on_start(total, total - todo)
    started = time.perf_counter()
    utterances = (u for i, u in enumerate(read_utterances(source)) if i // shard_size in missing)
    docs = nlp.pipe((_to_doc(nlp, u) for u in utterances), n_process=n_process, batch_size=batch_size)
    failed: dict[str, int] = _known_failed(folder)
    reason = ""
    for i, shard in _shards(_from_processes(docs), missing, keep_exemplars, on_docs):
        with quick_msgpack():
            write_bytes(_shard(folder, i), DocBin(store_user_data=True, docs=shard).to_bytes())
        here = [doc for doc in shard if doc._.convner.status in _UNANSWERED]
        failed.pop(_shard(folder, i).name, None)
        if here:
            reason = _reason(here[0])
            failed[_shard(folder, i).name] = len(here)
        if here or _known_failed(folder) != failed:
            write_text(
                folder / MANIFEST, json.dumps({**manifest, "complete": False, "failed": failed}, indent=2) + "\n"
            )
        spent = sum(doc._.convner.status == "over_budget" for doc in here)
        if spent:
            raise FilterError(
                f"max_calls or max_usd is reached: {spent:,} utterances of {_shard(folder, i).name} weren't asked. "
                "Stopped; what was labelled is kept, raise the limit and run the same command again to go on"
            )
        if len(here) == len(shard) > 1:
            raise FilterError(
                f"all {len(shard):,} utterances of {_shard(folder, i).name} failed: {reason}. Stopped; "
                "what was labelled is kept, run the same command again to go on"
            )
    seconds = time.perf_counter() - started
    stats = {
        "utterances": total,
        "resumed": total - todo,
        "seconds": round(seconds, 3),
        "utterances_per_s": round(todo / seconds, 1) if todo and seconds else None,
        **count_docs(read_docbin(folder, nlp.vocab)),
        "max_rss_mb": max_rss_mb(),
    }
    if failed:
        stats["reason"] = reason or "in an earlier run"
    write_text(
        folder / MANIFEST,
        json.dumps({**manifest, "complete": not failed, "failed": failed, "stats": stats}, indent=2) + "\n",
    )
    if as_file and failed:
        stats["reason"] += f"; {output.name} waits for them, the others are in {folder}"
    elif as_file:
        merged = DocBin(store_user_data=True)
        for i in range(shards):
            merged.merge(DocBin(store_user_data=True).from_disk(_shard(folder, i)))
        write_bytes(output, merged.to_bytes())
        shutil.rmtree(folder)
    return stats


def check_input(source: Path) -> tuple[int, str]:
    """RETURNS (tuple[int, str]): Number of utterances and SHA-256 of them. RAISES: DataError at the first bad line."""
    digest, total = hashlib.sha256(), 0
    for utterance in read_utterances(source):
        digest.update(json.dumps([utterance.text, utterance.lang]).encode("utf8") + b"\n")
        total += 1
    return total, digest.hexdigest()


def count_docs(docs: Iterable[Doc]) -> dict[str, Any]:
    """RETURNS (dict): statuses (status → Docs), entities (how many), labels (label → entities), dropped."""
    statuses: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    dropped = 0
    for doc in docs:
        statuses[str(doc._.convner.status) or "none"] += 1
        labels.update(ent.label_ for ent in doc.ents)
        dropped += len(doc._.convner.dropped)
    return {
        "statuses": dict(statuses.most_common()),
        "entities": sum(labels.values()),
        "labels": dict(labels.most_common()),
        "dropped": dropped,
    }


def _open_folder(folder: Path, manifest: dict[str, Any]) -> None:
    file = folder / MANIFEST
    if folder.is_file():
        raise DataError("is a file, a folder was expected", path=folder, hint="name it *.spacy to get one file")
    for leftover in folder.glob(".*.tmp"):  # of a run that was killed while it wrote
        leftover.unlink()
    if folder.is_dir() and not file.is_file() and any(folder.iterdir()):
        raise DataError("the folder isn't empty and no labelling run made it", path=folder, hint="choose another")
    if file.is_file():
        try:
            known = json.loads(file.read_text(encoding="utf8"))
        except ValueError:
            known = None
        if isinstance(known, dict) and all(known.get(key) == value for key, value in manifest.items()):
            return
        # Other input or another pipeline: its shards say nothing about this run.
        for shard in folder.glob("part-*.spacy"):
            shard.unlink()
    write_text(file, json.dumps({**manifest, "complete": False}, indent=2) + "\n")


def _known_failed(folder: Path) -> dict[str, int]:
    """RETURNS (dict[str, int]): Shard → utterances whose request failed, as the manifest says."""
    known = json.loads((folder / MANIFEST).read_text(encoding="utf8")).get("failed")
    return dict(known) if isinstance(known, dict) else {}


def _forget_failed(folder: Path) -> None:
    for name in _known_failed(folder):
        (folder / name).unlink(missing_ok=True)


def _reason(doc: Doc) -> str:
    # Of a failed request the record's text is what the service said, and its reason the status.
    said = [str(item.get("text") or item.get("reason") or "") for item in doc._.convner.dropped]
    return next((reason for reason in said if reason), "no reason was given")


def _shard(folder: Path, number: int) -> Path:
    return folder / f"part-{number:06d}.spacy"


def _shards(
    docs: Iterator[Doc], missing: dict[int, int], keep_exemplars: bool, on_docs: Callable[[int], object] | None
) -> Iterator[tuple[int, list[Doc]]]:
    # Consecutive slices of the stream are the missing shards in order; missing: shard → how many Docs it has.
    for number, size in missing.items():
        shard = []
        for doc in islice(docs, size):
            if not keep_exemplars:
                drop_exemplars(doc)
            shard.append(doc)
            if on_docs:
                on_docs(1)
        if len(shard) != size:
            raise FilterError(f"the pipeline gave {len(shard)} Docs back for {size} utterances")
        yield number, shard


def _from_processes(docs: Iterable[Doc]) -> Iterator[Doc]:
    # spaCy reports what failed in another process as the text of a traceback.
    try:
        yield from docs
    except ValueError as err:
        last = str(err).strip().splitlines()[-1]
        if last.startswith("spacy_convner.errors."):
            raise ConvnerError(last.partition(": ")[2]) from None
        raise


def _to_doc(nlp: Language, utterance: Exemplar) -> Doc:
    doc = nlp.make_doc(utterance.text)
    set_doc_lang(doc, utterance.lang)
    return doc
