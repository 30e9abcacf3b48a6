"""What a benchmark run writes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ...memory import max_rss_mb
from ..evaluate import POOLED
from .catalogs import BenchmarkCatalog
from .corpora import Split, shared_texts
from .missed import missed_by_catalog
from .pipeline import MeasuredPipeline
from .rounds import Round
from .seeds import mean_of, spread
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that happened."""

    splits: Mapping[str, Split]
    settings: Settings
    catalog: BenchmarkCatalog
    pipe: MeasuredPipeline
    rounds: Sequence[Round]
    curve: list[dict[str, Any]]
    match_s: float


def results(outcome: Outcome) -> dict[str, Any]:
    """Put it together.

    RETURNS (dict): strict, per_label, candidate_recall, accept_all_f, prior_f, ceiling_f and what else ``score_set``
        says of the test split, fit_s, match_s, utterances_per_s (the filter alone, one core),
        pipeline_utterances_per_s, n_exemplars, thresholds, model_bytes, missed_by_catalog, seeds, dev, learning_curve,
        llm, notes, protocol. With several seeds numbers are means over them (also the ends of ``ci95``, which says
        nothing about seeds: see ``seeds``). ``sets`` are the first seed's, for ``convner report``.
    """
    settings, rounds, pipe = outcome.settings, outcome.rounds, outcome.pipe
    scores = [done.scores["test"]["strict"]["f"] for done in rounds]
    found: dict[str, Any] = {
        "system": settings.name,
        "pipeline": "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **mean_of([done.summary("test") for done in rounds]),
        "fit_s": round(mean_of([done.fit_s for done in rounds]), 3),
        "match_s": round(outcome.match_s, 3),
        "utterances_per_s": mean_of([done.utterances_per_s for done in rounds]),
        "n_exemplars": rounds[0].n_exemplars,
        "thresholds": rounds[0].thresholds,
        "model_bytes": rounds[0].model_bytes,
        "missed_by_catalog": missed_by_catalog(pipe.nlp, rounds[0].judged["test"], outcome.catalog),
        "seeds": {"seeds": [done.seed for done in rounds], "f": scores, **spread(scores)},
        "statuses": rounds[0].scores["test"]["statuses"],
    }
    if "dev" in outcome.splits:
        found["dev"] = mean_of([done.summary("dev") for done in rounds])
    if outcome.curve:
        found["learning_curve"] = outcome.curve
    client = pipe.client
    if client is not None and hasattr(client, "ledger"):
        found["llm"] = client.ledger.summary()
    found["notes"] = notes(outcome, found)
    return {
        **found,
        "protocol": _protocol(outcome),
        "spacy_version": version("spacy"),
        "convner_version": version("spacy-convner"),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in ("numpy", "scikit-learn")}},
        "components": list(pipe.nlp.pipe_names),
        "sizes": {"max_rss_mb": max_rss_mb()},
        "sets": {
            _set_name(outcome.splits, name): rounds[0].scores[name]
            for name in ("test", "dev")
            if name in rounds[0].scores
        },
    }


def notes(outcome: Outcome, found: Mapping[str, Any]) -> list[str]:
    """RETURNS (list[str]): What a reader of the scores must know, each a sentence."""
    splits, catalog, settings = outcome.splits, outcome.catalog, outcome.settings
    lines = []
    for name, split in splits.items():
        if split.invalid:
            lines.append(f"{name}: {len(split.invalid):,} left out as invalid; the first: {split.invalid[0]}")
        lines += [f"{name}: {note}" for note in split.notes]
    if "train" in splits:
        for name in ("dev", "test"):
            shared = shared_texts(splits["train"].exemplars, splits[name].exemplars) if name in splits else 0
            if shared:
                lines.append(f"{shared:,} distinct utterances of {name} are in train too")
    else:
        lines.append("no --train: the filter has no exemplars")
    gold = {span.label for exemplar in splits["test"].exemplars for span in exemplar.spans}
    absent = sorted(gold - catalog.labels.keys())
    if absent == sorted(gold):
        lines.append(
            f"the catalog has none of the test split's labels, so nothing right can be proposed: gold has "
            f"{', '.join(absent)}; the catalog {', '.join(sorted(catalog.labels)) or 'is empty'}"
        )
    elif absent:
        lines.append(f"labels without a name in the catalog: {', '.join(absent)}")
    described = outcome.pipe.task.labels
    if settings.labels is None and settings.choice.asks_model and all(k == v for k, v in described.items()):
        lines.append("no --labels: the language model knows the labels by their names only")
    elif described and (missing := sorted(gold - described.keys())):
        lines.append(f"labels without a description: {', '.join(missing)}")
    missed = found["missed_by_catalog"]
    if missed["not_on_token_edges"]:
        lines.append(
            f"{missed['not_on_token_edges']:,} gold spans cut through a token of the tokenizer {settings.lang!r} and "
            "count as missed"
        )
    if missed["removed_by_coverage"]:
        lines.append(f"{missed['removed_by_coverage']:,} gold mentions were lost with the names that coverage removed")
    failed = {status: n for status, n in found["statuses"].items() if status in ("failed", "over_budget", "invalid")}
    if failed:
        lines.append(f"unanswered utterances count as nothing found: {failed}")
    return lines


def _protocol(outcome: Outcome) -> dict[str, Any]:
    settings, splits = outcome.settings, outcome.splits
    return {
        "filter": settings.choice.block(settings.seeds[0]),
        "retriever": dict(settings.choice.retriever) if outcome.pipe.asks_model else None,
        "attr": settings.attr,
        "lang": settings.lang,
        "n_exemplars": settings.n_exemplars,
        "exemplars_from": "train+dev" if settings.dev_exemplars else "train",
        "limit": settings.limit,
        "n_bootstrap": settings.n_bootstrap,
        "labels": dict(outcome.pipe.task.labels),
        "splits": {name: split.describe() for name, split in splits.items()},
        "catalog": outcome.catalog.describe(),
    }


def _set_name(splits: Mapping[str, Split], name: str) -> str:
    own = [split.name for split in splits.values()]
    return splits[name].name if own.count(splits[name].name) == 1 and splits[name].name != POOLED else name
