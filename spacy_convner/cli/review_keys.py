"""Single keys for ``convner patterns review --terminal``; lines where standard input is no terminal."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from ..datagen.review.terminal import TerminalReview
from ..errors import DataError

_STYLES: dict[str, dict[str, Any]] = {
    "tag": {"fg": typer.colors.CYAN, "bold": True},
    "name": {"fg": typer.colors.CYAN},
    "soft": {"dim": True},
    "bold": {"bold": True},
    "accepted": {"fg": typer.colors.GREEN},
    "edited": {"fg": typer.colors.BLUE},
    "rejected": {"fg": typer.colors.RED},
}
_KEYS = {" ": "s", "j": "s", "k": "b", "\x1b[B": "s", "\x1b[A": "b", "\x1b[C": "a", "\x1b[D": "r", "\x04": "q", "": "q"}
_PROMPT = "[a]ccept [r]eject [e]dit [u]ndo [s]kip [?] "


def style(text: str, kind: str) -> str:
    """RETURNS (str): Text with the colours of its kind, see ``datagen.review.terminal.plain``."""
    chosen = _STYLES.get(kind)
    return typer.style(text, **chosen) if chosen and text and not os.environ.get("NO_COLOR") else text


def read_keys(review: TerminalReview) -> None:
    """Review with single keys until q. A refused command is said, and the pattern stays."""
    review.start()
    while True:
        typer.echo(style(_PROMPT, "soft"), nl=False)
        line = _command(review, _read_key())
        typer.echo("\r\x1b[K", nl=False)
        try:
            if line and not review.handle(line):
                return
        except DataError as err:
            typer.echo(style(str(err), "rejected"))


def read_lines(review: TerminalReview) -> None:
    """Review with a command a line, so that it can be scripted.

    RAISES: DataError for a refused command: what follows it was meant for another pattern.
    """
    review.start()
    for number, line in enumerate(sys.stdin, 1):
        try:
            if not review.handle(line):
                return
        except DataError as err:
            message = f"command {line.strip()!r:.60}: {err.message}"
            raise DataError(message, path="<standard input>", line=number, hint=err.hint) from err


def _command(review: TerminalReview, key: str) -> str:
    if key == "e":
        text = _ask("edit: ", review.text()) if review.text() else ""
        return f"e {text}" if text else ""
    if key in ("R", "g", "/"):
        word = {"R": "r", "g": "g", "/": "/"}[key]
        text = _ask({"R": "because: ", "g": "id: ", "/": "search: "}[key])
        return f"{word} {text}" if text or key == "/" else ""
    if len(key) == 1 and key in "123456789"[: len(review.reasons)]:
        return f"r {key}"
    return _KEYS.get(key, key if key.isprintable() else "")


def _ask(prompt: str, text: str = "") -> str:
    """A line from the keyboard, filled with ``text`` where the terminal can; "" if people think better of it."""
    typer.echo("\r\x1b[K", nl=False)
    try:
        import readline
    except ImportError:  # Windows
        return _input(prompt)
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return _input(prompt)
    finally:
        readline.set_startup_hook()


def _input(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        return ""


def _read_key() -> str:
    """One key; an arrow is its escape sequence. Ctrl-C interrupts as ever."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return (sys.stdin.readline().strip() or " ")[:1]
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        return os.read(number, 8).decode("utf8", "ignore")
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
