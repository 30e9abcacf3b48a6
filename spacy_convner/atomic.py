"""Write files so that a reader sees the old one or the whole new one, never a half."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes the place of ``path`` when the block ends well.

    path (Path): The file to write. Missing parent folders are made.
    YIELDS (Path): Where to write.
    RAISES: DataError when the folder can't be written or ``path`` is a folder.
    """
    if path.is_dir():
        raise DataError("is a folder, a file was expected", path=path, hint="give the path of a file to write")
    path = path.resolve()  # a link stays one
    if path.exists() and not path.is_file():  # /dev/stdout, /dev/null, a pipe: there is nothing to replace
        yield path
        return
    temporary = _beside(path, Path.touch)
    try:
        yield temporary
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it takes the place of ``path`` when the block ends well.

    path (Path): The folder to write; one that is there is replaced whole.
    YIELDS (Path): An empty folder.
    RAISES: DataError when it can't be written or ``path`` is a file.
    """
    path = path.resolve()
    if path.exists() and not path.is_dir():
        raise DataError("is a file, a folder was expected", path=path, hint="give the path of a folder to write")
    temporary = _beside(path, Path.mkdir)
    try:
        yield temporary
        old = path.parent / f".{secrets.token_hex(8)}.old"
        if path.exists():
            path.rename(old)
        temporary.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_saved(path: Path) -> bytes:
    """RETURNS (bytes): A file of a saved component. RAISES: DataError if it isn't there."""
    try:
        return path.read_bytes()
    except OSError as err:
        raise DataError(f"the saved pipeline is damaged: {err.strerror or err}", path=path) from err


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, UTF-8 with ``\\n`` line ends."""
    write_bytes(path, text.encode("utf8"))


def _beside(path: Path, make: Callable[..., None]) -> Path:
    """make (Callable): ``Path.touch`` or ``Path.mkdir``. RETURNS (Path): New and empty, in the folder of ``path``."""
    # A short name of its own, so that a long file name doesn't pass the file system's limit.
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        make(temporary, exist_ok=False)
    except OSError as err:
        raise DataError(
            f"can't be written: {err.strerror or err}", path=path, hint="choose an output that you may write"
        ) from err
    return temporary
