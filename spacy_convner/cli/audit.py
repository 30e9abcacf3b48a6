"""``convner audit``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from ..errors import ConfigError, ConvnerError
from .app import Arg, Opt, app, command, keep_inputs, say

TRAINING = "What training sees: exemplars, corpora, traffic (.jsonl, .spacy or folders); may be repeated"
KIND_OF_PART: dict[str, Any] = {"texts": "texts", "entities": "names", "patterns": "forms"}
_CHECKS = "Comma-separated: texts, names, forms [default: what the kind of test set promises, by its file's name]"
_SHOWN = 20  # leaks of a kind


@command(app, "audit")
def audit_cli(
    tests: list[Path] = Arg(..., metavar="TEST...", help="Test sets, .jsonl or .spacy"),
    training: list[Path] = Opt(..., "--training", "-t", help=TRAINING),
    checks: str | None = Opt(None, "--checks", help=_CHECKS),
    unseen_entities: list[Path] = Opt([], "--unseen-entities", help="Names that may not be in training (as spellings)"),
    exclude_entities: list[Path] = Opt([], "--exclude-entities", help="What the leak guard of the exemplars is given: "
                                       "exemplars annotated with these names are passed over"),
    apart: Path | None = Opt(None, "--apart", help="Another part that must not share what --disjoint says"),
    disjoint: str = Opt("texts", "--disjoint", help="With --apart: texts, entities, patterns, comma-separated"),
    output: Path | None = Opt(None, "--output", "-o", help="If nothing leaks, write what was compared: JSON"),
) -> None:  # fmt: skip
    """Look for what test sets share with training; any leak is printed and makes the command fail.

    texts: no test utterance is a training utterance. names: no name of the test set is in a training utterance,
    annotated or not. forms: no test utterance is a training utterance with other names. Of files named as
    `convner testsets` names them conversational ones are checked for texts and forms, head ones for texts, unseen ones
    for texts and names; others for texts.

    Example: convner audit corpus/conversational.en.spacy corpus/unseen.en.spacy -t corpus/train.spacy

    Example: convner audit corpus/unseen.en.jsonl -t corpus/train.spacy --unseen-entities corpus/unseen_entities.jsonl
    """
    from ..atomic import write_text
    from ..datagen.testsets.audit import CHECKS, find_leaks, find_shared, promises_of
    from ..leaks import read_names
    from ..records import read_exemplars

    keep_inputs([output], [*tests, *training, *unseen_entities, *exclude_entities, *([apart] if apart else [])])
    chosen = split_names("--checks", checks, CHECKS)
    parts = split_names("--disjoint", disjoint, ("texts", "entities", "patterns"))
    sets = {str(path): read_exemplars(path) for path in tests}
    wanted: dict[str, Any] = {path: chosen or promises_of(Path(path).name) for path in sets}
    spellings, guard = read_names(list(unseen_entities)), read_names(list(exclude_entities))
    leaks = find_leaks(sets, training, checks=wanted, names=spellings, guard=guard)
    if apart is not None:
        other = read_exemplars(apart)
        for path, exemplars in sets.items():
            for part in parts:
                leaks += find_shared(path, exemplars, str(apart), other, KIND_OF_PART[part])
    fail_on(leaks)
    if output is not None:
        found = {"audit": wanted, "training": [str(path) for path in training], "leaks": 0}
        write_text(output, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    what = ", ".join(f"{Path(path).name} ({', '.join(kinds)})" for path, kinds in wanted.items())
    say(f"no leaks: {what}")


def fail_on(leaks: Sequence[Any], more: str = "") -> None:
    """Print a table of leaks. RAISES: ConvnerError if there are any."""
    by_kind: dict[str, list[Any]] = {}
    for leak in leaks:
        by_kind.setdefault(leak.kind, []).append(leak)
    for kind, found in by_kind.items():
        typer.echo(f"{kind}: {len(found):,} in common")
        for leak in found[:_SHOWN]:
            typer.echo(f"  {leak.test:<40}  {leak.where:<40}  {leak.what:.80}")
        if len(found) > _SHOWN:
            typer.echo(f"  … and {len(found) - _SHOWN:,} more")
    if leaks:
        counts = ", ".join(f"{len(found):,} {kind}" for kind, found in by_kind.items())
        raise ConvnerError(f"test sets and training have {counts} in common{more}")


def split_names(option: str, given: str | None, known: Sequence[str]) -> list[str]:
    """RETURNS (list[str]): The comma-separated names of an option. RAISES: ConfigError for an unknown one."""
    names = [name.strip() for name in (given or "").split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ConfigError(f"{option}: expected {', '.join(known)}, got {name!r}")
    return names
