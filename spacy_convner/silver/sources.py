"""Which files are labelled, where they lie and how they are opened: here, or wherever fsspec reaches."""

from __future__ import annotations

import glob
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from ..errors import ConvnerError, DataError, MissingExtraError
from ..records import check_file

Kind = Literal["jsonl", "docbin", "parquet"]
_SUFFIXES: dict[str, Kind] = {".jsonl": "jsonl", ".jsonl.gz": "jsonl", ".spacy": "docbin", ".parquet": "parquet"}
_KNOWN = ", ".join(_SUFFIXES)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the input. ``path`` (str): A path of this machine, or a URL such as ``s3://bucket/day=1/x.parquet``."""

    path: str
    kind: Kind

    @property
    def splits(self) -> bool:
        """Whether a reader may start in its middle; else it reads what comes before and throws it away."""
        return self.kind == "jsonl" and not self.path.endswith(".gz")


def is_url(place: str | Path) -> bool:
    """RETURNS (bool): Whether ``place`` is an address with a scheme, for fsspec to open."""
    return "://" in str(place)


def plain_path(place: str) -> str:
    """RETURNS (str): The path of a ``file:`` URL; anything else as it is."""
    return re.sub(r"^(?:file|local):(?://)?(?=/)|^(?:file|local)://", "", place)


def file_system(url: str) -> tuple[Any, str]:
    """RETURNS (tuple): The fsspec file system of a URL, and the path in it. RAISES: MissingExtraError, DataError."""
    try:
        import fsspec
    except ImportError as err:
        raise MissingExtraError(f"opening {url}", "fsspec", "remote") from err
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as err:  # s3fs, gcsfs …: each scheme has a package of its own
        raise DataError(str(err), path=url, hint="install it beside spacy-convner") from err
    except (ValueError, OSError) as err:
        raise DataError(f"can't be opened: {err}", path=url) from err
    return system, path


def find_files(source: str | Path) -> list[SourceFile]:
    """List the files of an input.

    source (str | Path): A file, a folder (every file of a known kind under it), a glob pattern, or a URL of one of
        these. A single file without a known suffix is read as JSONL. Names that begin with ``.`` or ``_`` in a folder
        are other tools' own.
    RETURNS (list[SourceFile]): Sorted by path. RAISES: DataError if there is none.
    """
    place = plain_path(str(source))
    return _find_remote(place) if is_url(place) else _find_local(Path(place))


@contextmanager
def open_binary(path: str) -> Iterator[IO[bytes]]:
    """Open a file to read, decompressed where its name ends in ``.gz``. RAISES: DataError if that fails."""
    try:
        with _open(path) as file:
            yield file
    except (OSError, EOFError, zlib.error) as err:
        raise DataError(f"can't be read: {err}", path=path) from err


def file_sha256(source: SourceFile) -> str:
    """RETURNS (str): Fingerprint of a file: of its bytes; of a Parquet object elsewhere, of what its store says of it.

    Object stores give every version a tag (ETag), so that nobody has to read a table whole to see that it is the same.
    """
    if source.kind == "parquet" and is_url(source.path):
        system, path = file_system(source.path)
        try:
            info = system.info(path)
            tag = next((info[key] for key in ("ETag", "etag", "md5Hash", "crc32c") if info.get(key)), None)
            return hashlib.sha256(repr((info.get("size"), tag or system.ukey(path))).encode("utf8")).hexdigest()
        except OSError as err:
            raise DataError(f"can't be read: {err}", path=source.path) from err
    with open_binary(source.path) as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


def _open(path: str) -> Any:
    if is_url(path):
        system, inner = file_system(path)
        return system.open(inner, "rb", compression="gzip" if path.endswith(".gz") else None)
    return gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb")


def _kind(name: str) -> Kind | None:
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)


def _find_local(path: Path) -> list[SourceFile]:
    if path.is_dir():
        return _some(_inside(path), str(path), "folder")
    if not path.exists() and glob.has_magic(str(path)):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
        files = [name for match in found for name in (_inside(match) if match.is_dir() else [str(match)])]
        return _some(files, str(path), "pattern")
    check_file(path)
    return [SourceFile(str(path), _kind(path.name) or "jsonl")]


def _inside(folder: Path) -> list[str]:
    return [str(file) for file in folder.rglob("*")
            if not is_hidden(file.relative_to(folder).parts) and file.is_file()]  # fmt: skip


def _find_remote(url: str) -> list[SourceFile]:
    system, path = file_system(url)

    def inside(folder: str) -> list[str]:
        prefix = len(folder.rstrip("/")) + 1
        return [name for name in system.find(folder) if not is_hidden(name[prefix:].split("/"))]

    try:
        if glob.has_magic(path) and not system.exists(path):
            names = [
                name for match in system.glob(path) for name in (inside(match) if system.isdir(match) else [match])
            ]
        elif system.isdir(path):
            names = inside(path)
        else:
            if not system.exists(path):
                raise DataError("no such file", path=url, hint="check the address and your access to it")
            if system.size(path) == 0:
                raise DataError("the file is empty", path=url)
            return [SourceFile(url, _kind(path) or "jsonl")]
        return _some([str(system.unstrip_protocol(name)) for name in names], url, "folder or pattern")
    except ConvnerError:
        raise
    except Exception as err:  # clients of object stores have errors of their own
        raise DataError(f"can't be read: {err}", path=url) from err


def is_hidden(parts: Sequence[str]) -> bool:
    """parts (Sequence[str]): Of a path. RETURNS (bool): Whether it is another tool's own, and not looked into."""
    return any(part.startswith((".", "_")) for part in parts)


def _some(names: Iterable[str], path: str, what: str) -> list[SourceFile]:
    files = [SourceFile(name, kind) for name in sorted(set(names)) if (kind := _kind(name)) is not None]
    if not files:
        raise DataError(f"no file of utterances ({_KNOWN}) in this {what}", path=path)
    return files
