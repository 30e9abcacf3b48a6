"""``convner convert``: annotated corpora in, whatever their format; JSONL, DocBin or columns out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from ..errors import ConfigError, DataError
from .app import Arg, Opt, app, check_choice, command, keep_inputs, say, show_progress

if TYPE_CHECKING:
    from ..evaluation.formats.annotated import Annotated, Tally

_COLUMNS = (".conll", ".bio", ".iob")
_SOURCES = "Annotated utterances: files, folders or patterns in quotes; gzip or not"
_FORMAT = "jsonl, docbin, columns, conll2012, enamex, iob, token-json or entity-json; auto looks at the content"
_TOKENS = "Tokens of columns: spaCy's (--lang) or what stands between blanks; auto keeps those of the input, if any"
_NESTED = (
    "Overlapping spans of a corpus: outermost, or keep all, which other commands refuse "
    "[default: outermost; JSONL and DocBin must have none]"
)
_LOSSY = "Drop, and count, what the output can't hold: second labels, overlaps, spans that cut through tokens"


@command(app, "convert")
def convert_cli(
    sources: list[Path] = Arg(..., metavar="IN...", help=_SOURCES),
    output: Path = Arg(..., metavar="OUT", help=".jsonl, .spacy, or columns: .conll, .bio or .iob"),
    lang: str = Opt("xx", "--lang", help="Tokenizer for .spacy and columns; for .spacy it must be the pipeline's"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): any other label is an error"),
    format: str = Opt("auto", "--format", help=_FORMAT),
    tag_column: int | None = Opt(
        None, "--tag-column", help="Column of the tags, from 1, or -1 for the last [default: -1]"
    ),
    word_column: int | None = Opt(
        None, "--word-column", help="Column of the words [default: 1, or behind a running number]"
    ),
    bare_tags: bool = Opt(False, "--bare-tags", help="Tags are labels without B- and I-, as in Few-NERD"),
    tag_names: Path | None = Opt(None, "--tag-names", help="Names of tags that are numbers: a tag a line, or JSON"),
    encoding: str | None = Opt(
        None, "--encoding", help="Of the input [default: UTF-8, else Latin-1 or cp1252 with a note]"
    ),
    nested: str | None = Opt(None, "--nested", help=_NESTED),
    set_lang: str | None = Opt(None, "--set-lang", help="Language of utterances that name none, e.g. es"),
    scheme: str = Opt("iob2", "--scheme", help="Tags of columns: iob2 or bilou"),
    tokens: str = Opt("auto", "--tokens", help=_TOKENS),
    lossy: bool = Opt(False, "--lossy", help=_LOSSY),
) -> None:
    """Check annotated utterances and convert them: CoNLL-2002/2003, WNUT-17, OntoNotes, JSON lines, JSONL, DocBin.

    What had to be assumed or mended is said, with counts and the first place.

    Example: convner convert assets/gold/en.jsonl corpus/gold.en.spacy --labels assets/labels.yml

    Example: convner convert esp.testb gold.es.jsonl --set-lang es

    Example: convner convert 'ontonotes/annotations/**/*.name' ontonotes.jsonl
    """
    from tqdm import tqdm

    from ..atomic import write_text
    from ..evaluation.formats.annotated import Nested, Tally
    from ..evaluation.formats.files import find_files
    from ..evaluation.formats.read import read_annotated
    from ..evaluation.formats.write_columns import Scheme, spacy_tokens, split_blanks, to_columns
    from ..records import read_labels, to_record

    if output.suffix not in (".spacy", ".jsonl", *_COLUMNS):
        raise ConfigError(f"{output}: expected a .spacy or .jsonl file to write, or columns: {', '.join(_COLUMNS)}")
    check_choice("--scheme", scheme, get_args(Scheme))
    check_choice("--nested", nested, get_args(Nested))
    check_choice("--tokens", tokens, ("auto", "spacy", "blanks"))
    files = [file for source in sources for file in find_files(source, format)]
    keep_inputs([output], files)
    with tqdm(total=len(files), unit=" files", disable=not show_progress() or len(files) < 2) as bar:
        corpus = read_annotated(
            files,
            format=format,
            tag_column=tag_column,
            word_column=word_column,
            bare_tags=bare_tags,
            tag_names=tag_names,
            encoding=encoding,
            nested=cast("Nested | None", nested),
            lang=set_lang,
            labels=read_labels(labels) if labels else None,
            on_file=lambda: bar.update(1),
        )
    tally = Tally()
    if output.suffix == ".spacy":
        written, spans = _write_docbin(output, corpus, lang, lossy, tally)
    elif output.suffix == ".jsonl":
        written, spans = len(corpus.exemplars), sum(len(exemplar.spans) for exemplar in corpus.exemplars)
        lines = (json.dumps(to_record(exemplar), ensure_ascii=False) + "\n" for exemplar in corpus.exemplars)
        write_text(output, "".join(lines))
    else:
        own = tokens == "blanks" or (tokens == "auto" and corpus.tokenised)
        tokenize = split_blanks if own else spacy_tokens(lang)
        found = list(to_columns(corpus.numbered(), tokenize, tally, scheme=cast("Scheme", scheme), lossy=lossy))
        written, spans = len(found), sum(count for _, count in found)
        write_text(output, "".join(rows for rows, _ in found))
    for line in (*account(corpus), *tally.notes()):
        say(line)
    say(f"{output}: {written:,} utterances, {spans:,} spans")


def account(corpus: Annotated) -> list[str]:
    """RETURNS (list[str]): How a corpus was read, and what was mended; nothing for convner's own formats alone."""
    if corpus.format in ("jsonl", "docbin") and not corpus.notes:
        return []
    how = [
        corpus.format,
        corpus.scheme,
        corpus.encoding,
        f"{len(corpus.files):,} files" if len(corpus.files) > 1 else "",
    ]
    return ["Read as " + ", ".join(part for part in how if part), *corpus.notes]


def _write_docbin(output: Path, corpus: Annotated, lang: str, lossy: bool, tally: Tally) -> tuple[int, int]:
    from ..docbin import exemplar_to_doc, write_docbin
    from ..pipelines import blank_pipeline

    nlp = blank_pipeline(lang, "--lang")
    docs, count = [], 0
    for path, line, exemplar in corpus.numbered():
        if lossy:
            doc = nlp.make_doc(exemplar.text)
            spans = tuple(s for s in exemplar.spans if doc.char_span(s.start, s.end) is not None)
            for _ in range(len(exemplar.spans) - len(spans)):
                tally.add("spans that cut through a token left out", path, line)
            exemplar = replace(exemplar, spans=spans)
        try:
            docs.append(exemplar_to_doc(nlp, exemplar, path=path, line=line))
        except DataError as err:
            hint = f"{err.hint}, choose another tokenizer with --lang, or leave such spans out with --lossy"
            raise DataError(err.message, path=err.path, line=err.line, field=err.field, hint=hint) from err
        count += len(exemplar.spans)
    return write_docbin(output, docs), count
