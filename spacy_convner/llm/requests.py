"""A request to the Messages API: what is sent, and the hash that its answer is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_MOST_BYTES = 200_000_000  # of a batch; the service takes 256 MB
_LETTERS_A_TOKEN = 2.0  # fewer than in any text that people write: an upper bound of tokens


@dataclass(frozen=True)
class LLMRequest:
    """model_parameters (Mapping): ``thinking`` and ``effort`` where the model takes them."""

    model: str
    max_tokens: int
    system: str
    user: str
    schema: Mapping[str, Any]
    model_parameters: Mapping[str, Any]
    base_url: str | None = None

    def parameters(self) -> dict[str, Any]:
        """RETURNS (dict): Of ``messages.create``. The static head ends at the prompt cache's breakpoint."""
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": dict(self.schema)}}
        if "effort" in self.model_parameters:
            output["effort"] = self.model_parameters["effort"]
        found: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "system": [{"type": "text", "text": self.system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": self.user}],
            "output_config": output,
        }
        if "thinking" in self.model_parameters:
            found["thinking"] = self.model_parameters["thinking"]
        return found

    @property
    def prompt(self) -> str:
        """RETURNS (str): Head and rest as JSON."""
        return json.dumps({"system": self.system, "user": self.user}, ensure_ascii=False)

    @cached_property
    def sha256(self) -> str:
        """RETURNS (str): Of everything that may change the answer."""
        whole = json.dumps([self.base_url, self.parameters()], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(whole.encode("utf8", "surrogatepass")).hexdigest()


def most_usage(request: LLMRequest) -> dict[str, float]:
    """RETURNS (dict): Tokens that a request may use at most, priced as if nothing were cached."""
    return {
        "cache_creation_input_tokens": (len(request.system) + len(request.user)) / _LETTERS_A_TOKEN + 500,
        "output_tokens": request.max_tokens,
    }


def in_groups(requests: Iterable[LLMRequest], most: int) -> Iterator[list[LLMRequest]]:
    """most (int): Requests a batch. YIELDS (list[LLMRequest]): What a batch can hold, in order."""
    group: list[LLMRequest] = []
    size = 0
    for request in requests:
        length = 2 * len(request.system) + 2 * len(request.user) + 2000  # JSON may escape every other letter
        if group and (len(group) >= most or size + length > _MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(request)
        size += length
    if group:
        yield group
