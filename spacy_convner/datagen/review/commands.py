"""The commands of the review in a terminal, as people and scripts write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import DataError
from .session import ReviewSession

HELP = """\
  a [ID]           accept
  r [ID] [REASON]  reject; a digit stands for a reason: {reasons}
  e [ID] TEXT      save TEXT in its place
  u                undo, as often as you like
  s                skip for now               b  back to the one before
  m                other examples             g ID  go to a pattern
  l [N]            list the next N patterns, or ten: id, text and first seed, with tabs between
  / [WORDS]        only patterns, seeds or ids with these words
  q                quit; each decision is in the file already
ID is the id of a pattern or its beginning, four digits or more; without it, the pattern that is shown."""
_ID = re.compile(r"[0-9a-f]{4,12}")
_WHOLE = 12  # digits of an id


class Command(NamedTuple):
    """word (str): Its first word. position (int | None): Of the pattern that it names. rest (str): What follows."""

    word: str
    position: int | None
    rest: str


def parse_command(line: str, session: ReviewSession) -> Command:
    """Take a line apart.

    line (str): As in ``HELP``; may be blank. RETURNS (Command): The pattern is that of ``a``, ``r``, ``e`` and ``g``.
    RAISES: DataError for an id of no pattern or of several, and a word that may be an id.
    """
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if word == "g":
        return Command(word, find(rest, session), "")
    first, _, after = rest.partition(" ")
    if word not in ("a", "r", "e") or not _ID.fullmatch(first.lower()):
        return Command(word, None, rest)
    if word != "a" and first.isalpha() and len(first) < _WHOLE:  # "face", "added"
        if ids := session.starting(first.lower()):
            raise DataError(f"{first!r} is a word or stands for {ids[0]}", hint=f"write the id in full: {word} ID ...")
        return Command(word, None, rest)
    return Command(word, find(first, session), after.strip())


def find(start: str, session: ReviewSession) -> int:
    """RETURNS (int): Position of the pattern whose id begins with ``start``. RAISES: DataError."""
    ids = session.starting(start.lower()) if _ID.fullmatch(start.lower()) else []
    if not ids:
        hint = "for a text that begins like this, write the id of its pattern before it" if _ID.fullmatch(start) else ""
        raise DataError(f"no pattern with the id {start!r:.40}", hint=hint)
    if len(ids) > 1:
        raise DataError(f"{len(ids):,} ids begin with {start!r}", hint=", ".join(ids[:5]))
    return session.position(ids[0])
