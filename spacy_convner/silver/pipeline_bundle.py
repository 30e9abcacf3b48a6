"""A saved pipeline as bytes, and back on a disk where all processes of a node map the same files."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from spacy.language import Language

from ..errors import DataError

_KEPT = 3  # pipelines that stay on a node's disk for the next run


def pack_pipeline(nlp: Language) -> bytes:
    """RETURNS (bytes): A tar of ``nlp.to_disk``, with catalog, exemplars and the fitted filter."""
    with tempfile.TemporaryDirectory(prefix="convner-pipeline-") as scratch:
        nlp.to_disk(Path(scratch) / "pipeline")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(Path(scratch) / "pipeline", arcname=".")
        return buffer.getvalue()


def unpack_pipeline(name: str, data: bytes) -> Path:
    """Unpack on this node's disk, once for all processes, of this run and of the next.

    name (str): Says what is in ``data``, as its hash. RETURNS (Path): The folder, for ``spacy.load``.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    home = Path(tempfile.gettempdir()) / f"convner-pipelines-{user}"
    home.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and home.stat().st_uid != user:
        raise DataError("belongs to another user", path=home, hint="set TMPDIR to a folder of your own")
    place = home / name
    if place.is_dir() and not _is_whole(data, place):  # cleaners of /tmp take single files
        shutil.rmtree(place, ignore_errors=True)
    if not place.is_dir():
        _unpack(data, place)
    os.utime(place)
    others = sorted((path for path in home.iterdir() if path != place and not path.name.startswith(".")), key=_age)
    for old in others[: -_KEPT + 1 or None]:  # what a process has mapped stays there for it
        shutil.rmtree(old, ignore_errors=True)
    return place


def _unpack(data: bytes, place: Path) -> None:
    """Fill a folder whole; one that another process has filled meanwhile stays, as it may be read already."""
    scratch = Path(tempfile.mkdtemp(prefix=".", dir=place.parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(scratch, filter="data")
        scratch.rename(place)
    except OSError as err:
        if not place.is_dir():
            raise DataError(f"can't be written: {err.strerror or err}", path=place) from err
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_whole(data: bytes, place: Path) -> bool:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = [member for member in tar if member.isfile()]
    return all((place / file.name).is_file() and (place / file.name).stat().st_size == file.size for file in files)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
