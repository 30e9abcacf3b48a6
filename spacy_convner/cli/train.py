"""``convner train``: ``spacy train`` with a look at config, data, transformer and memory before it begins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import Arg, Opt, app, command, keep_inputs, say


@command(app, "train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_cli(
    ctx: typer.Context,
    config: Annotated[Path, Arg(metavar="CONFIG", help="Training config, e.g. configs/student_xlmr.cfg")],
    output: Annotated[Path, Opt("--output", "-o", help="Folder for model-best and model-last")],
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU, or -1 for the CPU")] = -1,
    labels: Annotated[Path | None, Opt(help="Label file (YAML): refuse data with other labels")] = None,
    code: Annotated[Path | None, Opt("--code", "-c", help="Python file to import, as spacy train takes it")] = None,
    dry_run: Annotated[bool, Opt("--dry-run", help="Check everything, train nothing")] = False,
) -> None:
    """Train a student: spacy train, with what would fail later said before it begins.

    Any setting can be overridden as with spacy train: --paths.train corpus/train.spacy --training.max_epochs 10.

    Example: convner train configs/student_xlmr.cfg --output training/student --gpu-id 0
    --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy --paths.transformer xlm-roberta-base
    """
    from ..errors import DataError
    from ..records import read_labels
    from ..student.training import plan_training, run_training
    from .overrides import read_overridden

    known = list(read_labels(labels)) if labels is not None else None
    if output.exists() and not output.is_dir():
        raise DataError("is a file, a folder was expected", path=output)
    settings = read_overridden(config, list(ctx.args), code)
    plan = plan_training(settings, gpu_id=gpu_id, labels=known, where=str(labels))
    corpora = [facts for facts in (plan.train, plan.dev) if facts is not None]
    keep_inputs([output / "model-best", output / "model-last"], [facts.path for facts in corpora])
    for what, facts in (("Training", plan.train), ("Dev", plan.dev)):
        if facts is not None:
            say(
                f"{what}: {facts.docs:,} utterances, {facts.labels.total():,} entities of {len(facts.labels)} labels, "
                f"{facts.path}"
            )
    for coverage in plan.coverage:
        say(
            f"Catalog: proposes {100 * coverage.share:.1f} % of {coverage.gold.total():,} annotated spans of "
            f"{coverage.path}; the student can find no others"
        )
    if plan.steps is not None:
        say(f"{plan.steps:,} steps")
    for note in plan.notes:
        say(f"Note: {note}")
    if dry_run:
        say("Everything is there; nothing was trained (--dry-run)")
        return
    best = run_training(settings, output, gpu_id=gpu_id, stdout=sys.stdout, stderr=sys.stderr)
    say(f"Wrote {best}")
