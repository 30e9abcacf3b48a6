"""What a training needs besides its data: files that the config names, and a GPU."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError


def check_files(config: Mapping[str, Any]) -> None:
    """config (Mapping): Interpolated. RAISES: DataError for a catalog, or names to leave out, that aren't there."""
    for where, path in _named_files(config):
        if not Path(path).exists() and not glob.glob(path):
            raise DataError("no such file or folder", path=path, field=where, hint="see [paths] of the config")


def check_gpu(gpu_id: int) -> None:
    """gpu_id (int): -1 for the CPU. RAISES: ConfigError for a GPU that isn't there."""
    if gpu_id < 0:
        return
    from thinc.api import require_gpu

    try:
        require_gpu(gpu_id)
    except (ValueError, RuntimeError) as err:
        raise ConfigError(f"--gpu-id {gpu_id}: no such GPU here; use --gpu-id -1 for the CPU") from err


def _named_files(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, block in config.get("components", {}).items():
        if block.get("factory") == "catalog_matcher" and block.get("catalog"):
            yield f"components.{name}.catalog", str(block["catalog"])
    for name, block in config.get("corpora", {}).items():
        augmenter = block.get("augmenter") if isinstance(block, Mapping) else None
        names = augmenter.get("names") if isinstance(augmenter, Mapping) else None
        if not isinstance(names, Mapping) or names.get("@misc") != "spacy_convner.CatalogRecords.v1":
            continue
        exclude = names.get("exclude") or []
        for path in [names.get("path"), *([exclude] if isinstance(exclude, str) else exclude)]:
            if path:
                yield f"corpora.{name}.augmenter.names", str(path)
