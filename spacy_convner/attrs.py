"""Every ``doc.spans`` key and ``doc._.`` name that the components read and write.

What is stored is plain dicts, lists, strings and numbers in ``doc.user_data``, so it
survives ``Doc.to_bytes`` and ``DocBin(store_user_data=True)``; the extensions are views.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any

from spacy.tokens import Doc, Span, SpanGroup

from .ty import Candidate, Exemplar, LabelledSpan

CANDIDATES_KEY = "candidates"
SELECTED_KEY = "sc"

_PROVENANCE = "convner"
_EXEMPLARS = "convner_exemplars"
_LANG = "convner_lang"
_META = "convner_meta"
_WRITTEN = "spacy_convner.written_ents"
_PROBABILITIES = "probabilities"


class Provenance(MutableMapping[str, Any]):
    """``doc._.convner``: how a Doc got its labels, by key or by attribute.

    status (str): ok, no_candidates, refused, truncated, invalid, failed or over_budget; "" before any filter ran.
    filter (str): Name of the filter. usage (dict): Tokens and calls. request_sha256 (str): Hash of the request.
    dropped (list[dict]): Predictions that were refused: {"start", "end", "label", "text", "reason"}.
    proposals (list[dict]): Names a model gave that no catalog has: {"text", "label"}.
    """

    _DEFAULTS: Mapping[str, Any] = {
        "status": "",
        "filter": "",
        "usage": {},
        "request_sha256": "",
        "dropped": [],
        "proposals": [],
    }

    def __init__(self, doc: Doc) -> None:
        object.__setattr__(self, "_doc", doc)

    def _read(self) -> Mapping[str, Any]:
        data = self._doc.user_data.get(_PROVENANCE, {})
        return data if isinstance(data, Mapping) else {}

    def __getitem__(self, key: str) -> Any:
        data = self._read()
        if key in data:
            value = data[key]
            return list(value) if isinstance(value, tuple) else value
        default = self._DEFAULTS[key]
        return type(default)()

    def __setitem__(self, key: str, value: Any) -> None:
        # A new dict each time: user_data of a copied Doc may be shared.
        self._doc.user_data[_PROVENANCE] = {**self._read(), key: value}

    def __delitem__(self, key: str) -> None:
        self._doc.user_data[_PROVENANCE] = {k: v for k, v in self._read().items() if k != key}

    def __iter__(self) -> Iterator[str]:
        return iter({**self._DEFAULTS, **self._read()})

    def __len__(self) -> int:
        return len({**self._DEFAULTS, **self._read()})

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __repr__(self) -> str:
        return f"Provenance({dict(self)!r})"


def _set_provenance(doc: Doc, value: Mapping[str, Any]) -> None:
    doc.user_data[_PROVENANCE] = dict(value)


def _get_exemplars(doc: Doc) -> list[tuple[Exemplar, float]]:
    return [(exemplar_from_dict(item), float(sim)) for item, sim in doc.user_data.get(_EXEMPLARS, ())]


def _set_exemplars(doc: Doc, value: Sequence[tuple[Exemplar, float]]) -> None:
    doc.user_data[_EXEMPLARS] = [[exemplar_to_dict(exemplar), float(sim)] for exemplar, sim in value]


def drop_exemplars(doc: Doc) -> None:
    """Forget the retrieved exemplars: a corpus that is only trained on is a quarter of the size without them."""
    doc.user_data.pop(_EXEMPLARS, None)


def get_doc_lang(doc: Doc) -> str | None:
    """RETURNS (str | None): The utterance's own language, else the pipeline's, else None for "xx"."""
    lang = doc.user_data.get(_LANG) or doc.lang_
    return lang if lang and lang != "xx" else None


def set_doc_lang(doc: Doc, lang: str | None) -> None:
    """Say which language an utterance is in, where the pipeline's own language doesn't tell."""
    if lang:
        doc.user_data[_LANG] = lang


def get_doc_meta(doc: Doc) -> dict[str, Any]:
    """RETURNS (dict): What an utterance's record had in its ``meta``; {} where it had none."""
    meta = _as_lists(doc.user_data.get(_META, {}))
    return meta if isinstance(meta, dict) else {}


def set_doc_meta(doc: Doc, meta: Mapping[str, Any]) -> None:
    """Keep an utterance's ``meta`` (plain data) with its Doc."""
    if meta:
        doc.user_data[_META] = dict(meta)


def _as_lists(value: Any) -> Any:
    # DocBin reads lists back as tuples.
    if isinstance(value, Mapping):
        return {key: _as_lists(item) for key, item in value.items()}
    return [_as_lists(item) for item in value] if isinstance(value, list | tuple) else value


def exemplar_to_dict(exemplar: Exemplar) -> dict[str, Any]:
    """RETURNS (dict): Plain data, Prodigy's shape plus ``candidates``."""
    return {
        "text": exemplar.text,
        "spans": [{"start": s.start, "end": s.end, "label": s.label} for s in exemplar.spans],
        "lang": exemplar.lang,
        "candidates": [[c.start, c.end, c.label, c.id, c.step, c.popularity] for c in exemplar.candidates],
        "meta": dict(exemplar.meta),
    }


def exemplar_from_dict(data: Mapping[str, Any]) -> Exemplar:
    """data (Mapping): What ``exemplar_to_dict`` gave."""
    return Exemplar(
        text=data["text"],
        spans=tuple(LabelledSpan(s["start"], s["end"], s["label"]) for s in data["spans"]),
        lang=data["lang"],
        candidates=tuple(Candidate(*c) for c in data["candidates"]),
        meta=dict(data["meta"]),
    )


def set_candidates(
    doc: Doc,
    key: str,
    spans: Sequence[Span],
    steps: Sequence[str],
    pops: Sequence[float],
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write candidate spans with the step that matched and the popularity of each, parallel to the spans.

    more (Mapping): Further attributes of the group.
    """
    attrs = {"steps": list(steps), "popularity": list(map(float, pops)), **more}
    doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=attrs)


def get_candidates(doc: Doc, key: str) -> tuple[Candidate, ...]:
    """RETURNS (tuple[Candidate]): ``doc.spans[key]`` in its order; empty where nobody matched.

    Spans written by somebody else than ``catalog_matcher`` are taken as exact matches of unknown popularity.
    """
    if key not in doc.spans:
        return ()
    steps, pops = get_match_attrs(doc, key)
    return tuple(
        Candidate(span.start_char, span.end_char, span.label_, span.id_, step, float(pop))
        for span, step, pop in zip(doc.spans[key], steps, pops, strict=True)
    )


def get_match_attrs(doc: Doc, key: str) -> tuple[Sequence[str], Sequence[float]]:
    """RETURNS (tuple): Step and popularity of every candidate, as in ``get_candidates``, at less cost."""
    if key not in doc.spans:
        return (), ()
    group = doc.spans[key]
    steps = group.attrs.get("steps") or ()
    pops = group.attrs.get("popularity") or ()
    if len(steps) != len(group) or len(pops) != len(group):
        return ["exact"] * len(group), [0.0] * len(group)
    return steps, pops


def set_probabilities(doc: Doc, key: str, probabilities: Sequence[float]) -> None:
    """Write what a filter thinks of every candidate (0..1), parallel to ``doc.spans[key]``; [] takes it back."""
    if key in doc.spans:
        group = doc.spans[key]
        kept = {name: value for name, value in group.attrs.items() if name != _PROBABILITIES}
        group.attrs = {**kept, _PROBABILITIES: [float(p) for p in probabilities]} if len(probabilities) else kept


def get_probabilities(doc: Doc, key: str = CANDIDATES_KEY) -> list[float] | None:
    """RETURNS (list[float] | None): Probability (0..1) of each candidate; None where no filter wrote any."""
    if key not in doc.spans:
        return None
    found = doc.spans[key].attrs.get(_PROBABILITIES)
    if found is None or not hasattr(found, "__len__") or len(found) != len(doc.spans[key]):
        return None
    return [_number(probability) for probability in found]


def set_selected(doc: Doc, key: str, spans: Sequence[Span], scores: Sequence[float]) -> None:
    """Write selected spans and their scores (0..1), parallel, as spaCy's span categoriser does."""
    doc.spans[key] = SpanGroup(doc, name=key, spans=list(spans), attrs={"scores": [float(s) for s in scores]})


def get_scores(group: SpanGroup) -> list[float]:
    """RETURNS (list[float]): Score of each span of a group; 1.0 where none were written, NaN for what is no number."""
    scores = group.attrs.get("scores")
    if scores is None or not hasattr(scores, "__len__") or len(scores) != len(group):
        return [1.0] * len(group)
    return [_number(score) for score in scores]


def get_written_ents(doc: Doc, name: str) -> set[tuple[int, int, str]]:
    """RETURNS (set): (start, end, label), in characters, of entities that component ``name`` wrote."""
    return {(start, end, label) for start, end, label in doc.user_data.get(_WRITTEN, {}).get(name, ())}


def set_written_ents(doc: Doc, name: str, ents: Sequence[Span]) -> None:
    """Remember which entities a component wrote, so that it can take them back; costs nothing where there are none."""
    known = dict(doc.user_data.get(_WRITTEN, {}))
    if ents or name in known:
        doc.user_data[_WRITTEN] = {**known, name: [[e.start_char, e.end_char, e.label_] for e in ents]}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def install_extensions() -> None:
    """Register ``doc._.convner`` and ``doc._.exemplars``; safe to call again, never replaces a user's own."""
    if not Doc.has_extension("convner"):
        Doc.set_extension("convner", getter=Provenance, setter=_set_provenance)
    if not Doc.has_extension("exemplars"):
        Doc.set_extension("exemplars", getter=_get_exemplars, setter=_set_exemplars)
