"""A real HTTP server on the loopback that speaks as much of ``POST /v1/messages`` as is needed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from spacy.language import Language

KEY = "sk-ant-marked-0123456789abcdef"
USAGE = {"input_tokens": 120, "output_tokens": 7, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 100}
Reply = tuple[int, Any]


class Raw(bytes):
    """A body that says it is JSON."""


def message(text: str | None, stop_reason: str = "end_turn", **more: Any) -> Reply:
    content = [] if text is None else [{"type": "text", "text": text}]
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "content": content,
            "stop_reason": stop_reason, "stop_sequence": None, "usage": USAGE, **more}  # fmt: skip
    return 200, body


def select(*numbers: int) -> Reply:
    return message(json.dumps({"selected": list(numbers)}))


def error(status: int, kind: str, text: str) -> Reply:
    return status, {"type": "error", "error": {"type": kind, "message": text}}


@dataclass
class Server:
    """``reply`` gets the query's text and the request's body. Requests are kept: (path, headers, body)."""

    url: str
    reply: Callable[[str, dict[str, Any]], Reply] = field(default=lambda query, body: select(1))
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]


def query_of(body: dict[str, Any]) -> str:
    """RETURNS (str): What the last ``Input:`` of a user prompt says."""
    found = re.findall(r"^Input: (.*)$", body["messages"][0]["content"], flags=re.MULTILINE)
    return str(json.loads(found[-1]))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, answer = known.reply(query_of(body), body)
            data = bytes(answer) if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "text/html" if type(answer) is bytes else "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads, httpd.block_on_close = True, False
    known = Server(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield known
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def make_llm_teacher(make_teacher: Callable[..., Language], server: Server) -> Callable[..., Language]:
    """The four components with Claude's client pointed at the server; keyword arguments go to the client."""

    def make(on_error: str = "mark", **client: Any) -> Language:
        settings = {"base_url": server.url, "max_retries": 0, "max_concurrency": 2, "timeout": 30.0, **client}
        return make_teacher(
            llm_semantic_filter={
                "labels": {"Song": "title of one track", "Artist": "who plays it"},
                "on_error": on_error,
                "filter": {
                    "@misc": "spacy_convner.LLMFilter.v1",
                    "client": {"@misc": "spacy_convner.AnthropicMessages.v1", **settings},
                },
            }
        )

    return make
