"""Why the catalog didn't propose what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spacy.language import Language

from ...leaks import fold_name
from ..scoring import Judged
from .catalogs import BenchmarkCatalog

# In the order in which they are asked for.
REASONS = ("not_on_token_edges", "removed_by_coverage", "not_in_catalog", "not_matched")
_LISTED = 20


def missed_by_catalog(nlp: Language, judged: Sequence[Judged], catalog: BenchmarkCatalog) -> dict[str, Any]:
    """Count gold (span, label) pairs that are no candidates.

    RETURNS (dict): Reason → count; not_on_token_edges: the tokenizer doesn't cut there; removed_by_coverage;
        not_in_catalog: in no spelling; not_matched: there, in a spelling that doesn't match, or without a word in it.
        n (their sum) and examples ([text, label, reason]).
    """
    counts: Counter[str] = Counter()
    examples: list[list[str]] = []
    for item in judged:
        missing = item.gold - (item.candidates or frozenset())
        if not missing:
            continue
        doc = nlp.make_doc(item.text)
        for span in sorted(missing, key=lambda s: (s.start, s.end, s.label)):
            name = item.text[span.start : span.end]
            key = (fold_name(name), span.label)
            if doc.char_span(span.start, span.end) is None:
                reason = "not_on_token_edges"
            elif key in catalog.removed and key not in catalog.present:
                reason = "removed_by_coverage"
            else:
                reason = "not_matched" if key in catalog.present else "not_in_catalog"
            counts[reason] += 1
            if len(examples) < _LISTED:
                examples.append([name, span.label, reason])
    return {"n": counts.total(), **{reason: counts[reason] for reason in REASONS}, "examples": examples}
