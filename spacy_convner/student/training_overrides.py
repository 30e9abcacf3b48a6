"""Is a setting one that a config has? spaCy takes any key of a section that is there, and a mistyped one is ignored."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from confection import Config
from spacy.language import DEFAULT_CONFIG, Language
from spacy.util import registry

from ..errors import ConfigError

_FREE = (("training", "score_weights"), ("initialize", "components"), ("initialize", "tokenizer"))


def check_settings(config: Config, keys: Iterable[str]) -> None:
    """config (Config): Not interpolated. keys: As in ``paths.train``.

    RAISES: ConfigError for a key that the config doesn't have, with the one that may have been meant.
    """
    for key in keys:
        if not has_setting(config, key):
            raise ConfigError(f"--{key}: the config has no such setting{did_you_mean(key, [config])}")


def has_setting(config: Config, key: str) -> bool:
    """RETURNS (bool): Whether a config has the key, refers to it, or may: a default or an argument in a section."""
    *sections, name = key.split(".")
    block: Any = config
    for section in sections:
        block = block.get(section) if isinstance(block, Mapping) else None
    if not sections or not isinstance(block, Mapping):
        return False
    return name in block or _refers_to(config, key) or _may_have(tuple(sections), block, name)


def did_you_mean(key: str, configs: Iterable[Config]) -> str:
    """RETURNS (str): The most similar key of the configs as a question, to put behind a message; "" without any."""
    known = sorted({name for config in configs for name in _keys(config)})
    parent, _, name = key.rpartition(".")
    # A long path of sections would make any two keys in it similar.
    beside = [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == parent]
    similar = [f"{parent}.{one}" for one in get_close_matches(name, beside, n=1)]
    similar = similar or get_close_matches(key, known, n=1, cutoff=0.85)
    return f"; did you mean {similar[0]}?" if similar else ""


def _keys(block: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in block.items():
        if not name.startswith("@"):
            yield prefix + name
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{name}.")


def _refers_to(config: Config, key: str) -> bool:
    text = config.to_str(interpolate=False)  # "${key}", or "${key:…" for a part of it
    return f"${{{key}}}" in text or f"${{{key}:" in text


def _may_have(sections: tuple[str, ...], block: Mapping[str, Any], name: str) -> bool:
    if sections[:2] in _FREE:
        return True  # of these spaCy checks each name itself, or any will do
    for key, value in block.items():
        if key.startswith("@"):
            return _takes(key[1:], value, name)
    if len(sections) == 2 and sections[0] == "components":
        if "source" in block:
            return name in ("component", "replace_listeners")
        Language()  # knows the factories of other packages from now on
        return name not in ("nlp", "name") and _takes("factories", block.get("factory"), name)
    default: Any = DEFAULT_CONFIG
    for section in sections:
        default = default.get(section) if isinstance(default, Mapping) else None
    return isinstance(default, Mapping) and name in default


def _takes(kind: str, function: object, argument: str) -> bool:
    try:
        parameters = inspect.signature(registry.get(kind, str(function))).parameters
    except ValueError:
        return True  # not registered, or in a language that doesn't tell: spaCy will say
    return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
