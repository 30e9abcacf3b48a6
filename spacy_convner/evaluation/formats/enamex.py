"""OntoNotes ``.name`` files: a sentence a line, names in ``<ENAMEX TYPE="PERSON">…</ENAMEX>``, one in another too.

``S_OFF`` and ``E_OFF`` say how many characters of the first and the last token are no part of the name
(OntoNotes 5.0, section on names): ``<ENAMEX TYPE="NORP" S_OFF="4">pro-Soviet</ENAMEX>`` is "Soviet".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

from ...errors import DataError
from ...ty import Exemplar, LabelledSpan
from .annotated import Options, Tally, make_exemplar

_MARKUP = re.compile(r"<(ENAMEX|TIMEX|NUMEX)\b([^<>]*)>|</(ENAMEX|TIMEX|NUMEX)\s*>")
_BROKEN = re.compile(r"</?(?:ENAMEX|TIMEX|NUMEX)\b")
_ATTRIBUTE = re.compile(r'(\w+)\s*=\s*["\']([^"\']*)["\']')
_DOC = re.compile(r"\s*</?(?:DOC|TEXT|BODY)\b([^>]*)>\s*$")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);")
PART = "names that are part of a token (S_OFF, E_OFF)"


def read_enamex(path: Path, lines: Sequence[str], options: Options, tally: Tally) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line, sentence. RAISES: DataError for markup that isn't closed on its line."""
    document: str | None = None
    for number, line in enumerate(lines, 1):
        if match := _DOC.match(line):
            document = dict(_ATTRIBUTE.findall(match[1])).get("DOCNO", document)
            continue
        if not line.strip():
            continue
        text, spans = parse_line(line, path, number, tally)
        yield (
            number,
            make_exemplar(text, spans, path=path, line=number, options=options, tally=tally, id=document),
        )


def parse_line(line: str, path: Path, number: int, tally: Tally) -> tuple[str, list[LabelledSpan]]:
    """RETURNS (tuple[str, list[LabelledSpan]]): Text with single spaces, and its names."""

    def fail(message: str) -> DataError:
        return DataError(message, path=path, line=number, field="ENAMEX")

    text = ""
    opened: list[tuple[int, str, dict[str, str], str]] = []
    spans = []
    position = 0
    for match in [*_MARKUP.finditer(line), None]:
        raw = line[position : match.start() if match else len(line)]
        if broken := _BROKEN.search(raw):
            raise fail(f"{raw[broken.start() :]!r:.60} isn't whole markup")
        text = _append(text, _ENTITY.sub(lambda found: unescape(found[0]), raw))
        if match is None:
            break
        position = match.end()
        if match[1]:
            attributes = dict(_ATTRIBUTE.findall(match[2]))
            label = attributes.get("TYPE", "").strip()
            if not label:
                raise fail(f"{match[0]!r:.80} has no TYPE")
            opened.append((len(text), label, attributes, match[1]))
            continue
        if not opened or opened[-1][3] != match[3]:
            raise fail(f"{match[0]} closes nothing")
        start, label, attributes, _ = opened.pop()
        start += text[start:].startswith(" ")
        span = _part(LabelledSpan(start, len(text.rstrip()), label), text, attributes, path, number, tally)
        if span is None:
            tally.add("names without text left out", path, number)
        else:
            spans.append(span)
    if opened:
        raise fail(f'<{opened[-1][3]} TYPE="{opened[-1][1]}"> isn\'t closed on its line')
    return text.rstrip(), spans


def _append(text: str, raw: str) -> str:
    # Single spaces, none at the start: offsets of what is there already don't change.
    more = re.sub(r"\s+", " ", raw)
    return text + (more.lstrip() if not text or text.endswith(" ") else more)


def _part(
    span: LabelledSpan, text: str, attributes: dict[str, str], path: Path, number: int, tally: Tally
) -> LabelledSpan | None:
    offsets = [attributes.get(name, "0") or "0" for name in ("S_OFF", "E_OFF")]
    if not all(offset.isdecimal() for offset in offsets):
        raise DataError(f"S_OFF and E_OFF are numbers, got {offsets}", path=path, line=number, field="ENAMEX")
    if span.start >= span.end:
        return None
    before, after = int(offsets[0]), int(offsets[1])
    if not before and not after:
        return span
    words = text[span.start : span.end].split(" ")
    if before >= len(words[0]) or after >= len(words[-1]) or before + after >= span.end - span.start:
        tally.add("S_OFF or E_OFF longer than the token, ignored", path, number)
        return span
    tally.add(PART, path, number)
    return LabelledSpan(span.start + before, span.end - after, span.label)
