"""Results of several seeds as one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def mean_of(values: Sequence[Any]) -> Any:
    """Average numbers inside results of one shape; what is the same everywhere, or no number, is taken as it is.

    values (Sequence): One for each seed. RETURNS: Of their shape; the ends of an interval are averaged too.
    """
    first = values[0]
    if all(value == first for value in values):
        return first
    if all(isinstance(value, Mapping) for value in values):
        keys = {key: None for value in values for key in value}
        return {key: mean_of([value[key] for value in values if key in value]) for key in keys}
    if all(isinstance(value, list) and len(value) == len(first) for value in values):
        return [mean_of(items) for items in zip(*values, strict=True)]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return statistics.fmean(numbers) if numbers else first


def spread(values: Sequence[float]) -> dict[str, float]:
    """RETURNS (dict): mean, sd (of a sample; 0 for one value), min, max."""
    return {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        "min": min(values),
        "max": max(values),
    }
