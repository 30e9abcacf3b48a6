"""``convner benchmark``: splits of a corpus in, scores beside what the catalog alone gives away out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from ..errors import ConfigError, DataError
from .app import Opt, app, check_choice, command, keep_inputs, say, show_progress

if TYPE_CHECKING:
    from ..evaluation.benchmark.corpora import Split
    from ..evaluation.benchmark.settings import Hooks

_CATALOG = (
    "oracle: names of all splits; train: of the training split; or the path of a catalog or a built index, outside of "
    "which gold counts as missed"
)
_FILTER = (
    "linear (the best local one), prior, accept_all, anthropic, any registered filter, or a .cfg whose filter and "
    "retrieval are taken"
)
_ATTR = "How names match: orth, as written; lower, whatever the case; norm, every step of the normalizer"
_N = "Exemplars drawn at random from the training split; fewer are among more of the same seed [default: all]"
_CURVE = "Also score with 0, 10, 50, 200, 1000 and all exemplars, with every seed"
_FROM = "train, or train+dev: whose utterances are exemplars"
_SKIP = "Leave out faulty records of the test split too; those of train and dev are always left out and reported"


@command(app, "benchmark")
def benchmark_cli(
    test: Annotated[Path, Opt("--test", help="Test split: what is reported")],
    output: Annotated[Path, Opt("--output", "-o", help="Results to write (JSON)")],
    train: Annotated[Path | None, Opt("--train", help="Training split: the exemplars")] = None,
    dev: Annotated[Path | None, Opt("--dev", help="Development split: scored too, to choose by")] = None,
    catalog: Annotated[str, Opt("--catalog", help=_CATALOG)] = "oracle",
    filter: Annotated[str, Opt("--filter", help=_FILTER)] = "linear",
    attr: Annotated[str, Opt("--attr", metavar="orth|lower|norm", help=_ATTR)] = "orth",
    distractors: Annotated[
        list[Path], Opt("--distractors", help="Catalog whose names are added; may be repeated")
    ] = [],  # noqa: B006
    coverage: Annotated[float, Opt("--coverage", help="Share of the catalog's names that stays, up to 1")] = 1.0,
    coverage_seed: Annotated[int, Opt("--coverage-seed", help="Which names stay")] = 0,
    n_exemplars: Annotated[int | None, Opt("--n-exemplars", min=0, help=_N)] = None,
    seeds: Annotated[str, Opt("--seeds", metavar="0,1,2", help="Of that draw and the filter; scores are means")] = "0",
    learning_curve: Annotated[bool, Opt("--learning-curve", help=_CURVE)] = False,
    exemplars_from: Annotated[str, Opt("--exemplars-from", metavar="train|train+dev", help=_FROM)] = "train",
    labels: Annotated[Path | None, Opt("--labels", help="Label descriptions (YAML): label → what it is")] = None,
    lang: Annotated[str, Opt("--lang", help="Tokenizer")] = "xx",
    format: Annotated[
        str, Opt("--format", help="Of the splits; auto looks at the content, see convner convert")
    ] = "auto",
    tag_column: Annotated[int | None, Opt("--tag-column", help="Column of the tags, as for convner convert")] = None,
    word_column: Annotated[int | None, Opt("--word-column", help="Column of the words")] = None,
    bare_tags: Annotated[bool, Opt("--bare-tags", help="Tags are labels without B- and I-")] = False,
    tag_names: Annotated[Path | None, Opt("--tag-names", help="Names of tags that are numbers")] = None,
    encoding: Annotated[str | None, Opt("--encoding", help="Of the splits")] = None,
    nested: Annotated[
        str | None, Opt("--nested", metavar="outermost|keep", help="Which overlapping gold spans stay")
    ] = None,
    set_lang: Annotated[str | None, Opt("--set-lang", help="Language of utterances that name none, e.g. es")] = None,
    skip_invalid: Annotated[bool, Opt("--skip-invalid", help=_SKIP)] = False,
    limit: Annotated[
        int | None, Opt("--limit", min=1, help="Score so many utterances a split, drawn at random")
    ] = None,
    model: Annotated[str | None, Opt("--model", help="Language model")] = None,
    base_url: Annotated[str | None, Opt("--base-url", help="Of a compatible server")] = None,
    embedder: Annotated[
        str | None, Opt("--embedder", help="Retrieves exemplars for a language model: hashed, or a model's name")
    ] = None,
    k: Annotated[int | None, Opt("--k", min=0, help="Exemplars retrieved for a language model [default: 10]")] = None,
    store: Annotated[
        Path | None, Opt("--store", help="A language model's answers, SQLite [default: beside OUTPUT]")
    ] = None,
    max_calls: Annotated[int | None, Opt("--max-calls", min=0, help="Requests to a language model at most")] = None,
    max_usd: Annotated[float | None, Opt("--max-usd", min=0, help="US dollars for a language model at most")] = None,
    dry_run: Annotated[
        bool, Opt("--dry-run", help="Say what a language model would be asked and cost; send nothing")
    ] = (False),
    name: Annotated[str, Opt(help="What the report calls this system [default: name of the output file]")] = "",
    n_bootstrap: Annotated[int, Opt(min=0, help="Resamples for 95 % confidence intervals; 0 for none")] = 1000,
) -> None:
    """Score a filter on a public corpus by the paper's protocol (section 5.3).

    The catalog is made of the corpus; training utterances are exemplars. Beside the scores stands what the catalog
    alone gives away: candidate recall, and the F1 of accepting every candidate, of accepting by how often exemplars
    did, and of a filter without a fault.

    Example: convner benchmark --train train.jsonl --dev dev.jsonl --test test.jsonl --output results.json

    Example: convner benchmark --train train.jsonl --test test.jsonl --catalog train --n-exemplars 200 --seeds 0,1,2
    --output results.json

    Example: convner benchmark --train train.jsonl --test test.jsonl --filter anthropic --limit 500 --max-usd 2
    --output results.json
    """
    from ..atomic import write_text
    from ..evaluation.benchmark.catalogs import ORACLE, TRAIN, CatalogPlan
    from ..evaluation.benchmark.filters import choose_filter
    from ..evaluation.benchmark.protocol import plan_benchmark, run_benchmark
    from ..evaluation.benchmark.settings import CURVE, Settings
    from ..evaluation.formats.annotated import Nested
    from ..evaluation.metrics_json import metrics_json
    from .benchmark_tables import show, show_estimate
    from .llm_run import prepare_client, usage_line

    if output.is_dir():
        raise DataError("is a folder, a file was expected", path=output, hint="e.g. --output results.json")
    if exemplars_from not in ("train", "train+dev") or (exemplars_from == "train+dev" and dev is None):
        raise ConfigError(f"--exemplars-from: expected train, or train+dev with --dev, got {exemplars_from!r}")
    files = [path for path in (train, dev, test, labels, *distractors) if path is not None]
    keep_inputs([output, store], files if catalog in (ORACLE, TRAIN) else [*files, Path(catalog)])
    settings = Settings(
        choice=choose_filter(filter, model=model, base_url=base_url, embedder=embedder, k=k),
        catalog=CatalogPlan(catalog, distractors, coverage, coverage_seed),
        attr=attr,  # type: ignore[arg-type]
        lang=lang,
        labels=str(labels) if labels is not None else None,
        n_exemplars=n_exemplars,
        seeds=parse_seeds(seeds),
        limit=limit,
        curve=CURVE if learning_curve else (),
        dev_exemplars=exemplars_from == "train+dev",
        n_bootstrap=n_bootstrap,
        name=name or output.name.split(".")[0],
    )
    check_choice("--nested", nested, get_args(Nested))
    reading = {
        "format": format,
        "tag_column": tag_column,
        "word_column": word_column,
        "bare_tags": bare_tags,
        "tag_names": tag_names,
        "encoding": encoding,
        "nested": nested,
        "lang": set_lang,
    }
    splits = read_splits({"train": train, "dev": dev, "test": test}, skip_invalid, reading)

    def ready(pipe: Any) -> None:
        prepare_client(pipe.nlp, output.with_name(output.name + ".answers.sqlite"), store, max_calls, max_usd)

    if dry_run:
        show_estimate(run_with_progress(lambda hooks: plan_benchmark(splits, settings, hooks), ready))
        return
    found = run_with_progress(lambda hooks: run_benchmark(splits, settings, hooks), ready)
    write_text(output, metrics_json(found))
    show(found)
    for line in found["notes"]:
        say(f"Note: {line}")
    if "llm" in found:
        say(usage_line(found["llm"]))
    say(f"Wrote {output}")


def parse_seeds(text: str) -> tuple[int, ...]:
    """text (str): Numbers with commas between. RETURNS (tuple[int]). RAISES: ConfigError."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--seeds: expected numbers with commas between, such as 0,1,2, got {text!r}") from None


def read_splits(paths: dict[str, Path | None], skip_invalid: bool, options: dict[str, Any]) -> dict[str, Split]:
    """Read the splits that are given; options are ``read_annotated``'s. RETURNS (dict[str, Split]): By their part."""
    from ..evaluation.benchmark.corpora import read_split

    splits = {}
    for part, path in paths.items():
        if path is None:
            continue
        bare = path.with_suffix("") if path.suffix == ".gz" else path
        name = bare.stem if bare.suffix in (".jsonl", ".json", ".spacy") else bare.name
        split = splits[part] = read_split(path, name, skip_invalid=skip_invalid or part != "test", options=options)
        kind = f" ({split.format})" if split.format not in ("jsonl", "docbin") else ""
        say(f"{part}: {path}{kind}: {len(split.exemplars):,} utterances, {split.n_gold:,} entities")
    return splits


def run_with_progress(run: Any, ready: Any) -> dict[str, Any]:
    """run (Callable[[Hooks], dict]): What to do. ready (Callable): For the hooks. RETURNS (dict): What it gave."""
    from tqdm import tqdm

    from ..evaluation.benchmark.settings import Hooks

    with tqdm(unit="utt", disable=not show_progress()) as bar:

        def stage(what: str, total: int) -> None:
            say(what)
            bar.reset(total=total or None)

        hooks: Hooks = Hooks(stage=stage, doc=lambda: bar.update(1), ready=ready)
        return dict(run(hooks))
