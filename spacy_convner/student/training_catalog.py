"""What share of its gold a grounded student could find at all: its catalog proposes, it only selects."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import load_model_from_config
from spacy.vocab import Vocab

from ..attrs import CANDIDATES_KEY, SELECTED_KEY
from ..docbin import read_docbin
from ..errors import ConfigError, ConvnerError, DataError
from .training_data import CorpusFacts

SAMPLE = 2000  # utterances of a corpus, evenly from all of it
LEAST = 0.01  # share of gold: with less there is nothing to learn
ENOUGH = 0.5  # share of a label's gold: below, it is worth a word
_SUGGESTER = "spacy_convner.catalog_suggester.v1"
_NO_CANDIDATES = ("tok2vec", "transformer")  # write vectors; of another component nobody knows
_CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")


@dataclass(frozen=True, slots=True)
class CatalogCoverage:
    """How often each label is in a (sample of a) corpus, and how often the catalog proposes just that (span, label)."""

    path: Path
    gold: Counter[str]
    proposed: Counter[str]

    @property
    def share(self) -> float:
        """RETURNS (float): Candidate recall (0..1); 0 without gold."""
        return self.proposed.total() / self.gold.total() if self.gold else 0.0

    def rare(self) -> list[str]:
        """RETURNS (list[str]): Labels less than ``ENOUGH`` of which is proposed, with their figures."""
        return [
            f"{label} {100 * self.proposed[label] / count:.0f} % ({self.proposed[label]:,} of {count:,})"
            for label, count in sorted(self.gold.items())
            if self.proposed[label] < ENOUGH * count
        ]


def check_catalog(config: Mapping[str, Any], corpora: list[CorpusFacts]) -> list[CatalogCoverage]:
    """Look up the gold of corpora among the candidates of a config's catalog.

    config (Mapping): Interpolated. corpora (list[CorpusFacts]): Each is sampled.
    RETURNS (list[CatalogCoverage]): Of each corpus; [] for a config without a grounded student.
    RAISES: ConfigError for a student that is shown no candidates in training, or a catalog that can't be used;
        DataError for a corpus next to nothing of which the catalog proposes.
    """
    grounded = _grounded(config)
    if grounded is None:
        return []
    name, spans_key, candidates_key = grounded
    matchers = _matchers(config, name)
    if not matchers:
        return []
    nlp = _pipeline(config, matchers)
    found = [_coverage(nlp, facts, spans_key, candidates_key) for facts in corpora]
    for coverage in found:
        if coverage.share < LEAST:
            known = {label for matcher in matchers for label in getattr(nlp.get_pipe(matcher), "labels", ())}
            raise DataError(
                f"the catalog proposes {coverage.proposed.total():,} of {coverage.gold.total():,} annotated spans with "
                f"their labels ({', '.join(sorted(coverage.gold)) or 'none'}), so that '{name}' can't find them; the "
                f"catalog has the labels {', '.join(sorted(known)) or 'none'}",
                path=coverage.path,
                hint="see components.catalog_matcher.catalog of the config (mostly --paths.catalog or --paths.index)",
            )
    return found


def _grounded(config: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """RETURNS (tuple | None): Component, key of its gold, key of its candidates; None without such a component."""
    for name in config["nlp"]["pipeline"]:
        block = config["components"].get(name, {})
        suggester = block.get("suggester") or {}
        if block.get("factory") == "catalog_spancat" or suggester.get("@misc") == _SUGGESTER:
            candidates_key = suggester.get("candidates_key", CANDIDATES_KEY)
            return name, block.get("spans_key", SELECTED_KEY), block.get("candidates_key", candidates_key)
    return None


def _matchers(config: Mapping[str, Any], grounded: str) -> list[str]:
    """RETURNS (list[str]): Catalog matchers that write candidates in training. RAISES: ConfigError if none does."""
    blocks = config["components"]
    before = config["nlp"]["pipeline"][: config["nlp"]["pipeline"].index(grounded)]
    factory = {name: blocks.get(name, {}).get("factory") for name in before}  # None: copied from another pipeline
    matchers = [name for name in before if factory[name] == "catalog_matcher"]
    shown = [name for name in before if name in (config["training"].get("annotating_components") or ())]
    if matchers and all(factory[name] in _NO_CANDIDATES for name in shown):
        added = json.dumps([*shown, matchers[0]])
        raise ConfigError(
            f"'{grounded}' learns from the candidates of '{matchers[0]}', which it isn't shown in training; add: "
            f"--training.annotating_components '{added}'"
        )
    return [name for name in shown if factory[name] in ("catalog_matcher", None)]


def _pipeline(config: Mapping[str, Any], components: list[str]) -> Language:
    blocks: dict[str, Any] = copy.deepcopy({name: config["components"][name] for name in components})
    nlp_block = {**config["nlp"], "pipeline": components, "disabled": []} | dict.fromkeys(_CALLBACKS)
    try:
        nlp = load_model_from_config({"nlp": nlp_block, "components": blocks}, auto_fill=True)
        for name, settings in config.get("initialize", {}).get("components", {}).items():
            if name in components and blocks[name].get("factory") == "catalog_matcher":
                nlp.get_pipe(name).initialize(**settings)  # type: ignore[attr-defined]
    except ConvnerError:
        raise
    except (ValueError, OSError, ImportError, TypeError) as err:
        raise ConfigError(f"the catalog of the config can't be used: {str(err).strip()}") from err
    return nlp


def _coverage(nlp: Language, facts: CorpusFacts, spans_key: str, candidates_key: str) -> CatalogCoverage:
    gold, proposed = Counter[str](), Counter[str]()
    for text, spans in _sample(facts, spans_key):
        doc = nlp(text)
        candidates = {(c.start_char, c.end_char, c.label_) for c in doc.spans.get(candidates_key, ())}
        gold.update(label for _, _, label in spans)
        proposed.update(label for _, _, label in spans & candidates)
    return CatalogCoverage(facts.path, gold, proposed)


def _sample(facts: CorpusFacts, spans_key: str) -> Iterator[tuple[str, set[tuple[int, int, str]]]]:
    docs = (doc for doc in read_docbin(facts.path, Vocab()) if len(doc))
    for doc in islice(docs, 0, None, ceil(facts.docs / SAMPLE)):
        spans = doc.spans.get(spans_key, doc.ents)
        yield doc.text, {(span.start_char, span.end_char, span.label_) for span in spans}
