"""Read an annotated corpus, whatever format it is in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...docbin import read_docbin_exemplars
from ...errors import ConfigError
from ...records import check_known, number_exemplars, parse_annotated, read_jsonl
from ...ty import Exemplar
from .annotated import Annotated, Nested, Options, Tally, settle_overlaps
from .columns import read_columns
from .conll2012 import read_conll2012
from .detect import FORMATS, detect_head, detect_text, is_json
from .enamex import read_enamex
from .entity_json import read_entity_json
from .files import find_files
from .iob_lines import read_iob_lines
from .json_values import json_values
from .tag_names import read_tag_names
from .text_files import check_encoding, check_utf8, read_head, read_text
from .token_json import read_token_json

Numbered = Iterator[tuple[int, Exemplar]]
_OF_LINES = {
    "columns": read_columns,
    "conll2012": read_conll2012,
    "enamex": read_enamex,
    "iob": read_iob_lines,
}
_OF_JSON = {"token-json": read_token_json, "entity-json": read_entity_json}


def read_annotated(
    path: Path | str | Sequence[Path],
    *,
    format: str = "auto",
    tag_column: int | None = None,
    word_column: int | None = None,
    encoding: str | None = None,
    tag_names: Path | Sequence[str] | Mapping[int, str] | None = None,
    bare_tags: bool = False,
    nested: Nested | None = None,
    lang: str | None = None,
    labels: Collection[str] | None = None,
    on_file: Callable[[], object] | None = None,
) -> Annotated:
    """Read annotated utterances with exact offsets from any format of ``FORMATS``.

    path (Path | str | Sequence[Path]): A file (gzip or not), a glob pattern, a folder of OntoNotes or
        .spacy files (read in the order of their names), or several of these.
    format (str): A name of ``FORMATS``; "auto" looks at the content.
    tag_column, word_column (int | None): Columns from 1, or from the end (-1); None takes the last and the first.
    encoding (str | None): None takes UTF-8, else what the notes say. tag_names: Names of integer tags, or their file.
    bare_tags (bool): Tags are labels without B- and I-. nested: Which of overlapping spans stay; None takes the
        outermost in foreign formats and refuses them in convner's own. lang: Language of utterances that name none.
    labels (Collection[str] | None): Known labels; None takes any. on_file: Called when a file is read.
    RETURNS (Annotated). RAISES: DataError with file and line; ConfigError for an option that can't be.
    """
    if format != "auto" and format not in FORMATS:
        raise ConfigError(f"--format: unknown format {format!r}, expected auto, {', '.join(FORMATS)}")
    check_encoding(encoding)
    for option, column in (("--tag-column", tag_column), ("--word-column", word_column)):
        if column == 0:
            raise ConfigError(f"{option} 0: columns count from 1, or from the end with -1")
    names = read_tag_names(tag_names)
    options = Options(tag_column, word_column, encoding, names, nested, bare_tags, lang)
    tally = Tally()
    exemplars: list[Exemplar] = []
    origins: list[tuple[Path, int]] = []
    found: dict[str, None] = {}
    paths = [path] if isinstance(path, Path | str) else path
    files = [file for each in paths for file in find_files(Path(each), format)]
    for file in files:
        name, numbered = _read_file(file, format, options, tally)
        found[name] = None
        for line, exemplar in numbered:
            if labels is not None:
                check_known(exemplar, labels, path=file, line=line)
            exemplars.append(exemplar)
            origins.append((file, line))
        if on_file is not None:
            on_file()
    if exemplars and not any(exemplar.spans for exemplar in exemplars):
        tally.say("no utterance has a span")
    return Annotated(
        exemplars,
        ", ".join(found),
        ", ".join(tally.schemes) or None,
        ", ".join(tally.encodings) or None,
        tuple(files),
        tally.notes(),
        tuple(origins),
    )


def _read_file(path: Path, format: str, options: Options, tally: Tally) -> tuple[str, Numbered]:
    if format == "auto" and path.suffix == ".spacy":
        format = "docbin"
    if format == "docbin":
        return format, _read_own(path, options, tally)
    # A pipe can be read only once, so nothing is looked at beforehand.
    piped = path.exists() and not path.is_file()
    head = b"" if piped else read_head(path, options.encoding)
    if format == "auto":
        format = detect_head(head) or format
    if format == "jsonl":
        check_utf8(options.encoding)
        return format, _read_own(path, options, tally)
    lines = read_text(path, options.encoding, tally, fallback=not is_json(head))
    if format == "auto":
        format = detect_text(path, lines, by_options=bool(options.tag_column or options.bare_tags))
    if format in _OF_LINES:
        return format, _OF_LINES[format](path, lines, options, tally)
    return format, _OF_JSON[format](path, json_values(path, lines), options, tally)


def _read_own(path: Path, options: Options, tally: Tally) -> Numbered:
    for number, exemplar in number_exemplars(path) if options.nested is None else _unchecked(path):
        kept = settle_overlaps(exemplar, options, path, number, tally)
        yield number, kept if kept.lang or not options.lang else replace(kept, lang=options.lang)


def _unchecked(path: Path) -> Numbered:
    if path.suffix == ".spacy":
        yield from enumerate(read_docbin_exemplars(path), 1)
        return
    for number, record in read_jsonl(path):
        yield number, parse_annotated(record, path=path, line=number)
