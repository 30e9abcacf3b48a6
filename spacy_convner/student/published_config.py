"""Room 6: the saved config of a pipeline without what is private to the machine that trained it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from confection import Config

from ..errors import ConfigError

_REFERENCE = re.compile(r"\$\{paths\.(\w+)\}")
_KEY = re.compile(r"\bsk-[\w-]{16,}")


def publish_config(config: Config) -> tuple[Config, list[str]]:
    """Blank what only the machine that trained it has. What the pipeline needs to load stays.

    ``components.*.catalog`` of a matcher becomes null (its index is saved with it); so does every ``[paths]`` value
    that no component uses. Of other absolute paths the last part stays, as a name of what was used. A callback of ours
    before the training (``initialize.before_init``) becomes null: the pipeline needs nothing of it.

    config (Config): Not interpolated; it stays as it is.
    RETURNS (tuple[Config, list[str]]): The config, and the settings that were changed ("paths.train").
    RAISES: ConfigError for a value that looks like a key of a service.
    """
    config = config.copy()
    changed = []
    for name, component in config.get("components", {}).items():
        if component.get("factory") == "catalog_matcher" and component.get("catalog") is not None:
            component["catalog"] = None
            changed.append(f"components.{name}.catalog")
    initialize = config.get("initialize", {})
    if str((initialize.get("before_init") or {}).get("@callbacks", "")).startswith("spacy_convner."):
        initialize["before_init"] = None
        changed.append("initialize.before_init")
    paths = config.get("paths", {})
    used = _used_paths(config)
    for name, value in paths.items():
        if value is not None and name not in used:
            paths[name] = None
            changed.append(f"paths.{name}")
    for place, block, key in list(_strings(config, "")):
        value = block[key]
        if _KEY.search(value):
            raise ConfigError(f"{place} holds what looks like a key; take it out of the pipeline's config.cfg")
        if _is_absolute(value):
            block[key] = PureWindowsPath(value).name
            changed.append(place)
    return config, changed


def _used_paths(config: Config) -> set[str]:
    """RETURNS (set[str]): Names in ``[paths]`` that ``[nlp]`` and ``[components]`` refer to, also by way of others."""
    blocks = {name: config.get(name, {}) for name in ("nlp", "components")}
    used: set[str] = set()
    found = {name for _, block, key in _strings(blocks, "") for name in _REFERENCE.findall(block[key])}
    while found - used:
        used |= found
        found = {name for path in used for name in _REFERENCE.findall(str(config.get("paths", {}).get(path)))}
    return used


def _strings(block: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """YIELDS (tuple): Where ("paths.train"), the dict or list that holds a string, and its key there."""
    items = block.items() if isinstance(block, dict) else enumerate(block)
    for key, value in items:
        here = f"{place}.{key}" if place else str(key)
        if isinstance(value, str):
            yield here, block, key
        elif isinstance(value, dict | list):
            yield from _strings(value, here)


def _is_absolute(value: str) -> bool:
    if "\n" in value or len(PureWindowsPath(value).parts) < 2:
        return False
    return PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute() or value.startswith("~")
