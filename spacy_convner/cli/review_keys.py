"""Single keys for ``convner patterns review --terminal``; lines where standard input is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from ..datagen.pattern_files import pattern_id
from ..datagen.review.reviewed_file import ChangedFileError
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
_SCRIPTS = "--check lists such commands and changes nothing, --keep-going skips them"
_PROMPT = "[a]ccept [r]eject [e]dit [u]ndo [s]kip [?] "


def style(text: str, kind: str) -> str:
    """RETURNS (str): Text with the colours of its kind, see ``datagen.review.terminal.plain``."""
    chosen = _STYLES.get(kind)
    return typer.style(text, **chosen) if chosen and text and not os.environ.get("NO_COLOR") else text


def read_keys(review: TerminalReview) -> None:
    """Review with single keys until q. A refused command is said, and the pattern stays."""
    review.start()
    with Keyboard() as keyboard:
        while True:
            typer.echo(style(_PROMPT, "soft"), nl=False)
            line = _command(review, keyboard)
            typer.echo("\r\x1b[K", nl=False)
            try:
                if line and not review.handle(line):
                    return
            except DataError as err:
                typer.echo(style(str(err), "rejected"))


def read_lines(review: TerminalReview, refused: Callable[[str], None] | None = None) -> tuple[int, int]:
    """Review with a command a line (UTF-8), so that it can be scripted.

    refused (Callable | None): Takes what is wrong with a command; the next one follows.
    RETURNS (tuple[int, int]): Commands, those refused. RAISES: DataError for a refused command without ``refused``:
    what follows it was meant for another pattern.
    """
    review.start()
    commands = wrong = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        commands += bool(line.strip())
        try:
            if not review.handle(_decode(line)):
                break
        except ChangedFileError:
            raise
        except DataError as err:
            message = f"command {line.decode('utf8', 'replace').strip()!r:.60}: {err.message}"
            hint = err.hint if refused is not None else "; ".join(filter(None, (err.hint, _SCRIPTS)))
            fault = DataError(message, path="<standard input>", line=number, hint=hint)
            if refused is None:
                raise fault from err
            refused(str(fault))
            wrong += 1
    return commands, wrong


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf8")
    except UnicodeDecodeError:
        raise DataError("not UTF-8") from None


def _command(review: TerminalReview, keyboard: Keyboard) -> str:
    key = keyboard.read_key()
    if key == "e":
        text = keyboard.ask("edit: ", review.text()) if review.text() else ""
        return _about(review, "e", text) if text else ""
    if key in ("R", "g", "/"):
        text = keyboard.ask({"R": "because: ", "g": "id: ", "/": "search: "}[key])
        if key == "R" and text:
            return _about(review, "r", text)
        return f"{key.lower()} {text}" if text or key == "/" else ""
    if len(key) == 1 and key in "123456789"[: len(review.reasons)]:
        return f"r {key}"
    return _KEYS.get(key, key if key.isprintable() else "")


def _about(review: TerminalReview, word: str, text: str) -> str:
    """A command that names its pattern: what people typed may begin like an id."""
    position = review.position
    return f"{word} {text}" if position is None else f"{word} {pattern_id(review.session.patterns[position])} {text}"


class Keyboard:
    """Standard input without waiting for Enter, while the context lasts. Ctrl-C interrupts as ever."""

    def __init__(self) -> None:
        self._number = sys.stdin.fileno()
        self._cooked: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        try:
            import termios
            import tty
        except ImportError:  # Windows: a key and Enter
            return self
        self._cooked = termios.tcgetattr(self._number)
        tty.setcbreak(self._number, termios.TCSADRAIN)  # what was typed already stays
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._cooked is not None:
            import termios

            termios.tcsetattr(self._number, termios.TCSADRAIN, self._cooked)

    def read_key(self) -> str:
        """RETURNS (str): One key; an arrow is its escape sequence; "" for the end of input."""
        if self._cooked is None:
            line = sys.stdin.readline()
            return (line.strip() or " ")[:1] if line else ""
        import select

        key = os.read(self._number, 1)
        if key == b"\x1b" and select.select([self._number], [], [], 0.05)[0]:
            key += os.read(self._number, 2)
        return key.decode("ascii", "replace")

    def ask(self, prompt: str, text: str = "") -> str:
        """RETURNS (str): A line, filled with ``text`` at first where that can be; "" if people think better of it."""
        typer.echo("\r\x1b[K", nl=False)
        self.__exit__()
        try:
            return _input(prompt, text)
        except (EOFError, KeyboardInterrupt):
            return ""
        finally:
            self.__enter__()


def _input(prompt: str, text: str) -> str:
    try:
        import readline
    except ImportError:  # Windows
        return input(prompt).strip()
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return input(prompt).strip()
    finally:
        readline.set_startup_hook()
