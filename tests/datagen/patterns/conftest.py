"""Labels, a client for the local Messages API server, and answers with patterns in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from spacy_convner.datagen.patterns.llm_generator import make_llm_pattern_generator
from spacy_convner.datagen.ty import PatternGenerator, SeedGroup
from spacy_convner.llm.anthropic_messages import make_anthropic_messages

from ...llm.conftest import Reply, Server, message, server  # noqa: F401

LABELS = {"Song": "title of one track", "Artist": "who plays it", "City": "a town", "Movie": "a film"}


def patterns(*texts: Any) -> Reply:
    """An answer in the asked form."""
    return message(json.dumps({"patterns": list(texts)}))


def group(*texts: str, **more: Any) -> SeedGroup:
    return SeedGroup(texts, more.pop("lang", "en"), more.pop("cluster", 0), **more)


@pytest.fixture
def make_generator(server: Server) -> Callable[..., PatternGenerator]:  # noqa: F811
    """An LLM generator whose client asks the local server; ``client`` are settings of the client."""

    def make(client: dict[str, Any] | None = None, **settings: Any) -> PatternGenerator:
        asked = {"base_url": server.url, "max_retries": 0, "timeout": 30.0, "max_concurrency": 2, "max_wait": 0.05}
        return make_llm_pattern_generator(
            make_anthropic_messages(**{**asked, **(client or {})}), **{"labels": LABELS, **settings}
        )

    return make
