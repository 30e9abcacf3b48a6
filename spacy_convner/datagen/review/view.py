"""What a page shows of a review session, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import DataError
from ..pattern_files import pattern_id
from ..ty import NOISE, Pattern
from .decisions import check_text
from .examples import Piece, pattern_pieces, seed_pieces
from .hints import name_hints
from .session import VIEWS, Filters, ReviewSession, cluster_of, view_of

Examples = Callable[..., list[list[Piece]]]
_LONGEST = 2_000  # characters of an utterance that are shown
_SEEDS = 12  # seeds of a pattern that are shown


def page_state(
    session: ReviewSession,
    filters: Filters,
    position: int | None,
    examples: Examples | None = None,
    turn: int = 0,
) -> dict[str, Any]:
    """Describe one pattern and the session around it.

    position (int | None): Of the pattern; None if nothing matches. examples: Gives utterances, see ``ExampleMaker``.
    turn (int): Which examples. RETURNS (dict): JSON that the page draws.
    """
    queue = session.select(filters)
    progress = session.progress(filters.lang)
    labels = session.labels
    return {
        "item": None if position is None else _item(session, position, examples, turn),
        "queue": {"count": len(queue), "at": _rank(queue, position)},
        "progress": {
            "total": progress.total,
            "decided": progress.decided,
            "views": dict(progress.views),
            "rate": progress.rate,
            "minutes_left": progress.minutes_left,
            "made": sum(session.made.values()),
        },
        "labels": [
            {"label": label, "kept": kept, "todo": todo, "description": labels.get(label, "")}
            for label, (kept, todo) in progress.labels.items()
        ],
        "choices": _choices(session.patterns),
    }


def _item(session: ReviewSession, position: int, examples: Examples | None, turn: int) -> dict[str, Any]:
    pattern = session.patterns[position]
    fault = ""
    try:
        check_text(pattern.text, session.labels)
    except DataError as err:
        fault = str(err)
    return {
        "id": pattern_id(pattern),
        "text": pattern.text,
        "pieces": preview(pattern.text),
        "fault": fault,
        "hint": name_hints(pattern.text, pattern.lang),
        "lang": pattern.lang,
        "status": pattern.status,
        "view": view_of(pattern),
        "cluster": cluster_name(pattern),
        "style": pattern.style,
        "frequency": pattern.frequency,
        "generator": pattern.generator,
        "original": pattern.original,
        "reason": pattern.reason,
        "reviewer": pattern.reviewer,
        "decided_at": pattern.decided_at,
        "opinions": _opinions(session.file.records[position]),
        "seeds": [_short(seed_pieces(pattern.text, seed)) for seed in pattern.seeds[:_SEEDS]],
        "more_seeds": max(0, len(pattern.seeds) - _SEEDS),
        "examples": None if examples is None else [_short(example) for example in examples(pattern, turn=turn)],
    }


def preview(text: str) -> list[Piece]:
    """RETURNS (list[Piece]): A pattern's pieces; in one where its brackets are broken."""
    try:
        return pattern_pieces(text)
    except DataError:
        return [Piece(text)]


def cluster_name(pattern: Pattern) -> str:
    """RETURNS (str): The cluster as people read it, "" for none."""
    if pattern.cluster is None:
        return ""
    return "no cluster" if pattern.cluster == NOISE else f"cluster {pattern.cluster}"


def _rank(queue: Sequence[int], position: int | None) -> int | None:
    return queue.index(position) + 1 if position in queue else None


def _short(pieces: list[Piece]) -> list[Piece]:
    shown: list[Piece] = []
    left = _LONGEST
    for piece in pieces:
        if len(piece.text) > left:
            return [*shown, piece._replace(text=piece.text[:left] + "…")]
        shown.append(piece)
        left -= len(piece.text)
    return shown


def _choices(patterns: Sequence[Pattern]) -> dict[str, list[tuple[Any, str, int]]]:
    """Value, name and number of patterns of what can be filtered by; clusters largest first."""
    langs = Counter(pattern.lang for pattern in patterns)
    clusters = Counter(cluster_of(pattern) for pattern in patterns)
    names = {cluster_of(pattern): cluster_name(pattern) or "without a cluster" for pattern in patterns}
    return {
        "langs": [(lang, lang, count) for lang, count in sorted(langs.items())],
        "clusters": [
            (cluster, names[cluster], count)
            for cluster, count in sorted(clusters.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        ],
        "views": [(view, view, 0) for view in VIEWS],
    }


def _opinions(record: dict[str, Any]) -> list[dict[str, str]]:
    """What earlier reviewers decided, where the file says so (``convner patterns agreement --conflicts``)."""
    opinions = record.get("opinions")
    rows = opinions if isinstance(opinions, list) else []
    names = ("reviewer", "status", "text", "reason")
    return [{name: str(row.get(name) or "")[:_LONGEST] for name in names} for row in rows[:10] if isinstance(row, dict)]
