"""The SDK's client: made at first use, with the key from the environment, and never pickled."""

from __future__ import annotations

import os
import threading
from typing import Any

from ..errors import ConfigError, MissingKeyError

KEY_VARIABLE = "ANTHROPIC_API_KEY"


class Connection:
    """base_url (str | None): A compatible server. timeout (float): Seconds a try."""

    def __init__(self, base_url: str | None, timeout: float) -> None:
        self.base_url, self.timeout = base_url, timeout
        if base_url is not None and not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url: expected http://… or https://…, got {base_url!r}")
        self._client: Any = None
        self._pid = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # The client can't be pickled, and it holds the key.
        return {"base_url": self.base_url, "timeout": self.timeout}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["base_url"], state["timeout"])  # type: ignore[misc]

    def client(self) -> Any:
        """RETURNS (anthropic.Anthropic): Without retries of its own. RAISES: MissingKeyError."""
        with self._lock:
            if self._client is None or self._pid != os.getpid():  # a fork may not share connections
                self._pid = os.getpid()
                key = _key()
                if not key:
                    raise MissingKeyError(
                        f"No key for Claude: set the environment variable {KEY_VARIABLE}. "
                        "A filter that needs none: "
                        'config={"filter": {"@misc": "spacy_convner.LinearFilter.v2"}}'
                    )
                if not key.isascii() or not key.isprintable():
                    raise MissingKeyError(
                        f"The value of {KEY_VARIABLE} is no key: it has characters that keys don't have"
                    )
                import anthropic

                self._client = anthropic.Anthropic(
                    api_key=key, base_url=self.base_url, timeout=self.timeout, max_retries=0
                )
            return self._client

    def describe(self, err: Any) -> str:
        """RETURNS (str): An SDK error in a line, without the key: a server may repeat the one that it refuses."""
        where = f" ({self.base_url})" if self.base_url and not hasattr(err, "response") else ""
        return f"{type(err).__name__}: {getattr(err, 'message', err)}{where}".replace(_key() or "\0", "[key]")


def _key() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()
