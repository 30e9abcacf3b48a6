"""How ``convner patterns review`` runs: as a page, with keys, or with lines."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import DataError
from .app import say

if TYPE_CHECKING:
    from ..datagen.review.session import Filters, ReviewSession
    from ..datagen.review.terminal import TerminalReview
    from ..datagen.review.view import Examples


def review_here(review: TerminalReview, keep_going: bool = False) -> None:
    """Review with keys, or with lines where standard input is no terminal. RAISES: DataError for refused lines."""
    from .review_keys import read_keys, read_lines, style

    if sys.stdin.isatty() and sys.stdout.isatty():
        review.style = style
        read_keys(review)
        return
    commands, refused = read_lines(review, say if keep_going else None)
    if refused:
        raise DataError(f"{refused:,} of {commands:,} commands were refused and skipped", path="<standard input>")


def check_lines(review: TerminalReview) -> None:
    """Print each line that would be refused. The review's file isn't written. RAISES: DataError if there are any."""
    from ..datagen.review.terminal import discard
    from .review_keys import read_lines

    review.write = review.warn = discard
    review.quiet = True
    commands, refused = read_lines(review, typer.echo)
    if refused:
        message = f"{refused:,} of {commands:,} commands would be refused; nothing was changed"
        raise DataError(message, path="<standard input>")
    say(f"{commands:,} command{'s' * (commands != 1)}, none would be refused; nothing was changed")


def serve(
    session: ReviewSession,
    examples: Examples | None,
    filters: Filters,
    reasons: tuple[str, ...],
    port: int,
    open_page: bool,
) -> None:
    """Serve the page until Ctrl-C; print its address. RAISES: ConfigError, MissingExtraError."""
    from ..datagen.review.web import HOST, make_app, make_server

    token = secrets.token_urlsafe(16)
    server = make_server(make_app(session, token, examples, filters, reasons), port)
    address = f"http://{HOST}:{server.port}/?token={token}"
    typer.echo(address)
    say("Review at this address, on this machine only. Ctrl-C ends it; each decision is saved at once.")
    sys.stdout.flush()
    if open_page and _has_display():
        webbrowser.open(address)
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _has_display() -> bool:
    """Without one, webbrowser would start a browser in this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def make_examples(catalogs: list[str], labels: Path | None) -> Examples:
    """RETURNS (Examples): Utterances of a pattern with names of the catalogs. RAISES: DataError."""
    from ..datagen.population.popularity_sampler import make_popularity_sampler
    from ..datagen.review.examples import ExampleMaker
    from .populate import read_entries

    entries = list(read_entries(catalogs, labels))
    return ExampleMaker(lambda: entries, make_popularity_sampler)


def user_name() -> str:
    """RETURNS (str): Who is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in some containers
        return f"user {os.getuid()}"
