"""Build an index, and change one in time proportional to the change."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from spacy.vocab import Vocab

from ...errors import DataError
from ...ty import CatalogEntry, Normalizer
from .builder import BuildReport, Kind, build_segment
from .catalog_index import CatalogIndex
from .segment import Segment, identity_of
from .storage import (
    Manifest,
    SegmentInfo,
    is_index,
    read_manifest,
    remove_unused,
    write_manifest,
    write_segment,
    writing,
)

# Later segments are looked through one by one, so they are merged into one when there are more than this.
MOST_LATER_SEGMENTS = 8


class UpdateReport(NamedTuple):
    """``replaced`` is how many of the added had the label and id of an entry that was there."""

    added: int
    replaced: int
    removed: int
    not_found: list[str]
    segments: int


def build_index(
    entries: Iterable[CatalogEntry], folder: Path, vocab: Vocab, normalizer: Normalizer, kind: Kind = "auto"
) -> BuildReport:
    """Write a new index, or a new version of the one in ``folder``; it stays as it was if anything fails.

    entries (Iterable[CatalogEntry]): Streamed. RAISES: DataError for bad or no entries, or a folder of other things.
    """
    _check_folder(folder)
    with writing(folder), _as_before(folder):
        _sweep(folder)
        segment, report = build_segment(entries, vocab, normalizer, kind)
        if not report.entries:
            raise DataError("the catalog has no entries", path=folder)
        _commit(folder, Manifest(kind, normalizer.fingerprint), [segment])
    return report


def update_index(
    folder: Path,
    vocab: Vocab,
    normalizer: Normalizer,
    add: Iterable[CatalogEntry] = (),
    remove: Iterable[CatalogEntry] = (),
) -> UpdateReport:
    """Add and remove entries of an index.

    add (Iterable[CatalogEntry]): One with the label and id of an entry that is there takes its place.
    remove (Iterable[CatalogEntry]): By label and id; an id that wasn't given is made of label and text, as in a build.
    RETURNS (UpdateReport). RAISES: DataError; the index then is as before.
    """
    with writing(folder), _as_before(folder):
        manifest = read_manifest(folder)
        kind: Kind = "trie" if manifest.kind == "trie" else "phrase" if manifest.kind == "phrase" else "auto"
        index = CatalogIndex.open(folder, vocab, normalizer, verify=False)
        segment, report = build_segment(add, vocab, normalizer, kind)
        added = set(segment.tables["identities"].tolist())
        replaced = len(index.holds(added))
        gone = {identity_of(entry.label, entry.id): entry.id for entry in remove}
        found = index.holds(gone)
        segment.removed = frozenset(added | found)
        later = [index.segment(info.name) for info in manifest.segments[1:]]
        keep = manifest.segments
        new = [segment]
        if len(later) + 1 > MOST_LATER_SEGMENTS:
            keep, new = manifest.segments[:1], [_merged([*later, segment], index, normalizer, kind)]
        _commit(folder, replace(manifest, segments=keep), new)
        count = len(keep) + 1
    missing = [entry_id for identity, entry_id in gone.items() if identity not in found]
    return UpdateReport(report.entries, replaced, len(found - added), missing, count)


def save_index(index: CatalogIndex, folder: Path) -> None:
    """Write what an index holds now to a folder: its segments as they are."""
    with writing(folder), _as_before(folder):
        _commit(folder, Manifest(index.kind, index.normalizer.fingerprint), index.segments)


def _commit(folder: Path, manifest: Manifest, new: Iterable[Segment]) -> None:
    written: list[SegmentInfo] = []
    try:
        for segment in new:
            written.append(write_segment(folder, segment))
        manifest = replace(manifest, segments=[*manifest.segments, *written])
        write_manifest(folder, manifest)
    except BaseException:
        for info in written:
            shutil.rmtree(folder / info.name, ignore_errors=True)
        raise
    remove_unused(folder, manifest)


@contextmanager
def _as_before(folder: Path) -> Iterator[None]:
    """Say that nothing changed when the disk is full, be it the index's or that of temporary files."""
    try:
        yield
    except OSError as err:
        if isinstance(err.filename, str) and not Path(err.filename).is_relative_to(folder):
            raise  # a source that can't be read
        raise DataError(
            f"can't be written: {err.strerror or err}; the index is as before",
            path=folder,
            hint=f"it needs space there and, while it builds, in {tempfile.gettempdir()} (TMPDIR)",
        ) from err


def _merged(segments: list[Segment], index: CatalogIndex, normalizer: Normalizer, kind: Kind) -> Segment:
    removed: frozenset[int] = frozenset().union(*(segment.removed for segment in segments))
    together = CatalogIndex(index.vocab, normalizer, segments, kind)
    merged, _ = build_segment(together.entries(), index.vocab, normalizer, kind)
    merged.removed = removed
    return merged


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError("is a file, a folder was expected", path=folder)
    if folder.is_dir() and not is_index(folder) and any(p.name != ".lock" for p in folder.iterdir()):
        strangers = [p.name for p in folder.iterdir() if not p.name.startswith(("segment-", ".lock"))]
        if strangers:
            raise DataError(
                f"holds other things ({strangers[0]}) and no index", path=folder, hint="give a new or empty folder"
            )


def _sweep(folder: Path) -> None:
    """Delete what a build that died left."""
    remove_unused(folder, read_manifest(folder) if is_index(folder) else Manifest("auto", ""))
