"""What trying a wheel needs, looked at before a virtual environment is made and filled for a minute."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from zipfile import is_zipfile

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from spacy.vocab import Vocab

from ..docbin import read_docbin
from ..errors import ConfigError, DataError
from ..records import check_file, open_lines

_PROJECT = ("pyproject.toml", "setup.py")
_ARCHIVES = (".whl", ".tar.gz", ".zip")


def check_inputs(wheel: Path, constraints: Path | None, first: Sequence[str], test: Path | None) -> None:
    """wheel (Path): A file. constraints, first, test: As for ``try_wheel``.

    RAISES: DataError, or ConfigError for a requirement that is none, for what pip or spaCy would refuse.
    """
    try:
        parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as err:
        raise DataError(
            "not the name of a wheel", path=wheel, hint="a wheel keeps the name that it was built by"
        ) from err
    if not is_zipfile(wheel):
        raise DataError("not a wheel that can be read", path=wheel, hint="build it again: spacy package --build wheel")
    if constraints is not None:
        _check_constraints(constraints)
    for wanted in first:
        _check_first(wanted)
    if test is not None:
        _check_test(test)


def _check_constraints(path: Path) -> None:
    check_file(path)
    for number, line in open_lines(path):
        wanted = line.split("#")[0].strip()
        if wanted and not wanted.startswith("-") and "://" not in wanted and "\\" not in wanted:
            try:
                Requirement(wanted)
            except InvalidRequirement as err:
                hint = "a package and its version, such as spacy==3.8.7"
                raise DataError(f"not a constraint: {wanted!r:.60}", path=path, line=number, hint=hint) from err


def _check_first(wanted: str) -> None:
    path = Path(wanted)
    if path.is_dir():
        if not any((path / name).is_file() for name in _PROJECT):
            raise DataError("no package here", path=path, field="--with", hint=f"no {' or '.join(_PROJECT)}")
    elif path.is_file():
        if not wanted.endswith(_ARCHIVES):
            raise DataError(f"not something to install ({', '.join(_ARCHIVES)})", path=path, field="--with")
    elif "://" not in wanted:  # an address is pip's business
        if wanted.startswith((".", "~")) or os.sep in wanted or wanted.endswith(_ARCHIVES):
            raise DataError("no such file or folder", path=path, field="--with")
        try:
            Requirement(wanted)
        except InvalidRequirement as err:
            raise ConfigError(f"--with: neither a path nor a requirement such as 'spacy>=3.8': {wanted!r:.60}") from err


def _check_test(path: Path) -> None:
    if path.suffix != ".spacy" or not path.is_file():
        raise DataError("expected an annotated .spacy file", path=path, field="--test")
    if not any(doc.ents for doc in read_docbin(path, Vocab())):
        raise DataError("no Doc has an entity", path=path, field="--test")
