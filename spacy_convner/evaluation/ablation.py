"""The paper's ablation (sections 5.3 to 5.5): what semantic filtering, retrieved exemplars and post-processing add.

ICL is free extraction with random exemplars, SF semantic filtering with random exemplars, SF+DER with retrieved ones;
each without and with post-processing (PS). SF+DER+PS is run with every number of exemplars asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spacy.language import Language

from ..errors import ConfigError
from ..ty import Exemplar
from .evaluate import POOLED, evaluate_pipeline

PRIOR = "accept by prior"


@dataclass(frozen=True, slots=True)
class Setting:
    """method (str): "ICL", "SF" or "SF+DER". k (int): Exemplars. postprocess (bool): Whether answers are held to it."""

    method: str
    k: int
    postprocess: bool

    @property
    def name(self) -> str:
        return self.method + ("+PS" if self.postprocess else "")


def settings(ks: Sequence[int], methods: Iterable[str]) -> list[Setting]:
    """ks (Sequence[int]): Numbers of exemplars; the middle one is used throughout. RETURNS (list[Setting])."""
    k = sorted(ks)[len(ks) // 2]
    found = [Setting(method, k, postprocess) for method in methods for postprocess in (False, True)]
    return found + [Setting("SF+DER", other, True) for other in ks if other != k and "SF+DER" in methods]


def run_ablation(
    nlp: Language,
    sets: Mapping[str, Sequence[Exemplar]],
    *,
    ks: Sequence[int] = (5, 10, 20),
    n_bootstrap: int = 1000,
    on_start: Callable[[Setting], object] | None = None,
    on_doc: Callable[[], object] | None = None,
) -> dict[str, Any]:
    """Score a teacher in every setting; its own settings are as before afterwards.

    nlp (Language): With an exemplar retriever and a semantic filter. sets: Name → annotated utterances.
    ks (Sequence[int]): Numbers of exemplars. n_bootstrap (int): Resamples for confidence intervals.
    RETURNS (dict): baseline and rows; each row has method, k, postprocess, sets (name → strict scores, relative to the
        baseline's F1) and usage of the language model. RAISES: ConfigError for a pipeline without these components.
    """
    retriever, selector = _components(nlp)
    methods = ["SF", "SF+DER"] if getattr(selector, "client", None) is None else ["ICL", "SF", "SF+DER"]
    if getattr(selector.filter, "name", "") == "cascade":
        methods.remove("ICL")  # the local half knows nothing but candidates
    rows: list[dict[str, Any]] = []
    baseline: dict[str, Any] = {}
    for setting in settings(ks, methods):
        if on_start:
            on_start(setting)
        before = _usage(selector)
        with _set(nlp, retriever, selector, setting):
            metrics = evaluate_pipeline(nlp, sets, n_bootstrap=n_bootstrap, on_doc=on_doc)
        if not baseline:
            baseline = {
                name: found["baselines"]["prior"] for name, found in metrics["sets"].items() if found.get("baselines")
            }
        used = _usage(selector)
        rows.append(
            {
                "method": setting.name,
                "k": setting.k,
                "sets": {name: _scores(found, baseline.get(name)) for name, found in metrics["sets"].items()},
                "usage": {key: round(value - before.get(key, 0), 6) for key, value in used.items()},
            }
        )
    return {"baseline": {"name": PRIOR, "sets": baseline}, "rows": rows}


def markdown(result: Mapping[str, Any]) -> str:
    """RETURNS (str): The paper's tables: absolute scores, and F1 relative to the baseline, by test set."""
    names = set_names(result)
    tables = []
    for name in names:
        lines = [
            f"**{name}**",
            "",
            "| method | k | strict P | strict R | strict F1 (95 % interval) | F1 relative to the baseline |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        base = result["baseline"]["sets"].get(name)
        if base:
            lines.append(f"| {result['baseline']['name']} | | {_points(base)} | |")
        for row in result["rows"]:
            scores = row["sets"][name]
            relative = f"{scores['relative']:+.2f} %" if scores["relative"] is not None else ""
            lines.append(f"| {row['method']} | {row['k']} | {_points(scores['strict'])} | {relative} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def set_names(result: Mapping[str, Any]) -> list[str]:
    """RETURNS (list[str]): Test sets, and "all" where there are several."""
    names = list(result["rows"][0]["sets"])
    return [name for name in names if name != POOLED] if len(names) == 2 else names


def _points(scores: Mapping[str, Any]) -> str:
    low_high = scores.get("ci95")
    interval = f" ({100 * low_high[0]:.1f}–{100 * low_high[1]:.1f})" if low_high else ""
    return f"{100 * scores['p']:.1f} | {100 * scores['r']:.1f} | {100 * scores['f']:.1f}{interval}"


def _scores(found: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> dict[str, Any]:
    strict = found["strict"]
    base = baseline["f"] if baseline else 0.0
    relative = 100 * (strict["f"] - base) / base if base else None
    return {"strict": strict, "relative": relative, "statuses": found.get("statuses", {})}


def _components(nlp: Language) -> tuple[Any, Any]:
    retriever = next((p for _, p in nlp.pipeline if hasattr(p, "use_selection")), None)
    selector = next((p for _, p in nlp.pipeline if hasattr(p, "use_strategy")), None)
    if retriever is None or selector is None:
        raise ConfigError("an ablation needs a pipeline with exemplar_retriever and llm_semantic_filter")
    return retriever, selector


def _usage(selector: Any) -> dict[str, float]:
    ledger = getattr(getattr(selector, "client", None), "ledger", None)
    counts = ledger.summary() if ledger is not None else {}
    return {key: value for key, value in counts.items() if isinstance(value, int | float) and key != "cache_hit_rate"}


@contextmanager
def _set(nlp: Language, retriever: Any, selector: Any, setting: Setting) -> Iterator[None]:
    before = (retriever.selection, retriever.k), selector.task.strategy
    after = [name for name, pipe in nlp.pipeline if getattr(pipe, "policy", None) and hasattr(pipe, "set_ents")]
    retriever.use_selection("similar" if setting.method == "SF+DER" else "random", setting.k)
    selector.use_strategy("icl" if setting.method == "ICL" else "sf")
    try:
        with nlp.select_pipes(disable=[] if setting.postprocess else after):
            yield
    finally:
        retriever.use_selection(*before[0])
        selector.use_strategy(before[1])
