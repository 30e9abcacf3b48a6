"""Read an annotated corpus, whatever format it is in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ...errors import ConfigError
from ...records import check_known, number_exemplars
from ...ty import Exemplar
from .annotated import Annotated, Nested, Options, Tally, check_overlaps
from .columns import read_columns
from .detect import FORMATS, detect_record, detect_text, first_json
from .text_files import check_encoding, read_head, read_text


def read_annotated(
    path: Path | str,
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
) -> Annotated:
    """Read annotated utterances with exact offsets from any format of ``FORMATS``.

    path (Path | str): A file (gzip or not), a folder, or a glob pattern; files are read in the order of their names.
    format (str): A name of ``FORMATS``; "auto" looks at the content.
    tag_column, word_column (int | None): Columns from 1, or from the end (-1); None takes the last and the first.
    encoding (str | None): None takes UTF-8, else what the notes say. tag_names: Names of integer tags, or their file.
    bare_tags (bool): Tags are labels without B- and I-. nested: Which of overlapping spans stay; None takes the
        outermost in foreign formats and refuses them in convner's own. lang: Language of utterances that name none.
    labels (Collection[str] | None): Known labels; None takes any.
    RETURNS (Annotated). RAISES: DataError with file and line; ConfigError for an option that can't be.
    """
    path = Path(path)
    if format != "auto" and format not in FORMATS:
        raise ConfigError(f"--format: unknown format {format!r}, expected auto, {', '.join(FORMATS)}")
    check_encoding(encoding)
    options = Options(tag_column, word_column, encoding, None, nested, bare_tags, lang)
    tally = Tally()
    exemplars: list[Exemplar] = []
    origins: list[tuple[Path, int]] = []
    found: dict[str, None] = {}
    files = [path]
    for file in files:
        name, numbered = _read_file(file, format, options, tally)
        found[name] = None
        for line, exemplar in numbered:
            if labels is not None:
                check_known(exemplar, labels, path=file, line=line)
            exemplars.append(exemplar)
            origins.append((file, line))
    if exemplars and not any(exemplar.spans for exemplar in exemplars):
        tally.say("there is no span in it")
    return Annotated(
        exemplars,
        ", ".join(found),
        ", ".join(tally.schemes) or None,
        ", ".join(tally.encodings) or None,
        tuple(files),
        tally.notes(),
        tuple(origins),
    )


def _read_file(path: Path, format: str, options: Options, tally: Tally) -> tuple[str, Iterator[tuple[int, Exemplar]]]:
    if format == "auto" and path.suffix == ".spacy":
        format = "docbin"
    if format == "docbin":
        return format, _read_own(path, options, tally)
    record = first_json(read_head(path))
    if format == "auto" and record is not None:
        format = detect_record(record)
    if format == "jsonl":
        return format, _read_own(path, options, tally)
    lines = read_text(path, options.encoding, tally)
    if format == "auto":
        format = detect_text(path, lines)
    return format, read_columns(path, lines, options, tally)


def _read_own(path: Path, options: Options, tally: Tally) -> Iterator[tuple[int, Exemplar]]:
    for number, exemplar in number_exemplars(path):
        yield number, check_overlaps(exemplar, options, path, number, tally)
