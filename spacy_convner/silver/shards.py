"""A shard: a DocBin of one input range, with a footer that says how it was made and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.tokens import Doc, DocBin

from ..docbin import quick_msgpack
from ..errors import FilterError
from .folder import Folder
from .input_ranges import InputRange
from .source_rows import Row

SHARD = re.compile(r"part-\d{6,}-\d{10,}-\d{10,}\.spacy")
UNANSWERED = ("failed", "over_budget")  # asked again by the next run
_MAGIC = b"convner2"
_END = 8 + hashlib.sha256().digest_size + len(_MAGIC)  # bytes: length of the footer, hash of all before, magic
_TAIL = 1 << 16  # bytes that hold nearly every footer

Record = dict[str, Any]


class UnstorableError(FilterError):
    """A Doc has something in its user data that can't be serialised."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a shard depends on beside its rows. pipeline_sha256 (str). keep_exemplars, keep_meta (bool)."""

    pipeline_sha256: str
    keep_exemplars: bool = False
    keep_meta: bool = False

    def of(self, part: InputRange) -> list[Any]:
        """RETURNS (list): What is written into the footer: a shard that says otherwise is made again."""
        return [part.sha256, part.first, part.last, self.pipeline_sha256, self.keep_exemplars, self.keep_meta]


def write_shard(
    folder: Folder, part: InputRange, making: Making, docs: Sequence[Doc], rejected: Sequence[Row]
) -> Record:
    """Write the Docs of a range, atomically.

    RETURNS (dict): ``shard`` (its name), ``utterances`` (Docs), of ``count_docs``, ``usage`` (sums), ``rejected``
        (list of ``row`` and ``reason``), ``reason``, why the first Doc that failed did, and ``bytes`` of the file.
    RAISES: DataError if it can't be written; UnstorableError.
    """
    record = {"shard": part.name, "utterances": len(docs), **count_docs(docs), "usage": _usage(docs),
              "rejected": [{"row": row.number, "reason": row.reason} for row in rejected]}  # fmt: skip
    failed = next((doc for doc in docs if doc._.convner.status in UNANSWERED), None)
    if failed is not None:
        record["reason"] = _reason(failed)
    data = _store(docs)
    # zlib stops at the end of its stream, so that to spaCy what follows isn't there.
    footer = json.dumps({"made": making.of(part), **record}).encode("utf8")
    data += footer + len(footer).to_bytes(8, "big")
    data += hashlib.sha256(data).digest() + _MAGIC
    folder.write(part.name, data)
    return {**record, "bytes": len(data)}


def _store(docs: Sequence[Doc]) -> bytes:
    try:
        with quick_msgpack():
            return bytes(DocBin(store_user_data=True, docs=docs).to_bytes())
    except Exception as err:  # whatever msgpack makes of meta, or of what a component left in doc.user_data
        said = " ".join(f"{type(err).__name__}: {err}".split())[:300]
        raise UnstorableError(f"can't be stored in DocBin: {said}") from err


def why_unstorable(doc: Doc) -> str:
    """RETURNS (str): Why it can't be in a shard; "" if it can."""
    try:
        _store([doc])
    except UnstorableError as err:
        return str(err)
    return ""


def read_record(folder: Folder, name: str) -> Record | None:
    """Read what a shard says of itself. One of this machine is read whole; object stores check what they keep.

    RETURNS (dict | None): What ``write_shard`` gave, and ``made``; None for a file that it didn't write, or that isn't
        what it wrote any more.
    """
    try:
        size = folder.size(name)
        data = folder.read(name, max(0, size - _TAIL) if folder.is_url else 0)
        if len(data) < _END or not data.endswith(_MAGIC):
            return None
        hashed = len(data) - _END + 8
        if not folder.is_url and hashlib.sha256(data[:hashed]).digest() != data[hashed : -len(_MAGIC)]:
            return None
        footer = int.from_bytes(data[hashed - 8 : hashed], "big")
        if footer + _END > len(data):
            data = folder.read(name, size - footer - _END)
        record = json.loads(data[-_END - footer : -_END])
    except (OSError, ValueError):
        return None
    return {**record, "bytes": size} if isinstance(record, dict) else None


def unanswered(record: Mapping[str, Any]) -> int:
    """RETURNS (int): Docs of a shard that a language model wasn't asked about, or didn't answer."""
    return sum(record["statuses"].get(status, 0) for status in UNANSWERED)


def why_stop(record: Mapping[str, Any]) -> str | None:
    """RETURNS (str | None): Why a run stops behind this shard: going on would cost, and give nothing."""
    name, count = record["shard"], record["utterances"]
    if spent := record["statuses"].get("over_budget", 0):
        return (
            f"max_calls or max_usd is reached: {spent:,} utterances of {name} weren't asked. "
            "Stopped; what was labelled is kept, raise the limit and run the same command again to go on"
        )
    if unanswered(record) == count > 1:
        return (
            f"all {count:,} utterances of {name} failed: {record['reason']}. Stopped; "
            "what was labelled is kept, run the same command again to go on"
        )
    return None


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


def sum_records(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """RETURNS (dict): As ``count_docs``, of many shards; ``rejected`` (how many) and ``usage``."""
    statuses, labels, usage = Counter[str](), Counter[str](), Counter[str]()
    dropped = rejected = 0
    for record in records:
        statuses.update(record["statuses"])
        labels.update(record["labels"])
        usage.update(record["usage"])
        dropped += record["dropped"]
        rejected += len(record["rejected"])
    return {
        "statuses": dict(statuses.most_common()),
        "entities": sum(labels.values()),
        "labels": dict(labels.most_common()),
        "dropped": dropped,
        "rejected": rejected,
        "usage": dict(usage),
    }


def _usage(docs: Iterable[Doc]) -> dict[str, float]:
    usage: Counter[str] = Counter()
    for doc in docs:
        usage.update({name: count for name, count in doc._.convner.usage.items() if isinstance(count, int | float)})
    return dict(usage)


def _reason(doc: Doc) -> str:
    # Of a failed request the record's text is what the service said, and its reason the status.
    said = [str(item.get("text") or item.get("reason") or "") for item in doc._.convner.dropped]
    return next((reason for reason in said if reason), "no reason was given")
