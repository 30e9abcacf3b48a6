"""Tell conversation from commands by linguistic features (paper, section 3.1), each explained."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ..ty import ConversationDetector, Detection
from .features import Finding, find_features
from .lexicon import Lexicon, find_folder, read_lexicon
from .weights_file import Weights, read_weights

MOST_WORDS = 20  # of a feature's words in an explanation


class HeuristicDetector:
    """Weighs the features of an utterance; the score is the logistic function of their sum.

    resources (Path | None): Folder of language folders, which go before the built-in ones. threshold (float | None):
    Score, 0..1, from which on an utterance is conversational; None takes that of the language's calibration.
    A language is read when its first utterance comes.
    """

    def __init__(self, resources: Path | None, threshold: float | None) -> None:
        self.resources, self.threshold = resources, threshold
        self._languages: dict[str, tuple[Lexicon, Weights]] = {}
        self._folders: dict[str, str] = {}

    def __call__(self, text: str, lang: str | None) -> Detection:
        if not lang:
            raise ConfigError("the language of the utterance isn't known; give its code, for example en")
        lexicon, weights = self.language(lang)
        findings = find_features(text, lexicon)
        threshold = weights.threshold if self.threshold is None else self.threshold
        return weigh(findings, weights, threshold)

    def language(self, lang: str) -> tuple[Lexicon, Weights]:
        """RETURNS (tuple[Lexicon, Weights]): Of a language. RAISES: ConfigError if there is none, DataError."""
        code = self._folders.get(lang)
        if code is None:
            code = find_folder(lang, self.resources).name
            if code not in self._languages:
                self._languages[code] = (read_lexicon(code, self.resources), read_weights(code, self.resources))
            self._folders[lang] = code
        return self._languages[code]


def weigh(findings: dict[str, Finding], weights: Weights, threshold: float) -> Detection:
    """findings (dict): Of ``find_features``. RETURNS (Detection): What its features added sums up to the logit."""
    if not any(finding.value for finding in findings.values()):  # no word at all
        return Detection(0.0, False)
    features: dict[str, dict[str, Any]] = {"bias": {"value": 1.0, "words": [], "added": weights.bias}}
    for name, finding in findings.items():
        if finding.value:
            added = weights.weights.get(name, 0.0) * finding.value
            words = finding.words[:MOST_WORDS]
            features[name] = {"value": round(finding.value, 4), "words": words, "added": round(added, 4)}
    logit = math.fsum(feature["added"] for feature in features.values())
    score = 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
    return Detection(score, score >= threshold, features)


def make_heuristic_detector(resources: str | None = None, threshold: float | None = None) -> ConversationDetector:
    """Registered as ``spacy_convner.HeuristicDetector.v1``. English and Spanish are built in.

    resources (str | None): Folder of language folders, to add languages or to replace built-in ones.
    threshold (float | None): Score, 0..1, from which on an utterance is conversational; None takes each language's own.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"threshold: expected 0 to 1, got {threshold}")
    return HeuristicDetector(Path(resources) if resources is not None else None, threshold)
