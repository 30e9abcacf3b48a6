"""Run the protocol: match the splits, fit the filter on exemplars, score it beside what needs no filter.

Training utterances are exemplars; the development split is scored so that choices are made there; the test split
chooses nothing. With ``--catalog train`` training utterances have all their own names in the catalog and test
utterances haven't, so a filter sees cleaner candidates in training than it is asked about.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError, DataError
from ...silver.estimate import estimate_requests
from ...ty import Exemplar
from .catalogs import BenchmarkCatalog
from .corpora import Split, few_shot
from .pipeline import MeasuredPipeline
from .results import Outcome, results
from .rounds import learning_curve, run_round
from .settings import Hooks, Settings

_OUTPUT_TOKENS = 20.0  # of a selection, where the store knows no better


def run_benchmark(splits: Mapping[str, Split], settings: Settings, hooks: Hooks | None = None) -> dict[str, Any]:
    """Run the protocol.

    splits (Mapping[str, Split]): "test", and maybe "train" and "dev".
    RETURNS (dict): What the command writes (see ``results``): scores 0..1.
    RAISES: DataError for a test split without gold; what reading the catalog and asking the filter raise.
    """
    hooks = hooks or Hooks()
    ready = _prepare(splits, settings, hooks)
    pipe, matched, scored = ready.pipe, ready.matched, ready.scored
    rounds = []
    for number, seed in enumerate(settings.seeds, 1):
        if number > 1:
            pipe.renew(seed)
        which = f" (seed {seed}, {number} of {len(settings.seeds)})" if len(settings.seeds) > 1 else ""
        hooks.stage(f"Fitting and labelling{which} …", sum(map(len, scored.values())))
        done = run_round(pipe, matched, settings.n_exemplars, seed, scored, settings.n_bootstrap, hooks.doc, ready.dev)
        rounds.append(done)
    curve = learning_curve(
        pipe,
        matched,
        settings.curve,
        settings.seeds,
        scored["test"],
        lambda n: hooks.stage(f"Learning curve: {n:,} exemplars …", len(scored["test"])),
        hooks.doc,
        ready.dev,
    )
    return results(Outcome(splits, settings, ready.catalog, pipe, rounds, curve, ready.match_s))


def plan_benchmark(splits: Mapping[str, Split], settings: Settings, hooks: Hooks | None = None) -> dict[str, Any]:
    """Say what a language model would be asked and cost for the first seed, and ask nothing.

    RETURNS (dict): As ``estimate_requests``, and utterances. RAISES: ConfigError for a filter that asks no model.
    """
    if not settings.choice.asks_model:
        raise ConfigError(f"--dry-run: {settings.choice.name} asks no language model")
    ready = _prepare(splits, settings, hooks or Hooks())
    pool = [ready.matched[i] for i in few_shot(len(ready.matched), settings.n_exemplars, settings.seeds[0])]
    ready.pipe.fit(pool)
    exemplars = [exemplar for part in ready.scored.values() for exemplar in part]
    found = estimate_requests(ready.pipe.plan(exemplars, pool), ready.pipe.client, _OUTPUT_TOKENS)
    return {"utterances": len(exemplars), **found}


@dataclass(frozen=True, slots=True)
class _Ready:
    catalog: BenchmarkCatalog
    pipe: MeasuredPipeline
    matched: Sequence[Exemplar]
    dev: Sequence[Exemplar]
    scored: Mapping[str, Sequence[Exemplar]]
    match_s: float


def _prepare(splits: Mapping[str, Split], settings: Settings, hooks: Hooks) -> _Ready:
    if not splits["test"].n_gold:
        path = next(iter(splits["test"].files), None)
        raise DataError("the test split has no annotated entity: there is nothing to score", path=path)
    catalog = BenchmarkCatalog(settings.catalog, {name: split.exemplars for name, split in splits.items()})
    hooks.stage("Building the catalog …", 0)
    pipe = MeasuredPipeline(settings, catalog)
    hooks.ready(pipe)
    sources = ["train", "dev"] if settings.dev_exemplars else ["train"]
    exemplars = [exemplar for name in sources if name in splits for exemplar in splits[name].exemplars]
    hooks.stage(f"Matching {len(exemplars):,} exemplars …", 0)
    start = time.perf_counter()
    matched = pipe.match(exemplars)
    match_s = time.perf_counter() - start
    dev = pipe.match(splits["dev"].exemplars) if "dev" in splits and not settings.dev_exemplars else []
    scored = {name: _drawn(splits[name].exemplars, settings.limit) for name in ("dev", "test") if name in splits}
    if not any(exemplar.spans for exemplar in scored["test"]):
        raise DataError("no drawn utterance of the test split has an entity", hint="give a larger --limit, or none")
    return _Ready(catalog, pipe, matched, dev, scored, match_s)


def _drawn(exemplars: Sequence[Exemplar], limit: int | None) -> Sequence[Exemplar]:
    return [exemplars[i] for i in few_shot(len(exemplars), limit, 0)]
