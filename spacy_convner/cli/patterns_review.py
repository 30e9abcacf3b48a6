"""``convner patterns review``, ``agreement``, ``merge``, ``export`` and ``import``."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .app import Arg, Opt, command, patterns_app, say
from .populate import CATALOG

if TYPE_CHECKING:
    from ..datagen.review.session import Filters, ReviewSession
    from ..datagen.review.view import Examples

_FILE = "Pattern file (JSONL)"


@command(patterns_app, "review")
def review_cli(
    patterns: Path = Arg(..., metavar="FILE", help=_FILE + "; every decision is written into it at once"),
    catalog: list[str] = Opt([], "--catalog", "-c", help="Names for the examples: " + CATALOG),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): the only labels that an edit may use"),
    reviewer: str | None = Opt(None, "--reviewer", help="Who decides; default: your user name"),
    terminal: bool = Opt(False, "--terminal", help="Review in the terminal; reads commands from standard input"),
    view: str = Opt("todo", "--view", help="What to show first: todo, accepted, edited, rejected, invalid or all"),
    label: str | None = Opt(None, "--label", help="Show patterns with this label"),
    lang: str | None = Opt(None, "--lang", help="Show patterns of this language"),
    cluster: int | None = Opt(None, "--cluster", help="Show patterns of this cluster; -1 is noise"),
    search: str = Opt("", "--search", help="Show patterns with these words in text, seeds or id"),
    reason: list[str] = Opt([], "--reason", help="Reason to reject, with a digit key; may be repeated, nine at most"),
    port: int = Opt(0, "--port", min=0, max=65535, help="Port on this machine; 0 takes a free one"),
    open_page: bool = Opt(True, "--open/--no-open", help="Open the page in the browser"),
) -> None:
    """Accept, edit and reject patterns on a local page, or in the terminal, with the keyboard.

    Saved after every decision; stop whenever you like and continue with the same command.

    Example: convner patterns review assets/patterns/en.jsonl --catalog assets/catalogs --labels assets/labels.yml

    Example: printf 'a\\nr too generic\\nu\\nq\\n' | convner patterns review patterns.jsonl --terminal
    """
    from ..datagen.review.decisions import REASONS
    from ..datagen.review.reviewed_file import ReviewedFile
    from ..datagen.review.session import Filters, ReviewSession
    from ..datagen.review.terminal import TerminalReview
    from ..records import read_labels

    known = read_labels(labels) if labels is not None else {}
    examples = _examples(catalog, labels) if catalog else None
    reasons = tuple(reason) or REASONS
    filters = Filters(view, label, lang, cluster, search)
    with ReviewedFile(patterns) as file:
        session = ReviewSession(file, reviewer or _user(), known, strict=labels is not None)
        shown = TerminalReview(session, typer.echo, filters=filters, examples=examples, reasons=reasons)
        try:
            if terminal:
                _review_here(shown)
            else:
                _serve(session, examples, filters, reasons, port, open_page)
        except KeyboardInterrupt:
            typer.echo("", err=True)
        finally:
            say(shown.summary())


def _review_here(review: Any) -> None:
    from .review_keys import read_keys, read_lines, style

    if sys.stdin.isatty() and sys.stdout.isatty():
        review.style = style
        read_keys(review)
    else:
        read_lines(review)


def _serve(
    session: ReviewSession,
    examples: Examples | None,
    filters: Filters,
    reasons: tuple[str, ...],
    port: int,
    open_page: bool,
) -> None:
    from ..datagen.review.web import HOST, make_app, make_server

    token = secrets.token_urlsafe(16)
    server = make_server(make_app(session, token, examples, filters, reasons), port)
    address = f"http://{HOST}:{server.port}/?token={token}"
    typer.echo(address)
    say("Review at this address, on this machine only. Ctrl-C ends it; each decision is saved at once.")
    sys.stdout.flush()
    if open_page:
        webbrowser.open(address)
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _examples(catalogs: list[str], labels: Path | None) -> Examples:
    from ..datagen.population.popularity_sampler import make_popularity_sampler
    from ..datagen.review.examples import ExampleMaker
    from .populate import read_entries

    entries = list(read_entries(catalogs, labels))
    return ExampleMaker(lambda: entries, make_popularity_sampler)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in some containers
        return f"user {os.getuid()}"
