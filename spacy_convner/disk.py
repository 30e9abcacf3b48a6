"""How much room a folder takes."""

from __future__ import annotations

from pathlib import Path


def folder_bytes(folder: Path) -> int:
    """RETURNS (int): Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
