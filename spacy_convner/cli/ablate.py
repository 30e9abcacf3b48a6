"""``convner ablate``: the paper's tables for a teacher of yours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, DataError
from .app import Arg, Opt, app, command, keep_inputs, say, show_progress


@command(app, "ablate")
def ablate_cli(
    pipeline: Annotated[str, Arg(metavar="PIPELINE", help="Teacher: a folder, an installed package or a .cfg file")],
    tests: Annotated[list[Path], Arg(metavar="TEST", help="Annotated .spacy or .jsonl; a set is named after its file")],
    output: Annotated[Path, Opt("--output", "-o", help="JSON file to write; the tables go to standard output")],
    k: Annotated[list[int], Opt("--k", min=0, help="Number of exemplars; may be repeated")] = [5, 10, 20],  # noqa: B006
    plot: Annotated[Path | None, Opt("--plot", help="Picture to write (.svg)")] = None,
    store: Annotated[Path | None, Opt("--store", help="Answers of a language model [default: beside --output]")] = None,
    max_usd: Annotated[float | None, Opt("--max-usd", min=0, help="US dollars at most")] = None,
    max_calls: Annotated[int | None, Opt("--max-calls", min=0, help="Requests to a language model at most")] = None,
    n_bootstrap: Annotated[int, Opt(min=0, help="Resamples for 95 % confidence intervals; 0 for none")] = 1000,
) -> None:
    """Score a teacher with free extraction (ICL), semantic filtering (SF) and retrieved exemplars (SF+DER).

    Each with and without post-processing (PS), and for several numbers of exemplars. What a language model answered is
    kept: run it again after an interruption.

    Example: convner ablate configs/teacher_claude.cfg assets/gold/en.jsonl -o metrics/ablation.json --plot ablation.svg
    """
    from datetime import date

    from tqdm import tqdm

    from ..atomic import write_text
    from ..evaluation.ablation import markdown, run_ablation
    from ..evaluation.ablation_plot import plot_svg
    from ..evaluation.evaluate import check_sets
    from ..pipelines import load_pipeline
    from .evaluate import read_sets
    from .llm_run import prepare_client, usage_line

    keep_inputs([output, plot, store], tests)
    for path in (output, plot):
        if path is not None and path.is_dir():
            raise DataError("is a folder, a file was expected", path=path)
    if plot is not None and plot.suffix != ".svg":
        raise ConfigError(f"--plot: expected a .svg file, got {plot}")
    if not k or len(set(k)) != len(k):
        raise ConfigError(f"--k: expected different numbers, got {k}")
    sets = read_sets(tests, None)
    check_sets(sets)
    nlp = load_pipeline(pipeline)
    place = store or output.with_name(output.name + ".answers.sqlite")
    client = prepare_client(nlp, place, store, max_calls, max_usd)
    with tqdm(unit=" utterances", disable=not show_progress()) as bar:
        result = run_ablation(
            nlp,
            sets,
            ks=k,
            n_bootstrap=n_bootstrap,
            on_start=lambda setting: bar.set_description(f"{setting.name}, k = {setting.k}"),
            on_doc=bar.update,
        )
    result = {
        "command": f"convner ablate {pipeline} {' '.join(map(str, tests))} --output {output}",
        "date": date.today().isoformat(),
        **result,
    }
    write_text(output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if plot is not None:
        write_text(plot, plot_svg(result))
    unanswered = sum(
        count
        for row in result["rows"]
        for status, count in row["sets"]["all"]["statuses"].items()
        if status in ("failed", "over_budget")
    )
    if unanswered:
        typer.echo(f"**{unanswered:,} utterances weren't answered: these scores are too low.**\n")
    typer.echo(markdown(result))
    if client is not None and hasattr(client, "ledger"):
        say(usage_line(client.ledger.summary()))
    if unanswered:
        raise DataError(
            f"{unanswered:,} utterances weren't answered, so these scores are too low",
            path=output,
            hint="run it again, with higher limits if you set any; what was answered is kept",
        )
