"""What a Messages API response says, as an ``LLMAnswer``."""

from __future__ import annotations

from typing import Any

from ..ty import LLMAnswer, Status

_COUNTED = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_STOP: dict[str | None, Status] = {
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
}
# Wrong for every utterance alike: going on would only repeat it.
FATAL = ("AuthenticationError", "PermissionDeniedError", "NotFoundError")
_LONGEST = 100_000  # characters of an answer that are looked at; a selection has a few dozen


def read_message(message: Any, sha256: str) -> LLMAnswer:
    """message (anthropic.types.Message): Or whatever a proxy answers with status 200; that fails."""
    try:
        usage = {"calls": 1, **{name: _count(getattr(message.usage, name)) for name in _COUNTED}}
        # Thinking blocks may come before the text.
        text = "".join(block.text for block in message.content if block.type == "text")
        status = _STOP.get(message.stop_reason, "ok")
    except (AttributeError, TypeError) as err:
        return LLMAnswer(f"not a message: {err}", "failed", request_sha256=sha256)
    return LLMAnswer(text[:_LONGEST], status, usage, sha256)


def no_message(err: Exception) -> str:
    """RETURNS (str): Why a body was no message."""
    return f"not a message: {type(err).__name__}"


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
