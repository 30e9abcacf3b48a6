"""What a student would be trained and chosen on, looked at before the training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.util import registry
from spacy.vocab import Vocab

from ..docbin import read_docbin
from ..errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """A corpus: file or folder, Docs with a token, their most tokens, and how often each label is in ``doc.ents``."""

    path: Path
    docs: int
    longest: int
    labels: Counter[str]


def read_corpus_facts(config: Mapping[str, Any], which: str) -> CorpusFacts | None:
    """Count a corpus of a config.

    config (Mapping): Interpolated. which (str): "train" or "dev".
    RETURNS (CorpusFacts | None): None where a reader that we know nothing of reads it.
    RAISES: ConfigError without a path; DataError for a corpus that is missing, damaged, empty or without an entity.
    """
    block: Any = config
    for part in str(config["training"][f"{which}_corpus"]).split("."):
        block = block.get(part, {}) if isinstance(block, Mapping) else {}
    if block.get("@readers") not in ("spacy.Corpus.v1", "spacy_convner.Corpus.v1"):
        return None
    if not block.get("path"):
        raise ConfigError(f"paths.{which} isn't set; add: --paths.{which} corpus/{which}.spacy")
    path = Path(block["path"])
    docs, longest, labels = 0, 0, Counter[str]()
    for doc in read_docbin(path, Vocab()):
        docs += len(doc) > 0
        longest = max(longest, len(doc))
        labels.update(ent.label_ for ent in doc.ents)
    what = {"train": "the training set", "dev": "the dev set, by which the best model is chosen,"}[which]
    if not docs:
        raise DataError(f"{what} is empty", path=path, hint="make both with: convner split")
    if not labels:
        raise DataError(f"{what} has no entity in {docs:,} utterances", path=path, hint="is it labelled?")
    return CorpusFacts(path, docs, longest, labels)


def configured_labels(config: Mapping[str, Any]) -> dict[str, Collection[str]]:
    """RETURNS (dict): Component → the labels that ``[initialize.components.NAME.labels]`` names, where it does."""
    found: dict[str, Collection[str]] = {}
    for name, block in config.get("initialize", {}).get("components", {}).items():
        labels = block.get("labels") if isinstance(block, Mapping) else None
        if isinstance(labels, Mapping) and "@readers" in labels:
            try:
                labels = registry.resolve({"labels": dict(labels)})["labels"]
            except (OSError, ValueError) as err:
                raise ConfigError(f"[initialize.components.{name}.labels]: {str(err).strip()}") from err
        if isinstance(labels, list | tuple):
            found[name] = [str(label) for label in labels]
    return found


def check_corpus_labels(facts: CorpusFacts, known: Collection[str], where: str) -> None:
    """facts (CorpusFacts): A corpus. known (Collection[str]): Labels. where (str): Who names them.

    RAISES: DataError for labels of the corpus that aren't known.
    """
    unknown = {label: count for label, count in facts.labels.items() if label not in known}
    if unknown:
        counts = ", ".join(f"{label} ({count:,} ×)" for label, count in sorted(unknown.items()))
        raise DataError(
            f"has labels that {where} lacks: {counts}",
            path=facts.path,
            hint=f"add them there or label anew; known: {', '.join(sorted(known))}",
        )
