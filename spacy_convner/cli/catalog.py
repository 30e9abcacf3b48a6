"""``convner catalog build``, ``update``, ``stats``, ``lookup`` and ``propose``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import typer

from .app import Arg, Opt, catalog_app, command, keep_inputs, say, show_progress

T = TypeVar("T")
_EXCLUDE = "Names to leave out: .txt, annotated .jsonl or .spacy, or catalog records; may be repeated"
_CATALOG = "Index that build made; or a JSONL, CSV, TSV or Parquet file, a folder of them, or a quoted glob"
_STEPS = "Comma-separated steps of the normalizer; default: all (see docs/catalogs.md)"


@command(catalog_app, "build")
def build_cli(
    inputs: list[str] = Arg(..., help="JSONL, CSV, TSV or Parquet (.gz too): files, folders, quoted globs; - is stdin"),
    output: Path = Opt(..., "--output", "-o", help="Folder of the index: new, or an index to replace by a new version"),
    index: str = Opt("auto", "--index", help="auto (by size), trie or phrase"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): any other label is an error"),
    exclude: list[Path] = Opt([], "--exclude", help=_EXCLUDE),
    steps: str | None = Opt(None, "--steps", help=_STEPS),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
) -> None:
    """Build an index that loads by memory-map, from any number of names.

    Example: convner catalog build assets/catalogs --output training/catalog --labels assets/labels.yml

    Example: zcat songs.jsonl.gz | convner catalog build - films.parquet --output index

    Example: convner catalog build songs.jsonl --output index --exclude unseen.jsonl --exclude blocked.txt
    """
    from ..catalog.index.update import build_index
    from ..catalog.sources.records import LeftOut, read_catalogs, read_excluded, without_names
    from ..disk import folder_bytes
    from ..errors import ConfigError

    if index not in ("auto", "trie", "phrase"):
        raise ConfigError(f"--index: expected auto, trie or phrase, got {index!r}")
    names, left_out = read_excluded(exclude), LeftOut()
    entries = _progress(without_names(_known_labels(read_catalogs(inputs), labels), names, left_out), "names")
    report = build_index(entries, output, _vocab(), _normalizer(steps), index)  # type: ignore[arg-type]
    if report.unmatchable:
        say(f"{report.unmatchable:,} names can never match, for example {', '.join(map(repr, report.examples[:5]))}")
    unmatched = sorted(names - left_out.names)
    if exclude:
        example = f", for example {unmatched[0]!r}" if unmatched else ""
        say(
            f"{left_out.entries:,} entries left out ({len(unmatched):,} of the {len(names):,} names to leave out "
            f"matched nothing{example})"
        )
    size = folder_bytes(output)
    if as_json:
        excluded = {"excluded": left_out.entries, "excluded_unmatched": len(unmatched)}
        typer.echo(json.dumps({**report._asdict(), **excluded, "bytes": size}, ensure_ascii=False))
    else:
        say(
            f"{output}: {report.entries:,} entries under {report.keys:,} keys, {report.merged:,} named twice, "
            f"{size / 1e6:,.1f} MB"
        )


@command(catalog_app, "update")
def update_cli(
    index: Path = Arg(..., help="Folder of an index that build made"),
    add: list[str] = Opt([], "--add", help="Entries to add or replace (by label and id), as for build"),
    remove: list[str] = Opt([], "--remove", help="Entries to remove, by label and id, or label and text without one"),
    steps: str | None = Opt(None, "--steps", help=_STEPS),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
) -> None:
    """Add and remove names in time proportional to the change; processes that have the index open pick it up.

    Example: convner catalog update index --add new.jsonl --remove gone.jsonl
    """
    from ..catalog.index.update import update_index
    from ..catalog.sources.records import read_catalogs
    from ..errors import ConfigError

    if not add and not remove:
        raise ConfigError("nothing to do; give --add FILE or --remove FILE")
    normalizer = _normalizer_of(index) if steps is None else _normalizer(steps)
    report = update_index(
        index, _vocab(), normalizer, _progress(read_catalogs(add), "added"), read_catalogs(remove, removal=True)
    )
    if report.not_found:
        say(f"{len(report.not_found):,} to remove weren't there, for example {report.not_found[0]!r}")
    if as_json:
        typer.echo(json.dumps(report._asdict(), ensure_ascii=False))
    else:
        say(f"{index}: {report.added:,} added ({report.replaced:,} replaced), {report.removed:,} removed")


@command(catalog_app, "propose")
def propose_cli(
    corpora: list[Path] = Arg(..., metavar="IN...", help="Labelled DocBin files or folders of shards"),
    output: Path = Opt(..., "--output", "-o", help="JSONL of catalog entries to write, for review"),
    min_count: int = Opt(1, "--min-count", min=1, help="Utterances that must name it"),
) -> None:
    """Collect names that a language model gave and no catalog has, so that catalogs can grow.

    Nothing here was used as a label. Review the file, delete what is wrong, then add the rest.

    Example: convner catalog propose corpus/silver.en.spacy -o proposals.jsonl --min-count 2

    Example: convner catalog update training/catalog --add proposals.jsonl
    """
    from spacy.vocab import Vocab

    from ..atomic import write_text
    from ..attrs import install_extensions
    from ..docbin import read_docbin
    from ..silver.proposals import count_proposals

    keep_inputs([output], corpora)
    install_extensions()
    vocab = Vocab()
    rows = count_proposals((doc for corpus in corpora for doc in read_docbin(corpus, vocab)), min_count)
    write_text(output, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    named = f", most often {rows[0]['text']!r} ({rows[0]['label']}, {rows[0]['popularity']:,})" if rows else ""
    say(f"{output}: {len(rows):,} names to review{named}")


@command(catalog_app, "stats")
def stats_cli(
    catalog: Path = Arg(..., help=_CATALOG),
    annotated: list[Path] = Opt([], "--annotated", "-a", help="Annotated utterances, .jsonl or .spacy: gives recall"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): any other label is an error"),
    lang: str = Opt("xx", "--lang", help="Tokenizer"),
    top: int = Opt(20, "--top", min=0, help="How many of the most ambiguous names to list"),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
    output: Path | None = Opt(None, "--output", "-o", help="Write the JSON to this file"),
) -> None:
    """Check a catalog and print its sizes, its ambiguity and, with --annotated, its candidate recall.

    Example: convner catalog stats assets/catalogs --labels assets/labels.yml -a assets/exemplars/en.jsonl
    """
    from ..atomic import write_text
    from ..catalog.statistics import candidate_statistics, catalog_statistics
    from ..records import read_exemplars

    keep_inputs([output], [catalog, *annotated])
    stats = catalog_statistics(_known_labels(_entries(catalog), labels), top)
    if annotated:
        matcher = _matcher(catalog, lang)
        stats["annotated"] = {str(path): candidate_statistics(matcher, read_exemplars(path)) for path in annotated}
    text = json.dumps(stats, indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        write_text(output, text)
    if as_json:
        typer.echo(text, nl=False)
    else:
        _print_stats(stats)


@command(catalog_app, "lookup")
def lookup_cli(
    catalog: Path = Arg(..., help=_CATALOG),
    text: str = Arg(..., help="An utterance"),
    lang: str = Opt("xx", "--lang", help="Tokenizer"),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
) -> None:
    """Print what a catalog proposes for an utterance, and by which way of writing each name matched.

    Example: convner catalog lookup assets/catalogs "watch dune or read it"
    """
    from ..attrs import get_candidates

    matcher = _matcher(catalog, lang)
    doc = matcher(matcher.make_doc(text))
    found = [
        {"start": c.start, "end": c.end, "text": text[c.start : c.end], "label": c.label, "id": c.id, "step": c.step,
         "popularity": c.popularity}
        for c in get_candidates(doc, matcher.spans_key)
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no candidate")
    for row in found:
        typer.echo(
            f"{row['start']:>4}-{row['end']:<4} {row['label']:<14} {row['text']:<32} "
            f"{row['step']:<12} {row['popularity']:>7g}  {row['id']}"
        )


def _entries(catalog: Path) -> Iterator[Any]:
    from ..catalog.index.catalog_index import CatalogIndex
    from ..catalog.index.storage import is_index
    from ..catalog.sources.records import read_catalog

    if is_index(catalog):
        return CatalogIndex.open(catalog, _vocab(), _normalizer_of(catalog)).entries()
    return read_catalog(catalog)


def _known_labels(entries: Iterable[Any], labels: Path | None) -> Iterator[Any]:
    from ..errors import DataError
    from ..records import read_labels

    known = read_labels(labels) if labels is not None else None
    for entry in entries:
        if known is not None and entry.label not in known:
            hint = "known labels: " + ", ".join(known)
            raise DataError(f"unknown label {entry.label!r} of {entry.text!r:.60}", field="label", hint=hint)
        yield entry


def _progress(entries: Iterable[T], unit: str) -> Iterable[T]:
    from tqdm import tqdm

    return tqdm(entries, unit=f" {unit}", unit_scale=True) if show_progress() else entries


def _vocab() -> Any:
    from spacy.vocab import Vocab

    return Vocab()


def _normalizer(steps: str | None) -> Any:
    from ..catalog.normalization.normalizer import make_normalizer

    return make_normalizer(None if steps is None else [step.strip() for step in steps.split(",") if step.strip()])


def _normalizer_of(index: Path) -> Any:
    """The normalizer that an index was built with, so that nobody needs to say it again."""
    from ..catalog.index.storage import read_manifest
    from ..catalog.normalization.normalizer import normalizer_like

    return normalizer_like(read_manifest(index).normalizer)


def _matcher(catalog: Path, lang: str) -> Any:
    from ..catalog.index.storage import is_index
    from ..pipelines import blank_pipeline

    nlp = blank_pipeline(lang, "--lang")
    config: dict[str, Any] = {"catalog": str(catalog)}
    if is_index(catalog):
        config["normalizer"] = {"@misc": "spacy_convner.Normalizer.v1", "steps": list(_normalizer_of(catalog).steps)}
    return nlp.add_pipe("catalog_matcher", config=config)


def _print_stats(stats: dict[str, Any]) -> None:
    typer.echo(
        f"{stats['names']:,} names, {stats['entries']:,} entries, {stats['aliases']:,} aliases, "
        f"{stats['ambiguous_names']:,} names with more than one label, {stats['duplicates']:,} duplicates"
    )
    for label, sizes in stats["labels"].items():
        typer.echo(f"  {label:<16}{sizes['names']:>10,}")
    if stats["most_ambiguous"]:
        typer.echo("Most ambiguous:")
        for name, found in stats["most_ambiguous"]:
            typer.echo(f"  {name:<28} {', '.join(found)}")
    for path, row in stats.get("annotated", {}).items():
        typer.echo(
            f"{path}: candidate recall {row['candidate_recall']}, {row['candidates_per_utterance']} candidates "
            f"an utterance, precision of accepting all {row['precision']} (n = {row['utterances']})"
        )
