"""Utterances with their spans drawn on the text, by displaCy."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape
from spacy import displacy

Span = Sequence[Any]  # [start, end, label]
_TEMPLATE = '<mark class="ent {verdict}">{text}{tags}</mark>'
_COLORS = {"right": "#b9c3cc", "wrong": "#ee8a97"}


def draw(text: str, spans: Sequence[Span], wrong: Sequence[Span] = ()) -> Markup:
    """Draw spans on an utterance.

    spans (Sequence[Span]): [start, end, label] in characters, end exclusive.
    wrong (Sequence[Span]): Those of them to mark as mistakes.
    RETURNS (Markup): Safe HTML: every piece of text and every label is escaped.
    """
    mistakes = {(start, end, label) for start, end, label in wrong}
    by_bounds: dict[tuple[int, int], list[str]] = {}
    for start, end, label in sorted(map(tuple, spans)):
        if end <= len(text):
            by_bounds.setdefault((start, end), []).append(label)
    bounds = sorted(by_bounds)
    settings = {"direction": text_direction(text)}
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(bounds)):
        return _draw_overlapping(text, by_bounds, mistakes, settings)
    ents = []
    for start, end in bounds:
        flags = [(label, (start, end, label) in mistakes) for label in by_bounds[start, end]]
        # displaCy doesn't escape labels, so they come as ready markup.
        tags = Markup().join(
            Markup('<span class="tag {}">{}</span>').format("wrong" if is_wrong else "right", label)
            for label, is_wrong in flags
        )
        verdict = "wrong" if any(is_wrong for _, is_wrong in flags) else "right"
        ents.append({"start": start, "end": end, "label": "", "params": {"verdict": verdict, "tags": tags}})
    drawn = {"text": text, "ents": ents, "title": None, "settings": settings}
    html = displacy.render(drawn, style="ent", manual=True, jupyter=False, options={"template": _TEMPLATE})
    return Markup(html)


def text_direction(text: str) -> str:
    """RETURNS (str): "rtl" or "ltr", by the first letter that has a direction."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("R", "AL"):
            return "rtl"
        if direction == "L":
            return "ltr"
    return "ltr"


def _draw_overlapping(
    text: str,
    by_bounds: dict[tuple[int, int], list[str]],
    mistakes: set[tuple[int, int, str]],
    settings: dict[str, str],
) -> Markup:
    """Nested and crossing spans need displaCy's "span" style, which wants tokens: words, cut at the spans' edges."""
    cuts = {0, len(text), *(edge for bounds in by_bounds for edge in bounds)}
    cuts.update(edge for word in re.finditer(r"\S+", text) for edge in word.span())
    edges = sorted(cuts)
    pieces = [(a, b) for a, b in itertools.pairwise(edges) if text[a:b].strip()]
    spans, colors = [], {}
    for (start, end), labels in by_bounds.items():
        inside = [i for i, (a, b) in enumerate(pieces) if start <= a and b <= end]
        for label in labels if inside else ():
            verdict = "wrong" if (start, end, label) in mistakes else "right"
            shown = str(escape(label)) + ("\N{NO-BREAK SPACE}✗" if verdict == "wrong" else "")
            colors[shown] = _COLORS[verdict]
            spans.append({"start_token": inside[0], "end_token": inside[-1] + 1, "label": shown})
    drawn = {"text": text, "spans": spans, "tokens": [text[a:b] for a, b in pieces], "settings": settings}
    # Not minified: the template's line ends are what keeps words of one span apart.
    html = displacy.render(drawn, style="span", manual=True, jupyter=False, options={"colors": colors})
    return Markup(html)
