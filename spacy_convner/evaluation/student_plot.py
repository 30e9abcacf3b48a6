"""An ablation of students as a picture: strict F1 by the share of conversation that was added."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError


def plot(result: Mapping[str, Any], path: Path) -> None:
    """result (Mapping): What ``convner ablate-students`` writes. path (Path): .svg or .png; a panel a test set."""
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise MissingExtraError("the plot", "matplotlib", "datagen") from err
    students = result["students"]
    names = list(next(iter(students.values()))[0]["sets"])
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for i, name in enumerate(names):
        axis = axes[i // columns][i % columns]
        for student, found in students.items():
            x = [row["n_train"] for row in found]
            y = [100 * row["sets"][name]["f"] for row in found]
            low_high = [row["sets"][name]["ci95"] or [row["sets"][name]["f"]] * 2 for row in found]
            error = [
                [max(0.0, value - 100 * low) for value, (low, _) in zip(y, low_high, strict=True)],
                [max(0.0, 100 * high - value) for value, (_, high) in zip(y, low_high, strict=True)],
            ]
            axis.errorbar(x, y, yerr=error, marker="o", capsize=3, label=student)
        teacher = (result.get("teacher") or {}).get(name)
        if teacher is not None:
            axis.axhline(100 * teacher, linestyle="--", color="gray", label="teacher")
        axis.set_title(name)
        axis.set_xlabel("training utterances")
    for row in axes:
        row[0].set_ylabel("strict F1")
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    axes[0][0].legend(fontsize="small")
    figure.savefig(path)
