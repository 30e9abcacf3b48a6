"""LinearFilter.v2 without a group of its evidence or a part of its own, for the ablation of ``filters.py``.

The package is left as it is: what it calls is replaced for as long as a variant lasts, in fitting and in asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from spacy_convner.filtering.filters import boosted_linear, candidate_scorer, evidence_rows
from spacy_convner.filtering.filters.calibration import Calibration
from spacy_convner.filtering.filters.candidate_scorer import CandidateScorer, fit_scorer
from spacy_convner.filtering.filters.evidence import COLD, FEATURES, GROUPS, describe
from spacy_convner.filtering.filters.joint_regression import Regression, fit_regression


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def without(group: str) -> Iterator[None]:
    """Zeros in the group's columns; that of label-independent evidence stays, it decides before there are exemplars."""
    columns = [at for at in map(FEATURES.index, GROUPS[group].split()) if at != COLD]

    def masked(*arguments: Any) -> Any:
        rows = describe(*arguments)
        rows[:, columns] = 0.0
        return rows

    with ExitStack() as stack:
        for module in (evidence_rows, boosted_linear):
            stack.enter_context(replaced(module, "describe", masked))
        yield


def only(part: str) -> AbstractContextManager[None]:
    """Trees or regression; the scorer averages their log-odds, so one counts twice and the other nothing."""
    of_trees, of_regression = (2.0, 0.0) if part == "trees" else (0.0, 2.0)

    def fitted(*arguments: Any, **settings: Any) -> CandidateScorer | None:
        scorer = fit_scorer(*arguments, **settings)
        if scorer is None:
            return None
        trees = scorer.trees
        trees = replace(trees, values=trees.values * of_trees, baseline=trees.baseline * of_trees)
        return replace(scorer, trees=trees, weights=scorer.weights * of_regression, bias=scorer.bias * of_regression)

    return replaced(boosted_linear, "fit_scorer", fitted)


@contextmanager
def apart() -> Iterator[None]:
    """Candidates compete neither in fitting nor in asking."""

    def fitted(rows: Any, answers: Any, spans: Any, regularization: float) -> Regression:
        return fit_regression(rows, answers, [[(0, 1)]] * len(rows), regularization)

    with ExitStack() as stack:
        stack.enter_context(replaced(candidate_scorer, "fit_regression", fitted))
        stack.enter_context(replaced(candidate_scorer, "marginal_log_odds", lambda spans, log_odds, together: log_odds))
        yield


VARIANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "everything": nullcontext,
    **{f"without {group}": lambda group=group: without(group) for group in GROUPS},  # type: ignore[misc]
    "trees only": lambda: only("trees"),
    "regression only": lambda: only("regression"),
    "each candidate for itself": apart,
    "no calibration": lambda: replaced(Calibration, "from_held_out", staticmethod(lambda scored: Calibration())),
    "few exemplars described once": lambda: replaced(evidence_rows, "FEW", 0),
}
