"""The review in a terminal: commands in, text out. Who reads the keys and prints is ``cli/``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ...errors import DataError
from ..pattern_files import pattern_id
from .decisions import REASONS
from .examples import Piece, seed_pieces
from .session import Filters, ReviewSession
from .view import Examples, cluster_name, preview

HELP = """\
  a              accept
  r [REASON]     reject; a digit stands for a reason: {reasons}
  e TEXT         save TEXT in its place
  u              undo, as often as you like
  s              skip for now                 b  back to the one before
  m              other examples               g ID  go to a pattern
  / [WORDS]      only patterns, seeds or ids with these words
  q              quit; each decision is in the file already"""


def plain(text: str, kind: str) -> str:
    """Style nothing. kind (str): "tag", "name", "soft", "bold", or a status."""
    return text


@dataclass(slots=True)
class TerminalReview:
    """Shows patterns one after the other and takes commands.

    write (Callable): Prints a line. style (Callable): Text and kind (see ``plain``) → text with colours.
    """

    session: ReviewSession
    write: Callable[[str], None]
    style: Callable[[str, str], str] = plain
    filters: Filters = field(default_factory=Filters)
    examples: Examples | None = None
    reasons: Sequence[str] = REASONS
    position: int | None = None
    turn: int = 0

    def start(self) -> None:
        """Show the first pattern."""
        self.position = self.session.step(self.session.select(self.filters), None)
        self.show()

    def text(self) -> str:
        """RETURNS (str): The pattern that is shown, "" for none."""
        return "" if self.position is None else self.session.patterns[self.position].text

    def show(self) -> None:
        """Print the pattern that it is about, its seeds and examples."""
        queue = self.session.select(self.filters)
        if self.position is None:
            todo = self.session.progress().views["todo"]
            self.write(f"Nothing matches; {todo} to do in all." if todo else "Everything is decided.")
            return
        pattern = self.session.patterns[self.position]
        rank = f"{queue.index(self.position) + 1} of {len(queue)}" if self.position in queue else "not in this list"
        said = f"said {pattern.frequency:,} times" if pattern.frequency > 1 else ""
        facts = [rank, pattern.lang, cluster_name(pattern), pattern.style, said, pattern_id(pattern)]
        self.write("")
        self.write(self.style(" · ".join(fact for fact in facts if fact), "soft"))
        self.write("  " + self._line(preview(pattern.text), "bold"))
        if pattern.status != "proposed":
            by = f" by {pattern.reviewer}" if pattern.reviewer else ""
            why = f": {pattern.reason}" if pattern.reason else ""
            was = f" (was: {_printable(pattern.original)})" if pattern.original else ""
            self.write("  " + self.style(pattern.status, pattern.status) + _printable(by + why) + was)
        for example in self.examples(pattern, turn=self.turn) if self.examples is not None else ():
            self.write(self.style("    e.g. ", "soft") + self._line(example))
        for seed in pattern.seeds[:3]:
            self.write(self.style("    from ", "soft") + self._line(seed_pieces(pattern.text, seed)))

    def handle(self, line: str) -> bool:
        """Carry out a command.

        line (str): As in ``HELP``. RETURNS (bool): Whether to go on. RAISES: DataError; then nothing was changed.
        """
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "":
            return True
        if word in ("q", "quit"):
            return False
        if word in ("?", "h", "help"):
            reasons = ", ".join(f"{number} {reason}" for number, reason in enumerate(self.reasons, 1))
            self.write(HELP.format(reasons=reasons))
        elif word in ("a", "r", "e"):
            self._decide(word, rest)
        elif word == "u":
            self._undo()
        elif word in ("s", "b"):
            self._move(1 if word == "s" else -1)
        elif word == "m":
            self.turn += 1
            self.show()
        elif word == "g":
            self.position, self.turn = self.session.position(rest), 0
            self.show()
        elif word == "/":
            filters = self.filters
            self.filters = Filters(filters.view, filters.label, filters.lang, filters.cluster, rest)
            self.start()
        else:
            raise DataError(f"no command {word!r:.20}", hint="? shows the commands")
        return True

    def summary(self) -> str:
        """RETURNS (str): What was decided in this session and what is left, in one line."""
        made, views = self.session.made, self.session.progress().views
        counts = ", ".join(f"{made[status]:,} {status}" for status in ("accepted", "edited", "rejected"))
        return (
            f"{self.session.file.path}: {made.total():,} decisions by {self.session.reviewer} ({counts}); "
            f"{views['todo']:,} to do"
        )

    def _decide(self, word: str, rest: str) -> None:
        if self.position is None:
            raise DataError("there is no pattern to decide on", hint="q quits")
        if word == "e" and not rest:
            raise DataError("an edit needs the new text", hint="e TEXT")
        if word == "a" and rest:
            raise DataError(f"nothing may follow a, got {rest!r:.40}")
        if word == "r" and rest.isdecimal() and 0 < int(rest) <= len(self.reasons):
            rest = self.reasons[int(rest) - 1]
        action = {"a": "accept", "r": "reject", "e": "edit"}[word]
        pattern = self.session.decide(self.position, action, rest if word == "e" else None, rest if word == "r" else "")
        self.write(f"{self.style(pattern.status, pattern.status)} {pattern_id(pattern)}: {_printable(pattern.text)}")
        self._move(1)

    def _undo(self) -> None:
        position = self.session.undo()
        if position is None:
            raise DataError(f"nothing to undo: {self.session.reviewer} decided nothing in this file")
        self.write(f"{self.style('undone', 'soft')} {pattern_id(self.session.patterns[position])}")
        self.position, self.turn = position, 0
        self.show()

    def _move(self, by: int) -> None:
        queue = self.session.select(self.filters)
        self.position = self.session.step(queue, self.position, by, wrap=self.filters.view == "todo")
        self.turn = 0
        self.show()

    def _line(self, pieces: Iterable[Piece], kind: str = "") -> str:
        return "".join(
            self.style(_printable(piece.text), kind if piece.label is None else "name" if piece.name else "tag")
            for piece in pieces
        )


def _printable(text: str) -> str:
    """Without control characters: an utterance must not move the cursor or set the terminal's title."""
    return "".join(char if char.isprintable() else " " for char in text)
