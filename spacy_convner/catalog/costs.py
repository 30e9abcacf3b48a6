"""Measure what a catalog costs: build, load, memory, throughput. For ``convner bench catalog`` and ``benchmarks/``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from spacy.language import Language

from ..memory import max_rss_mb, resident_mb

Matcher = Callable[[Any], int]  # a Doc, or a text → how many matches
LONGEST_PASS = 10.0  # seconds


def cost_of_building(build: Callable[[], object]) -> dict[str, float | None]:
    """build (Callable): Builds and saves an index, in a process that does nothing else.

    RETURNS (dict): build_s (seconds), build_peak_mb (MiB resident at most; None where the system doesn't say).
    """
    started = time.perf_counter()
    build()
    return {"build_s": time.perf_counter() - started, "build_peak_mb": max_rss_mb()}


def cost_of_matching(
    load: Callable[[], Matcher], nlp: Language, texts: Sequence[str], *, passes: int = 3, texts_only: bool = False
) -> dict[str, float | None]:
    """Load, then match utterances one after the other as in ``nlp.pipe``; tokenising them isn't counted.

    load (Callable): What makes a matcher, in a process that has none yet. texts (Sequence[str]): At least one, in the
        first pass seen for the first time. passes (int): Further passes, of which the median counts. texts_only (bool):
        Whether the matcher takes texts, not Docs.
    RETURNS (dict): load_s (seconds), added_rss_mb (MiB that the process gained, matching included), private_mb (of
        which its own), shared_mb (of which pages of files, that processes share); None where the system doesn't say;
        first_pass_tokens_per_s, tokens_per_s, matches_per_utterance.
    """
    before = resident_mb()
    started = time.perf_counter()
    matcher = load()
    load_s = time.perf_counter() - started
    first, _ = one_pass(nlp, matcher, texts, texts_only)
    rest = [one_pass(nlp, matcher, texts, texts_only) for _ in range(passes)]
    after = resident_mb()
    gained = None if before is None or after is None else (after[0] - before[0], after[1] - before[1])
    return {
        "load_s": load_s,
        "added_rss_mb": gained[0] if gained else None,
        "private_mb": gained[1] if gained else None,
        "shared_mb": gained[0] - gained[1] if gained else None,
        "first_pass_tokens_per_s": first,
        "tokens_per_s": median(speed for speed, _ in rest),
        "matches_per_utterance": rest[0][1],
    }


def one_pass(nlp: Language, matcher: Matcher, texts: Sequence[str], texts_only: bool = False) -> tuple[float, float]:
    """RETURNS (tuple): Tokens a second and matches an utterance, of the texts of the first ``LONGEST_PASS`` seconds."""
    taken, tokens, matches, done = 0.0, 0, 0, 0
    for text in texts:
        doc = nlp.make_doc(text)
        done += 1
        tokens += len(doc)
        started = time.perf_counter()
        matches += matcher(text if texts_only else doc)
        taken += time.perf_counter() - started
        if taken > LONGEST_PASS:
            break
    return tokens / taken, matches / done
