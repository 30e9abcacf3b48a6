"""``weights.json`` of a language: what each feature adds, the threshold, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import DataError
from .features import SIGNS
from .lexicon import find_folder, read_resource

WEIGHTS = "weights.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """What turns features into a score.

    weights (Mapping): Feature → what each unit adds to the logit; one that is missing adds nothing. bias (float): Logit
    without any feature. threshold (float): Score, 0..1, from which on an utterance is conversational.
    provenance (Mapping): Labelled file, date, command, scores; for people.
    """

    weights: Mapping[str, float]
    bias: float
    threshold: float
    provenance: Mapping[str, Any] = field(default_factory=dict)


def read_weights(lang: str, resources: Path | None = None) -> Weights:
    """RETURNS (Weights): Those of a language's folder. RAISES: ConfigError for an unknown language, DataError."""
    path = find_folder(lang, resources) / WEIGHTS
    if not path.is_file():
        raise DataError(
            "no such file",
            path=str(path),
            hint="make it with: convner detector calibrate; or copy another language's",
        )
    try:
        data = json.loads(read_resource(path))
        weights, bias, threshold = data["weights"], data["bias"], data["threshold"]
        numbers = [bias, threshold, *weights.values()]
        if not all(type(number) in (int, float) and abs(number) <= 100 for number in numbers):
            raise ValueError
        if not 0 <= threshold <= 1:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            'expected {"bias": number, "threshold": 0..1, "weights": {feature: number}}, numbers up to 100',
            path=str(path),
            hint="make it with: convner detector calibrate",
        ) from None
    if unknown := sorted(set(weights) - set(SIGNS)):
        raise DataError(
            f"unknown features {', '.join(unknown)}", path=str(path), field="weights", hint=f"known: {', '.join(SIGNS)}"
        )
    provenance = data.get("provenance")
    return Weights(weights, float(bias), float(threshold), provenance if isinstance(provenance, dict) else {})


def weights_to_json(weights: Weights) -> str:
    """RETURNS (str): The file's content."""
    data = {
        "weights": dict(weights.weights),
        "bias": weights.bias,
        "threshold": weights.threshold,
        "provenance": dict(weights.provenance),
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
