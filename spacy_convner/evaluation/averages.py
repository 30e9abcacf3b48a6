"""Scores beside the micro average: over labels (macro), of each language, and how far each could move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bootstrap import macro_f_interval, prf_intervals
from .scoring import Judged, count, per_label, strict

NO_LANG = "und"  # ISO 639-2: undetermined


def macro(judged: Sequence[Judged]) -> dict[str, Any]:
    """Average of the labels' scores, each label worth the same.

    Labels that count are those with gold or predictions, as in seqeval; F1 is the mean of F1 scores, not the F1 of
    means. Micro and macro differ where rare labels are worse than frequent ones.

    RETURNS (dict): p, r, f (0..1), labels (how many).
    """
    rows = per_label(judged).values()
    return {**{key: sum(row[key] for row in rows) / len(rows) if rows else 0.0 for key in "prf"}, "labels": len(rows)}


def per_lang(judged: Sequence[Judged], *, n_bootstrap: int = 1000, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Scores of each language, by name; "und" where an utterance doesn't say.

    RETURNS (dict[str, dict]): Language → as ``strict``, and docs.
    """
    groups: dict[str, list[Judged]] = {}
    for item in judged:
        groups.setdefault(item.lang or NO_LANG, []).append(item)
    return {
        lang: {
            **strict(((item.gold, item.pred) for item in items), n_bootstrap=n_bootstrap, seed=seed),
            "docs": len(items),
        }
        for lang, items in sorted(groups.items())
    }


def intervals(judged: Sequence[Judged], *, n_bootstrap: int = 1000, seed: int = 0) -> dict[str, list[float] | None]:
    """95 % bootstrap intervals over utterances.

    RETURNS (dict): p, r, f (micro) and macro_f → [low, high] | None.
    """
    counts = count((item.gold, item.pred) for item in judged)
    rows, times = label_counts(judged)
    return {
        **prf_intervals(counts, n_bootstrap=n_bootstrap, seed=seed),
        "macro_f": macro_f_interval(rows, times, n_bootstrap=n_bootstrap, seed=seed),
    }


def label_counts(judged: Sequence[Judged]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count per label what utterances have, those with the same counts together.

    RETURNS (tuple): Shape (u, labels, 3): right, predicted, gold; and (u,): utterances with those counts.
    """
    found: Counter[tuple[tuple[str, int, int, int], ...]] = Counter()
    for item in judged:
        cells: dict[str, list[int]] = {}
        for spans, slot in ((item.gold & item.pred, 0), (item.pred, 1), (item.gold, 2)):
            for span in spans:
                cells.setdefault(span.label, [0, 0, 0])[slot] += 1
        found[tuple(sorted((label, *numbers) for label, numbers in cells.items()))] += 1  # type: ignore[misc]
    keys = sorted(found)
    column = {label: i for i, label in enumerate(sorted({cell[0] for key in keys for cell in key}))}
    rows = np.zeros((len(keys), len(column), 3), dtype=np.int64)
    for i, key in enumerate(keys):
        for label, *numbers in key:
            rows[i, column[label]] = numbers
    return rows, np.array([found[key] for key in keys], dtype=np.int64)
