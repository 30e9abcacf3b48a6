"""``convner label`` and ``convner split``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from ..errors import ConfigError
from .app import Arg, Opt, app, check_choice, command, fail, keep_inputs, say
from .label_run import Progress, answers_beside, check_places, damaged_line, plan, rejected_place
from .llm_run import check_batches, prepare_client, say_estimate, shared_client, submit_batches, usage_line
from .ray_run import check_ray, ray_options, ray_run

_ENTITIES = "Names whose utterances are left out (.txt, .jsonl, .spacy), as unseen_entities.en.jsonl; may be repeated"
_PATTERNS = (
    "Patterns of test sets (.jsonl): their seeds, and utterances of their form, which only annotated names show, are "
    "left out; may be repeated"
)


@command(app, "label")
def label_cli(
    source: str = Arg(..., metavar="IN", help="Utterances: JSONL, DocBin or Parquet; a file, folder, pattern or URL"),
    output: str = Arg(..., metavar="OUT", help="NAME.spacy for one file, or a folder (or its URL) of DocBin shards"),
    pipeline: str = Opt(..., "--pipeline", "-p", help="Teacher: a folder, an installed package or a .cfg file"),
    metrics: Path | None = Opt(None, "--metrics", help="Write counts, speed and memory to this JSON file"),
    shard_size: int = Opt(500, "--shard-size", min=1, help="Utterances a shard; an interruption costs one at most"),
    n_process: int = Opt(1, "--n-process", "-n", min=1, help="Processes"),
    batch_size: int = Opt(128, "--batch-size", min=1, help="Utterances a batch"),
    engine: str = Opt("local", "--engine", help="local, or ray for a cluster (extra [ray])"),
    num_actors: int | None = Opt(None, "--num-actors", min=1, help="Ray: processes [default: all CPUs of the cluster]"),
    resources: str | None = Opt(None, "--resources", help="Ray: of each process, e.g. num_cpus=1,memory=4e9, or JSON"),
    address: str | None = Opt(None, "--address", help="Ray: of the cluster, e.g. auto [default: this machine]"),
    keep_exemplars: bool = Opt(False, "--keep-exemplars", help="Retrieve exemplars always, and store them with Docs"),
    keep_meta: bool = Opt(False, "--keep-meta", help="Store 'meta' of the input with every Doc"),
    dry_run: bool = Opt(False, "--dry-run", help="Say what a language model would be asked and cost; send nothing"),
    store: Path | None = Opt(None, "--store", help="Answers of a language model, SQLite [default: beside OUT]"),
    max_calls: int | None = Opt(None, "--max-calls", min=0, help="Requests to a language model at most"),
    max_usd: float | None = Opt(None, "--max-usd", min=0, help="US dollars for a language model at most"),
    detach: bool = Opt(False, "--detach", help="Batches client: submit everything and leave"),
    resume: bool = Opt(False, "--resume", help="Batches client: label if all batches have ended, else leave at once"),
) -> None:
    """Label utterances with a teacher pipeline, into DocBin.

    Run it again after an interruption: finished shards are kept and only the rest is done. What a language model has
    answered is in the store and is never asked, or paid, again.

    An exemplar_retriever is left out where no later component uses what it retrieves (a local filter doesn't): labels
    are the same, without the time of a sentence encoder. --keep-exemplars retrieves and stores them.

    Example: convner label assets/traffic/en.jsonl corpus/silver.en.spacy -p configs/teacher_local.cfg

    Example: convner label in.jsonl out.spacy -p configs/teacher_claude.cfg --dry-run

    Example: convner label 's3://lake/day=*/*.parquet' s3://silver/en -p training/teacher --engine ray --address auto
    """
    from ..pipelines import load_pipeline
    from ..silver.estimate import find_llm_component
    from ..silver.labelling import label_file
    from ..silver.sources import plain_path

    source, output = plain_path(source), plain_path(output)
    check_choice("--engine", engine, ("local", "ray"))
    options = ray_options(engine, num_actors, batch_size, resources, address, n_process)
    check_places(source, output, metrics)
    if options is not None:
        check_ray()
    files = plan(source, output, shard_size, keep_meta)  # before minutes are spent on loading
    nlp = load_pipeline(pipeline)
    place = store or answers_beside(output)
    client = prepare_client(nlp, place, store, max_calls, max_usd)
    if dry_run and client is None:
        raise ConfigError(f"--dry-run: {pipeline} asks no language model, labelling costs nothing")
    if dry_run:
        say_estimate(nlp, source)
        return
    if detach:
        submit_batches(nlp, source, client)
        return
    if resume:
        check_batches(client)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(source))
        label_ranges = None
        if options is not None:
            label_ranges = stack.enter_context(ray_run(nlp, options, client, place, store, progress.update))
        else:
            stack.enter_context(shared_client(client, n_process))
        stats = label_file(
            nlp,
            files,
            output,
            shard_size=shard_size,
            n_process=n_process,
            batch_size=batch_size,
            keep_exemplars=keep_exemplars,
            keep_meta=keep_meta,
            engine=label_ranges,
            on_start=progress.start,
            on_docs=progress.update,
        )
    if client is not None and hasattr(client, "ledger"):
        component = find_llm_component(nlp)
        stats["llm"] = {**client.ledger.summary(), "templates_sha256": component.templates_sha256}
        say(usage_line(stats["llm"]))
    if metrics is not None:
        from ..atomic import write_text

        write_text(metrics, json.dumps(stats, indent=2) + "\n")
    speed = f" at {stats['utterances_per_s']:,.0f}/s" if stats["utterances_per_s"] else ""
    statuses = ", ".join(f"{count:,} {status}" for status, count in stats["statuses"].items()) or "none labelled"
    say(f"{output}: {stats['utterances']:,} utterances{speed}, {stats['entities']:,} entities ({statuses})")
    if stats["damaged"]:
        say(damaged_line(stats["damaged"]))
    if stats["left_out"]:
        say(
            f"{', '.join(stats['left_out'])}: left out, no later component uses it and labels are the same "
            "(--keep-exemplars retrieves and stores)"
        )
    if stats["rejected"]:
        say(f"{stats['rejected']:,} utterances can't be labelled; {rejected_place(output)} says which and why")
    if invalid := stats["statuses"].get("invalid"):
        say(f"{invalid:,} answers weren't in the asked form and select nothing; see doc._.convner.dropped")
    if failed := stats["statuses"].get("failed"):
        fail(f"{failed:,} utterances failed: {stats['reason']}. Run the same command again to try them again.")


@command(app, "split")
def split_cli(
    sources: list[Path] = Arg(..., metavar="IN...", help="Labelled DocBin files or folders of shards"),
    train: Path = Opt(..., "--train", help="Training corpus to write (.spacy)"),
    dev: Path = Opt(..., "--dev", help="Development corpus to write (.spacy)"),
    dev_share: float = Opt(0.1, "--dev-share", help="Share of utterances for development, 0 to 1"),
    exclude: list[Path] = Opt([], "--exclude", help="Test set whose utterances are left out; may be repeated"),
    exclude_entities: list[Path] = Opt([], "--exclude-entities", help=_ENTITIES),
    exclude_patterns: list[Path] = Opt([], "--exclude-patterns", help=_PATTERNS),
    seed: int = Opt(0, "--seed", help="Another seed gives another split"),
) -> None:
    """Split labelled corpora into train and dev for `spacy train`, without duplicates and test utterances.

    Example: convner split corpus/silver.en.spacy --train corpus/train.spacy --dev corpus/dev.spacy

    Example: convner split silver.spacy --train train.spacy --dev dev.spacy --exclude-entities unseen_entities.en.jsonl
    """
    from ..silver.splitting import split_corpora

    keep_inputs([train, dev], [*sources, *exclude, *exclude_entities, *exclude_patterns])
    leaks = {"exclude": exclude, "exclude_entities": exclude_entities, "exclude_patterns": exclude_patterns}
    counts = split_corpora(sources, train, dev, dev_share=dev_share, seed=seed, **leaks)
    say(", ".join(f"{count:,} {name}" for name, count in counts.items()))
