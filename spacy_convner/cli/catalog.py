"""``convner catalog stats`` and ``convner catalog lookup``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from .app import Arg, Opt, catalog_app, command


@command(catalog_app, "stats")
def stats_cli(
    catalog: Path = Arg(..., help="Catalog: a JSONL, CSV or TSV file, a folder of them, or a quoted glob"),
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
    from ..catalog.sources.records import read_catalog
    from ..catalog.statistics import candidate_statistics, catalog_statistics
    from ..errors import DataError
    from ..records import read_exemplars, read_labels

    stats = catalog_statistics(read_catalog(catalog), top)
    if labels is not None:
        known = read_labels(labels)
        unknown = sorted(set(stats["labels"]) - set(known))
        if unknown:
            raise DataError(
                f"unknown label {unknown[0]!r}", path=catalog, field="label", hint="known labels: " + ", ".join(known)
            )
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
    catalog: Path = Arg(..., help="Catalog: a JSONL, CSV or TSV file, a folder of them, or a quoted glob"),
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


def _matcher(catalog: Path, lang: str) -> Any:
    import spacy

    from ..errors import ConfigError

    try:
        nlp = spacy.blank(lang)
    except ImportError as err:
        raise ConfigError(f"--lang: unknown language {lang!r}") from err
    return nlp.add_pipe("catalog_matcher", config={"catalog": str(catalog)})


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
