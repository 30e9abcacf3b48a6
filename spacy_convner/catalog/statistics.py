"""Numbers about a catalog: sizes, ambiguity, and what it proposes for annotated utterances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ..attrs import get_candidates
from ..ty import CatalogEntry, Exemplar
from .catalog_matcher import CatalogMatcher


def catalog_statistics(entries: Iterable[CatalogEntry], top: int = 20) -> dict[str, Any]:
    """Count a catalog's names; a name is compared without case.

    entries (Iterable[CatalogEntry]): Streamed. top (int): How many of the most ambiguous names to list.
    RETURNS (dict): entries, names, aliases, labels (label → names, entries), langs (lang or "all" → entries),
        ambiguous_names (with more than one label), duplicates (same name, label and id), most_ambiguous.
    """
    labels_of: dict[str, set[str]] = defaultdict(set)
    spelling: dict[str, str] = {}
    n_label: Counter[str] = Counter()
    n_lang: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()
    n_entries = n_aliases = duplicates = 0
    for entry in entries:
        key = entry.text.casefold()
        n_entries += 1
        n_aliases += len(entry.aliases)
        n_label[entry.label] += 1
        n_lang[entry.lang or "all"] += 1
        duplicates += (key, entry.label, entry.id) in seen
        seen.add((key, entry.label, entry.id))
        spelling.setdefault(key, entry.text)
        labels_of[key].add(entry.label)
    names_by_label: Counter[str] = Counter(label for labels in labels_of.values() for label in labels)
    ambiguous = sorted(
        ((key, labels) for key, labels in labels_of.items() if len(labels) > 1),
        key=lambda item: (-len(item[1]), item[0]),
    )
    return {
        "entries": n_entries,
        "names": len(labels_of),
        "aliases": n_aliases,
        "duplicates": duplicates,
        "labels": {label: {"names": names_by_label[label], "entries": n} for label, n in sorted(n_label.items())},
        "langs": dict(sorted(n_lang.items())),
        "ambiguous_names": len(ambiguous),
        "most_ambiguous": [[spelling[key], sorted(labels)] for key, labels in ambiguous[:top]],
    }


def candidate_statistics(matcher: CatalogMatcher, exemplars: Sequence[Exemplar]) -> dict[str, Any]:
    """What a catalog proposes for annotated utterances.

    RETURNS (dict): utterances, candidates_per_utterance, candidate_recall (share of annotated (span, label) that is
        proposed, 0..1; None without annotation), precision (of accepting everything), missed (examples).
    """
    n_candidates = n_gold = hits = 0
    missed: Counter[tuple[str, str]] = Counter()
    for exemplar in exemplars:
        doc = matcher(matcher.make_doc(exemplar.text))
        proposed = {candidate.key for candidate in get_candidates(doc, matcher.spans_key)}
        gold = set(exemplar.spans)
        n_candidates += len(proposed)
        n_gold += len(gold)
        hits += len(gold & proposed)
        missed.update((exemplar.text[s.start : s.end], s.label) for s in gold - proposed)
    return {
        "utterances": len(exemplars),
        "candidates_per_utterance": round(n_candidates / len(exemplars), 3) if exemplars else None,
        "candidate_recall": round(hits / n_gold, 4) if n_gold else None,
        "precision": round(hits / n_candidates, 4) if n_candidates else None,
        "missed": [[name, label, n] for (name, label), n in missed.most_common(20)],
    }
