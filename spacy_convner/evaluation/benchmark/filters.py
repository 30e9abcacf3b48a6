"""What ``--filter`` may name: short names, registered names, and the filter of a pipeline's config."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.util import registry

from ...errors import ConfigError, DataError
from ...pipelines import read_config

BEST_LOCAL = "spacy_convner.LinearFilter.v2"
_LLM, _CLIENT = "spacy_convner.LLMFilter.v1", "spacy_convner.AnthropicMessages.v1"
_NAMES = {
    "linear": BEST_LOCAL,
    "prior": "spacy_convner.PriorFilter.v1",
    "accept_all": "spacy_convner.AcceptAllFilter.v1",
    "anthropic": _LLM,
    "cascade": "spacy_convner.CascadeFilter.v1",
}
_HASHED, _SENTENCES = "spacy_convner.HashedNgramEmbedder.v1", "spacy_convner.SentenceTransformerEmbedder.v1"


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A filter, as config.

    name (str): As it was asked for. selector (Mapping): Of ``llm_semantic_filter``. retriever (Mapping): Of
    ``exemplar_retriever``; used where a language model is asked.
    """

    name: str
    selector: Mapping[str, Any]
    retriever: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asks_model(self) -> bool:
        return "client" in self.selector["filter"] or "llm" in self.selector["filter"]

    @property
    def registered(self) -> str:
        return str(self.selector["filter"]["@misc"])

    def block(self, seed: int) -> dict[str, Any]:
        """RETURNS (dict): The filter's config block, with what its factory takes and the block doesn't set: the seed,
        and that exemplars are a sample of the traffic, as splits of a corpus are.
        """
        block = dict(self.selector["filter"])
        parameters = inspect.signature(registry.misc.get(self.registered)).parameters
        for name, value in (("seed", seed), ("from_traffic", True)):
            if name in parameters:
                block.setdefault(name, value)
        return block


def choose_filter(
    name: str,
    *,
    model: str | None = None,
    base_url: str | None = None,
    embedder: str | None = None,
    k: int | None = None,
) -> FilterChoice:
    """Make a choice of what was asked for.

    name (str): linear, prior, accept_all, anthropic, cascade (linear, and Claude where it isn't sure), a version
        (linear_v1), a name of the ``misc`` registry, or a ``.cfg`` whose filter, retrieval and labels are taken.
    model, base_url: Of the language model. embedder (str | None): "hashed", or a sentence-transformers model.
    k (int | None): Retrieved exemplars.
    RAISES: ConfigError for an unknown name, DataError for a config without a filter.
    """
    if name.endswith(".cfg"):
        choice = _from_config(name)
    else:
        registered = _registered(name)
        asking = {"@misc": _LLM, "client": {"@misc": _CLIENT}}
        block: dict[str, Any] = asking if registered == _LLM else {"@misc": registered}
        if name == "cascade":
            block |= {"local": {"@misc": BEST_LOCAL}, "llm": asking}
        choice = FilterChoice(name, {"filter": block})
    retriever = dict(choice.retriever)
    if embedder is not None:
        retriever["embedder"] = {"@misc": _HASHED} if embedder == "hashed" else {"@misc": _SENTENCES, "model": embedder}
    if k is not None:
        retriever["k"] = k
    selector = dict(choice.selector)
    if model is not None or base_url is not None:
        selector["filter"] = _with_client(selector["filter"], model, base_url, name)
    return FilterChoice(name, selector, retriever)


def known_filters() -> list[str]:
    """RETURNS (list[str]): Names that ``choose_filter`` takes."""
    return [*_NAMES, *(name for name in sorted(registry.misc.get_all()) if "Filter.v" in name)]


def _registered(name: str) -> str:
    base, _, version = name.rpartition("_v")
    found = _NAMES.get(name)
    if found is None and version.isdecimal() and base in _NAMES:
        found = f"{_NAMES[base].rpartition('.')[0]}.v{version}"
    found = found or name
    if found not in registry.misc:
        raise ConfigError(f"--filter: unknown filter {name!r}; known: {', '.join(known_filters())}, or a .cfg file")
    return found


def _from_config(path: str) -> FilterChoice:
    config = read_config(Path(path), interpolate=True)
    blocks = {block.get("factory"): dict(block) for block in config.get("components", {}).values()}
    selector, retriever = blocks.get("llm_semantic_filter"), blocks.get("exemplar_retriever", {})
    if selector is None:
        raise DataError("no component of the factory llm_semantic_filter", path=path)
    if "filter" not in selector:
        selector["filter"] = {"@misc": _LLM, "client": {"@misc": _CLIENT}}
    # The benchmark brings its own catalog and exemplars.
    for block in (selector, retriever):
        for key in ("factory", "exemplars", "exclude_texts", "exclude_entities", "candidates_key", "spans_key"):
            block.pop(key, None)
    return FilterChoice(path, selector, retriever)


def _with_client(block: Mapping[str, Any], model: str | None, base_url: str | None, name: str) -> dict[str, Any]:
    given = {key: value for key, value in (("model", model), ("base_url", base_url)) if value is not None}
    if "client" in block:
        return {**block, "client": {**block["client"], **given}}
    if "client" in block.get("llm", {}):
        return {**block, "llm": _with_client(block["llm"], model, base_url, name)}
    raise ConfigError(f"--model and --base-url: {name} asks no language model")
