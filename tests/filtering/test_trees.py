"""Trees as arrays give what scikit-learn's own trees give, and are saved and read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from spacy_convner.filtering.filters import trees as trees_module
from spacy_convner.filtering.filters.trees import LEAVES, Trees, _as_arrays, fit_trees
from spacy_convner.ty import Floats


def data(n: int, columns: int, seed: int, kind: str = "normal") -> tuple[Floats, NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n, columns))
    if kind == "whole numbers":
        rows = np.round(rows * 2)
    elif kind == "constant columns":
        rows[:, ::2] = 3.0
    elif kind == "far out":
        rows = rows * 10.0 ** generator.integers(-9, 9, size=columns)
    answers = (rows @ generator.normal(size=columns) + generator.normal(size=n) > 0).astype(np.int64)
    answers[:2] = 0, 1
    return rows, answers


@pytest.mark.parametrize("kind", ["normal", "whole numbers", "constant columns", "far out"])
@pytest.mark.parametrize(
    ("n", "columns", "rounds", "leaves"), [(2, 1, 3, LEAVES), (40, 3, 1, 2), (700, 70, 12, LEAVES)]
)
def test_the_same_as_scikit_learn(kind: str, n: int, columns: int, rounds: int, leaves: int) -> None:
    rows, answers = data(n, columns, 1, kind)
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(
            max_iter=rounds, max_leaf_nodes=leaves, min_samples_leaf=2, early_stopping=False, random_state=0
        ).fit(rows, answers)
        trees = _as_arrays(model)
        limits = trees.threshold[np.isfinite(trees.threshold)].ravel()
        on_the_edge = np.resize(np.append(limits, 0.0), (50, columns))  # a row at a threshold goes left
        for asked in (rows, data(300, columns, 2, kind)[0], on_the_edge, np.full((1, columns), 1e300), rows[:0]):
            expected = model.decision_function(asked) if len(asked) else np.zeros(0)
            np.testing.assert_allclose(trees.logits(asked), expected, atol=1e-5)
    assert trees.feature.shape == (rounds, LEAVES - 1)
    assert np.isfinite(trees.threshold).any() == (n > 2)  # two rows can't be split


def test_many_rows_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, answers = data(203, 5, 3)
    trees = fit_trees(rows, answers, rounds=7, seed=0)
    at_once = trees.logits(rows)
    monkeypatch.setattr(trees_module, "_MOST_CELLS", 7 * (LEAVES - 1) * 10)
    np.testing.assert_array_equal(trees.logits(rows), at_once)
    monkeypatch.setattr(trees_module, "_MOST_CELLS", 1)
    np.testing.assert_array_equal(trees.logits(rows), at_once)


def test_fitting_learns_and_is_repeatable() -> None:
    rows, answers = data(400, 6, 4)
    trees = fit_trees(rows, answers, rounds=20, seed=0)
    logits = trees.logits(rows)
    assert ((logits > 0) == answers).mean() > 0.8
    np.testing.assert_array_equal(fit_trees(rows, answers, rounds=20, seed=0).logits(rows), logits)
    assert (fit_trees(rows, answers, rounds=20, seed=1).logits(rows) != logits).any()


def saved() -> dict[str, Any]:
    rows, answers = data(60, 4, 5)
    return fit_trees(rows, answers, rounds=3, seed=0).to_arrays()


def test_saved_and_read() -> None:
    rows, answers = data(60, 4, 5)
    trees = fit_trees(rows, answers, rounds=3, seed=0)
    again = Trees.from_arrays(trees.to_arrays(), 4)
    np.testing.assert_array_equal(again.logits(rows), trees.logits(rows))
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, trees.to_arrays()[name])
    none = Trees.from_arrays({name: array[: array.shape[0] if name == "baseline" else 0] for name, array in
                              trees.to_arrays().items()}, 4)  # fmt: skip
    np.testing.assert_array_equal(none.logits(rows), np.full(60, trees.baseline))


def test_damaged_arrays_are_refused() -> None:
    good = saved()
    for name, array in good.items():
        without = {key: value for key, value in good.items() if key != name}
        with pytest.raises(KeyError):
            Trees.from_arrays(without, 4)
        for damaged in (array[:-1], array[..., :-1], np.concatenate([array, array]), array.ravel()[:0]):
            with pytest.raises(ValueError, match=r"fit together|unpack"):
                Trees.from_arrays({**good, name: damaged}, 4)
    with pytest.raises(ValueError, match="fit together"):
        Trees.from_arrays(good, int(good["feature"].max()))  # a column that rows haven't
