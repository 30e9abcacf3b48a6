"""The folder that a labelling run writes: of this machine, or an object store's. A reader never sees half a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..atomic import write_bytes
from ..errors import ConvnerError, DataError
from .sources import file_system, is_url, plain_path

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")  # of spacy_convner.atomic


class Folder:
    """place (str | Path): A path, or a URL for fsspec. Nothing is opened before the first call; it can be pickled."""

    def __init__(self, place: str | Path) -> None:
        self.place = plain_path(str(place))
        self._path = None if is_url(self.place) else Path(self.place)
        self._remote: tuple[Any, str] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (Folder, (self.place,))

    def __str__(self) -> str:
        return self.place

    @property
    def is_url(self) -> bool:
        """Whether it lies elsewhere."""
        return self._path is None

    def sizes(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): Name → bytes of what is in it, sorted; none where it isn't there yet."""
        if self._path is not None:
            files = sorted(self._path.iterdir()) if self._path.is_dir() else []
            return {file.name: file.lstat().st_size for file in files}
        system, path = self._open()
        system.invalidate_cache()
        try:
            found = system.ls(path, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as err:  # clients of object stores have errors of their own
            raise DataError(f"can't be listed: {err}", path=self.place) from err
        inside: dict[str, int] = {item["name"].rstrip("/"): int(item.get("size") or 0) for item in found}
        return {name.rpartition("/")[2]: inside[name] for name in sorted(inside) if name != path.rstrip("/")}

    def size(self, name: str) -> int:
        """RETURNS (int): Bytes of a file. RAISES: OSError."""
        if self._path is not None:
            return (self._path / name).stat().st_size
        system, path = self._open()
        return int(system.size(f"{path}/{name}"))

    def exists(self, name: str) -> bool:
        """RETURNS (bool): Whether a file of that name is in it."""
        if self._path is not None:
            return (self._path / name).is_file()
        system, path = self._open()
        system.invalidate_cache()
        return bool(system.exists(f"{path}/{name}"))

    def read(self, name: str, start: int = 0) -> bytes:
        """RETURNS (bytes): A file, from its byte ``start`` on. RAISES: OSError."""
        if self._path is not None:
            with (self._path / name).open("rb") as file:
                file.seek(start)
                return file.read()
        system, path = self._open()
        return bytes(system.cat_file(f"{path}/{name}", start=start or None))

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole: beside its name and then renamed; on an object store in one put.

        RAISES: DataError saying where and why, for a full disk too.
        """
        place = f"{self.place.rstrip('/')}/{name}"
        try:
            if self._path is not None:
                write_bytes(self._path / name, data)
            else:
                system, path = self._open()
                system.makedirs(path, exist_ok=True)
                system.pipe_file(f"{path}/{name}", data)
        except ConvnerError:
            raise
        except Exception as err:
            raise DataError(f"can't be written: {getattr(err, 'strerror', None) or err}", path=place) from err

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        if self._path is not None:
            (self._path / name).unlink(missing_ok=True)
            return
        system, path = self._open()
        if system.exists(f"{path}/{name}"):
            system.rm_file(f"{path}/{name}")

    def check(self) -> None:
        """RAISES: DataError if it is a file. Deletes what a run left that was killed while it wrote."""
        if self._path is None:
            return
        if self._path.is_file():
            raise DataError("is a file, a folder was expected", path=self._path, hint="name it *.spacy to get one file")
        for name in self.sizes():
            if _TEMPORARY.fullmatch(name):
                self.delete(name)

    def remove_if_empty(self) -> None:
        """Delete the folder, if nothing is left in it."""
        if self._path is not None and self._path.is_dir() and not any(self._path.iterdir()):
            self._path.rmdir()

    def _open(self) -> tuple[Any, str]:
        if self._remote is None:
            self._remote = file_system(self.place.rstrip("/"))
        return self._remote
