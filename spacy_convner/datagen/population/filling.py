"""From a pattern and names to an annotated utterance, whose offsets are exact because they are where names were put."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError
from ...leaks import ARTICLES
from ...ty import CatalogEntry, Exemplar, LabelledSpan
from ..pattern_files import pattern_id
from ..placeholders import Placeholder, parse_placeholders
from ..ty import USABLE, Pattern, Style

Draw = Callable[[str, Collection[str]], CatalogEntry | None]

_ARTICLE = re.compile(r"(?<![\w'’])(an?)(\s+[\"“'‘]?)$", re.IGNORECASE)
_TAIL = 6  # characters that an article before a name is within
_VOWEL = re.compile(r"[aeiouáéíóúàèìòùäëïöüâêîôû]|8|11(?!\d)|18(?!\d)", re.IGNORECASE)
_NO_VOWEL_SOUND = re.compile(
    r"uni(?!n)|use|usa|uti|uto|eu|ew|one\b|once\b|ouija|u\d|u\b|u-|(?-i:U[B-DF-HJ-NP-TV-Z]{1,2}\b)", re.IGNORECASE
)
_SILENT_H = re.compile(r"(?:hour|honest|honou?r|heir)", re.IGNORECASE)
_SPELLED = re.compile(r"[FHLMNRSX](?:[B-DF-HJ-NP-TV-Z][A-Z]?|\d+|\.\S*)?$")  # said letter by letter: an MTV, an X5


@dataclass(frozen=True, slots=True)
class Frame:
    """A pattern ready to be filled.

    pieces (tuple[str | int]): Literal text, and numbers of slots where names go.
    slots (tuple[str]): Label of each slot; ``<Label:1>`` twice is one slot. line (int): In the patterns' file.
    """

    id: str
    lang: str
    style: Style
    frequency: int
    pieces: tuple[str | int, ...]
    slots: tuple[str, ...]
    pattern: Pattern
    line: int = 0


def make_frames(
    numbered: Iterable[tuple[int, Pattern]],
    labels: Collection[str],
    *,
    path: Path | None = None,
    lang: str | None = None,
    style: Style | None = None,
) -> list[Frame]:
    """Check patterns and prepare those that a person let pass ("accepted", "edited"); one text is taken once.

    numbered: Line number and pattern. labels (Collection[str]): Labels that there are names for.
    path (Path | None): The patterns' file, for messages.
    lang, style: Only patterns of this language and style.
    RAISES: DataError with the line of a pattern that can't be filled, or if none is left.
    """
    frames: dict[str, Frame] = {}
    seen = 0
    for line, pattern in numbered:
        seen += 1
        if pattern.status not in USABLE or (lang and pattern.lang != lang) or (style and pattern.style != style):
            continue
        frame = _make_frame(pattern, path, line)
        for label in frame.slots:
            if label not in labels:
                known = ", ".join(sorted(labels)) or "none"
                hint = f"labels with names in '{pattern.lang}': {known}"
                message = f"the catalog has no name for <{label}> in {pattern.text!r:.100}"
                raise DataError(message, path=path, line=line, field="text", hint=hint)
        frames.setdefault(" ".join(pattern.text.split()), frame)
    if not frames:
        wanted = " ".join(f"{name} '{value}'" for name, value in (("language", lang), ("style", style)) if value)
        message = f"no pattern with status accepted or edited{f' of {wanted}' if wanted else ''} among {seen}"
        raise DataError(message, path=path, hint="review them: convner patterns review")
    return list(frames.values())


def fill(frame: Frame, entries: Sequence[CatalogEntry]) -> Exemplar:
    """entries (Sequence[CatalogEntry]): A name for each slot.

    RETURNS (Exemplar): A span for each place where a name stands, in order. ``meta``: ``pattern`` (id), ``entries``
        (catalog id of each span), ``style``. In English "a" before a name becomes "an" where it is said so, and back;
        an article before a name that begins with it goes ("the The Beatles").
    """
    text = ""
    spans, ids = [], []
    for piece in frame.pieces:
        if isinstance(piece, str):
            text += piece
            continue
        entry = entries[piece]
        if frame.lang == "en":
            text = text[:-_TAIL] + _ARTICLE.sub(lambda found: _agree(found, entry.text), text[-_TAIL:])  # noqa: B023
        text = _without_double(text, entry.text, frame.lang)
        spans.append(LabelledSpan(len(text), len(text) + len(entry.text), entry.label))
        ids.append(entry.id)
        text += entry.text
    meta = {"pattern": frame.id, "entries": ids, "style": frame.style}
    return Exemplar(text=text, spans=tuple(spans), lang=frame.lang, meta=meta)


def draw_names(frame: Frame, draw: Draw, avoid: Collection[str] = ()) -> list[CatalogEntry] | None:
    """Draw a name for each slot, never one twice.

    draw (Draw): Label and case-folded names not to give → entry. avoid (Collection[str]): Further such names.
    RETURNS (list[CatalogEntry] | None): None if a slot gets no name.
    """
    taken = set(avoid)
    entries = []
    for label in frame.slots:
        entry = draw(label, taken)
        if entry is None:
            return None
        taken.add(entry.text.casefold())
        entries.append(entry)
    return entries


def takes_an(name: str) -> bool:
    """RETURNS (bool): Whether English says "an" before the name, by rule of thumb."""
    first = name.split()[0].lstrip("\"“'‘¡¿(") if name.split() else ""
    return bool(
        _SPELLED.match(first) or _SILENT_H.match(first) or (_VOWEL.match(first) and not _NO_VOWEL_SOUND.match(first))
    )


def _without_double(text: str, name: str, lang: str) -> str:
    article, _, rest = name.partition(" ")
    if not rest or article.lower() not in ARTICLES.get(lang, ()):
        return text
    tail = text[-len(article) - 2 :].lower()
    if tail.endswith(f"{article.lower()} ") and (len(tail) < len(article) + 2 or tail[0].isspace()):
        return text[: -len(article) - 1]
    return text


def _agree(found: re.Match[str], name: str) -> str:
    article = "an" if takes_an(name) else "a"
    if found[1][0] == "A":
        article = article.capitalize()
    return article + found[2]


def _make_frame(pattern: Pattern, path: Path | None, line: int) -> Frame:
    try:
        parsed = parse_placeholders(" ".join(pattern.text.split()))
    except DataError as err:
        raise DataError(err.message, path=path, line=line, field="text", hint=err.hint) from err
    pieces: list[str | int] = []
    slots: list[str] = []
    repeated: dict[Placeholder, int] = {}
    for piece in parsed:
        if isinstance(piece, str):
            pieces.append(piece)
        elif piece.index is not None and piece in repeated:
            pieces.append(repeated[piece])
        else:
            if piece.index is not None:
                repeated[piece] = len(slots)
            pieces.append(len(slots))
            slots.append(piece.label)
    return Frame(
        pattern_id(pattern), pattern.lang, pattern.style, pattern.frequency, tuple(pieces), tuple(slots), pattern, line
    )
