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


class Drop(Exception):
    """Raised by ``reply``: the connection is closed in the middle of the body."""


@dataclass
class Server:
    """``reply`` gets the query's text and the request's body. Requests are kept: (path, headers, body).

    ``headers`` are sent with every response. Of batches, ``polls`` says how often one is looked at before it has ended,
    ``fate`` what becomes of a request: None for ``reply``'s answer, else a result.
    """

    url: str
    headers: dict[str, str] = field(default_factory=lambda: {"retry-after-ms": "1"})
    polls: int = 1
    fate: Callable[[dict[str, Any], int], dict[str, Any] | None] = field(default=lambda request, number: None)
    refuse: Reply | None = None  # what every request gets
    batches: list[tuple[list[dict[str, Any]], int]] = field(default_factory=list)
    reply: Callable[[str, dict[str, Any]], Reply] = field(default=lambda query, body: select(1))
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]


def query_of(body: dict[str, Any]) -> str:
    """RETURNS (str): What the last ``Input:`` of a user prompt says; all of a prompt that has none."""
    prompt = str(body["messages"][0]["content"])
    found = re.findall(r"^Input: (.*)$", prompt, flags=re.MULTILINE)
    return str(json.loads(found[-1])) if found else prompt


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if known.refuse is not None:
                self._send(*known.refuse)
                return
            if self.path == "/v1/messages/batches":
                known.batches.append((body["requests"], 0))
                self._send(200, self._batch(len(known.batches) - 1))
                return
            try:
                status, answer = known.reply(query_of(body), body)
            except Drop:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "1000")
                self.end_headers()
                self.wfile.write(b'{"id": "msg_1", ')
                self.close_connection = True
                return
            self._send(status, answer)

        def do_GET(self) -> None:
            known.requests.append((self.path, {}, {}))
            _, _, _, _, name, *rest = self.path.split("/")
            number = int(name.removeprefix("batch_"))
            requests, seen = known.batches[number]
            known.batches[number] = requests, seen + (not rest)
            if not rest:
                self._send(200, self._batch(number))
                return
            lines = []
            for request in reversed(requests):  # in any order
                result = known.fate(request, number)
                if result is None:
                    status, answer = known.reply(query_of(request["params"]), request["params"])
                    result = (
                        {"type": "succeeded", "message": answer}
                        if status == 200
                        else {"type": "errored", "error": answer}
                    )
                lines.append(json.dumps({"custom_id": request["custom_id"], "result": result}) + "\n")
            self._send(200, Raw("".join(lines).encode()), "application/x-jsonl")

        def _batch(self, number: int) -> dict[str, Any]:
            requests, seen = known.batches[number]
            ended = seen > known.polls
            counts = {"processing": 0 if ended else len(requests), "succeeded": len(requests) if ended else 0,
                      "errored": 0, "canceled": 0, "expired": 0}  # fmt: skip
            url = f"{known.url}/v1/messages/batches/batch_{number}/results" if ended else None
            return {"id": f"batch_{number}", "type": "message_batch", "request_counts": counts, "results_url": url,
                    "processing_status": "ended" if ended else "in_progress", "created_at": "2026-11-01T00:00:00Z",
                    "expires_at": "2026-11-02T00:00:00Z", "ended_at": "2026-11-01T00:01:00Z" if ended else None,
                    "archived_at": None, "cancel_initiated_at": None}  # fmt: skip

        def _send(self, status: int, answer: Any, kind: str = "application/json") -> None:
            data = bytes(answer) if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "text/html" if type(answer) is bytes else kind)
            self.send_header("content-length", str(len(data)))
            for name, value in known.headers.items():
                self.send_header(name, value)
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
    """The four components with Claude's client pointed at the server; keyword arguments go to the client.

    ``component`` and ``filter`` are further settings of the component and of the filter.
    """

    def make(
        on_error: str = "mark",
        component: dict[str, Any] | None = None,
        filter: dict[str, Any] | None = None,
        api: str = "AnthropicMessages",
        **client: Any,
    ) -> Language:
        settings = {"base_url": server.url, "max_retries": 0, "timeout": 30.0, **client}
        if api == "AnthropicMessages":
            settings = {"max_concurrency": 2, "max_wait": 0.05, **settings}
        return make_teacher(
            llm_semantic_filter={
                "labels": {"Song": "title of one track", "Artist": "who plays it"},
                "on_error": on_error,
                "filter": {
                    "@misc": "spacy_convner.LLMFilter.v1",
                    "client": {"@misc": f"spacy_convner.{api}.v1", **settings},
                    **(filter or {}),
                },
                **(component or {}),
            }
        )

    return make
