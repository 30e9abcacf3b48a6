"""How much room a folder takes, and what is in it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_bytes(folder: Path) -> int:
    """RETURNS (int): Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def folder_sha256(folder: Path) -> str:
    """RETURNS (str): Of the names and contents of all files under a folder."""
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(folder)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
