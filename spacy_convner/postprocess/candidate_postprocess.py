"""Room 4: selection → ``doc.spans`` and ``doc.ents``. Factory ``candidate_postprocess``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span

from ..attrs import (
    CANDIDATES_KEY,
    SELECTED_KEY,
    get_scores,
    get_written_ents,
    install_extensions,
    set_selected,
    set_written_ents,
)
from ..ty import LabelledSpan
from .rules import KeptEnts, Policy, Prediction, check_predictions, resolve_overlaps


@Language.factory(
    "candidate_postprocess",
    assigns=["doc.spans", "doc.ents", "doc._.convner"],
    requires=["doc.spans"],
    default_config={
        "spans_key": SELECTED_KEY,
        "candidates_key": CANDIDATES_KEY,
        "policy": "longest",
        "set_ents": True,
        "keep_ents": "all",
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_candidate_postprocess(
    nlp: Language,
    name: str,
    spans_key: str,
    candidates_key: str,
    policy: Policy,
    set_ents: bool,
    keep_ents: KeptEnts,
    scorer: Callable[..., Any] | None,
) -> CandidatePostprocess:
    """Hold a selection to its candidates and write entities.

    spans_key (str): Key of ``doc.spans`` with the selection; it is cleaned in place and stays multi-label.
    candidates_key (str): Key with the candidates. policy (str): "longest" or "score", which of overlapping spans
    becomes an entity. set_ents (bool): Write ``doc.ents``.
    keep_ents (str): Entities of components before this one, such as ``ner``, give way to ours that overlap them. "all"
    others stay; of "outside_catalog" only those without a word of a candidate: where the catalog proposes something,
    the selection has judged it and said no.
    scorer (Callable | None): What ``spacy evaluate`` calls.
    """
    return CandidatePostprocess(
        nlp,
        name,
        spans_key=spans_key,
        candidates_key=candidates_key,
        policy=policy,
        set_ents=set_ents,
        keep_ents=keep_ents,
        scorer=scorer,
    )


class CandidatePostprocess(Pipe):
    """Drops what isn't a candidate, is said twice or is malformed; each is recorded in ``doc._.convner.dropped``."""

    reads_exemplars = False

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        spans_key: str,
        candidates_key: str,
        policy: Policy,
        set_ents: bool,
        keep_ents: KeptEnts = "all",
        scorer: Callable[..., Any] | None = None,
    ) -> None:
        install_extensions()
        self.vocab = nlp.vocab
        self.name = name
        self.spans_key, self.candidates_key = spans_key, candidates_key
        self.policy: Policy = policy
        self.set_ents = set_ents
        self.keep_ents: KeptEnts = keep_ents
        self.scorer = scorer

    def __call__(self, doc: Doc) -> Doc:
        error_handler = self.get_error_handler()
        try:
            self.set_annotations(doc)
        except Exception as err:
            error_handler(self.name, self, [doc], err)
        return doc

    def set_annotations(self, doc: Doc) -> None:
        """Clean ``doc.spans[spans_key]``, set ``doc.ents``."""
        group = doc.spans.get(self.spans_key)
        spans: list[Span] = list(group) if group is not None else []
        scores = get_scores(group) if group is not None else []
        predictions = [Prediction(s.start, s.end, s.label_, score) for s, score in zip(spans, scores, strict=True)]
        proposed = {LabelledSpan(s.start, s.end, s.label_): s for s in doc.spans.get(self.candidates_key, ())}
        keep, drop = check_predictions(predictions, set(proposed))
        # The candidate takes the place of the prediction: a catalog id can't be made up either.
        kept = [predictions[i] for i in keep]
        chosen = [proposed[LabelledSpan(item.start, item.end, item.label)] for item in kept]
        set_selected(doc, self.spans_key, chosen, [item.score for item in kept])
        dropped = [self._record(spans[i], reason) for i, reason in drop]
        if self.set_ents:
            ours = [self._entity(doc, chosen[i]) for i in resolve_overlaps(kept, self.policy)]
            taken = {token.i for span in ours for token in span}
            written = get_written_ents(doc, self.name)  # by an earlier run of this component
            others = [e for e in doc.ents if (e.start_char, e.end_char, e.label_) not in written]
            if self.keep_ents == "outside_catalog":
                judged = {i for span in proposed.values() for i in range(span.start, span.end)}
                others = [e for e in others if judged.isdisjoint(range(e.start, e.end))]
            doc.ents = [*ours, *(e for e in others if taken.isdisjoint(range(e.start, e.end)))]
            theirs = {(e.start, e.end, e.label) for e in others}
            # What another component said too is not ours to take back.
            set_written_ents(doc, self.name, [e for e in ours if (e.start, e.end, e.label) not in theirs])
        if dropped:
            doc._.convner.dropped = [*doc._.convner.dropped, *dropped]

    @staticmethod
    def _entity(doc: Doc, span: Span) -> Span:
        return Span(doc, span.start, span.end, label=span.label_, span_id=span.id_)

    @staticmethod
    def _record(span: Span, reason: str) -> dict[str, object]:
        return {
            "start": span.start_char,
            "end": span.end_char,
            "label": span.label_,
            "text": span.text,
            "reason": reason,
        }

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Nothing to save beyond the config."""

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> CandidatePostprocess:
        """Nothing to load."""
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): Empty."""
        return b""

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> CandidatePostprocess:
        """Nothing to load."""
        return self
