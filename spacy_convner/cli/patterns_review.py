"""``convner patterns review``, ``agreement``, ``merge``, ``export`` and ``import``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..datagen.pattern_files import pattern_id
from ..errors import ConfigError, DataError
from .app import Arg, Opt, command, keep_inputs, patterns_app, say
from .populate import CATALOG

if TYPE_CHECKING:
    from ..datagen.review.agreement import Agreement

_FILE = "Pattern file (JSONL)"


@command(patterns_app, "review")
def review_cli(
    patterns: Path = Arg(..., metavar="FILE", help=_FILE + "; every decision is written into it at once"),
    catalog: list[str] = Opt([], "--catalog", "-c", help="Names for the examples: " + CATALOG),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): the only labels that an edit may use"),
    reviewer: str | None = Opt(None, "--reviewer", help="Who decides; default: your user name"),
    terminal: bool = Opt(False, "--terminal", help="Review in the terminal; reads commands from standard input"),
    quiet: bool = Opt(False, "--quiet", "-q", help="Terminal: print a line for each decision, and no patterns"),
    check: bool = Opt(False, "--check", help="Terminal: report the commands that would be refused; change nothing"),
    keep_going: bool = Opt(False, "--keep-going", help="Terminal: skip refused commands of a script; fail at its end"),
    view: str = Opt("todo", "--view", help="What to show first: todo, accepted, edited, rejected, invalid or all"),
    label: str | None = Opt(None, "--label", help="Show patterns with this label"),
    lang: str | None = Opt(None, "--lang", help="Show patterns of this language"),
    cluster: int | None = Opt(None, "--cluster", help="Show patterns of this cluster; -1 is noise"),
    search: str = Opt("", "--search", help="Show patterns with these words in text, seeds or id"),
    reason: list[str] = Opt([], "--reason", help="Reason to reject, with a digit key; may be repeated, nine at most"),
    port: int = Opt(0, "--port", min=0, max=65535, help="Port on this machine; 0 takes a free one"),
    open_page: bool = Opt(True, "--open/--no-open", help="Open the page in the browser"),
) -> None:
    """Accept, edit and reject patterns on a local page, or in the terminal, with the keyboard.

    Saved after every decision; stop whenever you like and continue with the same command. Without a keyboard,
    --terminal reads a command a line, about the pattern that is shown or the one of an id: "a ID", "r ID too generic",
    "e ID play <Song>"; "?" lists them all.

    Example: convner patterns review assets/patterns/en.jsonl --catalog assets/catalogs --labels assets/labels.yml

    Example: printf 'a\\nr too generic\\nu\\nq\\n' | convner patterns review patterns.jsonl --terminal

    Example: convner patterns review patterns.jsonl --terminal --check < decisions.txt
    """
    from ..datagen.review.decisions import REASONS
    from ..datagen.review.reviewed_file import ReviewedFile
    from ..datagen.review.session import Filters, ReviewSession
    from ..datagen.review.terminal import TerminalReview
    from ..records import read_labels
    from .review_run import check_lines, make_examples, review_here, serve, user_name

    if not terminal and (quiet or check or keep_going):
        raise ConfigError("--quiet, --check and --keep-going go with --terminal")
    known = read_labels(labels) if labels is not None else {}
    examples = make_examples(catalog, labels) if catalog else None
    reasons = tuple(reason) or REASONS
    filters = Filters(view, label, lang, cluster, search)
    with ReviewedFile(patterns, write=not check) as file:
        session = ReviewSession(file, reviewer or user_name(), known, strict=labels is not None)
        shown = TerminalReview(session, typer.echo, filters=filters, examples=examples, reasons=reasons)
        shown.quiet, shown.warn = quiet, say
        if check:
            check_lines(shown)
            return
        try:
            if terminal:
                review_here(shown, keep_going)
            else:
                serve(session, examples, filters, reasons, port, open_page)
        except KeyboardInterrupt:
            typer.echo("", err=True)
        finally:
            say(shown.summary())


@command(patterns_app, "agreement")
def agreement_cli(
    first: Path = Arg(..., metavar="A", help="Pattern file that one person reviewed"),
    second: Path = Arg(..., metavar="B", help="Copy of it that another person reviewed"),
    output: Path | None = Opt(None, "--output", "-o", help="Write the figures as JSON"),
    conflicts: Path | None = Opt(None, "--conflicts", help="Write what they disagree on as patterns to review"),
) -> None:
    """Print Cohen's kappa of two reviews and list the patterns that they disagree on.

    A third person may review the conflicts, and `merge` takes those decisions over.

    Example: convner patterns agreement ana.jsonl ben.jsonl --conflicts conflicts.jsonl

    Example: convner patterns review conflicts.jsonl --reviewer eva

    Example: convner patterns merge ana.jsonl --decisions ben.jsonl --decisions conflicts.jsonl -o patterns.jsonl
    """
    from ..atomic import write_text
    from ..datagen.review.agreement import conflict_records, measure_agreement, read_review

    keep_inputs([output, conflicts], [first, second])
    found = measure_agreement(read_review(first), read_review(second))
    if output is not None:
        write_text(output, json.dumps(_figures(found), indent=2, ensure_ascii=False) + "\n")
    if conflicts is not None:
        records = conflict_records(found.conflicts)
        write_text(conflicts, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    counts = found.counts
    typer.echo(f"decided by both      {counts['both']:>7,}")
    typer.echo(f"only by one          {counts['only_first'] + counts['only_second']:>7,}")
    typer.echo(f"observed agreement   {found.observed:>7.3f}   keep or reject")
    typer.echo(f"Cohen's kappa        {_score(found.kappa):>7}   keep or reject")
    typer.echo(f"Cohen's kappa        {_score(found.kappa_edits):>7}   accepted, edited, rejected")
    if None in (found.kappa, found.kappa_edits):
        typer.echo("– : both gave one and the same answer throughout, so kappa is not defined")
    typer.echo(f"\n{'label':<16}{'patterns':>9}{'observed':>10}{'kappa':>8}")
    for label, (count, observed, kappa) in found.labels.items():
        typer.echo(f"{label:<16}{count:>9,}{observed:>10.3f}{_score(kappa):>8}")
    if found.conflicts:
        typer.echo(f"\n{len(found.conflicts):,} conflicts")
    for conflict in found.conflicts:
        typer.echo(f"{pattern_id(conflict.first)}  {conflict.first.original or conflict.first.text}")
        for one in (conflict.first, conflict.second):
            detail = f": {one.text}" if one.status == "edited" else f": {one.reason}" if one.reason else ""
            typer.echo(f"    {one.reviewer or '?':<12} {one.status}{detail}")


@command(patterns_app, "merge")
def merge_cli(
    new: list[Path] = Arg(..., metavar="NEW", help="Pattern files, as generated anew; put together in order"),
    decisions: list[Path] = Opt(..., "--decisions", help="Reviewed pattern file; may be repeated, later ones win"),
    output: Path = Opt(..., "--output", "-o", help="Pattern file to write"),
    keep: bool = Opt(True, "--keep/--drop", help="What is decided but not in NEW any more"),
) -> None:
    """Carry decisions over to patterns that were generated again, by pattern id.

    What people decided wins over what a generator or the checks rejected. A pattern in several NEW is taken once.

    Example: convner patterns merge new.jsonl more.jsonl --decisions assets/patterns/en.jsonl --output merged.jsonl
    """
    from ..datagen.pattern_files import write_patterns
    from ..datagen.review.agreement import read_review
    from ..datagen.review.merging import concatenate, merge_decisions

    keep_inputs([output], [*new, *decisions])
    proposed, repeated = concatenate(read_review(path) for path in new)
    merged, counts = merge_decisions(proposed, [read_review(path) for path in decisions], keep=keep)
    write_patterns(output, merged)
    gone = f"{counts.kept:,} decided that are no longer proposed kept" if keep else f"{counts.dropped:,} dropped"
    overruled = f" ({counts.overruled:,} replaced another one)" if counts.overruled else ""
    carried = f"{counts.carried:,} decision{'s' * (counts.carried != 1)} carried over{overruled}"
    say(f"{output}: {len(merged):,} patterns, {carried}, {gone}")
    if repeated:
        say(f"{repeated:,} in more than one file of proposals: the first one is taken")
    say(f"{counts.todo:,} to do")


@command(patterns_app, "export")
def export_cli(
    patterns: Path = Arg(..., metavar="FILE", help=_FILE),
    output: Path = Arg(..., metavar="OUT", help="Tasks to write: .jsonl, or .json for one array"),
    to: str = Opt(..., "--to", help="prodigy, argilla or label-studio"),
    view: str | None = Opt(
        None, "--view", help="todo, accepted, edited, rejected, invalid or all [default: all valid]"
    ),
) -> None:
    """Write patterns as tasks for another annotation tool, and print how to set the tool up.

    Example: convner patterns export assets/patterns/en.jsonl tasks.json --to label-studio

    Example: convner patterns export assets/patterns/en.jsonl tasks.jsonl --to prodigy --view todo
    """
    from ..datagen.review.agreement import read_review
    from ..datagen.review.decisions import is_invalid
    from ..datagen.review.exchange import get_format
    from ..datagen.review.exchange.tasks import write_tasks
    from ..datagen.review.session import Filters

    keep_inputs([output], [patterns])
    form, filters = get_format(to), Filters(view or "all")
    chosen = [p for p in read_review(patterns) if filters.match(p) and (view is not None or not is_invalid(p))]
    if not chosen:
        raise DataError(f"no pattern to export (--view {view or 'all valid'})", path=patterns)
    count = write_tasks(output, map(form.to_task, chosen))
    say(f"{output}: {count:,} tasks. To set the tool up:\n{form.set_up}")


@command(patterns_app, "import")
def import_cli(
    tasks: Path = Arg(..., metavar="TASKS", help="What the tool exported, JSONL or one JSON array"),
    source: str = Opt(..., "--from", help="prodigy, argilla or label-studio"),
    into: Path = Opt(..., "--into", help="Pattern file that was exported; it is changed in place"),
    reviewer: str = Opt("", "--reviewer", help="Name for these decisions; default: the tool's name of the user"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): an edit with another label is an error"),
) -> None:
    """Take the answers of another annotation tool over into the pattern file, all or none.

    Example: convner patterns import answers.jsonl --from prodigy --into assets/patterns/en.jsonl --reviewer ana
    """
    from ..datagen.review.exchange import get_format
    from ..datagen.review.exchange.tasks import read_tasks
    from ..datagen.review.importing import import_verdicts
    from ..datagen.review.reviewed_file import ReviewedFile
    from ..records import read_labels

    form = get_format(source)
    known = read_labels(labels) if labels is not None else {}
    with ReviewedFile(into) as file:
        verdicts = [verdict for task in read_tasks(tasks) for verdict in form.to_verdicts(task)]
        counts = import_verdicts(file, verdicts, reviewer=reviewer, labels=known)
    parts = {
        "decided": counts.decided,
        "changed": counts.changed,
        "the same as before": counts.same,
        "older than the file's decision": counts.older,
        "ignored": counts.ignored,
        "not in the file": counts.unknown,
    }
    said = ", ".join(f"{count:,} {name}" for name, count in parts.items() if count)
    nothing = "nothing was decided in these tasks"
    if source == "argilla":
        nothing += ": an export for Argilla carries decisions as suggestions, and only its users' responses count"
    say(f"{into}: {said or nothing}")
    if counts.conflicts:
        ids = ", ".join(counts.conflicts[:5])
        say(f"{len(counts.conflicts):,} that people answered differently stay as they were: {ids}")


def _figures(found: Agreement) -> dict[str, Any]:
    return {
        "counts": found.counts,
        "observed": found.observed,
        "kappa": found.kappa,
        "kappa_edits": found.kappa_edits,
        "per_label": {
            label: {"n": count, "observed": observed, "kappa": kappa}
            for label, (count, observed, kappa) in found.labels.items()
        },
        "conflicts": [
            {"id": pattern_id(conflict.first), "kind": conflict.kind, "first": conflict.first.status,
             "second": conflict.second.status}
            for conflict in found.conflicts
        ],
    }  # fmt: skip


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
