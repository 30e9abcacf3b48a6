"""Run a pipeline over test sets and put what it did into numbers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..attrs import CANDIDATES_KEY, SELECTED_KEY, Provenance, set_doc_lang
from ..errors import DataError
from ..pipelines import needless_retrievers
from ..ty import Exemplar, ExemplarSource
from .averages import intervals, macro, per_lang
from .baselines import Prior, baselines, count_priors
from .calibration import candidate_calibration
from .confusion import confusion, errors
from .error_kinds import count_kinds
from .partial_match import partial_scores
from .scoring import Judged, candidate_recall, has_candidates, judge, per_label, strict
from .slices import KnownNames, known_names, slice_scores
from .utterance_counts import utterance_counts

POOLED = "all"


def evaluate_pipeline(
    nlp: Language,
    sets: Mapping[str, Sequence[Exemplar]],
    *,
    system: str = "",
    pipeline: str = "",
    labels: Sequence[str] = (),
    n_bootstrap: int = 1000,
    seed: int = 0,
    spans_key: str | None = SELECTED_KEY,
    candidates_key: str = CANDIDATES_KEY,
    train: Iterable[Exemplar] | None = None,
    sizes: Mapping[str, float | None] | None = None,
    n_process: int = 1,
    on_doc: Callable[[], object] | None = None,
) -> dict[str, Any]:
    """Score a pipeline on annotated utterances.

    nlp (Language): The pipeline; its predictions are ``doc.spans[spans_key]`` where that key exists, else ``doc.ents``;
        with None always these.
    sets (Mapping[str, Sequence[Exemplar]]): Name → annotated utterances. "all" is taken: it pools the others.
    system (str): What the report calls it. pipeline (str): Where it came from.
    labels (Sequence[str]): Order of labels in the per-label scores.
    n_bootstrap (int): Resamples for confidence intervals; 0 for none. seed (int): Of the resampling.
    train (Iterable[Exemplar] | None): What the system was trained on: its names are "seen". None takes the exemplars of
        the pipeline, if it has any.
    sizes (Mapping | None): pipeline_bytes, load_s (seconds), max_rss_mb, for the record.
    n_process (int): Processes of ``nlp.pipe``; the speed is theirs together.
    on_doc (Callable | None): Called after each utterance, for a progress bar.
    RETURNS (dict): The content of a metrics file: scores 0..1, speed in utterances a second (tokenising included, after
        one warm-up utterance, without loading, and without retrieval that no component reads: ``left_out``).
    RAISES: DataError for no set, an empty one or one named "all".
    """
    check_sets(sets)
    # The first utterance pays for lazy loading: indexes, vectors, a filter that is fitted at first use.
    warm_up = next(iter(sets.values()))[0]
    needless = needless_retrievers(nlp)
    with nlp.select_pipes(disable=needless):
        next(iter(nlp.pipe(make_docs(nlp, [warm_up]))))
    exemplars_of = _matched_exemplars(nlp)
    prior = _make_prior(exemplars_of)
    seen = exemplars_of if train is None else train
    known = None if seen is None else known_names(seen)
    options: dict[str, Any] = {"labels": labels, "n_bootstrap": n_bootstrap, "seed": seed, "known": known}

    results: dict[str, dict[str, Any]] = {}
    pooled: list[Judged] = []
    pooled_statuses: Counter[str] = Counter()
    seconds = 0.0
    for name, exemplars in sets.items():
        with nlp.select_pipes(disable=needless):
            judged, statuses, took = label_and_judge(
                nlp, exemplars, spans_key=spans_key, candidates_key=candidates_key, n_process=n_process, on_doc=on_doc
            )
        results[name] = score_set(judged, took, prior, **options)
        _add_statuses(results[name], statuses)
        pooled += judged
        pooled_statuses += statuses
        seconds += took
    results[POOLED] = score_set(pooled, seconds, prior, **options)
    del results[POOLED]["utterance_counts"]  # the sets have them
    _add_statuses(results[POOLED], pooled_statuses)
    return {
        "pipeline": pipeline,
        "system": system,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "spacy_version": _version("spacy"),
        "convner_version": _version("spacy-convner"),
        "components": list(nlp.pipe_names),
        "left_out": needless,
        "sets": results,
        "sizes": {key: value for key, value in (sizes or {}).items() if value is not None},
    }


def score_set(
    judged: Sequence[Judged],
    seconds: float,
    prior: Prior | None = None,
    *,
    labels: Sequence[str] = (),
    n_bootstrap: int = 1000,
    seed: int = 0,
    known: KnownNames | None = None,
) -> dict[str, Any]:
    """Everything that a metrics file says about one test set.

    seconds (float): Wall-clock time that labelling took.
    known (KnownNames | None): Names of the training data, for scores of seen and unseen ones.
    RETURNS (dict): strict, intervals, macro, per_label, per_lang, slices, partial, calibration (None without
        probabilities), docs, candidate_recall, candidates_per_utterance, baselines (only with candidates), confusion,
        error_kinds, errors, utterance_counts, utterances_per_s, seconds.
    """
    spread = intervals(judged, n_bootstrap=n_bootstrap, seed=seed)
    scores: dict[str, Any] = {
        "strict": {**strict(((item.gold, item.pred) for item in judged), n_bootstrap=0), "ci95": spread["f"]},
        "intervals": spread,
        "macro": macro(judged),
        "per_label": per_label(judged, labels),
        "per_lang": per_lang(judged, n_bootstrap=n_bootstrap, seed=seed),
        "slices": slice_scores(judged, known),
        "partial": partial_scores(judged),
        "calibration": candidate_calibration(judged),
        "docs": len(judged),
        "candidate_recall": candidate_recall(judged),
        "candidates_per_utterance": None,
        "confusion": confusion(judged),
        "error_kinds": count_kinds(judged),
        "errors": errors(judged),
        "utterance_counts": utterance_counts(judged),
        "utterances_per_s": round(len(judged) / seconds, 1) if seconds > 0 else None,
        "seconds": round(seconds, 3),
    }
    if has_candidates(judged):
        total = sum(len(item.candidates or ()) for item in judged)
        scores["candidates_per_utterance"] = round(total / len(judged), 2)
        scores["baselines"] = baselines(judged, prior, n_bootstrap=n_bootstrap, seed=seed)
    return scores


def make_prior(nlp: Language) -> Prior | None:
    """RETURNS (Prior | None): Counted on the exemplars of the first component that holds any; None without one."""
    return _make_prior(_matched_exemplars(nlp))


def check_sets(sets: Mapping[str, Sequence[Exemplar]]) -> None:
    """RAISES: DataError for no set, an empty one or one named "all"."""
    if not sets:
        raise DataError("no test set given", hint="give at least one .spacy or .jsonl file")
    if POOLED in sets:
        raise DataError(f"a test set can't be named {POOLED!r}, which pools all sets", hint="rename the file")
    for name, exemplars in sets.items():
        if not exemplars:
            raise DataError(f"test set {name!r} has no utterances")


def _make_prior(exemplars: Sequence[Exemplar] | None) -> Prior | None:
    counts = count_priors(exemplars or ())
    return Prior(counts) if counts else None


def _matched_exemplars(nlp: Language) -> Sequence[Exemplar] | None:
    """RETURNS (Sequence[Exemplar] | None): Of the first component that holds any with candidates or spans."""
    for _, component in nlp.pipeline:
        if isinstance(component, ExemplarSource) and (exemplars := component.matched_exemplars()):
            return exemplars
    return None


def label_and_judge(
    nlp: Language,
    exemplars: Sequence[Exemplar],
    *,
    spans_key: str | None = SELECTED_KEY,
    candidates_key: str = CANDIDATES_KEY,
    n_process: int = 1,
    on_doc: Callable[[], object] | None = None,
) -> tuple[list[Judged], Counter[str], float]:
    """Run a pipeline over annotated utterances and set what it did beside their annotation.

    RETURNS (tuple): Judged utterances in order, provenance statuses, wall-clock seconds.
    """
    judged: list[Judged] = []
    statuses: Counter[str] = Counter()
    start = time.perf_counter()
    # Small batches: processes end at about the same time.
    batch_size = None if n_process == 1 else max(1, min(128, len(exemplars) // (4 * n_process)))
    docs = nlp.pipe(make_docs(nlp, exemplars), n_process=n_process, batch_size=batch_size)
    for doc, exemplar in zip(docs, exemplars, strict=True):
        judged.append(judge(doc, exemplar, spans_key=spans_key, candidates_key=candidates_key))
        if status := Provenance(doc)["status"]:
            statuses[status] += 1
        if on_doc is not None:
            on_doc()
    return judged, statuses, time.perf_counter() - start


def make_docs(nlp: Language, exemplars: Iterable[Exemplar]) -> Iterator[Doc]:
    """YIELDS (Doc): Each utterance tokenised, with its language and without its annotation."""
    for exemplar in exemplars:
        doc = nlp.make_doc(exemplar.text)
        set_doc_lang(doc, exemplar.lang)
        yield doc


def _add_statuses(scores: dict[str, Any], statuses: Counter[str]) -> None:
    if statuses:
        scores["statuses"] = dict(sorted(statuses.items()))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
