"""An index on disk: a folder of immutable segments and ``CURRENT``, which names those that hold now.

A writer makes a new segment beside the others and then replaces ``CURRENT``, so a reader sees all of a change or none,
and one that has the old segments open keeps them. A crash leaves at most a folder that nobody reads.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from spacy.vocab import Vocab

from ...atomic import write_text
from ...errors import DataError
from .finders import KeyFinder, PhraseFinder, TrieFinder
from .segment import Segment

try:
    import fcntl
except ImportError:  # Windows: two writers at a time are the user's to avoid
    fcntl = None  # type: ignore[assignment]

FORMAT = "convner-catalog"
VERSION = 1
CURRENT = "CURRENT"
_TABLES = ("row_start", "row_entry", "row_step", "label", "popularity", "offset", "identities", "records")
_CHUNK = 1 << 22


@dataclass(frozen=True)
class SegmentInfo:
    """What ``CURRENT`` says of a segment; ``files`` is name → [bytes, CRC-32]."""

    name: str
    kind: str
    entries: int
    labels: list[str]
    steps: list[str]
    files: dict[str, list[int]]


@dataclass(frozen=True)
class Manifest:
    """What ``CURRENT`` says; ``kind`` is what was asked for, also of segments to come."""

    kind: str
    normalizer: str
    segments: list[SegmentInfo] = field(default_factory=list)
    format: str = FORMAT
    version: int = VERSION

    @property
    def entries(self) -> int:
        return sum(segment.entries for segment in self.segments)


def is_index(path: Path) -> bool:
    """RETURNS (bool): Whether this is the folder of an index."""
    return (path / CURRENT).is_file()


def read_manifest(folder: Path) -> Manifest:
    """RAISES: DataError for another format or version."""
    path = folder / CURRENT
    hint = "build it again: convner catalog build … --output " + str(folder)
    try:
        data = json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise DataError("no catalog index here", path=folder, hint="build one: convner catalog build …") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise DataError(f"damaged index: {err}", path=path, hint=hint) from err
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError("not a catalog index", path=path, hint=hint)
    if data.get("version") != VERSION:
        raise DataError(
            f"index of version {data.get('version')!r}; this release reads version {VERSION}", path=path, hint=hint
        )
    try:
        segments = [SegmentInfo(**segment) for segment in data["segments"]]
        return Manifest(kind=data["kind"], normalizer=data["normalizer"], segments=segments)
    except (KeyError, TypeError) as err:
        raise DataError(f"damaged index: {err}", path=path, hint=hint) from err


def read_stamp(folder: Path) -> tuple[int, int]:
    """RETURNS (tuple[int, int]): Another one after each change. RAISES: DataError if there is no index."""
    try:
        status = (folder / CURRENT).stat()
    except FileNotFoundError:
        raise DataError("no catalog index here", path=folder, hint="build one: convner catalog build …") from None
    return status.st_mtime_ns, status.st_ino


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace ``CURRENT``: from here on the index is what ``manifest`` says."""
    write_text(folder / CURRENT, json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """One writer at a time. RAISES: DataError if another has the index."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError("another build or update is writing this index", path=folder) from None
        yield


def write_segment(folder: Path, segment: Segment) -> SegmentInfo:
    """Write a segment beside those of ``folder``. It counts once ``write_manifest`` names it.

    RAISES: OSError, for example for a full disk; nothing is left behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="segment-", dir=folder))
    try:
        os.chmod(scratch, 0o755)
        for name in _TABLES:
            np.save(scratch / f"{name}.npy", segment.tables[name], allow_pickle=False)
        np.save(scratch / "removed.npy", np.array(sorted(segment.removed), dtype=np.uint64), allow_pickle=False)
        if isinstance(segment.finder, TrieFinder):
            segment.finder.trie.save(str(scratch / "keys.marisa"))
        else:
            assert isinstance(segment.finder, PhraseFinder)
            np.save(scratch / "hashes.npy", segment.finder.hashes, allow_pickle=False)
            np.save(scratch / "lengths.npy", segment.finder.lengths, allow_pickle=False)
        files = {file.name: [file.stat().st_size, _checksum(file)] for file in sorted(scratch.iterdir())}
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return SegmentInfo(
        scratch.name, segment.finder.kind, segment.n_entries, list(segment.labels), list(segment.steps), files
    )


def load_segment(folder: Path, info: SegmentInfo, vocab: Vocab, verify: bool = True) -> Segment:
    """Map a segment's files. verify (bool): Read them to compare checksums.

    RAISES: DataError if one is missing, short or damaged.
    """
    place = folder / info.name
    for name, (size, checksum) in info.files.items():
        file = place / name
        found = file.stat().st_size if file.is_file() else None
        if found != size or (verify and _checksum(file) != checksum):
            what = "is missing" if found is None else f"has {found:,} of {size:,} bytes" if found != size else "changed"
            raise DataError(
                f"damaged index: {name} {what}",
                path=place,
                hint="build it again: convner catalog build … --output " + str(folder),
            )
    try:
        tables = {name: np.load(place / f"{name}.npy", mmap_mode=_mode(place / f"{name}.npy")) for name in _TABLES}
        finder: KeyFinder
        if info.kind == "trie":
            finder = TrieFinder.load(place / "keys.marisa")
        else:
            finder = PhraseFinder(vocab, np.load(place / "hashes.npy"), np.load(place / "lengths.npy"))
        removed = frozenset(np.load(place / "removed.npy").tolist())
    except (OSError, ValueError, RuntimeError) as err:
        raise DataError(f"damaged index: {err}", path=place) from err
    return Segment(finder, tables, info.labels, info.steps, removed, info.name)


def remove_unused(folder: Path, manifest: Manifest) -> None:
    """Delete segments that ``CURRENT`` no longer names; who has them open keeps them."""
    used = {segment.name for segment in manifest.segments}
    for place in folder.glob("segment-*"):
        if place.is_dir() and place.name not in used:
            shutil.rmtree(place, ignore_errors=True)


def _mode(path: Path) -> Any:
    return "r" if path.stat().st_size > 256 else None  # an empty array can't be mapped


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb", buffering=0) as file:
        while data := file.read(_CHUNK):
            value = zlib.crc32(data, value)
    return value
