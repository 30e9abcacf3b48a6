"""Benchmark results: the protocol in words, and the system beside what the catalog alone gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .axes import Axis
from .metrics_checks import is_number
from .metrics_files import Metrics

_REASONS = {
    "not_on_token_edges": "cut through a token",
    "removed_by_coverage": "removed from the catalog by --coverage",
    "not_in_catalog": "not in the catalog",
    "not_matched": "in the catalog, in a spelling that doesn’t match",
}
_CATALOGS = {
    "oracle": "oracle: every name that any split has",
    "train": "train: names of the training split only",
}
_ATTRS = {"orth": "as written (orth)", "lower": "whatever the case (lower)", "norm": "normalized (norm)"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A score on the scale; ``tone`` names its colour, ``note`` says what it is."""

    title: str
    note: str
    tone: str
    value: float
    interval: tuple[float, float] | None = None
    is_baseline: bool = True


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Results of one run. ``facts`` are (term, description); ``missed`` (reason, gold spans); ``marks`` by split."""

    system: str
    title: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    splits: tuple[tuple[str, int, tuple[Mark, ...]], ...]
    missed: tuple[tuple[str, int], ...]
    examples: tuple[tuple[str, str], ...]
    speeds: Mapping[str, Any]


SCALE = Axis(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


def benchmarks(metrics: Metrics, tone: Mapping[str, str]) -> list[Benchmark]:
    """tone (Mapping): System → its colour. RETURNS (list[Benchmark]): In the order of the systems."""
    return [
        _benchmark(system, metrics.benchmarks[system], tone[system])
        for system in metrics.systems
        if system in metrics.benchmarks
    ]


def _benchmark(system: str, data: Mapping[str, Any], tone: str) -> Benchmark:
    protocol = data["protocol"]
    test = (protocol.get("splits") or {}).get("test") or {}
    splits = []
    for name, scores in (("test", data), ("dev", data.get("dev") or {})):
        if marks := _marks(system, scores, tone):
            splits.append((name, int((scores.get("strict") or {}).get("n") or 0), marks))
    missed = data.get("missed_by_catalog") or {}
    keys = ("fit_s", "match_s", "utterances_per_s", "pipeline_utterances_per_s", "model_bytes")
    return Benchmark(
        system,
        str(test.get("name") or "test"),
        tuple(_facts(data, protocol)),
        tuple(data.get("notes") or ()),
        tuple(splits),
        tuple(
            (title, int(missed[key])) for key, title in _REASONS.items() if is_number(missed.get(key)) and missed[key]
        ),
        tuple(
            (str(example[0]), str(example[1]))
            for example in (missed.get("examples") or ())[:8]
            if isinstance(example, list) and len(example) > 1
        ),
        {key: data[key] for key in keys if is_number(data.get(key))},
    )


def _marks(system: str, scores: Mapping[str, Any], tone: str) -> tuple[Mark, ...]:
    strict = scores.get("strict")
    found = []
    for key, title, note, mark_tone in (
        ("ceiling_f", "ceiling", "F1 of a perfect filter over the catalog’s candidates", "ceiling"),
        ("prior_f", "prior", "F1 of deciding by how often the name was right in the exemplars", "prior"),
        ("accept_all_f", "every candidate", "F1 of accepting all that the catalog proposes", "accept_all"),
        ("candidate_recall", "candidate recall", "share of gold that the catalog proposes", "recall"),
    ):
        if is_number(scores.get(key)):
            found.append(Mark(title, note, mark_tone, scores[key]))
    if strict:
        ends = strict.get("ci95")
        note = f"strict F1, P {100 * strict['p']:.1f}, R {100 * strict['r']:.1f}"
        found.insert(0, Mark(system, note, tone, strict["f"], (ends[0], ends[1]) if ends else None, False))
    return tuple(found)


def _facts(data: Mapping[str, Any], protocol: Mapping[str, Any]) -> list[tuple[str, str]]:
    catalog, splits = protocol.get("catalog") or {}, protocol.get("splits") or {}
    facts = []
    if source := catalog.get("source"):
        names = f", {catalog['names']:,} names" if is_number(catalog.get("names")) else ""
        facts.append(("catalog", _CATALOGS.get(source, str(source)) + names))
    if is_number(catalog.get("coverage")) and catalog["coverage"] < 1:
        removed = f", {catalog['removed']:,} removed" if is_number(catalog.get("removed")) else ""
        facts.append(("coverage", f"{100 * catalog['coverage']:g} % of names{removed}"))
    if is_number(catalog.get("distractors_added")) and catalog["distractors_added"]:
        facts.append(("distractors", f"{catalog['distractors_added']:,} names added"))
    if attr := protocol.get("attr"):
        facts.append(("names match", _ATTRS.get(attr, str(attr))))
    if filter := (protocol.get("filter") or {}).get("@misc"):
        facts.append(("filter", str(filter)))
    if is_number(data.get("n_exemplars")):
        source = f", from {protocol['exemplars_from']}" if protocol.get("exemplars_from") else ""
        facts.append(("exemplars", f"{data['n_exemplars']:,.0f}{source}"))
    for name, split in splits.items():
        facts.append((name, _split(split)))
    seeds = data.get("seeds") or {}
    if isinstance(seeds.get("seeds"), list) and len(seeds["seeds"]) > 1 and is_number(seeds.get("sd")):
        facts.append(("seeds", f"{len(seeds['seeds'])}; standard deviation of F1 {100 * seeds['sd']:.1f}"))
    if is_number(protocol.get("limit")):
        facts.append(("limit", f"{protocol['limit']:,} utterances of a split"))
    return facts


def _split(split: Mapping[str, Any]) -> str:
    counts = [f"{split[key]:,} {key}" for key in ("utterances", "entities") if is_number(split.get(key))]
    return ", ".join([str(split.get("name") or ""), *counts]).removeprefix(", ")
