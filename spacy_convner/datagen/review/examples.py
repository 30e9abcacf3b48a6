"""What a pattern will look like: a few utterances with catalog names in it, and its seeds with the names shown."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ...errors import DataError
from ...ty import CatalogEntry
from ..pattern_files import pattern_id
from ..placeholders import Placeholder, parse_placeholders
from ..population.filling import draw_names, fill, make_frames
from ..ty import NameSampler, Pattern


class Piece(NamedTuple):
    """A piece of an utterance. label (str | None): Of a name, or of a placeholder where ``name`` is False."""

    text: str
    label: str | None = None
    name: bool = True


@dataclass(slots=True)
class ExampleMaker:
    """Populates patterns for the eye; the same pattern gets the same names each time.

    entries (Callable): Streams the catalog's entries, at the first example of each language.
    make_sampler (Callable): Makes a sampler, one a language.
    """

    entries: Callable[[], Iterable[CatalogEntry]]
    make_sampler: Callable[[], NameSampler]
    _samplers: dict[str, NameSampler] = field(default_factory=dict)

    def __call__(self, pattern: Pattern, count: int = 3, turn: int = 0) -> list[list[Piece]]:
        """pattern (Pattern): To populate. count (int): Examples. turn (int): Another number gives other names.

        RETURNS (list[list[Piece]]): Fewer, where there aren't so many different ones; none for broken brackets.
            A placeholder whose label has no name left stays one.
        """
        try:
            pieces = parse_placeholders(" ".join(pattern.text.split()))
        except DataError:
            return []
        sampler = self._sampler(pattern.lang)
        rng = random.Random(f"{pattern_id(pattern)} {turn}")
        found: dict[str, list[Piece]] = {}
        for _ in range(3 * count):
            example = _populate(pattern, sampler, rng) or _fill_some(pieces, sampler, rng)
            found.setdefault("".join(piece.text for piece in example), example)
            if len(found) == count:
                break
        return list(found.values())

    def _sampler(self, lang: str) -> NameSampler:
        if lang not in self._samplers:
            sampler = self.make_sampler()
            sampler.fit(self.entries(), lang)
            self._samplers[lang] = sampler
        return self._samplers[lang]


def _populate(pattern: Pattern, sampler: NameSampler, rng: random.Random) -> list[Piece]:
    """As ``convner patterns populate`` would; an empty list if a label has no name (left)."""
    try:
        [frame] = make_frames([(1, replace(pattern, status="accepted"))], sampler.labels)
    except DataError:
        return []
    entries = draw_names(frame, lambda label, taken: sampler.draw(label, taken, rng))
    if entries is None:
        return []
    example = fill(frame, entries)
    pieces, position = [], 0
    for span in example.spans:
        pieces += [Piece(example.text[position : span.start]), Piece(example.text[span.start : span.end], span.label)]
        position = span.end
    return [piece for piece in (*pieces, Piece(example.text[position:])) if piece.text]


def _fill_some(pieces: Iterable[str | Placeholder], sampler: NameSampler, rng: random.Random) -> list[Piece]:
    """Names where there are some; what has none stays a placeholder, so that the gap shows."""
    taken: set[str] = set()
    drawn: dict[Placeholder, str | None] = {}
    example = []
    for piece in pieces:
        if isinstance(piece, str):
            example.append(Piece(piece))
            continue
        name = drawn.get(piece) if piece.index is not None else None
        if name is None and piece.label in sampler.labels:
            entry = sampler.draw(piece.label, taken, rng)
            name = entry.text if entry is not None else None
        if name is None:
            example.append(Piece(str(piece), piece.label, name=False))
            continue
        taken.add(name.casefold())
        drawn[piece] = name
        example.append(Piece(name, piece.label))
    return example


def pattern_pieces(text: str) -> list[Piece]:
    """RETURNS (list[Piece]): Literal text and placeholders. RAISES: DataError for broken brackets."""
    return [
        Piece(piece) if isinstance(piece, str) else Piece(str(piece), piece.label, name=False)
        for piece in parse_placeholders(text)
    ]


def seed_pieces(text: str, seed: str) -> list[Piece]:
    """Show in a seed what the pattern's placeholders stand for.

    text (str): Of the pattern. seed (str): An utterance.
    RETURNS (list[Piece]): The seed in pieces, white space folded; in one where it isn't an instance of the pattern.
    """
    seed = " ".join(seed.split())
    try:
        pieces = parse_placeholders(" ".join(text.split()))
    except DataError:
        return [Piece(seed)]
    found: list[Piece] = []
    position, label = 0, None
    # Each literal at its first place after the one before: no backtracking, whatever people wrote.
    for number, piece in enumerate(pieces):
        if isinstance(piece, Placeholder):
            if label is not None:  # nothing tells two names without a word between them apart
                return [Piece(seed)]
            label = piece.label
            continue
        literal = re.compile(re.escape(piece) + (r"\Z" if number == len(pieces) - 1 else ""), re.IGNORECASE)
        match = literal.match(seed) if number == 0 else literal.search(seed, position)
        if match is None or (label is not None and match.start() == position):
            return [Piece(seed)]
        if label is not None:
            found.append(Piece(seed[position : match.start()], label))
            label = None
        found.append(Piece(match[0]))
        position = match.end()
    if label is not None and position < len(seed):
        found.append(Piece(seed[position:], label))
        position, label = len(seed), None
    return found if position == len(seed) and label is None else [Piece(seed)]
