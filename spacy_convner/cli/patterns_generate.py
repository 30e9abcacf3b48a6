"""``convner patterns generate`` and ``validate``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import MissingKeyError
from .app import Arg, Opt, command, fail, keep_inputs, patterns_app, say, show_progress
from .llm_run import usage_line
from .pattern_run import by_language, make_checks, make_generator, say_estimate, teacher_of
from .populate import CATALOG, check_style

if TYPE_CHECKING:
    from ..datagen.ty import Pattern, PatternGenerator, SeedGroup

_LABELS = "Label file (YAML): the known tags [default: the labels of the catalog]"
_CATALOG = f"Names to look for in patterns, or an index. {CATALOG} [default: the pipeline's]"
_FLOOR = "Names below this popularity may stay as words; in the catalog's unit"
_NEAR = "Share of words in common, 0 to 1, from which two patterns are the same; above 1 for never"
_TAGS = "Whether conversation that differs only in its tags is the same; commands never are"
_GUIDANCE = "YAML file of the prompt's sections and of forbidden forms [default: the one that is shipped]"
_MIN_SCORE = "Least score of the teacher's entities [default: 0.7; everyday words 0.9]"
_LEFT_OUT = {"in no cluster": "in no cluster left out (--noise-seeds)"}
_RETRY = ("failed", "over_budget")


@command(patterns_app, "generate")
def generate_cli(
    source: Path = Arg(..., metavar="IN", help="What convner cluster wrote, or any utterances (JSONL)"),
    output: Path = Arg(..., metavar="OUT", help="Pattern file (JSONL): proposals, and rejections with their reasons"),
    generator: str = Opt("teacher", "--generator", "-g", help="teacher, llm, or a .cfg file with a [generator]"),
    pipeline: str | None = Opt(None, "--pipeline", "-p", help="Teacher: a folder, an installed package or a .cfg file"),
    target_lang: str | None = Opt(None, "--target-lang", help="Language of the patterns [default: the seeds']"),
    noise_seeds: bool = Opt(False, "--noise-seeds/--no-noise-seeds", help="Use utterances outside of clusters too"),
    style: str | None = Opt(None, "--style", help="conversational or command [default: what detect said]"),
    min_score: float | None = Opt(None, "--min-score", min=0, max=1, help=_MIN_SCORE),
    labels: Path | None = Opt(None, "--labels", help=_LABELS),
    catalog: list[str] = Opt([], "--catalog", "-c", help=_CATALOG),
    popularity_floor: float = Opt(60.0, "--popularity-floor", min=0, help=_FLOOR),
    near_duplicate: float = Opt(0.8, "--near-duplicate", min=0.01, help=_NEAR),
    ignore_tags: bool = Opt(True, "--ignore-tags/--tags-matter", help=_TAGS),
    guidance: Path | None = Opt(None, "--guidance", help=_GUIDANCE),
    keep: Path | None = Opt(None, "--keep", metavar="DECIDED", help="Reviewed pattern file whose decisions hold"),
    model: str | None = Opt(None, "--model", help="Language model"),
    store: Path | None = Opt(None, "--store", help="Answers of a language model, SQLite [default: beside OUT]"),
    max_calls: int | None = Opt(None, "--max-calls", min=0, help="Requests to a language model at most"),
    max_usd: float | None = Opt(None, "--max-usd", min=0, help="US dollars for a language model at most"),
    dry_run: bool = Opt(False, "--dry-run", help="Say what a language model would be asked and cost; send nothing"),
    metrics: Path | None = Opt(None, "--metrics", help="Write counts to this JSON file"),
) -> None:
    """Make patterns (play <Song> by <Artist>) from representative utterances, and check them.

    The teacher makes patterns in the seeds' own language, a language model in any. Seeds that became no pattern, and
    patterns that the checks refuse, are in OUT too, rejected with the reason.

    Example: convner patterns generate corpus/clustered.en.jsonl corpus/patterns.en.jsonl -p training/teacher

    Example: convner patterns generate clustered.jsonl patterns.es.jsonl -g llm --target-lang es --labels labels.yml
    """
    from ..datagen.pattern_files import read_patterns, write_patterns
    from ..datagen.patterns.languages import language_name
    from ..datagen.patterns.seeds import read_seed_groups
    from ..datagen.patterns.validation import validate_patterns
    from ..datagen.review.merging import merge_decisions

    keep_inputs([output, metrics, store], [source, *filter(None, (labels, guidance, keep))])
    check_style(style)
    if target_lang is not None:
        language_name(target_lang)
    left_out: Counter[str] = Counter()
    groups = read_seed_groups(
        source,
        noise=noise_seeds,
        lang=target_lang,
        style=style,  # type: ignore[arg-type]
        left_out=left_out,
    )
    decided = read_patterns(keep) if keep else []
    client = {"model": model, "max_calls": max_calls, "max_usd": max_usd, "store": str(store) if store else None}
    made = make_generator(generator, pipeline, min_score, labels, guidance, client, output)
    if made.name == "teacher" and target_lang is not None:
        # With none in the language the teacher says what to do.
        own = [group for group in groups if group.lang == target_lang] or groups
        left_out["in another language"] = _seeds(groups) - _seeds(own)
        groups = own
    if dry_run:
        say_estimate(made, groups, target_lang)
        return
    checks = make_checks(
        labels or getattr(made, "labels", None),
        catalog,
        teacher_of(made, pipeline),
        popularity_floor,
        near_duplicate,
        ignore_tags,
        guidance or getattr(made, "guidance", None),
    )
    patterns = list(_generate(made, groups, target_lang))
    if decided:
        patterns, counts = merge_decisions(patterns, [decided])
        say(f"{counts.carried + counts.kept:,} decisions of {keep} hold, {counts.kept:,} of patterns not made again")
    patterns = validate_patterns(patterns, checks)
    write_patterns(output, patterns)
    stats = _count(patterns, groups, left_out)
    ledger = getattr(getattr(made, "client", None), "ledger", None)
    if ledger is not None:
        stats["llm"] = ledger.summary()
        say(usage_line(stats["llm"]))
    if metrics is not None:
        from ..atomic import write_text

        write_text(metrics, json.dumps(stats, indent=2, ensure_ascii=False) + "\n")
    _report(output, stats)
    if failed := [pattern for pattern in patterns if pattern.reason.partition(":")[0] in _RETRY]:
        reason = failed[0].reason.partition(": ")[2]
        fail(f"{len(failed):,} requests failed: {reason}. Run the same command again to try them again.")


@command(patterns_app, "validate")
def validate_cli(
    source: Path = Arg(..., metavar="FILE", help="Pattern file (JSONL)"),
    labels: Path | None = Opt(None, "--labels", help=_LABELS),
    catalog: list[str] = Opt([], "--catalog", "-c", help=_CATALOG),
    pipeline: str | None = Opt(None, "--pipeline", "-p", help="Pipeline whose catalog is used where none is given"),
    popularity_floor: float = Opt(60.0, "--popularity-floor", min=0, help=_FLOOR),
    near_duplicate: float = Opt(0.8, "--near-duplicate", min=0.01, help=_NEAR),
    ignore_tags: bool = Opt(True, "--ignore-tags/--tags-matter", help=_TAGS),
    guidance: Path | None = Opt(None, "--guidance", help=_GUIDANCE),
    output: Path | None = Opt(None, "--output", "-o", help="Write the file with such proposals rejected"),
    strict: bool = Opt(False, "--strict", help="Fail for proposed patterns too"),
    as_json: bool = Opt(False, "--json", help="Print one JSON object a violation"),
) -> None:
    """Check a pattern file: tags, brackets, names left as words, language, duplicates, forbidden forms.

    Fails if a pattern that was accepted or edited violates something. Rejected ones aren't looked at, but for those
    that an earlier check rejected.

    Example: convner patterns validate assets/patterns/en.jsonl --labels assets/labels.yml --catalog assets/catalogs
    """
    from ..datagen.pattern_files import number_patterns, pattern_id, write_patterns
    from ..datagen.patterns.validation import find_violations, mark, reopen
    from ..datagen.ty import USABLE
    from ..pipelines import load_pipeline

    keep_inputs([output], [source, *filter(None, (labels, guidance))])
    numbered = list(number_patterns(source))
    patterns = reopen([pattern for _, pattern in numbered])
    nlp = load_pipeline(pipeline) if pipeline and not catalog else None
    checks = make_checks(labels, catalog, nlp, popularity_floor, near_duplicate, ignore_tags, guidance)
    violations = find_violations(patterns, checks)
    wrong: Counter[str] = Counter()  # by status in the file
    for (line, before), pattern, found in zip(numbered, patterns, violations, strict=True):
        wrong[before.status] += bool(found)
        for reason in found:
            if as_json:
                record = {"line": line, "id": pattern_id(pattern), "status": before.status, "reason": reason}
                typer.echo(json.dumps({**record, "text": pattern.text}, ensure_ascii=False))
            else:
                # Patterns are other people's text: no control characters for the terminal.
                shown = "".join(char if char.isprintable() else "\ufffd" for char in f"{reason}  |  {pattern.text}")
                typer.echo(f"{line:>6}  {before.status:<8}  {shown}")
    if output is not None:
        write_patterns(output, mark(patterns, violations))
    checked = sum(pattern.status != "rejected" for pattern in patterns)
    still = f", {wrong['rejected']:,} rejected before, still" if wrong["rejected"] else ""
    say(f"{source}: {checked:,} patterns checked, {wrong.total() - wrong['rejected']:,} violate something{still}")
    if usable := sum(wrong[status] for status in USABLE):
        fail(f"{usable:,} accepted or edited patterns violate something: edit or reject them (convner patterns review)")
    if strict and wrong["proposed"]:
        fail(f"{wrong['proposed']:,} proposed patterns violate something (--strict)")


def _generate(made: PatternGenerator, groups: list[SeedGroup], target_lang: str | None) -> Iterator[Pattern]:
    from tqdm import tqdm

    with tqdm(groups, unit=" groups", disable=not show_progress(), desc=made.name) as bar:
        try:
            for lang, some in by_language(list(groups), target_lang).items():
                yield from made(_counted(some, bar), lang)
        except MissingKeyError as err:
            raise MissingKeyError(
                f"{str(err).partition('. ')[0]}. A generator that needs none: --generator teacher"
            ) from None


def _counted(groups: list[SeedGroup], bar: Any) -> Iterator[SeedGroup]:
    for group in groups:
        yield group
        bar.update()


def _seeds(groups: list[SeedGroup]) -> int:
    return sum(len(group.texts) for group in groups)


def _count(patterns: list[Pattern], groups: list[SeedGroup], left_out: Counter[str]) -> dict[str, Any]:
    """Count what went in and came out.

    RETURNS (dict): Seeds, groups, utterances that were no seeds by reason, patterns by status, and rejections by the
        machine by the kind of their first reason.
    """
    from ..datagen.review.decisions import is_invalid

    return {
        "seeds": _seeds(groups),
        "left_out": {why: count for why, count in left_out.items() if count},
        "groups": len(groups),
        "patterns": dict(Counter(pattern.status for pattern in patterns).most_common()),
        "rejected": dict(
            Counter(pattern.reason.partition(":")[0] for pattern in patterns if is_invalid(pattern)).most_common()
        ),
    }


def _report(output: Path, stats: dict[str, Any]) -> None:
    statuses = ", ".join(f"{count:,} {status}" for status, count in stats["patterns"].items())
    others = "".join(f", {count:,} {_LEFT_OUT.get(why, why)}" for why, count in stats["left_out"].items())
    say(f"{output}: {statuses}, from {stats['seeds']:,} seeds in {stats['groups']:,} groups{others}")
    for reason, count in stats["rejected"].items():
        say(f"{count:>8,}  {reason}")
