"""``spacy_convner.TeacherPatternGenerator.v1``: the teacher labels the seeds, its selections become placeholders."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from spacy.language import Language
from spacy.tokens import Doc, Span

from ...attrs import CANDIDATES_KEY, SELECTED_KEY, get_candidates, get_scores, set_doc_lang
from ...errors import ConfigError
from ...pipelines import load_pipeline
from ..placeholders import Placeholder
from ..review.decisions import VALIDATE
from ..ty import Pattern, PatternGenerator, SeedGroup

_POSSESSIVE = re.compile(r"['’]s?$", re.IGNORECASE)
Scored = tuple[Span, float]


class TeacherPatternGenerator:
    """pipeline (str | Language | None): The teacher; a path or name is loaded at first use.

    A seed that the teacher isn't sure of, or finds nothing in, is a rejected pattern that says why.
    """

    name = "teacher"

    def __init__(
        self, pipeline: str | Language | None, min_score: float, min_score_everyday: float, min_margin: float
    ) -> None:
        self.pipeline = pipeline
        self.min_score, self.min_score_everyday, self.min_margin = min_score, min_score_everyday, min_margin
        self._nlp: Language | None = None

    @property
    def nlp(self) -> Language:
        """RETURNS (Language): The teacher. RAISES: ConfigError if none was given."""
        if self.pipeline is None:
            raise ConfigError(
                'the teacher generator needs a pipeline: pipeline = "training/teacher", or --pipeline training/teacher'
            )
        if self._nlp is None:
            self._nlp = load_pipeline(self.pipeline) if isinstance(self.pipeline, str) else self.pipeline
        return self._nlp

    def __call__(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[Pattern]:
        """YIELDS (Pattern): In the order of the first seed of each; seeds that become the same text are one pattern.

        RAISES: ConfigError for seeds in another language than ``target_lang``.
        """
        merged: dict[tuple[str, str, str], Pattern] = {}
        for doc, seed in self.nlp.pipe(self._seeds(groups, target_lang), as_tuples=True):
            pattern = self._pattern(doc, seed)
            key = (pattern.text, pattern.status, pattern.reason)
            known = merged.get(key)
            merged[key] = _merge(known, pattern) if known else pattern
        yield from merged.values()

    def _seeds(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[tuple[Doc, Pattern]]:
        for group in groups:
            if group.lang != target_lang:
                raise ConfigError(
                    f"the teacher keeps a seed's words, so seeds in {group.lang!r} make no patterns in "
                    f"{target_lang!r}; ask a language model: --generator llm"
                )
            for text, frequency in zip(group.texts, group.frequencies or (1,) * len(group.texts), strict=True):
                doc = self.nlp.make_doc(" ".join(text.split()))
                set_doc_lang(doc, group.lang)
                yield (
                    doc,
                    Pattern(
                        text=doc.text,
                        lang=group.lang,
                        cluster=group.cluster,
                        seeds=(text,),
                        generator=self.name,
                        style=group.style,
                        frequency=frequency,
                    ),
                )

    def _pattern(self, doc: Doc, seed: Pattern) -> Pattern:
        """RETURNS (Pattern): Proposed, or the seed rejected."""

        def reject(reason: str) -> Pattern:
            return replace(seed, status="rejected", reason=reason, reviewer=VALIDATE)

        status = doc._.convner.status if doc.has_extension("convner") else ""
        if status not in ("", "ok", "no_candidates"):
            return reject(f"teacher: {status}")
        if "<" in doc.text or ">" in doc.text:
            return reject("angle brackets: the seed has some of its own")
        found = _scored_entities(doc)
        if not found:
            return reject("no entity: the teacher selected none")
        everyday = _everyday(doc)
        for span, score, rival in found:
            common = (span.start, span.end) in everyday
            least = self.min_score_everyday if common else self.min_score
            if math.isnan(score) or score < least:
                limit = "" if math.isnan(score) else f" < {least:g}" + ", an everyday word" * common
                return reject(f"unsure: {span.text!r} ({span.label_}, {score:.2f}{limit})")
            if rival is not None and score - rival[1] < self.min_margin:
                other = f"{rival[0].text!r} ({rival[0].label_}, {rival[1]:.2f})"
                return reject(f"ambiguous: {span.text!r} ({span.label_}, {score:.2f}) or {other}")
        spans = [span for span, _, _ in found]
        if inflected := _inflected(doc, spans):
            return reject(f"inflected: {inflected!r}")
        return replace(seed, text=fill_in(doc, spans))


def fill_in(doc: Doc, spans: Iterable[Span]) -> str:
    """Replace spans that don't overlap by placeholders.

    A possessive ending stays outside. A name that comes twice gets the same numbered placeholder twice.
    RETURNS (str): The text with placeholders.
    """
    names = []
    for span in spans:
        ending = _POSSESSIVE.search(span.text)
        names.append((span.start_char, span.end_char - len(ending[0]) if ending else span.end_char, span.label_))
    names.sort()
    said = Counter((label, doc.text[start:end].casefold()) for start, end, label in names)
    numbers: dict[tuple[str, str], int] = {}
    pieces, position = [], 0
    for start, end, label in names:
        key = (label, doc.text[start:end].casefold())
        number = None
        if said[key] > 1:
            taken = sum(other == label for other, _ in numbers)
            number = numbers.setdefault(key, taken + 1)
        pieces += [doc.text[position:start], str(Placeholder(label, number))]
        position = end
    return "".join(pieces) + doc.text[position:]


def _scored_entities(doc: Doc) -> list[tuple[Span, float, Scored | None]]:
    """RETURNS (list): Entities, the score of the selected span that each is, and the best other selection there.

    Entities of a pipeline that writes no scores have 1.0.
    """
    group = doc.spans.get(SELECTED_KEY)
    selected = list(zip(group, get_scores(group), strict=True)) if group is not None else []
    found = []
    for ent in doc.ents:
        key = (ent.start, ent.end, ent.label)
        score = next((score for span, score in selected if (span.start, span.end, span.label) == key), 1.0)
        rivals = [
            (span, other)
            for span, other in selected
            if span.start < ent.end and ent.start < span.end and (span.start, span.end, span.label) != key
        ]
        found.append((ent, score, max(rivals, key=_score, default=None)))
    return found


def _score(scored: Scored) -> float:
    return scored[1]


def _everyday(doc: Doc) -> set[tuple[int, int]]:
    """RETURNS (set): (start, end), in tokens, of candidates that are everyday words."""
    group = doc.spans.get(CANDIDATES_KEY)
    marks = (group.attrs.get("common_word") or ()) if group is not None else ()
    if group is None or len(marks) != len(group):
        return set()
    return {(span.start, span.end) for span, mark in zip(group, marks, strict=True) if mark}


def _inflected(doc: Doc, spans: Iterable[Span]) -> str | None:
    """RETURNS (str | None): An entity that ends in a letter the name doesn't have ("adeles"): no place for a tag."""
    plural = {(c.start, c.end, c.label) for c in get_candidates(doc, CANDIDATES_KEY) if c.step == "plural"}
    return next((s.text for s in spans if (s.start_char, s.end_char, s.label_) in plural), None)


def _merge(known: Pattern, more: Pattern) -> Pattern:
    cluster = known.cluster if known.cluster is not None and known.cluster >= 0 else more.cluster
    seeds = tuple(dict.fromkeys((*known.seeds, *more.seeds)))
    return replace(known, cluster=cluster, seeds=seeds, frequency=known.frequency + more.frequency)


def make_teacher_pattern_generator(
    pipeline: str | None = None,
    min_score: float = 0.7,
    min_score_everyday: float = 0.9,
    min_margin: float = 0.15,
) -> PatternGenerator:
    """Registered as ``spacy_convner.TeacherPatternGenerator.v1``; needs no language model.

    pipeline (str | None): The teacher: folder, installed package or ``.cfg`` file, loaded at first use.
    min_score (float): A seed with an entity that the teacher gives less (0..1) is rejected. min_score_everyday
        (float): The same for names that are everyday words of the language ("yes", "clue"). min_margin (float): How
        much more it has to give than to another selection that overlaps.
    """
    for name, value in (
        ("min_score", min_score),
        ("min_score_everyday", min_score_everyday),
        ("min_margin", min_margin),
    ):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} must be between 0 and 1, got {value}")
    return TeacherPatternGenerator(pipeline, min_score, min_score_everyday, min_margin)
