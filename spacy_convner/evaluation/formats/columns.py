"""A token a line, columns beside it, a blank line between sentences: CoNLL-2002 and -2003, WNUT-17, MultiCoNER, …"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, DataError
from ...ty import Exemplar
from .annotated import Options, Sentence, Tally, join_tokens
from .schemes import EMPTY, read_tags, split_tag

_BLANKS = re.compile(r"[ \t]+")  # no other white space: a token may be a no-break space
_ID = re.compile(r"#\s*(?:sent[_-]?id|doc[_-]?id|id)\b\s*[=:]?\s*(\S+)", re.IGNORECASE)
_GLOBAL = re.compile(r"#\s*global\.columns\s*=\s*(.+)", re.IGNORECASE)
_WORD_NAMES, _TAG_NAMES = ("FORM", "TOKEN", "WORD"), ("NER", "NE", "NER_TAG", "NER_TAGS", "BIO", "ENTITY")
DOCSTART = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class Layout:
    """separator (str): "tab" or "blanks". width (int): Columns. word, tag (int): Which hold what, from 0."""

    separator: str
    width: int
    word: int
    tag: int


def read_columns(path: Path, lines: Sequence[str], options: Options, tally: Tally) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line of the first token, sentence. RAISES: DataError with the line."""
    layout = find_layout(lines, options, path)
    tally.say(f"{layout.separator}-separated columns, words in column {layout.word + 1}, tags in {layout.tag + 1}")
    sentences = list(split_sentences(path, lines, layout, tally))
    if not sentences:
        raise DataError("no sentences in the file", path=path)
    spans = read_tags(sentences, path, tally, bare=options.bare_tags)
    for sentence, found in zip(sentences, spans, strict=True):
        line = sentence.lines[0]
        yield (
            line,
            join_tokens(sentence.tokens, found, path=path, line=line, options=options, tally=tally, id=sentence.id),
        )


def find_layout(lines: Sequence[str], options: Options, path: Path) -> Layout:
    """Which separator, how many columns (what most lines have), where words and tags stand."""
    rows = [line for line in lines if line.strip(" \t") and not line.startswith(("# ", DOCSTART))]
    rows = rows or [line for line in lines if line.strip(" \t") and not line.startswith(DOCSTART)]
    separator = "tab" if 2 * sum("\t" in line for line in rows) > len(rows) else "blanks"
    split = [_split(line, separator) for line in rows]
    width = Counter(len(row) for row in split).most_common(1)[0][0] if rows else 0
    if width < 2:
        raise DataError(
            "expected two or more columns (word … tag) in a line",
            path=path,
            line=lines.index(rows[0]) + 1 if rows else 1,
        )
    names = next((match[1].split() for line in lines if (match := _GLOBAL.match(line))), [])
    names = [name.upper().split(":")[-1] for name in names] if len(names) == width else []
    word = _column(options.word_column, width, "--word-column")
    tag = _column(options.tag_column, width, "--tag-column")
    if word is None:
        named = [i for i, name in enumerate(names) if name in _WORD_NAMES]
        numbered = width > 2 and _are_numbered(lines, separator, width)
        word = named[0] if named else int(numbered)
    if tag is None:
        named = [i for i, name in enumerate(names) if name in _TAG_NAMES]
        tag = named[0] if named else width - 1 if options.bare_tags else _tag_column(split, width)
    if word == tag == 0 and options.word_column is None:
        word = width - 1
    if word == tag:
        raise ConfigError(f"column {tag + 1} can't hold both words and tags: --word-column, --tag-column")
    return Layout(separator, width, word, tag)


def split_sentences(path: Path, lines: Sequence[str], layout: Layout, tally: Tally) -> Iterator[Sentence]:
    """YIELDS (Sentence): Tokens with their tags. RAISES: DataError for a line with another number of columns."""
    sentence, next_id = Sentence(), None
    for line_no, line in enumerate(lines, 1):
        if not line.strip(" \t") or line.startswith(DOCSTART):
            if sentence.tokens:
                yield sentence
                sentence = Sentence()
            continue
        row = _split(line, layout.separator)
        while len(row) > layout.width and not row[-1]:
            row.pop()
        if _is_comment(line, row, layout):
            if match := _ID.match(line):
                next_id = match[1]
            continue
        if len(row) != layout.width:
            raise DataError(
                f"expected {layout.width} columns as in most lines, got {len(row)}: {line!r:.80}",
                path=path,
                line=line_no,
                hint=f"columns are {layout.separator}-separated; a blank line ends a sentence",
            )
        token, tag = row[layout.word], row[layout.tag]
        if not token:
            if tag != "O" and tag not in EMPTY:
                raise DataError(f"no word before the tag {tag!r:.60}", path=path, line=line_no)
            tally.add("lines without a word left out", path, line_no)
            continue
        if not sentence.tokens:
            sentence.id, next_id = next_id, None
        sentence.tokens.append(token)
        sentence.tags.append(tag)
        sentence.lines.append(line_no)
    if sentence.tokens:
        yield sentence


def _tag_column(rows: Sequence[Sequence[str]], width: int) -> int:
    """The last one, unless it holds something else and just one other holds tags: MIT's corpora have them first."""
    rows = [row for row in rows if len(row) == width]
    shares = [sum(split_tag(row[i]) is not None for row in rows) / len(rows) for i in range(width)]
    tags = [i for i, share in enumerate(shares) if share > 0.99]
    return tags[0] if len(tags) == 1 and shares[-1] < 0.5 else width - 1


def _split(line: str, separator: str) -> list[str]:
    if separator == "blanks":
        return _BLANKS.split(line.strip(" \t"))
    return [cell.strip(" ") for cell in line.split("\t")]


def _is_comment(line: str, row: Sequence[str], layout: Layout) -> bool:
    # "#" is a word too: tweets. A comment is what doesn't look like a word with its tag.
    if not line.startswith(("# ", "#\t")):
        return False
    return len(row) != layout.width or (split_tag(row[layout.tag]) is None and row[layout.tag] not in EMPTY)


def _are_numbered(lines: Sequence[str], separator: str, width: int) -> bool:
    before, seen = 0, False
    for line in lines:
        row = _split(line, separator)
        if not line.strip(" \t"):
            before = 0
        elif len(row) == width and not line.startswith(("#", DOCSTART)):
            if row[0] not in (str(before + 1), "1"):
                return False
            before, seen = int(row[0]), seen or row[0] == "2"
    return seen


def _column(number: int | None, width: int, option: str) -> int | None:
    if number is None:
        return None
    if number == 0 or abs(number) > width:
        raise ConfigError(f"{option} {number}: the file has columns 1 to {width} (or -{width} to -1, from the end)")
    return number - 1 if number > 0 else width + number
