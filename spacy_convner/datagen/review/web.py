"""The review page: a Flask application for one session, on this machine only.

Flask: https://flask.palletsprojects.com, served by Werkzeug, https://werkzeug.palletsprojects.com/serving/.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader

from ...errors import ConfigError, ConvnerError, DataError, MissingExtraError
from ..ty import Pattern
from .decisions import REASONS
from .hints import name_hints
from .reviewed_file import ChangedFileError
from .session import Filters, ReviewSession
from .view import Examples, page_state, preview

if TYPE_CHECKING:
    from flask import Flask, Response

HOST = "127.0.0.1"
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})  # any other Host is a foreign name that points here
_LONGEST_BODY = 200_000  # bytes


def make_app(
    session: ReviewSession,
    token: str,
    examples: Examples | None = None,
    filters: Filters | None = None,
    reasons: Sequence[str] = REASONS,
) -> Flask:
    """Make the application.

    session (ReviewSession): Open while the application is used. token (str): Must be in the page's address and in
    every request. examples: Populates patterns, see ``ExampleMaker``. filters: What the page shows first.
    reasons (Sequence[str]): Reasons to reject that have a key, nine at most.
    RETURNS (Flask): Requests are answered one at a time. RAISES: MissingExtraError.
    """
    try:
        from flask import Flask, abort, jsonify, request
    except ImportError as err:
        raise MissingExtraError("the review page", "flask", "datagen") from err

    if len(reasons) > 9:
        raise ConfigError(f"nine reasons have a key, got {len(reasons)}")
    env = Environment(
        loader=PackageLoader("spacy_convner.datagen.review"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LONGEST_BODY
    lock = threading.Lock()
    start = filters or Filters()

    def state(
        chosen: Filters, position: int | None, turn: int = 0, said: str = "", about: Pattern | None = None
    ) -> Response:
        found = page_state(session, chosen, position, examples, turn)
        return jsonify({**found, "said": said, "about": preview(about.text) if about else []})

    def body() -> dict[str, Any]:
        data = request.get_json(silent=True)
        if not request.is_json or not isinstance(data, dict):
            abort(415)
        return data

    @app.before_request
    def only_the_page() -> None:
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if host not in _NAMES:
            abort(403)
        given = request.args.get("token", "") if request.path == "/" else request.headers.get("X-Review-Token", "")
        if request.path != "/favicon.ico" and not hmac.compare_digest(given.encode(), token.encode()):
            abort(403, "Open the address that the command printed; each start of it has another one.")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.errorhandler(ConvnerError)
    def expected(err: ConvnerError) -> Response:
        # An answer like others: a status of 4xx would fill the browser's console.
        return jsonify({"error": str(err), "stale": isinstance(err, ChangedFileError)})

    @app.get("/favicon.ico")
    def icon() -> tuple[str, int]:
        return "", 204

    @app.get("/")
    def page() -> tuple[str, int, dict[str, str]]:
        nonce = secrets.token_urlsafe(16)
        html = env.get_template("review.html.jinja").render(
            nonce=nonce,
            name=session.file.path.name,
            reviewer=session.reviewer,
            data={
                "token": token,
                "reasons": list(reasons),
                "labels": dict(session.labels),
                "filters": {name: getattr(start, name) for name in Filters.__slots__},
                "has_examples": examples is not None,
            },
        )
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return html, 200, {"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"}

    @app.post("/api/view")
    def view() -> Response:
        """Show a pattern: the one with ``id``, or ``by`` steps from it, or the first."""
        data = body()
        with lock:
            chosen, here, by = _filters(data), _position(session, data), _number(data, "by")
            queue = session.select(chosen)
            if here is None or by:
                here = session.step(queue, here, by or 1, wrap=chosen.view == "todo")
            elif data.get("stay") is not True and here not in queue:
                here = session.step(queue, here, wrap=True)
            return state(chosen, here, _number(data, "turn"))

    @app.post("/api/decide")
    def decide() -> Response:
        data = body()
        with lock:
            chosen, here = _filters(data), _position(session, data)
            if here is None:
                raise DataError("missing", field="id")
            text, reason = data.get("text"), data.get("reason", "")
            if not isinstance(text, str | None) or not isinstance(reason, str):
                raise DataError("expected strings", field="text, reason")
            pattern = session.decide(here, str(data.get("action")), text, reason)
            after = session.step(session.select(chosen), here, wrap=chosen.view == "todo")
            return state(chosen, after, said=pattern.status, about=pattern)

    @app.post("/api/undo")
    def undo() -> Response:
        data = body()
        with lock:
            chosen, undone = _filters(data), session.undo()
            if undone is None:
                raise DataError(f"nothing to undo: {session.reviewer} decided nothing in this file")
            said = f"undone (was {undone.was.status}, in an earlier session)" if undone.earlier else "undone"
            return state(chosen, undone.position, said=said, about=session.patterns[undone.position])

    @app.post("/api/check")
    def check() -> Response:
        data = body()
        text = data.get("text")
        if not isinstance(text, str):
            raise DataError("expected a string", field="text")
        with lock:
            here, fault = _position(session, data), ""
            try:
                session.check(text, here)
            except DataError as err:
                fault = str(err)
            hint = "" if here is None else name_hints(text, session.patterns[here].lang)
        return jsonify({"pieces": preview(text), "fault": fault, "hint": hint})

    @app.post("/api/reload")
    def reload() -> Response:
        data = body()
        with lock:
            session.reload()
            chosen = _filters(data)
            return state(chosen, session.step(session.select(chosen), None), said="read again")

    return app


def make_server(app: Flask, port: int = 0) -> Any:
    """Bind the server to the loopback address.

    port (int): 0 takes a free one. RETURNS (BaseWSGIServer): ``port``, ``serve_forever()``, ``shutdown()``.
    RAISES: ConfigError if the port is taken.
    """
    import socket

    from werkzeug import serving

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        # Bound here: Werkzeug would print and exit for a port that is taken.
        bound = socket.create_server((HOST, port))
    except (OSError, OverflowError) as err:
        raise ConfigError(f"--port {port}: {getattr(err, 'strerror', None) or err}; take another one, or 0") from err
    with bound:
        return serving.make_server(HOST, port, app, threaded=True, fd=bound.fileno())


def _filters(data: dict[str, Any]) -> Filters:
    given = data.get("filters")
    if not isinstance(given, dict):
        raise DataError("expected an object", field="filters")
    search, cluster = given.get("search") or "", given.get("cluster")
    texts = (given.get("view"), search, given.get("label") or "", given.get("lang") or "")
    if not all(isinstance(text, str) for text in texts) or not (cluster in (None, "none") or type(cluster) is int):
        raise DataError("expected view, label, lang, search as strings and cluster as a number", field="filters")
    return Filters(given["view"], given.get("label") or None, given.get("lang") or None, cluster, search)


def _position(session: ReviewSession, data: dict[str, Any]) -> int | None:
    identity = data.get("id")
    return None if identity is None else session.position(str(identity))


def _number(data: dict[str, Any], name: str) -> int:
    value = data.get(name, 0)
    if type(value) is not int:
        raise DataError(f"expected a number, got {value!r:.40}", field=name)
    return value
