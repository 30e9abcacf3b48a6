"""Which model takes which parameters, and what its tokens cost: one dated table, ``models.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ..errors import ConfigError

_DATED = re.compile(r"-\d{8}$")  # claude-haiku-4-5-20251001 is claude-haiku-4-5


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """A model's prices in US dollars a million tokens, and its parameters.

    thinking (Mapping): "off" and "on" → the value of the ``thinking`` parameter; what isn't there isn't possible.
    efforts (tuple[str, ...]): Values of ``output_config.effort``. cache_minimum (int | None): Tokens a prompt's head
    must have to be cached; None where it isn't published.
    """

    input: float
    output: float
    cache_write: float
    cache_read: float
    thinking: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    efforts: tuple[str, ...] = ()
    cache_minimum: int | None = None

    def cost(self, usage: Mapping[str, float], batch: bool = False) -> float:
        """usage (Mapping): Token counts as the API names them. RETURNS (float): US dollars."""
        dollars = (
            usage.get("input_tokens", 0) * self.input
            + usage.get("output_tokens", 0) * self.output
            + usage.get("cache_creation_input_tokens", 0) * self.cache_write
            + usage.get("cache_read_input_tokens", 0) * self.cache_read
        ) / 1e6
        return dollars * (1 - _table()["batch_discount"]) if batch else dollars


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads((files(__package__) / "models.json").read_text(encoding="utf8")))


def prices_date() -> str:
    """RETURNS (str): Day on which the prices were read, ISO."""
    return str(_table()["date"])


def find_traits(model: str) -> ModelTraits | None:
    """RETURNS (ModelTraits | None): None for a model that isn't in the table, such as a local server's."""
    known = _table()["models"].get(_DATED.sub("", model))
    return ModelTraits(**{**known, "efforts": tuple(known["efforts"])}) if known else None


def request_parameters(model: str, thinking: str, effort: str | None) -> dict[str, Any]:
    """Parameters of a request that depend on the model.

    thinking (str): "off" (as far as the model can), "on", or "default" to leave it to the model.
    effort (str | None): For ``output_config.effort``; None leaves it to the model, except that a model whose thinking
        can't be switched off gets the lowest.
    RETURNS (dict): Maybe ``thinking`` and ``effort``. RAISES: ConfigError for what the model doesn't take.
    """
    if thinking not in ("off", "on", "default"):
        raise ConfigError(f"thinking must be 'off', 'on' or 'default', got {thinking!r}")
    traits = find_traits(model)
    if traits is None:
        if thinking == "on":
            raise ConfigError(f"thinking = 'on': what {model!r} takes for it isn't known; write thinking = 'default'")
        return {"effort": effort} if effort else {}
    if effort is not None and effort not in traits.efforts:
        allowed = ", ".join(traits.efforts) or "none, write effort = null"
        raise ConfigError(f"effort = {effort!r} isn't taken by {model!r}; it takes {allowed}")
    found: dict[str, Any] = {}
    if thinking == "off" and "off" not in traits.thinking and effort is None and traits.efforts:
        effort = traits.efforts[0]
    if thinking != "default" and thinking in traits.thinking:
        found["thinking"] = dict(traits.thinking[thinking])
    if effort is not None:
        found["effort"] = effort
    return found
