"""Write a filter's response to a Doc, and nothing that isn't a candidate."""

from __future__ import annotations

from spacy.tokens import Doc

from ..attrs import set_probabilities, set_selected
from ..errors import FilterError
from ..ty import FilterRequest, FilterResponse, Strategy


def annotate(
    doc: Doc,
    request: FilterRequest,
    response: FilterResponse,
    spans_key: str,
    candidates_key: str,
    filter_name: str,
    strategy: Strategy,
) -> None:
    """Write ``doc.spans[spans_key]``, ``doc._.convner`` and, where the filter has them, candidates' probabilities.

    An index that names no candidate is dropped and recorded, whatever filter gave it. With the strategy "icl" spans of
    free extraction are written too, candidates or not.
    RAISES: FilterError for scores that don't fit the selection, or probabilities that don't fit the candidates.
    """
    dropped = [dict(item) for item in response.dropped]
    spans, scores, seen = [], [], set()
    given = response.scores or (1.0,) * len(response.selected)
    if len(given) != len(response.selected):
        raise FilterError(f"the filter '{filter_name}' gave {len(given)} scores for {len(response.selected)} selected")
    for index, score in zip(response.selected, given, strict=True):
        span, reason = None, "not a candidate"
        if type(index) is int and 0 <= index < len(request.candidates):
            reason = "duplicate" if index in seen else "not on token edges"
            chosen = request.candidates[index]
            span = doc.char_span(chosen.start, chosen.end, label=chosen.label, span_id=chosen.id)
        if span is None or index in seen:
            dropped.append({"text": "", "label": "", "reason": f"{reason}: {index}"})
            continue
        seen.add(index)
        spans.append(span)
        scores.append(score)
    if strategy == "icl":
        for found in response.found:
            chosen_id = next((c.id for c in request.candidates if c.key == found), "")
            span = doc.char_span(found.start, found.end, label=found.label, span_id=chosen_id)
            if span is None:
                text = request.text[found.start : found.end]
                dropped.append({"text": text, "label": found.label, "reason": "not on token edges"})
                continue
            spans.append(span)
            scores.append(1.0)
    set_selected(doc, spans_key, spans, scores)
    if response.probabilities and len(response.probabilities) != len(request.candidates):
        raise FilterError(
            f"the filter '{filter_name}' gave {len(response.probabilities)} probabilities "
            f"for {len(request.candidates)} candidates"
        )
    set_probabilities(doc, candidates_key, response.probabilities)
    doc._.convner = {
        "status": response.status,
        "filter": filter_name,
        "usage": dict(response.usage),
        "request_sha256": response.request_sha256,
        "dropped": dropped,
        "proposals": [dict(item) for item in response.proposals],
    }
