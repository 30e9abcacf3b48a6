"""The files that a path means: itself, what a folder holds of one format, what a pattern matches."""

from __future__ import annotations

import glob
from pathlib import Path

from ...errors import DataError

# What comes as folders of many files. Others lie beside their test sets, so they are named one by one.
_KINDS = {
    "enamex": ("OntoNotes .name files", ".name"),
    "conll2012": ("CoNLL-2012 files (*_conll)", "_conll"),
    "docbin": (".spacy files", ".spacy"),
}


def find_files(path: Path, format: str = "auto") -> list[Path]:
    """path (Path): File, folder (searched with all below it) or glob pattern. RETURNS (list[Path]): Sorted.

    A folder may hold OntoNotes or .spacy files. CoNLL-2012 comes with gold and with automatic columns side by side:
    gold ones are taken if there are any. RAISES: DataError where nothing matches, or a folder has several kinds.
    """
    if path.is_dir():
        return _in_folder(path, format)
    if not path.exists() and glob.has_magic(str(path)):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        files = [file for file in found if file.is_file()]
        if not files:
            raise DataError("no file matches this pattern", path=path, hint="check the path")
        return files
    return [path]


def _in_folder(path: Path, format: str) -> list[Path]:
    kinds: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        name = file.name.removesuffix(".gz")
        kind = next((kind for kind, (_, end) in _KINDS.items() if name.endswith(end)), None)
        if kind is not None and format in ("auto", kind) and not hidden and file.is_file():
            kinds.setdefault(kind, []).append(file)
    if not kinds:
        wanted = _KINDS[format][0] if format in _KINDS else " or ".join(what for what, _ in _KINDS.values())
        raise DataError(
            f"is a folder without {wanted}, a file was expected",
            path=path,
            hint="name the files, or give a pattern in quotes such as 'data/*.conll'",
        )
    if len(kinds) > 1:
        counts = ", ".join(f"{len(files)} {_KINDS[kind][0]}" for kind, files in kinds.items())
        raise DataError(f"the folder holds {counts}", path=path, hint=f"say which with --format: {' or '.join(kinds)}")
    ((kind, files),) = kinds.items()
    gold = [file for file in files if "gold" in file.name]
    return gold if gold and kind == "conll2012" else files
