"""``spacy_convner.AnthropicMessages.v1``: Claude through the official SDK's Messages API."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, FilterError, MissingKeyError
from ..ty import LLMAnswer, LLMClient, Status

KEY_VARIABLE = "ANTHROPIC_API_KEY"
_COUNTED = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_STOP: dict[str | None, Status] = {
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
}
# Wrong for every utterance alike: going on would only repeat it.
_FATAL = ("AuthenticationError", "PermissionDeniedError", "NotFoundError")


class AnthropicMessages:
    """Sends one prompt a call; nothing is read or opened before the first one.

    The key comes from the environment only and is never part of the config, of a pickle or of a message.
    """

    def __init__(
        self, model: str, base_url: str | None, max_concurrency: int, max_tokens: int, timeout: float, max_retries: int
    ) -> None:
        self.model, self.base_url = model, base_url
        self._max_concurrency = max_concurrency
        self.max_tokens, self.timeout, self.max_retries = max_tokens, timeout, max_retries
        self._client: Any = None
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        return f"anthropic_messages.v1:{self.base_url or 'default'}:{self.model}:{self.max_tokens}"

    @property
    def max_concurrency(self) -> int:
        return self._max_concurrency

    def _connect(self) -> Any:
        with self._lock:
            if self._client is None:
                key = _key()
                if not key:
                    raise MissingKeyError(
                        f"No key for Claude: set the environment variable {KEY_VARIABLE}. "
                        "A filter that needs none: "
                        'config={"filter": {"@misc": "spacy_convner.LinearFilter.v1"}}'
                    )
                if not key.isascii() or not key.isprintable():
                    raise MissingKeyError(
                        f"The value of {KEY_VARIABLE} is no key: it has characters that keys don't have"
                    )
                import anthropic

                self._client = anthropic.Anthropic(
                    api_key=key, base_url=self.base_url, timeout=self.timeout, max_retries=self.max_retries
                )
            return self._client

    def __call__(self, system: str, user: str, schema: Mapping[str, Any]) -> LLMAnswer:
        client = self._connect()
        import anthropic

        try:
            message = client.messages.create(
                model=self.model,
                max_tokens=self.max_tokens,
                system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
                messages=[{"role": "user", "content": user}],
                output_config={"format": {"type": "json_schema", "schema": dict(schema)}},
            )
        except anthropic.APIError as err:
            # A server may repeat the key that it refuses.
            reason = f"{type(err).__name__}: {getattr(err, 'message', err)}".replace(_key(), "[key]")
            if type(err).__name__ in _FATAL:
                raise FilterError(f"Claude refused the request for good: {reason} (model {self.model!r})") from None
            return LLMAnswer(text=reason, status="failed")
        except (ValueError, RecursionError) as err:  # the SDK lets a body through that isn't JSON, or isn't text
            return LLMAnswer(text=f"not a message: {type(err).__name__}", status="failed")
        try:
            return _read(message)
        except (AttributeError, TypeError) as err:  # the SDK passes on whatever a proxy answers with status 200
            return LLMAnswer(text=f"not a message: {err}", status="failed")

    def __getstate__(self) -> dict[str, Any]:
        # Neither the client nor the lock can be pickled, and the client holds the key.
        return {key: value for key, value in self.__dict__.items() if key not in ("_client", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _client=None, _lock=threading.Lock())


def _key() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _read(message: Any) -> LLMAnswer:
    usage = {
        "calls": 1,
        **{name: _count(getattr(message.usage, name)) for name in _COUNTED},
    }
    # Thinking blocks may come before the text.
    text = "".join(block.text for block in message.content if block.type == "text")
    return LLMAnswer(text=text, status=_STOP.get(message.stop_reason, "ok"), usage=usage)


def make_anthropic_messages(
    model: str = "claude-haiku-5-5",
    base_url: str | None = None,
    max_concurrency: int = 8,
    max_tokens: int = 2048,
    timeout: float = 60.0,
    max_retries: int = 4,
) -> LLMClient:
    """Registered as ``spacy_convner.AnthropicMessages.v1``; the key is read from ``ANTHROPIC_API_KEY`` at first use.

    model (str): Model id. base_url (str | None): A compatible server. max_concurrency (int): Requests at once.
    max_tokens (int): Of an answer, thinking included. timeout (float): Seconds a try.
    max_retries (int): Tries after the first.
    """
    if max_concurrency < 1 or max_tokens < 1 or timeout <= 0 or max_retries < 0:
        raise ConfigError(
            "expected max_concurrency >= 1, max_tokens >= 1, timeout > 0 and max_retries >= 0, got "
            f"{max_concurrency}, {max_tokens}, {timeout} and {max_retries}"
        )
    return AnthropicMessages(model, base_url, max_concurrency, max_tokens, timeout, max_retries)
