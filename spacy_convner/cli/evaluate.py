"""``convner evaluate``: a pipeline and test files in, a metrics file and a table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..disk import folder_bytes
from ..errors import ConfigError, DataError
from .app import Arg, Opt, app, command, keep_inputs, say, show_progress

if TYPE_CHECKING:
    from spacy.language import Language

    from ..ty import Exemplar


@command(app, "evaluate")
def evaluate_cli(
    pipeline: Annotated[
        str, Arg(metavar="PIPELINE", help="Folder, installed package name, or .cfg file (assembled and initialized)")
    ],
    tests: Annotated[list[Path], Arg(metavar="TEST", help="Annotated .spacy or .jsonl; a set is named after its file")],
    output: Annotated[Path, Opt("--output", "-o", help="Metrics file to write (JSON)")],
    name: Annotated[str, Opt(help="What the report calls this system [default: name of the output file]")] = "",
    labels: Annotated[Path | None, Opt(help="Label file (YAML): refuse other gold labels, keep its order")] = None,
    train: Annotated[
        list[Path],
        Opt(help="Annotated data it was trained on: scores of names seen there or not [default: its exemplars]"),
    ] = [],  # noqa: B006
    catalog: Annotated[
        Path | None, Opt(help="Load this catalog first: what a student that was told no new name finds with it")
    ] = None,
    ents: Annotated[
        bool, Opt("--ents", help="Score doc.ents, though the pipeline selects spans too (a hybrid)")
    ] = False,
    n_process: Annotated[int, Opt(min=1, help="Processes that label; a language model is asked from one")] = 1,
    n_bootstrap: Annotated[int, Opt(min=0, help="Resamples for 95 % confidence intervals; 0 for none")] = 1000,
) -> None:
    """Score a pipeline on test sets: strict precision, recall and F1, baselines, confusions, speed.

    By label, language and slice (names seen in training or not, spans with several readings, everyday words …), with
    partial matches, kinds of errors and the calibration of the filter; compare two systems with convner compare.

    Example: convner evaluate training/teacher corpus/gold.en.spacy corpus/gold.es.spacy --output metrics/teacher.json

    Example: convner evaluate training/grounded corpus/unseen.en.spacy --catalog assets/catalogs -o unseen.json
    """
    import time

    from ..atomic import write_text
    from ..attrs import SELECTED_KEY
    from ..evaluation.evaluate import POOLED, check_sets, evaluate_pipeline
    from ..evaluation.metrics_json import metrics_json
    from ..memory import max_rss_mb
    from ..pipelines import load_pipeline
    from ..records import read_exemplars, read_labels
    from ..silver.estimate import find_llm_component
    from .score_tables import show_scores

    if output.is_dir():
        raise DataError("is a folder, a file was expected", path=output, hint="e.g. --output metrics/teacher.json")
    keep_inputs([output], [*tests, *train])
    order = list(read_labels(labels)) if labels is not None else []
    sets = read_sets(tests, order if labels is not None else None)
    check_sets(sets)
    trained_on = [exemplar for path in train for exemplar in read_exemplars(path)]

    say(f"Loading {pipeline} …")
    start = time.perf_counter()
    nlp = load_pipeline(pipeline)
    if catalog is not None:
        use_catalog(nlp, catalog)
    if n_process > 1 and find_llm_component(nlp) is not None:
        n_process = 1  # its limits hold for a process, and its requests are concurrent anyway
    sizes: dict[str, float | None] = {"pipeline_bytes": pipeline_bytes(nlp), "load_s": time.perf_counter() - start}
    total = sum(len(exemplars) for exemplars in sets.values())
    say(f"Labelling {total:,} utterances of {len(sets)} set{'s' if len(sets) > 1 else ''} …")

    from tqdm import tqdm

    with tqdm(total=total, unit="utt", disable=not show_progress()) as bar:
        metrics = evaluate_pipeline(
            nlp,
            sets,
            system=name or output.name.split(".")[0],
            pipeline=pipeline,
            labels=order,
            n_bootstrap=n_bootstrap,
            train=trained_on if train else None,
            spans_key=None if ents else SELECTED_KEY,
            n_process=n_process,
            on_doc=lambda: bar.update(1),
        )
    if catalog is not None:
        metrics["catalog"] = catalog.name
    sizes["max_rss_mb"] = max_rss_mb()
    metrics["sizes"] = {key: round(value, 3) for key, value in sizes.items() if value is not None}
    write_text(output, metrics_json(metrics))
    show_scores(metrics, list(sets) if len(sets) == 1 else [*sets, POOLED])
    failed = sum(found.get("statuses", {}).get("failed", 0) for name, found in metrics["sets"].items() if name in sets)
    if failed:
        say(f"{failed:,} utterances failed and count as answered with nothing; mend the cause and evaluate again")
    say(f"Wrote {output}")


def use_catalog(nlp: Language, catalog: Path) -> None:
    """Give a pipeline's ``catalog_matcher`` another catalog. RAISES: ConfigError where it has none, DataError."""
    matchers = [pipe for _, pipe in nlp.pipeline if hasattr(pipe, "load_catalog")]
    if not matchers:
        raise ConfigError(f"--catalog: this pipeline has no catalog_matcher, only {', '.join(nlp.pipe_names)}")
    for matcher in matchers:
        matcher.load_catalog(catalog)


def read_sets(paths: list[Path], labels: list[str] | None) -> dict[str, list[Exemplar]]:
    """Read test files.

    RETURNS (dict[str, list[Exemplar]]): Set name (file name without its last suffix) → annotated utterances.
    RAISES: DataError for a file of another kind, two sets of one name, or what ``read_exemplars`` refuses.
    """
    from ..records import read_exemplars

    sets: dict[str, list[Exemplar]] = {}
    for path in paths:
        bare = path.with_suffix("") if path.suffix == ".gz" else path
        if bare.suffix not in (".spacy", ".jsonl"):
            raise DataError(f"expected .spacy or .jsonl, got {bare.suffix or 'no suffix'!r}", path=path)
        if bare.stem in sets:
            raise DataError(f"a second test set named {bare.stem!r}", path=path, hint="rename one of the files")
        sets[bare.stem] = read_exemplars(path, labels)
    return sets


def pipeline_bytes(nlp: Language) -> int | None:
    """RETURNS (int | None): Bytes of the folder a pipeline was loaded from; None if it was made from a config."""
    # spaCy sets ``_path`` in ``from_disk``.
    path = getattr(nlp, "_path", None)
    if path is None or not Path(path).is_dir():
        return None
    return folder_bytes(Path(path))
