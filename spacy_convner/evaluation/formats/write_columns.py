"""Exemplars to columns: a token and its tag a line, tab-separated, a blank line after each utterance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from ...errors import DataError
from ...ty import Exemplar, LabelledSpan
from .annotated import Tally, outermost

Scheme = Literal["iob2", "bilou"]
Tokenizer = Callable[[str], Sequence[tuple[int, int]]]


def split_blanks(text: str) -> list[tuple[int, int]]:
    """RETURNS (list[tuple[int, int]]): Start and end of what stands between white space, in characters."""
    found, position = [], 0
    for word in text.split():
        start = text.index(word, position)
        position = start + len(word)
        found.append((start, position))
    return found


def spacy_tokens(lang: str) -> Tokenizer:
    """RETURNS (Callable): The tokenizer of a language, as (start, end) in characters without white space tokens."""
    from ...pipelines import blank_pipeline

    nlp = blank_pipeline(lang, "--lang")

    def tokenize(text: str) -> list[tuple[int, int]]:
        return [(token.idx, token.idx + len(token)) for token in nlp.make_doc(text) if not token.is_space]

    return tokenize


def to_columns(
    numbered: Iterable[tuple[Path, int, Exemplar]],
    tokenize: Tokenizer,
    tally: Tally,
    *,
    scheme: Scheme = "iob2",
    lossy: bool = False,
) -> Iterator[tuple[str, int]]:
    """numbered: Exemplars with where they come from. lossy (bool): Drop what columns can't hold, counted.

    A span's edges are token edges: a word that a span cuts through becomes two tokens, counted.
    YIELDS (tuple[str, int]): An utterance with its end, number of spans.
    RAISES: DataError for overlapping spans and several labels on one span.
    """
    for path, line, exemplar in numbered:
        spans = _single(exemplar, path, line, tally, lossy)
        tokens = _split_at_edges(tokenize(exemplar.text), spans, path, line, tally)
        if not tokens:
            tally.add("utterances without words left out", path, line)
            continue
        tags = _tags(tokens, spans, scheme)
        rows = (f"{exemplar.text[start:end]}\t{tag}\n" for (start, end), tag in zip(tokens, tags, strict=True))
        yield "".join(rows) + "\n", len(spans)


def _single(exemplar: Exemplar, path: Path, line: int, tally: Tally, lossy: bool) -> list[LabelledSpan]:
    spans = sorted(set(exemplar.spans), key=lambda span: (span.start, span.end, span.label))
    for span in spans:
        if span.label != span.label.strip() or any(char in span.label for char in "\t\n\r"):
            raise DataError(f"label {span.label!r} can't be written in columns", path=path, line=line, field="spans")
    if lossy:
        spans = outermost(spans, path, line, tally)
        kept = list({(span.start, span.end): span for span in reversed(spans)}.values())[::-1]
        for _ in range(len(spans) - len(kept)):
            tally.add("further labels of a span left out", path, line)
        return kept
    for one, other in pairwise(spans):
        if other.start < one.end:
            same = (one.start, one.end) == (other.start, other.end)
            text = exemplar.text[one.start : one.end]
            what = f"has two labels, {one.label} and {other.label}" if same else f"overlaps {other.label}"
            raise DataError(
                f"{text!r:.60} ({one.start}..{one.end}, {one.label}) {what}: columns hold one label a token",
                path=path,
                line=line,
                field="spans",
                hint="write .jsonl or .spacy, or give --lossy to keep the longest span and its first label",
            )
    return spans


def _split_at_edges(
    tokens: Sequence[tuple[int, int]], spans: Sequence[LabelledSpan], path: Path, line: int, tally: Tally
) -> list[tuple[int, int]]:
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    found = []
    for start, end in tokens:
        inner = [edge for edge in edges if start < edge < end]
        for _ in inner:
            tally.add("tokens divided at the edge of a span", path, line)
        found += list(pairwise([start, *inner, end]))
    return found


def _tags(tokens: Sequence[tuple[int, int]], spans: Sequence[LabelledSpan], scheme: Scheme) -> list[str]:
    tags = ["O"] * len(tokens)
    for span in spans:
        inside = [i for i, (start, end) in enumerate(tokens) if span.start <= start and end <= span.end]
        for i in inside:
            tags[i] = f"I-{span.label}"
        if inside:
            tags[inside[0]] = f"B-{span.label}"
            if scheme == "bilou":
                tags[inside[-1]] = f"L-{span.label}" if len(inside) > 1 else f"U-{span.label}"
    return tags
