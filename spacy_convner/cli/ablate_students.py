"""``convner ablate-students``: Table 3 of the paper for students of yours."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, DataError, MissingExtraError
from .app import Arg, Opt, app, command, keep_inputs, say, show_progress


@command(app, "ablate-students")
def ablate_students_cli(
    tests: Annotated[list[Path], Arg(metavar="TEST", help="Annotated .spacy or .jsonl; a set is named after its file")],
    student: Annotated[list[str], Opt("--student", help="NAME=CONFIG, a training config; may be repeated")],
    train: Annotated[Path, Opt("--train", help="Training corpus of convner split")],
    dev: Annotated[Path, Opt("--dev", help="Development corpus of convner split")],
    output: Annotated[Path, Opt("--output", "-o", help="JSON file to write; the table goes to standard output")],
    work: Annotated[Path, Opt("--work", help="Folder for the trained students; what is done there isn't done again")],
    seeds: Annotated[int, Opt("--seeds", min=1, help="Trainings of each kind, with seeds 0, 1, …")] = 3,
    amounts: Annotated[
        str, Opt("--amounts", help="Shares of the conversation to add, by commas: a learning curve")
    ] = "1",
    settings: Annotated[
        list[str], Opt("--set", help="KEY=VALUE of spacy train, for the configs that have the key; may be repeated")
    ] = [],  # noqa: B006
    catalog: Annotated[
        Path | None, Opt("--catalog", help="Catalog that students with a catalog_matcher load before they are scored")
    ] = None,
    teacher: Annotated[Path | None, Opt("--teacher", help="Metrics file of the teacher, to show beside")] = None,
    jobs: Annotated[int, Opt("--jobs", min=1, help="Trainings at a time, one thread each")] = 1,
    plot: Annotated[Path | None, Opt("--plot", help="Picture to write (.svg or .png)")] = None,
) -> None:
    """Train students on command-style data alone and with conversation that the teacher labelled, and compare.

    The detector tells which utterances of the corpora are conversational. Development data are held to the same share,
    so the baseline sees no conversation at all. Strict F1 as the mean of several seeds, with 95 % intervals and the
    relative gain. Run it again after an interruption: what is trained is kept.

    Example: convner ablate-students corpus/conversational.en.spacy corpus/unseen.en.spacy
    --student cpu=configs/student_cpu.cfg --train corpus/train.spacy --dev corpus/dev.spacy
    --work training/ablation --set paths.catalog=assets/catalogs -o metrics/ablation.json --plot ablation.svg
    """
    from datetime import date
    from importlib.util import find_spec

    from spacy.vocab import Vocab
    from tqdm import tqdm

    from ..atomic import write_text
    from ..attrs import install_extensions
    from ..catalog.index.storage import is_index
    from ..catalog.sources.records import catalog_files
    from ..docbin import read_docbin
    from ..evaluation.evaluate import POOLED, check_sets, evaluate_pipeline
    from ..evaluation.student_ablation import Run, markdown, part_by_style, plan, summarize
    from ..evaluation.student_plot import plot as draw_plot
    from ..evaluation.student_training import check_overrides, train_all
    from ..pipelines import load_pipeline
    from .evaluate import read_sets, use_catalog

    keep_inputs([output, plot], [*tests, train, dev])
    if plot is not None and plot.suffix not in (".svg", ".png"):
        raise ConfigError(f"--plot: expected a .svg or .png file, got {plot}")
    if output.is_dir():
        raise DataError("is a folder, a file was expected", path=output)
    if plot is not None and find_spec("matplotlib") is None:
        raise MissingExtraError("--plot", "matplotlib", "datagen")
    if catalog is not None and not is_index(catalog):
        catalog_files(catalog)
    configs = {name: Path(path) for name, path in _pairs("--student", student).items()}
    given = _pairs("--set", settings)
    check_overrides(configs, given)
    shares = _shares(amounts)
    known = _teacher_scores(teacher)
    sets = read_sets(tests, None)
    check_sets(sets)
    install_extensions()
    vocab = Vocab()
    parts = [part_by_style(read_docbin(path, vocab), path) for path in (train, dev)]
    for path, (commands, conversation) in zip((train, dev), parts, strict=True):
        say(f"{path}: {len(commands):,} commands, {len(conversation):,} conversational utterances")

    def evaluate(run: Run, folder: Path) -> dict[str, object]:
        nlp = load_pipeline(str(folder))
        if catalog is not None and any(hasattr(pipe, "load_catalog") for _, pipe in nlp.pipeline):
            use_catalog(nlp, catalog)
        found = evaluate_pipeline(nlp, sets, n_bootstrap=0)["sets"]
        kept = ("strict", "utterance_counts")
        return {"sets": {name: {key: found[name][key] for key in kept} for name in found if name != POOLED}}

    runs = plan(list(configs), shares, range(seeds))
    with tqdm(total=len(runs), unit=" trainings", disable=not show_progress()) as bar:

        def on_run(run: Run, there: bool) -> None:
            bar.update()
            say(f"{run.name}: {'was there' if there else 'trained and scored'}")

        scored = train_all(
            runs, configs, parts[0], parts[1], work, given=given, jobs=jobs, evaluate=evaluate, on_run=on_run,
            on_note=lambda note: say(f"Note: {note}"),
        )  # fmt: skip
    result = {
        "command": f"convner {shlex.join(sys.argv[1:])}",
        "date": date.today().isoformat(),
        "seeds": list(range(seeds)),
        "commands": len(parts[0][0]),
        "conversation": len(parts[0][1]),
        "students": summarize(scored),
        "teacher": {name: known[name] for name in sets if name in known},
    }
    write_text(output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if plot is not None:
        draw_plot(result, plot)
    typer.echo(markdown(result))


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name or not value or name in found:
            raise ConfigError(f"{option}: expected NAME=VALUE with different names, got {item!r}")
        found[name] = value
    return found


def _shares(amounts: str) -> list[float]:
    try:
        shares = [float(part) for part in amounts.split(",")]
    except ValueError as err:
        raise ConfigError(f"--amounts: expected numbers between 0 and 1, by commas, got {amounts!r}") from err
    if not all(0 < share <= 1 for share in shares):
        raise ConfigError(f"--amounts: expected shares above 0, up to 1, got {amounts!r}")
    return shares


def _teacher_scores(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    from ..evaluation.metrics_json import read_metrics_json

    try:
        return {name: float(found["strict"]["f"]) for name, found in read_metrics_json(path)["sets"].items()}
    except (KeyError, TypeError, AttributeError) as err:
        raise DataError("not a metrics file of convner evaluate", path=path, field="sets") from err
