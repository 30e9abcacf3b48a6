"""The review in a terminal: commands in, text out. Who reads the keys and prints is ``cli/``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ...errors import DataError
from ..pattern_files import pattern_id
from ..ty import STYLES, Pattern
from .commands import HELP, Command, parse_command
from .decisions import REASONS
from .examples import Piece, seed_pieces
from .hints import name_hints
from .session import VIEWS, Filters, ReviewSession, view_of
from .view import Examples, cluster_name, preview

_LISTED = 10  # patterns


def plain(text: str, kind: str) -> str:
    """Style nothing. kind (str): "tag", "name", "soft", "bold", or a status."""
    return text


def discard(text: str) -> None:
    """Say nothing."""


@dataclass(slots=True)
class TerminalReview:
    """Shows patterns one after the other and takes commands.

    write (Callable): Prints a line. style (Callable): Text and kind (see ``plain``) → text with colours.
    warn (Callable): Prints what people should know about a decision. quiet (bool): Show patterns only when asked to.
    """

    session: ReviewSession
    write: Callable[[str], None]
    style: Callable[[str, str], str] = plain
    filters: Filters = field(default_factory=Filters)
    examples: Examples | None = None
    reasons: Sequence[str] = REASONS
    position: int | None = None
    turn: int = 0
    quiet: bool = False
    warn: Callable[[str], None] = discard

    def start(self) -> None:
        """Show the first pattern."""
        self.position = self.session.step(self.session.select(self.filters), None)
        self.show()

    def text(self) -> str:
        """RETURNS (str): The pattern that is shown, "" for none."""
        return "" if self.position is None else self.session.patterns[self.position].text

    def show(self) -> None:
        """Print the pattern that it is about, its seeds and examples; nothing if ``quiet``."""
        if self.quiet:
            return
        queue = self.session.select(self.filters)
        if self.position is None:
            self.write(self._nothing())
            return
        pattern = self.session.patterns[self.position]
        rank = f"{queue.index(self.position) + 1} of {len(queue)}" if self.position in queue else self._outside(pattern)
        said = f"said {pattern.frequency:,} times" if pattern.frequency > 1 else ""
        facts = [rank, pattern.lang, cluster_name(pattern), pattern.style, said, pattern_id(pattern)]
        self.write("")
        self.write(self.style(" · ".join(fact for fact in facts if fact), "soft"))
        self.write("  " + self._line(preview(pattern.text), "bold"))
        if hint := name_hints(pattern.text, pattern.lang):
            self.write(self.style(f"  {_printable(hint)}", "soft"))
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
        command = parse_command(line, self.session)
        word, position, rest = command
        if word == "":
            return True
        if word in ("q", "quit"):
            return False
        if word in ("?", "h", "help"):
            reasons = ", ".join(f"{number} {reason}" for number, reason in enumerate(self.reasons, 1))
            self.write(HELP.format(reasons=reasons))
        elif word in ("a", "r", "e"):
            self._decide(command)
        elif word == "u":
            self._undo()
        elif word in ("s", "b"):
            self._move(1 if word == "s" else -1)
        elif word == "m":
            self.turn += 1
            self.show()
        elif word == "g":
            self.position, self.turn = position, 0
            self.show()
        elif word == "l":
            self._list(rest)
        elif word == "/":
            filters = self.filters
            self.filters = Filters(filters.view, filters.label, filters.lang, filters.cluster, rest)
            self.start()
        else:
            raise DataError(f"no command {word!r:.20}", hint="? shows the commands")
        return True

    def summary(self) -> str:
        """RETURNS (str): What was decided in this session, and what the whole file has by style and status; lines."""
        made = self.session.made
        counts = ", ".join(f"{made[status]:,} {status}" for status in ("accepted", "edited", "rejected"))
        decisions = f"{made.total():,} decision{'s' * (made.total() != 1)} by {self.session.reviewer}"
        views = VIEWS[:-1]
        cells: Counter[tuple[str, str]] = Counter(
            (pattern.style, view_of(pattern)) for pattern in self.session.patterns
        )
        styles = [style for style in STYLES if any(cells[style, view] for view in views)]
        rows = [(style, [cells[style, view] for view in views]) for style in styles]
        if len(rows) > 1:
            rows.append(("in all", [sum(column) for column in zip(*(row for _, row in rows), strict=True)]))
        lines = [f"{self.session.file.path}: {decisions} ({counts})", f"{'':<16}" + "".join(f"{v:>10}" for v in views)]
        lines += [f"{name:<16}" + "".join(f"{count:>10,}" for count in row) for name, row in rows]
        return "\n".join(lines)

    def _nothing(self) -> str:
        if todo := self.session.progress().views["todo"]:
            return f"Nothing matches; {todo} to do in all."
        return "Nothing is left to do. What is decided: g ID, or --view"

    def _outside(self, pattern: Pattern) -> str:
        """Why a pattern is shown that the filters leave out."""
        view = view_of(pattern)
        if self.filters.view == "todo" and view != "todo":
            return "refused by the checks" if view == "invalid" else "decided already"
        return "beside the filter"

    def _list(self, rest: str) -> None:
        if rest and not (rest.isdecimal() and int(rest)):
            raise DataError(f"expected a number of patterns, got {rest!r:.40}", hint="l 20")
        queue = [p for p in self.session.select(self.filters) if self.position is None or p >= self.position]
        if not queue:
            self.write(self._nothing())
        for position in queue[: int(rest or _LISTED)]:
            pattern = self.session.patterns[position]
            cells = pattern_id(pattern), pattern.text, pattern.seeds[0] if pattern.seeds else ""
            self.write("\t".join(map(_printable, cells)))

    def _decide(self, command: Command) -> None:
        word, named, rest = command
        position = self.position if named is None else named
        if word == "a" and rest:
            raise DataError(f"nothing may follow a but an id, got {rest!r:.40}", hint="a ID")
        if position is None:
            raise DataError("there is no pattern to decide on", hint="q quits")
        if word == "e" and not rest:
            raise DataError("an edit needs the new text", hint="e TEXT")
        if word == "r" and rest.isdecimal() and 0 < int(rest) <= len(self.reasons):
            rest = self.reasons[int(rest) - 1]
        action = {"a": "accept", "r": "reject", "e": "edit"}[word]
        pattern = self.session.decide(position, action, rest if word == "e" else None, rest if word == "r" else "")
        self.write(f"{self.style(pattern.status, pattern.status)} {pattern_id(pattern)}: {_printable(pattern.text)}")
        if word == "r" and not pattern.reason:
            self.warn(f"{pattern_id(pattern)}: rejected without a reason")
        unseen = word == "e" or self.quiet or position != self.position
        if word != "r" and unseen and (hint := name_hints(pattern.text, pattern.lang)):
            self.warn(f"{pattern_id(pattern)}: {_printable(hint)}")
        if position == self.position:  # else the pattern that is shown is still to be decided
            self._move(1)

    def _undo(self) -> None:
        undone = self.session.undo()
        if undone is None:
            raise DataError(f"nothing to undo: {self.session.reviewer} decided nothing in this file")
        was, pattern = undone.was, self.session.patterns[undone.position]
        what = f"was {was.status}" + (
            f": {was.text}" if was.status == "edited" else f": {was.reason}" * bool(was.reason)
        )
        when = f", in an earlier session, {was.decided_at[:10]}".rstrip(" ,") if undone.earlier else ""
        said = _printable(f"{pattern_id(pattern)}: {pattern.text} ({what}{when})")
        self.write(f"{self.style('undone', 'soft')} {said}")
        self.position, self.turn = undone.position, 0
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
