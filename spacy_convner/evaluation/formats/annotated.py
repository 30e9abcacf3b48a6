"""What reading a corpus gives: exemplars, and an account of what had to be understood or mended on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ...errors import DataError
from ...records import LONGEST_TEXT
from ...ty import Exemplar, LabelledSpan

Nested = Literal["outermost", "keep"]


@dataclass(frozen=True, slots=True)
class Annotated:
    """A corpus.

    exemplars (list[Exemplar]): In the order of the files. origins: (file, line) of each; of a DocBin, which Doc.
    format (str): As ``read.FORMATS`` names it. scheme (str | None): Tagging scheme, where tokens carry tags.
    encoding (str | None): How bytes were read. files: What was read. notes: What was mended, left out or assumed.
    """

    exemplars: list[Exemplar]
    format: str
    scheme: str | None = None
    encoding: str | None = None
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    origins: tuple[tuple[Path, int], ...] = ()

    @property
    def tokenised(self) -> bool:
        """Whether all of it was tokens, which the texts now have blanks between."""
        return bool(self.format) and not {"jsonl", "docbin", "entity-json"} & set(self.format.split(", "))

    def numbered(self) -> Iterator[tuple[Path, int, Exemplar]]:
        """YIELDS (tuple[Path, int, Exemplar]): File, line, exemplar."""
        for (path, line), exemplar in zip(self.origins, self.exemplars, strict=True):
            yield path, line, exemplar


@dataclass(frozen=True, slots=True)
class Options:
    """How to read; see ``read.read_annotated``."""

    tag_column: int | None = None
    word_column: int | None = None
    encoding: str | None = None
    tag_names: Mapping[int, str] | None = None
    nested: Nested | None = None
    bare_tags: bool = False
    lang: str | None = None


@dataclass(slots=True)
class Tally:
    """Counts what happened while reading, each with where it happened first; facts are said once."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, tuple[Path, int]] = field(default_factory=dict)
    facts: dict[str, None] = field(default_factory=dict)
    schemes: dict[str, None] = field(default_factory=dict)
    encodings: dict[str, None] = field(default_factory=dict)

    def add(self, what: str, path: Path, line: int) -> None:
        """what (str): In the plural, as it is printed before its number."""
        self.counts[what] = self.counts.get(what, 0) + 1
        self.first.setdefault(what, (path, line))

    def say(self, fact: str) -> None:
        """fact (str): A sentence for the notes."""
        self.facts[fact] = None

    def notes(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): Facts, then counts."""
        counted = (
            f"{what}: {count:,} (first: {self.first[what][0]}:{self.first[what][1]})"
            for what, count in self.counts.items()
        )
        return (*self.facts, *counted)


@dataclass(slots=True)
class Sentence:
    """Tokens with their line numbers, tags as they stand in the file, and the file's own id."""

    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    id: str | None = None


def join_tokens(
    tokens: Sequence[str],
    spans: Iterable[tuple[int, int, str]],
    *,
    path: Path,
    line: int,
    options: Options,
    tally: Tally,
    id: str | None = None,
) -> Exemplar:
    """Join tokens with single spaces; so a spaCy tokenizer can only divide them further.

    spans: (first token, token after the last, label).
    """
    starts, position = [], 0
    for token in tokens:
        starts.append(position)
        position += len(token) + 1
    found = [LabelledSpan(starts[i], starts[j - 1] + len(tokens[j - 1]), label) for i, j, label in spans]
    return make_exemplar(" ".join(tokens), found, path=path, line=line, options=options, tally=tally, id=id)


def make_exemplar(
    text: str,
    spans: Iterable[LabelledSpan],
    *,
    path: Path,
    line: int,
    options: Options,
    tally: Tally,
    id: str | None = None,
    lang: str | None = None,
) -> Exemplar:
    """Trim spans, settle overlaps as ``options.nested`` says (outermost by default), keep where it came from.

    RAISES: DataError for a text that is too long.
    """
    if len(text) > LONGEST_TEXT:
        raise DataError(
            f"{len(text):,} characters without an end of sentence, at most {LONGEST_TEXT:,} are an utterance",
            path=path,
            line=line,
            hint="a blank line ends a sentence",
        )
    trimmed = []
    for span in spans:
        inner = trim(text, span)
        if inner is None:
            tally.add("spans of white space alone left out", path, line)
            continue
        if inner != span:
            tally.add("spans trimmed of white space", path, line)
        trimmed.append(inner)
    kept = sorted(set(trimmed), key=lambda span: (span.start, span.end, span.label))
    if options.nested != "keep":
        kept = outermost(kept, path, line, tally)
    meta = {"line": line} if id is None else {"id": id, "line": line}
    return Exemplar(text=text, spans=tuple(kept), lang=lang or options.lang, meta=meta)


def trim(text: str, span: LabelledSpan) -> LabelledSpan | None:
    """RETURNS (LabelledSpan | None): Without white space at its ends; None if nothing else is in it."""
    inner = text[span.start : span.end]
    start = span.end - len(inner.lstrip())
    end = span.start + len(inner.rstrip())
    return LabelledSpan(start, end, span.label) if start < end else None


def outermost(spans: Sequence[LabelledSpan], path: Path, line: int, tally: Tally) -> list[LabelledSpan]:
    """RETURNS (list[LabelledSpan]): Without spans that lie in or across a longer one; several labels a span stay."""
    kept: dict[tuple[int, int], None] = {}
    for start, end in sorted({(s.start, s.end) for s in spans}, key=lambda b: (b[0] - b[1], b[0])):
        if all(end <= other_start or start >= other_end for other_start, other_end in kept):
            kept[(start, end)] = None
    left = [span for span in spans if (span.start, span.end) in kept]
    for _ in range(len(spans) - len(left)):
        tally.add("spans inside or across longer ones left out", path, line)
    return left


def settle_overlaps(exemplar: Exemplar, options: Options, path: Path, line: int, tally: Tally) -> Exemplar:
    """RETURNS (Exemplar): Without overlaps if ``options.nested`` is "outermost", else as it is."""
    if options.nested != "outermost":
        return exemplar
    return replace(exemplar, spans=tuple(outermost(exemplar.spans, path, line, tally)))
