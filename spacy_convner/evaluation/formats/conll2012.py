"""OntoNotes as the CoNLL-2011 and -2012 tasks gave it: many columns, names as brackets in the eleventh.

Columns (conll.cemantix.org/2012/data.html): document, part, word number, word, part of speech, parse, lemma, frameset,
sense, speaker, named entities, predicate arguments …, coreference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import DataError
from ...ty import Exemplar
from .annotated import Options, Tally, join_tokens

_WORD, _NAMES, _WIDTH = 3, 10, 12
_BEGIN = re.compile(r"#begin document \(?(.*?)\)?;?(?:\s*part\s+(\d+))?\s*$")
_CELL = re.compile(r"((?:\([^()*\s]+)*)\*?(\)*)")
_NO_WORD = "[WORD]"


def read_conll2012(path: Path, lines: Sequence[str], options: Options, tally: Tally) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line of the first word, sentence; its id names document and part.

    RAISES: DataError for a row with too few columns, unbalanced brackets or a skeleton without words.
    """
    column = _NAMES if options.tag_column is None else options.tag_column - (options.tag_column > 0)
    tally.say(f"words in column {_WORD + 1}, names in column {column + 1 if column >= 0 else column}")
    document: str | None = None
    first, tokens, cells = 0, list[str](), list[str]()
    for number, line in enumerate([*lines, ""], 1):
        row = line.split()
        if row and not line.startswith("#"):
            if len(row) < _WIDTH or not -len(row) <= column < len(row):
                raise DataError(
                    f"expected at least {max(_WIDTH, column + 1)} columns, got {len(row)}: {line!r:.80}",
                    path=path,
                    line=number,
                )
            if row[_WORD] == _NO_WORD:
                raise DataError(
                    "a skeleton without words",
                    path=path,
                    line=number,
                    hint="make *_conll files of the *_skel files with skeleton2conll, which needs OntoNotes itself",
                )
            first = first if tokens else number
            tokens.append(row[_WORD])
            cells.append(row[column])
            continue
        if tokens:
            spans = read_brackets(cells, path, first)
            yield first, join_tokens(tokens, spans, path=path, line=first, options=options, tally=tally, id=document)
            tokens, cells = [], []
        if match := _BEGIN.match(line):
            document = f"{match[1]}.{int(match[2])}" if match[2] else match[1]


def read_brackets(cells: Sequence[str], path: Path, first: int) -> list[tuple[int, int, str]]:
    """cells (Sequence[str]): "(PERSON*", "*)", "(GPE)", "*" … of one sentence. first (int): Its first line.

    RETURNS (list[tuple]): (first token, token after the last, label). RAISES: DataError if they don't balance.
    """
    spans, opened = [], list[tuple[int, str]]()
    for position, cell in enumerate(cells):
        if cell == "-":
            continue
        match = _CELL.fullmatch(cell)
        if match is None:
            raise DataError(
                f"{cell!r:.60} isn't a bracket such as (PERSON*, * or *)",
                path=path,
                line=first + position,
                field="named entity",
                hint="another column holds the names: --tag-column",
            )
        opened += [(position, label) for label in match[1].split("(")[1:]]
        for _ in match[2]:
            if not opened:
                raise DataError(
                    f"unbalanced brackets: {cell!r} closes nothing",
                    path=path,
                    line=first + position,
                    field="named entity",
                )
            start, label = opened.pop()
            spans.append((start, position + 1, label))
    if opened:
        start, label = opened[-1]
        raise DataError(
            f"unbalanced brackets: ({label} isn't closed at the end of its sentence",
            path=path,
            line=first + start,
            field="named entity",
        )
    return spans
