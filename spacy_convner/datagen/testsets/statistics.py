"""The numbers of test sets beside the paper's (Appendix A, Table 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...leaks import literal_form
from ...ty import Exemplar
from .diversity import distinct_n, self_bleu, words_of

# Samples, average length in words, entity types.
PAPER: Mapping[str, Mapping[str, float]] = {
    name: {"samples": samples, "average_length": length, "entity_types": 22}
    for name, samples, length in (
        ("conversational.en", 4082, 19.49),
        ("head.en", 13405, 5.42),
        ("unseen.en", 12283, 9.01),
        ("conversational.es", 3925, 14.99),
        ("head.es", 4951, 3.75),
        ("unseen.es", 9506, 7.92),
    )
}


def set_statistics(
    exemplars: Sequence[Exemplar], rare: Collection[tuple[str, str]] = (), labels: Sequence[str] = ()
) -> dict[str, Any]:
    """Count a test set.

    exemplars (Sequence[Exemplar]): Annotated. rare (Collection): (label, catalog id) of rare names.
    labels (Sequence[str]): Labels that ``per_label`` has in any case, in this order.
    RETURNS (dict): samples, average_length (words by white space), entity_types, spans, spans_per_sample, per_label
        (spans), distinct_names, rare_share (of spans with a catalog id; None without), patterns, distinct_forms,
        distinct_1, distinct_2, distinct_3, self_bleu, noise (share written otherwise).
    """
    texts = [words_of(exemplar.text) for exemplar in exemplars]
    found = [
        (span.label, exemplar.text[span.start : span.end].casefold())
        for exemplar in exemplars
        for span in exemplar.spans
    ]
    counted = Counter(label for label, _ in found)
    entries = [
        (span.label, entry_id)
        for exemplar in exemplars
        if len(ids := exemplar.meta.get("entries") or ()) == len(exemplar.spans)
        for span, entry_id in zip(exemplar.spans, ids, strict=True)
    ]
    per_label = {label: counted[label] for label in [*labels, *sorted(set(counted) - set(labels))]}
    n = len(exemplars)
    return {
        "samples": n,
        "average_length": _ratio(sum(len(exemplar.text.split()) for exemplar in exemplars), n, 2),
        "entity_types": len(counted),
        "spans": len(found),
        "spans_per_sample": _ratio(len(found), n, 2),
        "per_label": per_label,
        "distinct_names": len(set(found)),
        "rare_share": _ratio(sum(item in rare for item in entries), len(entries), 4) if entries else None,
        "patterns": len({exemplar.meta.get("pattern") for exemplar in exemplars} - {None}),
        "distinct_forms": len({literal_form(exemplar) for exemplar in exemplars}),
        **{f"distinct_{i}": _rounded(distinct_n(texts, i)) for i in (1, 2, 3)},
        "self_bleu": _rounded(self_bleu(texts)),
        "noise": _ratio(sum("noise" in exemplar.meta for exemplar in exemplars), n, 4),
    }


def statistics_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """rows (Mapping): Name → ``set_statistics``. RETURNS (str): A table, the paper's numbers in brackets."""
    head = ("test set", "samples", "words", "types", "spans", "names", "rare", "forms", "distinct-2", "self-BLEU")
    lines = [head]
    for name, row in rows.items():
        paper = PAPER.get(name, {})
        lines.append(
            (
                name,
                _beside(row["samples"], paper.get("samples"), ",d"),
                _beside(row["average_length"], paper.get("average_length"), ".2f"),
                _beside(row["entity_types"], paper.get("entity_types"), "d"),
                f"{row['spans']:,}",
                f"{row['distinct_names']:,}",
                "" if row["rare_share"] is None else f"{row['rare_share']:.0%}",
                f"{row['distinct_forms']:,}",
                "" if row["distinct_2"] is None else f"{row['distinct_2']:.3f}",
                "" if row["self_bleu"] is None else f"{row['self_bleu']:.3f}",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    aligned = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "\n".join("  ".join(line) for line in aligned)


def _beside(value: float, paper: float | None, form: str) -> str:
    return f"{value:{form}}" + ("" if paper is None else f" ({paper:{form}})")


def _ratio(part: float, whole: int, digits: int) -> float:
    return round(part / whole, digits) if whole else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
