"""``convner testsets``."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import typer

from ..errors import ConfigError
from .app import Arg, Opt, app, command, keep_inputs, say, show_progress
from .audit import KIND_OF_PART, TRAINING, fail_on, split_names
from .populate import CATALOG, NOISE_KINDS, TEMPERATURE, make_noise, read_entries

_DISJOINT = "What development and test part don't share: entities, patterns or entities,patterns"


@command(app, "testsets")
def make_testsets_cli(
    patterns: list[Path] = Arg(..., metavar="PATTERNS...", help="Pattern files; each language gets its test sets"),
    catalog: list[str] = Opt(..., "--catalog", "-c", help=CATALOG),
    output: Path = Opt(..., "--output", "-o", help="Folder to write test sets to"),
    training: list[Path] = Opt([], "--training", "-t", help=TRAINING),
    size: int = Opt(4000, "--size", min=0, help="Conversational utterances a language; 0 for none"),
    head_size: int = Opt(4000, "--head-size", min=0, help="Utterances of the head of the traffic; 0 for none"),
    unseen_size: int = Opt(4000, "--unseen-size", min=0, help="Utterances with unseen entities; 0 for none"),
    head_annotated: list[Path] = Opt([], "--head-annotated", help="Annotated traffic: its most frequent come first"),
    unseen_per_label: int = Opt(50, "--unseen-per-label", min=1, help="Names a label that are held out of training"),
    unseen_share: float = Opt(0.0, "--unseen-share", help="Share of names in exemplars to hold out too: the leak guard "
                              "must take these exemplars out"),
    dev_share: float = Opt(0.0, "--dev-share", help="Share of the conversational set for a development part"),
    disjoint: str | None = Opt(None, "--disjoint", help=_DISJOINT),
    temperature: float = Opt(1.0, "--temperature", help=TEMPERATURE),
    rare_share: float = Opt(0.2, "--rare-share", help="Quota of draws for names below their label's median popularity"),
    noise: float = Opt(0.0, "--noise", help="Share of utterances written in another way (not of the head)"),
    noise_kinds: str | None = Opt(None, "--noise-kinds", help=NOISE_KINDS),
    seed: int = Opt(0, "--seed", help="Another seed gives other test sets"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): any other label is an error"),
    statistics: Path | None = Opt(None, "--statistics", help="Write the statistics to this JSON file"),
    tokenizer: str = Opt("xx", "--tokenizer", help="Language of the tokenizer; must be the pipelines'"),
) -> None:  # fmt: skip
    """Make test sets from patterns: conversational, head of the traffic, unseen entities; nothing of them in training.

    For each language LANG writes conversational.LANG, head.LANG and unseen.LANG, .jsonl and .spacy each;
    unseen_entities.LANG.jsonl (and unseen_entities.jsonl, all languages) for exclude_entities, split
    --exclude-entities and CatalogRecords; and test_patterns.LANG.jsonl for split --exclude-patterns. Before anything is
    written, an audit compares all of it with --training, and fails if they share what they must not.

    Example: convner testsets assets/patterns/en.jsonl assets/patterns/es.jsonl -c assets/catalogs -o corpus
    -t assets/exemplars -t assets/traffic/en.jsonl --labels assets/labels.yml --statistics metrics/testsets.json
    """
    from ..catalog.normalization.normalizer import make_normalizer
    from ..datagen.pattern_files import number_patterns
    from ..datagen.population.names import group_names, rare_names
    from ..datagen.population.popularity_sampler import make_popularity_sampler
    from ..datagen.testsets.building import Plan, build_testsets
    from ..datagen.testsets.statistics import PAPER, set_statistics, statistics_table
    from ..datagen.testsets.training import read_training
    from ..datagen.testsets.unseen import all_keys
    from ..pipelines import blank_pipeline
    from ..records import read_labels

    keep_inputs([statistics], [*patterns, *training, *head_annotated])
    parts = split_names("--disjoint", disjoint, ("entities", "patterns"))
    for option, share in (("--dev-share", dev_share), ("--unseen-share", unseen_share)):
        if not 0 <= share < 1:
            raise ConfigError(f"{option} must be from 0 to below 1, got {share}")
    if parts and not dev_share:
        raise ConfigError("--disjoint says how two parts differ: give --dev-share too, e.g. 0.2")
    if not size + head_size + unseen_size:
        raise ConfigError("nothing to make: --size, --head-size and --unseen-size are all 0")
    if unseen_size and not training:
        raise ConfigError("unseen entities are those that training doesn't have: give --training, or --unseen-size 0")

    def make_sampler() -> Any:
        return make_popularity_sampler(temperature, rare_share)

    make_sampler()  # to hear of wrong settings before any work
    known = list(read_labels(labels)) if labels is not None else None
    plan = Plan(size, head_size, unseen_size, dev_share, frozenset(parts), unseen_per_label, unseen_share,
                make_noise(noise, noise_kinds), seed, head_annotated, known)  # fmt: skip
    nlp = blank_pipeline(tokenizer, "--tokenizer")
    numbered = {path: list(number_patterns(path)) for path in patterns}
    langs = sorted({pattern.lang for found in numbered.values() for _, pattern in found})
    entries, normalizer = list(read_entries(catalog, labels)), make_normalizer()
    keys = set(all_keys(entries, normalizer)) if unseen_size else set()
    seen = read_training(training, keys)
    with _bar(len(langs) * (size + head_size + unseen_size)) as bar:
        made = {
            lang: build_testsets(
                lang, numbered, entries, seen, plan, make_sampler=make_sampler, normalizer=normalizer, nlp=nlp,
                on_utterance=bar.update,
            )
            for lang in langs
        }  # fmt: skip
    for lang, built in made.items():
        for note in built.notes:
            say(note)
        if built.reserved:
            say(
                f"unseen.{lang} has names of exemplars: give unseen_entities.jsonl to exemplar_retriever as "
                "exclude_entities and to split as --exclude-entities"
            )
    _audit(made, training, parts)
    rows: dict[str, Any] = {}
    for lang, built in made.items():
        rare = rare_names(group_names(entries, lang))
        rows.update({name: set_statistics(exemplars, rare, known or ()) for name, exemplars in built.sets.items()})
    settings = {"temperature": temperature, "rare_share": rare_share, "noise": noise, "seed": seed,
                "unseen_per_label": unseen_per_label, "unseen_share": unseen_share, "dev_share": dev_share,
                "disjoint": parts}  # fmt: skip
    _write(made, output, nlp, {*patterns, *training, *head_annotated})
    if statistics is not None:
        from ..atomic import write_text

        paper = {name: PAPER[name] for name in rows if name in PAPER}
        data = {"testsets": rows, "paper": paper, "settings": settings}
        write_text(statistics, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    typer.echo(statistics_table(rows))
    if any(name in PAPER for name in rows):
        say("In brackets: the paper's, Appendix A")


def _audit(made: dict[str, Any], training: Sequence[Path], parts: Collection[str]) -> None:
    """RAISES: ConvnerError after a table of leaks."""
    from ..datagen.testsets.audit import find_leaks, find_shared
    from ..leaks import fold_name

    leaks: list[Any] = []
    for lang, built in made.items():
        spellings = {fold_name(exemplar.text) for exemplar in built.unseen_names}
        leaks += find_leaks(built.sets, training, names=spellings, guard=built.reserved)
        dev, test = f"conversational-dev.{lang}", f"conversational.{lang}"
        if dev in built.sets:
            for part in ("texts", *sorted(parts)):
                leaks += find_shared(test, built.sets[test], dev, built.sets[dev], KIND_OF_PART[part])
    fail_on(leaks, "; nothing was written")


def _write(made: dict[str, Any], folder: Path, nlp: Any, inputs: Collection[Path]) -> None:
    from ..atomic import write_text
    from ..datagen.pattern_files import write_patterns
    from ..datagen.population.writing import write_utterances
    from ..records import to_record

    def path(name: str) -> Path:
        return folder / name

    outputs = {name: [path(f"{name}.jsonl"), path(f"{name}.spacy")] for b in made.values() for name in b.sets}
    listed = {f"unseen_entities.{lang}.jsonl": b.unseen_names for lang, b in made.items() if b.unseen_names}
    if listed:
        listed["unseen_entities.jsonl"] = [row for rows in list(listed.values()) for row in rows]
    tested = {f"test_patterns.{lang}.jsonl": b.patterns for lang, b in made.items() if b.patterns}
    files = [file for pair in outputs.values() for file in pair]
    keep_inputs([*files, *map(path, listed), *map(path, tested)], inputs)
    for built in made.values():
        for name, exemplars in built.sets.items():
            write_utterances(outputs[name], exemplars, nlp)
    for name, rows in listed.items():
        write_text(path(name), "".join(json.dumps(to_record(row), ensure_ascii=False) + "\n" for row in rows))
    for name, found in tested.items():
        write_patterns(path(name), found)


def _bar(total: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=" utterances", disable=not show_progress())
