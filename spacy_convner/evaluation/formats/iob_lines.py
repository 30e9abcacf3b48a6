"""A sentence a line, its words with their tags behind bars: ``I|O like|O London|B-GPE``, as ``spacy convert`` takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import DataError
from ...ty import Exemplar
from .annotated import Options, Sentence, Tally, join_tokens
from .schemes import read_tags, split_tag


def looks_like_iob(lines: Sequence[str]) -> bool:
    """RETURNS (bool): Whether every word of the first lines ends with a bar and a tag."""
    cells = [cell.rpartition("|") for line in lines for cell in line.split()]
    return bool(cells) and all(bar and word and split_tag(tag) is not None for word, bar, tag in cells)


def read_iob_lines(path: Path, lines: Sequence[str], options: Options, tally: Tally) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line, sentence. RAISES: DataError for a word with another number of bars."""
    sentences = []
    bars = next((line.split()[0].count("|") for line in lines if line.strip()), 0)
    if bars < 1:
        raise DataError("expected words with their tags, such as London|B-GPE", path=path, line=1)
    for number, line in enumerate(lines, 1):
        sentence = Sentence()
        for cell in line.split():
            parts = cell.rsplit("|", bars)
            if len(parts) != bars + 1 or not parts[0]:
                raise DataError(
                    f"expected {bars + 1} parts as in the first word, got {cell!r:.60}", path=path, line=number
                )
            sentence.tokens.append(parts[0])
            sentence.tags.append(parts[-1])
            sentence.lines.append(number)
        if sentence.tokens:
            sentences.append(sentence)
    spans = read_tags(sentences, path, tally, bare=options.bare_tags)
    for sentence, found in zip(sentences, spans, strict=True):
        line_no = sentence.lines[0]
        yield line_no, join_tokens(sentence.tokens, found, path=path, line=line_no, options=options, tally=tally)
