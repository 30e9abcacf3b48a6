"""Make the test sets of one language from patterns, a catalog, and what training has seen (paper, section 5.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.language import Language

from ...errors import DataError
from ...leaks import form_of_pattern
from ...records import normalize_text
from ...ty import CatalogEntry, Exemplar, Normalizer
from ..population.filling import Frame, make_frames
from ..population.names import group_names
from ..population.population import PopulationReport, populate
from ..population.surface_noise import SurfaceNoise
from ..ty import NameSampler, Pattern
from .head import counted_utterances, probable_utterances
from .splits import split_names, split_patterns
from .training import Training
from .unseen import Unseen, choose_unseen, unseen_records

Disjoint = frozenset[str]  # of "entities", "patterns"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which test sets to make.

    size, head_size, unseen_size (int): Utterances of each; 0 leaves the set out.
    dev_share (float): 0..1, share of ``size`` for a development part. disjoint (Disjoint): What the parts don't share.
    unseen_per_label (int), unseen_share (float): See ``unseen.choose_unseen``.
    noise (SurfaceNoise | None): For the conversational and the unseen set. seed (int): Of everything that is drawn.
    head_annotated (Sequence[Path]): Annotated traffic, whose most frequent utterances open the head set.
    labels (Sequence[str] | None): Known labels, None for any.
    """

    size: int
    head_size: int
    unseen_size: int
    dev_share: float = 0.0
    disjoint: Disjoint = frozenset()
    unseen_per_label: int = 50
    unseen_share: float = 0.0
    noise: SurfaceNoise | None = None
    seed: int = 0
    head_annotated: Sequence[Path] = ()
    labels: Sequence[str] | None = None


@dataclass(slots=True)
class Built:
    """Test sets of one language.

    sets (dict): ``conversational.en`` and so on → utterances. patterns (list[Pattern]): Of the conversational test set.
    unseen_names (list[Exemplar]): See ``unseen.unseen_records``. reserved (set[str]): Folded names that only the leak
        guard keeps from training. notes (list[str]): What the user should know.
    """

    sets: dict[str, list[Exemplar]] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    unseen_names: list[Exemplar] = field(default_factory=list)
    reserved: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def build_testsets(
    lang: str,
    patterns: Mapping[Path, Sequence[tuple[int, Pattern]]],
    entries: Sequence[CatalogEntry],
    training: Training,
    plan: Plan,
    *,
    make_sampler: Callable[[], NameSampler],
    normalizer: Normalizer,
    nlp: Language,
    on_utterance: Callable[[], object] | None = None,
) -> Built:
    """Make the conversational, the head and the unseen set of a language.

    patterns (Mapping): File → line number and pattern. entries (Sequence[CatalogEntry]): The whole catalog.
    training (Training): Read with ``unseen.all_keys`` of the entries.
    make_sampler (Callable): Makes an unfitted sampler. normalizer (Normalizer): The catalog's: it knows spellings.
    nlp (Language): Its tokenizer; spans fall on its tokens. on_utterance (Callable | None): For a progress bar.
    RETURNS (Built): No utterance of it is one of training's, but for case and outer punctuation; no form of the
        conversational set is one of annotated training utterances.
    RAISES: DataError for patterns that can't be filled, or if none is left for a set that was asked for.
    """
    maker = _Maker(lang, patterns, entries, training, plan, make_sampler, normalizer, nlp, on_utterance)
    if plan.size:
        maker.conversational()
    if plan.head_size:
        maker.head()
    if plan.unseen_size:
        maker.unseen()
    if plan.labels is not None:
        for name, exemplars in maker.built.sets.items():
            found = {span.label for exemplar in exemplars for span in exemplar.spans}
            if missing := [label for label in plan.labels if label not in found]:
                maker.built.notes.append(f"{name} has no {', '.join(missing)}")
    return maker.built


@dataclass(slots=True)
class _Maker:
    lang: str
    patterns: Mapping[Path, Sequence[tuple[int, Pattern]]]
    entries: Sequence[CatalogEntry]
    training: Training
    plan: Plan
    make_sampler: Callable[[], NameSampler]
    normalizer: Normalizer
    nlp: Language
    on_utterance: Callable[[], object] | None
    built: Built = field(default_factory=Built)

    def frames(self, style: str | None = None) -> list[Frame]:
        labels = set(group_names(self.entries, self.lang))
        frames: dict[str, Frame] = {}
        for path, numbered in self.patterns.items():
            if any(pattern.lang == self.lang for _, pattern in numbered):
                for frame in make_frames(numbered, labels, path=path, lang=self.lang):
                    frames.setdefault(frame.id, frame)
        found = [frame for frame in frames.values() if style is None or frame.style == style]
        if not found:
            # For its message.
            path, numbered = next(iter(self.patterns.items()))
            make_frames(numbered, labels, path=path, lang=self.lang, style=style)  # type: ignore[arg-type]
        return found

    def conversational(self) -> None:
        plan, name = self.plan, f"conversational.{self.lang}"
        frames = self.frames("conversational")
        known = [
            frame for frame in frames if frame.slots and form_of_pattern(frame.pattern.text) in self.training.forms
        ]
        if known:
            known_ids = {frame.id for frame in known}
            frames = [frame for frame in frames if frame.id not in known_ids]
            all_of_them = f"{len(known):,} of {len(known) + len(frames):,}"
            note = f"{all_of_them} patterns have a form that training has, and are left out"
            if not frames:
                hint = "add patterns, or leave what was made from these out of --training"
                raise DataError(f"nothing is left for {name}: {note}", hint=hint)
            self.built.notes.append(f"{name}: {note}")
        sides = [(f"conversational-dev.{self.lang}", frames, self.entries), (name, frames, self.entries)]
        if plan.dev_share and "patterns" in plan.disjoint:
            halves = split_patterns(frames, plan.dev_share, plan.seed)
            if not halves[0]:
                hint = "a larger share for development, or more clusters"
                raise DataError(
                    f"{name}: no group of alike patterns is so small that it fits into development", hint=hint
                )
            sides = [(side, half, names) for (side, _, names), half in zip(sides, halves, strict=True)]
        if plan.dev_share and "entities" in plan.disjoint:
            parts = split_names(self.entries, plan.dev_share, plan.seed)
            sides = [(side, half, part) for (side, half, _), part in zip(sides, parts, strict=True)]
        n_dev = round(plan.size * plan.dev_share)
        for (side, of_side, names), size in zip(sides, (n_dev, plan.size - n_dev), strict=True):
            if size:
                self.populate(side, of_side, names, size, plan.noise)
                self.check_size(side, size)
        used = {exemplar.meta["pattern"] for exemplar in self.built.sets[name]}
        self.built.patterns = [frame.pattern for frame in frames if frame.id in used]

    def head(self) -> None:
        plan, name = self.plan, f"head.{self.lang}"
        skip = set(self.training.texts)
        counted: Counter[str] = Counter()
        found = counted_utterances(plan.head_annotated, self.lang, plan.labels, plan.head_size, skip, counted)
        if plan.head_annotated:
            self.built.notes.append(
                f"{name}: {len(found):,} of {counted['utterances']:,} annotated utterances used; "
                f"{counted['skipped']:,} are in --training"
            )
        if len(found) < plan.head_size:
            skip.update(normalize_text(exemplar.text) for exemplar in found)
            grouped = group_names(self.entries, self.lang)
            size = plan.head_size - len(found)
            found += probable_utterances(self.frames("command"), grouped, size=size, nlp=self.nlp, skip=skip)
        self.add(name, iter(found))
        self.check_size(name, plan.head_size)

    def unseen(self) -> None:
        plan, name = self.plan, f"unseen.{self.lang}"
        grouped = group_names(self.entries, self.lang)
        unseen: Unseen = choose_unseen(
            grouped,
            self.training,
            self.normalizer,
            per_label=plan.unseen_per_label,
            share=plan.unseen_share,
            seed=plan.seed,
        )
        frames = [frame for frame in self.frames() if frame.slots]
        orders = [frame for frame in frames if frame.style == "command"]
        talk = [frame for frame in frames if frame.style == "conversational"]
        # Half of either kind: what is new is asked for in commands as in conversation.
        if orders:
            self.populate(name, orders, unseen.entries, plan.unseen_size // (2 if talk else 1), plan.noise)
        left = plan.unseen_size - len(self.built.sets.get(name, ()))
        if talk and left:
            self.populate(name, talk, unseen.entries, left, plan.noise)
        self.check_size(name, plan.unseen_size)
        self.built.reserved = unseen.reserved
        self.built.unseen_names = unseen_records(self.built.sets[name], unseen.entries, self.normalizer)

    def populate(
        self, name: str, frames: Sequence[Frame], names: Sequence[CatalogEntry], size: int, noise: SurfaceNoise | None
    ) -> None:
        sampler = self.make_sampler()
        sampler.fit(names, self.lang)
        labels = set(sampler.labels)
        missing = sorted({label for frame in frames for label in frame.slots} - labels)
        if missing:
            frames = [frame for frame in frames if labels.issuperset(frame.slots)]
            self.built.notes.append(f"{name}: no name left for {', '.join(missing)}, whose patterns are left out")
        others = [exemplars for other, exemplars in self.built.sets.items() if _kind(other) == _kind(name)]
        skip = set(self.training.texts)
        skip.update(normalize_text(exemplar.text) for exemplars in others for exemplar in exemplars)
        report = PopulationReport()
        stream = populate(
            frames, sampler, size=size, nlp=self.nlp, seed=self.plan.seed, noise=noise, skip=skip, report=report
        )
        self.add(name, stream)

    def add(self, name: str, stream: Iterator[Exemplar]) -> None:
        found = self.built.sets.setdefault(name, [])
        for exemplar in stream:
            found.append(exemplar)
            if self.on_utterance is not None:
                self.on_utterance()

    def check_size(self, name: str, size: int) -> None:
        found = len(self.built.sets[name])
        if not found:
            raise DataError(f"nothing is left for {name} that training doesn't have", hint="add patterns or names")
        if found < size:
            self.built.notes.append(f"{name}: {found:,} of {size:,} utterances: there are no more different ones")


def _kind(name: str) -> str:
    return name.split(".")[0].split("-")[0]
