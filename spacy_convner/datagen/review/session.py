"""A review session: queue, filters, decisions, undo and progress; the page and the terminal only show it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from ...errors import ConfigError, DataError
from ...records import normalize_text
from ..pattern_files import pattern_id
from ..placeholders import find_placeholders
from ..ty import Pattern
from .decisions import check_text, decide, is_decided, is_invalid, is_kept, propose_again
from .reviewed_file import ReviewedFile

VIEWS = ("todo", "accepted", "edited", "rejected", "invalid", "all")
_WINDOW = 20  # decisions that the rate is taken from
_PAUSE = 300.0  # seconds without a decision that are no work


@dataclass(frozen=True, slots=True)
class Filters:
    """Which patterns to show. view (str): One of ``VIEWS``. cluster (int | str | None): Its id; "none" for no id."""

    view: str = "todo"
    label: str | None = None
    lang: str | None = None
    cluster: int | str | None = None
    search: str = ""

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise ConfigError(f"unknown view {self.view!r:.40}, expected one of {', '.join(VIEWS)}")

    def match(self, pattern: Pattern) -> bool:
        """RETURNS (bool): Whether to show ``pattern``."""
        return (
            self.view in ("all", view_of(pattern))
            and (self.lang is None or pattern.lang == self.lang)
            and (self.cluster is None or cluster_of(pattern) == self.cluster)
            and (self.label is None or self.label in labels_of(pattern))
            and all(word in _searchable(pattern) for word in self.search.casefold().split())
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the review is.

    views (Mapping): View → patterns. rate (float | None): Decisions a minute of late, None with fewer than two.
    labels (Mapping): Label → (patterns kept, patterns to do).
    """

    total: int
    views: Mapping[str, int]
    rate: float | None
    labels: Mapping[str, tuple[int, int]]

    @property
    def decided(self) -> int:
        return self.views["accepted"] + self.views["edited"] + self.views["rejected"]

    @property
    def minutes_left(self) -> float | None:
        return self.views["todo"] / self.rate if self.rate else None


class Undone(NamedTuple):
    """A decision that was taken back. was (Pattern): As it was decided. earlier (bool): In an earlier session."""

    position: int
    was: Pattern
    earlier: bool


@dataclass(slots=True)
class ReviewSession:
    """Decide on the patterns of a file; each decision is on disk when the call returns.

    file (ReviewedFile): Open. reviewer (str): Who decides. labels (Mapping[str, str]): Known label → description, as
    far as there is one; those that the patterns have are known too unless ``strict``. clock: Seconds, for the rate.
    """

    file: ReviewedFile
    reviewer: str
    labels: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    clock: Callable[[], float] = time.monotonic
    made: Counter[str] = field(default_factory=Counter)
    _undo: list[tuple[int, Pattern, dict[str, Any], str]] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        used = {label for pattern in self.file.patterns for label in sorted(labels_of(pattern))}
        if not self.strict:
            self.labels = {**self.labels, **{label: "" for label in sorted(used) if label not in self.labels}}
        self._times.append(self.clock())

    @property
    def patterns(self) -> list[Pattern]:
        return self.file.patterns

    def position(self, identity: str) -> int:
        """RETURNS (int): Where the pattern of this id is. RAISES: DataError."""
        try:
            return self.file.positions[identity]
        except KeyError:
            raise DataError(f"no pattern with the id {identity!r:.40}") from None

    def starting(self, start: str) -> list[str]:
        """RETURNS (list[str]): Ids that begin with ``start``, in the file's order."""
        return [identity for identity in self.file.positions if identity.startswith(start)]

    def select(self, filters: Filters) -> list[int]:
        """RETURNS (list[int]): Positions of what matches, in the file's order."""
        return [position for position, pattern in enumerate(self.patterns) if filters.match(pattern)]

    def step(self, queue: list[int], position: int | None, by: int = 1, wrap: bool = False) -> int | None:
        """Where to go from ``position`` (which needn't match any more).

        queue (list[int]): Sorted. by (int): 1 or -1. wrap (bool): Whether the first follows the last.
        RETURNS (int | None): Position; the nearest end of the queue past it; None for an empty queue.
        """
        if not queue:
            return None
        if position is None:
            return queue[0]
        if by > 0:
            return next((p for p in queue if p > position), queue[0] if wrap else queue[-1])
        return next((p for p in reversed(queue) if p < position), queue[-1] if wrap else queue[0])

    def check(self, text: str, position: int | None = None) -> str:
        """RETURNS (str): A pattern's text, cleaned. RAISES: DataError, also if another pattern has it already."""
        text = check_text(text, self.labels)
        lang = None if position is None else self.patterns[position].lang
        said = normalize_text(text)
        for other, pattern in enumerate(self.patterns):
            rival = other != position and pattern.status != "rejected" and pattern.lang == lang
            if rival and normalize_text(pattern.text) == said:
                raise DataError(f"pattern {pattern_id(pattern)} says this already", hint="reject this one")
        return text

    def decide(self, position: int, action: str, text: str | None = None, reason: str = "") -> Pattern:
        """Decide and save.

        position (int): Of the pattern. action (str): "accept", "edit" or "reject". text: Of an edit. reason: Why not.
        RETURNS (Pattern): As it is now. RAISES: DataError, ConfigError; then nothing was changed.
        """
        before, record = self.patterns[position], self.file.records[position]
        if action == "edit" and text is not None:
            text = self.check(text, position)
        pattern = decide(before, action, text=text, reason=reason, reviewer=self.reviewer, labels=self.labels)
        self.file.replace({position: (pattern, self.file.record_of(position, pattern))})
        self._undo.append((position, before, record, pattern.status))
        self._times.append(self.clock())
        self.made[pattern.status] += 1
        return pattern

    def undo(self) -> Undone | None:
        """Take the last decision back; of earlier sessions, this reviewer's.

        RETURNS (Undone | None): None if there is nothing to undo. RAISES: DataError; then nothing was changed.
        """
        if self._undo:
            position, before, record, status = self._undo[-1]
            was = self.patterns[position]
            self.file.replace({position: (before, record)})
            self._undo.pop()
            self.made[status] -= 1
            if len(self._times) > 1:
                self._times.pop()
            return Undone(position, was, earlier=False)
        own = [
            (pattern.decided_at, position)
            for position, pattern in enumerate(self.patterns)
            if is_decided(pattern) and pattern.reviewer == self.reviewer
        ]
        if not own:
            return None
        position = max(own)[1]
        was = self.patterns[position]
        pattern = propose_again(was)
        self.file.replace({position: (pattern, self.file.record_of(position, pattern))})
        return Undone(position, was, earlier=True)

    def reload(self) -> None:
        """Read the file again, after somebody else changed it. RAISES: DataError."""
        self.file.load()
        self._undo.clear()

    def progress(self, lang: str | None = None) -> Progress:
        """lang (str | None): Language to count labels of. RETURNS (Progress): Of the whole file."""
        views = Counter(view_of(pattern) for pattern in self.patterns)
        labels = {label: [0, 0] for label in self.labels}
        for pattern in self.patterns:
            if lang in (None, pattern.lang) and (is_kept(pattern) or pattern.status == "proposed"):
                for label in labels_of(pattern):
                    labels.setdefault(label, [0, 0])[pattern.status == "proposed"] += 1
        gaps = [after - before for before, after in pairwise(self._times[-_WINDOW - 1 :])]
        worked = [gap for gap in gaps if gap <= _PAUSE]
        rate = 60 * len(worked) / max(sum(worked), 1e-3) if len(worked) > 1 else None
        return Progress(
            total=len(self.patterns),
            views={view: views[view] for view in VIEWS[:-1]},
            rate=rate,
            labels={label: (kept, todo) for label, (kept, todo) in labels.items()},
        )


def view_of(pattern: Pattern) -> str:
    """RETURNS (str): Which of ``VIEWS`` shows it, besides "all"."""
    if is_invalid(pattern):
        return "invalid"
    return "todo" if pattern.status == "proposed" else pattern.status


def cluster_of(pattern: Pattern) -> int | str:
    """RETURNS (int | str): Cluster, "none" if it has none."""
    return "none" if pattern.cluster is None else pattern.cluster


def labels_of(pattern: Pattern) -> frozenset[str]:
    """RETURNS (frozenset[str]): Labels of its placeholders; none if its brackets are broken."""
    try:
        return frozenset(placeholder.label for placeholder in find_placeholders(pattern.text))
    except DataError:
        return frozenset()


def _searchable(pattern: Pattern) -> str:
    return "\n".join((pattern.text, pattern.original, pattern_id(pattern), *pattern.seeds)).casefold()
