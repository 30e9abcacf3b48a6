"""The manifest of a labelling run: which input, which pipeline, what every shard holds, what failed and why."""

from __future__ import annotations

import json
import time
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ..errors import DataError
from .folder import Folder
from .input_ranges import InputRange, PlannedFile, input_sha256, split_file
from .shards import SHARD, Making, Record, read_record, sum_records, unanswered

MANIFEST = "manifest.json"
_VERSION = 3
_SECONDS = 5.0  # between two writings at least; a shard says for itself what is in it


class Manifest:
    """What is done and what isn't.

    folder (Folder): Where shards go. files (list[PlannedFile]): The input. making (Making): What else shards depend on.
    shard_size (int): Utterances a shard.
    """

    def __init__(self, folder: Folder, files: Sequence[PlannedFile], making: Making, shard_size: int) -> None:
        self.folder, self.files, self.making = folder, files, making
        self.settings = {"pipeline_sha256": making.pipeline_sha256, "shard_size": shard_size,
                         "keep_exemplars": making.keep_exemplars, "keep_meta": making.keep_meta}  # fmt: skip
        self.shard_size = shard_size
        self.numbers: list[int] = []
        self.records: dict[str, Record] = {}
        self.failures: list[dict[str, str]] = []
        self.damaged: list[str] = []
        self.total = sum(file.rows for file in files)
        self._written, self._cost = 0.0, 0.0

    def open(self) -> list[InputRange]:
        """Look into the folder, delete our shards of another run, and write the manifest.

        Shards are taken for what they say of themselves. Where the manifest is lost or can't be read, they also say
        which file had which number. ``damaged`` names what was there and isn't whole.

        RETURNS (list[InputRange]): What is to be done: not there, not whole, of other input or settings, or not
            answered.
        RAISES: DataError for a folder that isn't a labelling run's.
        """
        self.folder.check()
        sizes = self.folder.sizes()
        known = self._read_known(sizes)
        records = self._read_shards(sizes, known or {})
        if known is None:
            if sizes and not records:
                message = "the folder isn't empty and no labelling run made it"
                raise DataError(message, path=self.folder.place, hint="choose another")
            known = {"files": _files_of(records)}
        self.numbers = _number(self.files, known.get("files", []))
        numbered = zip(self.files, self.numbers, strict=True)
        ranges = [part for file, number in numbered for part in split_file(file, number, self.shard_size)]
        wanted = {part.name: part for part in ranges}
        for name in filter(SHARD.fullmatch, sizes):
            record = records.get(name)
            if record is None or (name in wanted and record["shard"] != name):
                # Somebody else's, damaged, or moved here: written over if it is in our place.
                self.damaged += [name] if name in wanted else []
            elif name not in wanted or record.pop("made", None) != self.making.of(wanted[name]):
                self.folder.delete(name)
            elif not unanswered(record):
                self.records[name] = record
        self.write()
        return [part for part in ranges if part.name not in self.records]

    def add(self, record: Record) -> None:
        """Take the record of a shard that was written; the manifest is written now and then."""
        self.records[record["shard"]] = record
        if time.monotonic() - self._written > max(_SECONDS, 20 * self._cost):
            self.write()

    def fail(self, reason: str, shard: str = "", node: str = "") -> None:
        """Note what went wrong."""
        self.failures.append({"shard": shard, "node": node, "reason": reason})

    @property
    def failed(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): Shard → utterances that weren't answered."""
        return {name: count for name, record in self._sorted() if (count := unanswered(record))}

    def rejected(self) -> list[dict[str, Any]]:
        """RETURNS (list[dict]): What is in no shard: ``file``, ``row`` (a line, of JSONL), ``reason``, ``shard``."""
        paths = dict(zip(self.numbers, (file.source.path for file in self.files), strict=True))
        return [{"file": paths[int(name.split("-")[1])], **row, "shard": name}
                for name, record in self._sorted() for row in record["rejected"]]  # fmt: skip

    def write(self, stats: Mapping[str, Any] | None = None) -> None:
        """Write it. stats (Mapping | None): Of a run that came to its end."""
        started = time.monotonic()
        files = [{"number": number, "path": file.source.path, "rows": file.rows, "sha256": file.sha256}
                 for file, number in zip(self.files, self.numbers, strict=True)]  # fmt: skip
        content: dict[str, Any] = {
            "version": _VERSION,
            "input_sha256": input_sha256(self.files),
            "utterances": self.total,
            **self.settings,
            "complete": stats is not None and not self.failed,
            "counts": sum_records(self.records.values()),
            "failed": self.failed,
            "failures": self.failures,
            "damaged": self.damaged,
            "rejected": self.rejected(),
            "files": files,
            "shards": {name: _brief(record) for name, record in self._sorted()},
        }
        if stats is not None:
            content["stats"] = dict(stats)
        self.folder.write(MANIFEST, f"{to_json(content, indent=1)}\n".encode())
        self._written = time.monotonic()
        self._cost = self._written - started

    def _sorted(self) -> list[tuple[str, Record]]:
        return sorted(self.records.items())

    def _read_known(self, names: Container[str]) -> dict[str, Any] | None:
        """RETURNS (dict | None): The manifest of the run before, {} of one with other settings; None if there is none.

        RAISES: DataError for another program's.
        """
        if MANIFEST not in names:
            return None
        try:
            known = json.loads(self.folder.read(MANIFEST))
        except (OSError, ValueError):
            known = None
        if not isinstance(known, dict) or (known.get("version") == _VERSION and not _is_sound(known)):
            self.damaged.append(MANIFEST)
            return None
        if known.get("version") != _VERSION:
            raise DataError(
                "another program's manifest, or an older release's", path=f"{self.folder}/{MANIFEST}",
                hint="choose another folder",
            )  # fmt: skip
        same = self.settings.items() <= known.items()
        return known if same else {}

    def _read_shards(self, sizes: Mapping[str, int], known: Mapping[str, Any]) -> dict[str, Record]:
        """RETURNS (dict[str, Record]): Of each whole shard. What lies elsewhere and has the size listed isn't read."""
        listed = _listed(known) if self.folder.is_url else {}
        found: dict[str, Record] = {}
        for name in filter(SHARD.fullmatch, sizes):
            record = listed.get(name)
            if record is None or record["bytes"] != sizes[name]:
                record = read_record(self.folder, name)
            if record is not None:
                found[name] = record
        return found


def to_json(content: object, indent: int | None = None) -> str:
    """RETURNS (str): JSON with letters as they are, or escaped where a file's name or a message isn't Unicode."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        text = json.dumps(content, indent=indent)
    return text


def _is_sound(known: Mapping[str, Any]) -> bool:
    """RETURNS (bool): Whether a manifest can be read on; somebody may have edited it."""
    try:
        numbers = [item["number"] for item in known["files"]]
        _listed(known)
        return (
            all(type(number) is int and 0 < number < 1_000_000 for number in numbers)
            and len(set(numbers)) == len(numbers)
            and all(isinstance(item[key], str) for item in known["files"] for key in ("path", "sha256"))
            and all(type(record["bytes"]) is int for record in known["shards"].values())
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("shard", "rejected", "made")}


def _files_of(records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): Files as a manifest has them, by what their shards say; nothing knows their paths."""
    found = {int(name.split("-")[1]): record["made"][0] for name, record in records.items()}
    return [{"number": number, "path": "", "sha256": sha256} for number, sha256 in sorted(found.items())]


def _listed(known: Mapping[str, Any]) -> dict[str, Record]:
    """RETURNS (dict): What shards say of themselves, from a manifest of the same settings."""
    sha256 = {item["number"]: item["sha256"] for item in known.get("files", [])}
    settings = [known[key] for key in ("pipeline_sha256", "keep_exemplars", "keep_meta")] if known else []
    found: dict[str, Record] = {}
    for name, record in known.get("shards", {}).items():
        number, first, last = map(int, name.removesuffix(".spacy").split("-")[1:])
        found[name] = {"made": [sha256.get(number), first, last, *settings], "shard": name, **record, "rejected": []}
    for row in known.get("rejected", []):
        if row["shard"] in found:
            found[row["shard"]]["rejected"].append({"row": row["row"], "reason": row["reason"]})
    return found


def _number(files: Sequence[PlannedFile], known: Sequence[Mapping[str, Any]]) -> list[int]:
    """RETURNS (list[int]): Numbers from 1. A file keeps the one it had, so that its shards hold when others come."""
    taken: dict[int, int] = {}
    free = {int(item["number"]): item for item in known}
    for fields in (("path", "sha256"), ("sha256",), ("path",)):
        places: dict[tuple[Any, ...], list[int]] = {}
        for number, item in free.items():
            places.setdefault(tuple(item[field] for field in fields), []).append(number)
        for i, file in enumerate(files):
            own = {"path": file.source.path, "sha256": file.sha256}
            numbers = places.get(tuple(own[field] for field in fields), [])
            if i not in taken and numbers:
                taken[i] = numbers.pop(0)
                del free[taken[i]]
    following = iter(range(max(taken.values(), default=0) + 1, 1 << 62))
    return [taken[i] if i in taken else next(following) for i in range(len(files))]
