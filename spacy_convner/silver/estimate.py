"""What labelling would ask of a language model and cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..attrs import set_doc_lang
from .source_rows import read_rows
from .sources import find_files

LETTERS_A_TOKEN = 2.9  # of English and Spanish prompts in today's tokenizers; a rule of thumb
_OUTPUT_TOKENS = 20.0  # of a selection, where the store knows no better


def find_llm_component(nlp: Language) -> Any:
    """RETURNS (LLMSemanticFilter | None): The component that asks a language model, if one does."""
    for _, pipe in nlp.pipeline:
        if getattr(pipe, "client", None) is not None and hasattr(pipe, "plan"):
            return pipe
    return None


def planned_requests(nlp: Language, source: Path | str, on_doc: Callable[[int], object] | None = None) -> Iterator[Any]:
    """YIELDS (LLMRequest): What labelling a file would ask, in order, repeated where utterances are."""
    docs: Iterable[Doc] = _docs(nlp, source, on_doc)
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "plan"):
            yield from pipe.plan(docs)
            return
        docs = pipe.pipe(docs) if hasattr(pipe, "pipe") else map(pipe, docs)


def estimate(nlp: Language, source: Path | str, on_doc: Callable[[int], object] | None = None) -> dict[str, Any]:
    """Estimate a labelling run.

    RETURNS (dict): utterances, and of ``estimate_requests``, for each that a model is asked about.
    """
    component = find_llm_component(nlp)
    client = component.client if component is not None else None
    utterances = 0

    def count(n: int) -> None:
        nonlocal utterances
        utterances += n
        if on_doc:
            on_doc(n)

    found = estimate_requests(planned_requests(nlp, source, count), client, _OUTPUT_TOKENS)
    return {"utterances": utterances, **found}


def estimate_requests(requests: Iterable[Any], client: Any, output_tokens: float) -> dict[str, Any]:
    """Estimate what a client's answers to requests (LLMRequest) would cost.

    output_tokens (float): Of an answer, where the store knows no better.
    RETURNS (dict): asked (requests), calls (distinct ones that no store answers), stored, input_tokens, output_tokens,
        usd (None where the price isn't known), prices (their date).
    """
    store = getattr(client, "store", None)
    asked, stored, letters, answered = 0, 0, 0, []
    seen: set[bytes] = set()
    for request in requests:
        asked += 1
        key = bytes.fromhex(request.sha256)
        if key in seen:
            continue
        seen.add(key)
        answer = store.get(request.sha256) if store is not None else None
        if answer is not None:
            stored += 1
            answered.append(answer.usage.get("output_tokens", output_tokens))
        else:
            letters += len(request.system) + len(request.user)
    calls = len(seen) - stored
    usage = {
        "input_tokens": round(letters / LETTERS_A_TOKEN),
        "output_tokens": round(calls * (sum(answered) / len(answered) if answered else output_tokens)),
    }
    ledger = getattr(client, "ledger", None)
    return {
        "asked": asked,
        "calls": calls,
        "stored": stored,
        **usage,
        "usd": ledger.price(usage) if ledger is not None else None,
        "prices": ledger.summary()["prices"] if ledger is not None else None,
    }


def _docs(nlp: Language, source: Path | str, on_doc: Callable[[int], object] | None) -> Iterator[Doc]:
    for file in find_files(source):
        for row in read_rows(file, keep_meta=False):
            if on_doc:
                on_doc(1)
            if row.utterance is not None:
                doc = nlp.make_doc(row.utterance.text)
                set_doc_lang(doc, row.utterance.lang)
                yield doc
