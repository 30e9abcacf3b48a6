"""One round: a filter is fitted on drawn exemplars and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import FilterError
from ...ty import Exemplar, TrainableFilter
from ..baselines import Prior, baselines, count_priors
from ..evaluate import score_set
from ..scoring import Judged, strict
from ..slices import known_names
from .corpora import few_shot
from .pipeline import MeasuredPipeline
from .seeds import mean_of, spread
from .timing import filter_speed

_APART = frozenset(
    ("strict", "per_label", "candidate_recall", "confusion", "errors", "utterance_counts", "baselines", "statuses",
     "utterances_per_s", "seconds", "docs")
)  # fmt: skip


@dataclass(slots=True)
class Round:
    """What came of one seed. ``scores`` and ``judged`` by split; speeds in utterances a second."""

    seed: int
    n_exemplars: int
    fit_s: float
    judged: dict[str, list[Judged]] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    utterances_per_s: float | None = None
    model_bytes: int | None = None
    thresholds: dict[str, Any] = field(default_factory=dict)

    def summary(self, split: str) -> dict[str, Any]:
        """RETURNS (dict): What is said of a split at the top of the results; all of it is in ``scores``."""
        scores = self.scores[split]
        base = scores["baselines"]
        return {
            "strict": scores["strict"],
            "per_label": scores["per_label"],
            "candidate_recall": scores["candidate_recall"],
            "accept_all_f": base["accept_all"]["f"],
            "prior_f": base["prior"]["f"],
            "ceiling_f": base["ceiling"]["f"],
            **{key: value for key, value in scores.items() if key not in _APART},
            "pipeline_utterances_per_s": scores["utterances_per_s"],
        }


def run_round(
    pipe: MeasuredPipeline,
    matched: Sequence[Exemplar],
    n: int | None,
    seed: int,
    scored: Mapping[str, Sequence[Exemplar]],
    n_bootstrap: int,
    on_doc: Callable[[], object],
    development: Sequence[Exemplar] = (),
) -> Round:
    """Fit and score.

    matched (Sequence[Exemplar]): All exemplars, of which n are drawn. scored: "test" and maybe "dev" → utterances.
    development (Sequence[Exemplar]): Matched; may choose thresholds where all exemplars are used. Who has few exemplars
        has no development set either.
    RETURNS (Round). RAISES: FilterError if something was selected that isn't a candidate.
    """
    pool = [matched[i] for i in few_shot(len(matched), n, seed)]
    prior, known = Prior(count_priors(pool)), known_names(pool)
    done = Round(seed, len(pool), pipe.fit(pool, development if n is None else ()))
    for name, exemplars in scored.items():
        judged, statuses, seconds = pipe.judge(exemplars, pool, on_doc)
        _check(judged)
        order = tuple(pipe.task.labels)
        found = score_set(judged, seconds, prior, labels=order, n_bootstrap=n_bootstrap, known=known)
        done.judged[name], done.scores[name] = judged, {**found, "statuses": dict(statuses)}
    filter = pipe.selector.filter
    if pipe.asks_model:  # asking again would be paid again
        done.utterances_per_s = done.scores["test"]["utterances_per_s"]
    else:
        done.utterances_per_s = round(filter_speed(filter, pipe.requests(scored["test"]), pipe.task), 1)
    done.model_bytes = len(filter.to_bytes()) if isinstance(filter, TrainableFilter) else None
    done.thresholds = thresholds_of(filter)
    return done


def learning_curve(
    pipe: MeasuredPipeline,
    matched: Sequence[Exemplar],
    sizes: Sequence[int | None],
    seeds: Sequence[int],
    test: Sequence[Exemplar],
    on_size: Callable[[int], object],
    on_doc: Callable[[], object],
    development: Sequence[Exemplar] = (),
) -> list[dict[str, Any]]:
    """Score with more and more exemplars; sizes that the training split doesn't reach are left out.

    RETURNS (list[dict]): n_exemplars, seeds (how many), f (mean, sd, min, max over them), and means of p, r, prior_f
        and fit_s. No exemplars are the same whatever the seed, and are run once.
    """
    rows = []
    for size in sizes:
        if size is not None and size >= len(matched):
            continue
        points = []
        for seed in seeds[:1] if size == 0 else seeds:
            on_size(len(matched) if size is None else size)
            pipe.renew(seed)
            pool = [matched[i] for i in few_shot(len(matched), size, seed)]
            prior = Prior(count_priors(pool))
            fit_s = pipe.fit(pool, development if size is None else ())
            judged, _, _ = pipe.judge(test, pool, on_doc)
            _check(judged)
            scores = strict(((item.gold, item.pred) for item in judged), n_bootstrap=0)
            prior_f = baselines(judged, prior, n_bootstrap=0)["prior"]["f"]
            points.append({**{key: scores[key] for key in "prf"}, "prior_f": prior_f, "fit_s": round(fit_s, 3)})
        rows.append(
            {
                "n_exemplars": len(matched) if size is None else size,
                "seeds": len(points),
                "f": spread([point["f"] for point in points]),
                **{key: mean_of([point[key] for point in points]) for key in ("p", "r", "prior_f", "fit_s")},
            }
        )
    return rows


def thresholds_of(filter: object) -> dict[str, Any]:
    """RETURNS (dict): Of a filter that says so (``thresholds``), or of the models of a linear one; {} where none."""
    own = getattr(filter, "thresholds", None)
    if own is not None:
        return dict(own() if callable(own) else own)
    models: dict[str, Any] = {name: getattr(filter, name, None) for name in ("written", "spoken")}
    return {
        name: {"threshold": model.threshold, "second_threshold": model.second_threshold}
        for name, model in models.items()
        if hasattr(model, "second_threshold")
    }


def _check(judged: Sequence[Judged]) -> None:
    for item in judged:
        if extra := item.pred - (item.candidates or frozenset()):
            raise FilterError(f"{next(iter(extra))} was selected and is no candidate in: {item.text:.80}")
