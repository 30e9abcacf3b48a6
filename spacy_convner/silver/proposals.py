"""Names that a model gave and no catalog has, counted over a corpus, for a person to review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc

_NOT_OFFERED = "not a candidate"  # dropped by ``candidate_postprocess``


def count_proposals(docs: Iterable[Doc], min_count: int = 1) -> list[dict[str, Any]]:
    """Count proposals, however they are capitalised.

    docs (Iterable[Doc]): Labelled. min_count (int): Utterances that must name it.
    RETURNS (list[dict]): Catalog entries: text (as most often written), label, popularity (utterances that name it),
        and example, an utterance; the most frequent first.
    """
    utterances: Counter[tuple[str, str]] = Counter()
    spellings: dict[tuple[str, str], Counter[str]] = {}
    examples: dict[tuple[str, str], str] = {}
    for doc in docs:
        provenance = doc._.convner
        dropped = [d for d in provenance.dropped if d.get("reason") == _NOT_OFFERED and d.get("label")]
        named = set()
        for item in [*provenance.proposals, *dropped]:
            text, label = " ".join(str(item.get("text", "")).split()), str(item.get("label", ""))
            # A model may name what isn't in the utterance; that is no evidence of a name.
            if not text or not label or text.casefold() not in doc.text.casefold():
                continue
            key = text.casefold(), label
            named.add(key)
            spellings.setdefault(key, Counter())[text] += 1
            examples.setdefault(key, doc.text)
        utterances.update(named)
    return [
        {
            "text": spellings[key].most_common(1)[0][0],
            "label": key[1],
            "popularity": count,
            "example": examples[key],
        }
        for key, count in sorted(utterances.items(), key=lambda item: (-item[1], item[0]))
        if count >= min_count
    ]
