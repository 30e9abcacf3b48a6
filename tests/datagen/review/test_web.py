"""What the page's server lets in, and what it answers; the page itself is in test_page.py."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.examples import ExampleMaker
from spacy_convner.datagen.review.session import ReviewSession
from spacy_convner.datagen.review.web import make_app, make_server
from spacy_convner.errors import ConfigError

from .conftest import HOSTILE, identity

TOKEN = "secret"
FIRST = identity("play <Song> by <Artist>")
FILTERS = {"view": "todo", "label": None, "lang": None, "cluster": None, "search": ""}


@pytest.fixture
def client(session: ReviewSession, examples: ExampleMaker) -> FlaskClient:
    return make_app(session, TOKEN, examples).test_client()


def post(client: FlaskClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/{path}", json={"filters": FILTERS, **body}, headers={"X-Review-Token": TOKEN})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_page(client: FlaskClient) -> None:
    answer = client.get(f"/?token={TOKEN}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.text.count(f'nonce="{nonce[1]}"') == answer.text.count("<style") + answer.text.count("<script")
    assert not re.search(r"""(?:src|href|action)\s*=\s*["']""", answer.text)
    assert "http" not in answer.text.replace("http-equiv", "")
    assert client.get(f"/?token={TOKEN}").headers["Content-Security-Policy"] != policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_names_in_the_page_are_escaped(patterns_path: Path, examples: ExampleMaker) -> None:
    from spacy_convner.datagen.review.reviewed_file import ReviewedFile

    evil = patterns_path.with_name("<script>alert(3)<script>.jsonl")
    evil.write_bytes(patterns_path.read_bytes())
    with ReviewedFile(evil) as file:
        session = ReviewSession(file, "</script><b>", {"Song": "</script><script>alert(4)</script>"})
        page = make_app(session, TOKEN, examples, reasons=["<!--</script>"]).test_client().get(f"/?token={TOKEN}").text
    assert "alert(3)<script>.jsonl" not in page
    assert "</script><" not in page.replace("</script>\n<script", "")
    assert "<!--" not in page


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/?token=other", {}),
        (f"/?token={TOKEN}", {"Host": "evil.example"}),
        (f"/?token={TOKEN}", {"Host": "127.0.0.1.evil.example:80"}),
        ("/api/view", {}),
        ("/static/x.js", {}),
    ],
)
def test_strangers(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 403
    assert TOKEN not in answer.text


@pytest.mark.parametrize("host", ["localhost:8888", "127.0.0.1", "[::1]:99"])
def test_forwarded_ports_are_no_strangers(client: FlaskClient, host: str) -> None:
    assert client.get(f"/?token={TOKEN}", headers={"Host": host}).status_code == 200


def test_other_pages_cannot_decide(client: FlaskClient, session: ReviewSession) -> None:
    body = json.dumps({"filters": FILTERS, "id": FIRST, "action": "accept"})
    form = {"Content-Type": "text/plain"}  # what a form of another page may send without asking
    assert client.post("/api/decide", data=body, headers=form).status_code == 403
    assert client.post("/api/decide", data=body, headers={**form, "X-Review-Token": TOKEN}).status_code == 415
    preflight = client.options("/api/decide", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert session.patterns[0].status == "proposed"


def test_decisions(client: FlaskClient, patterns_path: Path) -> None:
    state = post(client, "view")
    assert state["item"]["id"] == FIRST
    assert state["item"]["pieces"][1] == ["<Song>", "Song", False]
    assert state["item"]["seeds"] == [[["Play ", None, True], ["hello", "Song", True], [" by ", None, True],
                                       ["adele", "Artist", True]]]  # fmt: skip
    assert len(state["item"]["examples"]) == 3
    assert state["queue"] == {"count": 5, "at": 1}
    state = post(client, "decide", id=FIRST, action="reject", reason="too generic")
    assert (state["said"], state["about"][1][1]) == ("rejected", "Song")
    assert state["item"]["text"] == "put on some <Artist> will you"
    state = post(client, "decide", id=state["item"]["id"], action="edit", text="put on <Artist>")
    assert read_patterns(patterns_path)[1].text == "put on <Artist>"
    state = post(client, "undo")
    assert state["item"]["text"] == "put on some <Artist> will you"
    assert post(client, "undo")["item"]["id"] == FIRST
    assert "nothing to undo" in post(client, "undo")["error"]


def test_undo_says_what_an_earlier_session_decided(open_session: Callable[..., ReviewSession]) -> None:
    open_session().decide(0, "reject")
    client = make_app(open_session(), TOKEN).test_client()
    assert post(client, "undo")["said"] == "undone (was rejected, in an earlier session)"


def test_faults_are_said_and_nothing_is_saved(client: FlaskClient, patterns_path: Path) -> None:
    before = patterns_path.read_bytes()
    decide = {"id": FIRST, "action": "edit"}
    assert "did you mean <Song>?" in post(client, "decide", **decide, text="play <Sogn>")["error"]
    assert "new text" in post(client, "decide", **decide)["error"]
    assert "expected strings" in post(client, "decide", **decide, text=3)["error"]
    assert "surrogate" in post(client, "decide", id=FIRST, action="reject", reason="\ud800")["error"]
    assert "surrogate" in post(client, "check", text="<Song> \ud800")["fault"]
    assert "unknown action" in post(client, "decide", id=FIRST, action="explode")["error"]
    assert "no pattern with the id" in post(client, "decide", id="x", action="accept")["error"]
    assert "'id'" in post(client, "decide", action="accept")["error"]
    assert "unknown view" in post(client, "view", filters={**FILTERS, "view": "x"})["error"]
    assert "filters" in post(client, "view", filters={**FILTERS, "cluster": "x"})["error"]
    assert "filters" in post(client, "view", filters=[])["error"]
    assert "'by'" in post(client, "view", id=FIRST, by="x")["error"]
    assert "'text'" in post(client, "check", text=None)["error"]
    assert post(client, "check", id=FIRST, text="play <So")["fault"].startswith("'<' without '>'")
    assert post(client, "check", id=FIRST, text="play <Song> now")["fault"] == ""
    assert patterns_path.read_bytes() == before


def test_too_large(client: FlaskClient) -> None:
    body = {"filters": FILTERS, "text": "x" * 300_000}
    answer = client.post("/api/check", json=body, headers={"X-Review-Token": TOKEN})
    assert answer.status_code in (413, 415)


def test_steps_and_filters(client: FlaskClient) -> None:
    state = post(client, "view", id=FIRST, by=1)
    assert state["queue"]["at"] == 2
    assert post(client, "view", id=FIRST, by=-1)["queue"]["at"] == 5  # what is to do goes round
    spanish = {**FILTERS, "lang": "es"}
    assert post(client, "view", id=FIRST, filters=spanish)["item"]["lang"] == "es"
    assert post(client, "view", id=FIRST, filters=spanish, stay=True)["item"]["id"] == FIRST
    hostile = post(client, "view", filters={**FILTERS, "cluster": -1})["item"]
    assert hostile["pieces"] == [[HOSTILE, None, True]]
    assert "no placeholder" in hostile["fault"]
    assert hostile["examples"] == []
    assert post(client, "view", filters={**FILTERS, "search": "nowhere"})["item"] is None


def test_a_changed_file_is_read_again_on_demand(client: FlaskClient, patterns_path: Path) -> None:
    patterns_path.write_text(patterns_path.read_text(encoding="utf8") + "\n", encoding="utf8")
    answer = post(client, "decide", id=FIRST, action="accept")
    assert answer["stale"]
    assert "changed by somebody else" in answer["error"]
    assert post(client, "reload")["item"]["id"] == FIRST
    assert post(client, "decide", id=FIRST, action="accept")["said"] == "accepted"


def test_opinions_of_earlier_reviewers(tmp_path: Path) -> None:
    from spacy_convner.datagen.review.reviewed_file import ReviewedFile
    from tests.conftest import write_jsonl

    opinions = [{"reviewer": "ana", "status": "rejected", "text": "x", "reason": None}, "nonsense"]
    path = write_jsonl(tmp_path / "c.jsonl", [{"text": "play <Song>", "lang": "en", "opinions": opinions}])
    with ReviewedFile(path) as file:
        state = post(make_app(ReviewSession(file, "eva"), TOKEN).test_client(), "view")
    assert state["item"]["opinions"] == [{"reviewer": "ana", "status": "rejected", "text": "x", "reason": ""}]
    assert state["item"]["examples"] is None


def test_nine_keys(session: ReviewSession) -> None:
    with pytest.raises(ConfigError, match="nine"):
        make_app(session, TOKEN, reasons=["x"] * 10)


def test_loopback_only(session: ReviewSession) -> None:
    app = make_app(session, TOKEN)
    server = make_server(app)
    try:
        assert server.socket.getsockname() == ("127.0.0.1", server.port)
        with pytest.raises(ConfigError, match=f"--port {server.port}: .*; take another one"):
            make_server(app, server.port)
    finally:
        server.server_close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    again = make_server(app, port)
    assert again.port == port
    again.server_close()
