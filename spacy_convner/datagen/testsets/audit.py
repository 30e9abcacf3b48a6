"""Look for what a test set shares with training, as if nobody had made it with care."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...leaks import fold_name, form_of
from ...records import normalize_text
from ...ty import Exemplar
from .training import Training, read_training

Check = Literal["texts", "names", "forms"]
CHECKS: tuple[Check, ...] = ("texts", "names", "forms")
# What each kind of test set promises, by the first part of its name.
PROMISES: Mapping[str, tuple[Check, ...]] = {
    "conversational": ("texts", "forms"),
    "head": ("texts",),
    "unseen": ("texts", "names"),
}


@dataclass(frozen=True, slots=True)
class Leak:
    """kind: What is shared. test (str): Test set and number of its utterance. where (str): File and line of training,
    or the other set. what (str): The text, name or form."""

    kind: Check
    test: str
    where: str
    what: str


def find_leaks(
    tests: Mapping[str, Sequence[Exemplar]],
    training: Iterable[Path],
    *,
    checks: Mapping[str, Collection[Check]] | None = None,
    names: Collection[str] = (),
    guard: Collection[str] = (),
) -> list[Leak]:
    """Compare test sets with everything that training sees, read anew.

    tests (Mapping[str, Sequence[Exemplar]]): Name → test set.
    training (Iterable[Path]): See ``training.read_training``.
    checks (Mapping | None): Name → what must not be shared; None takes what its kind promises, see ``promises_of``.
        texts: no utterance, but for case and outer punctuation; names: no annotated name of the test set stands in a
        training utterance, annotated or not; forms: no form, which is the utterance without its names.
    names (Collection[str]): Folded names that "names" looks for besides, such as aliases of the test set's.
    guard (Collection[str]): Folded names whose exemplars the leak guard takes out before anybody learns from them.
    RETURNS (list[Leak]): The first of each shared thing a test set.
    """
    checked = {name: tuple(checks[name] if checks is not None else promises_of(name)) for name in tests}
    wanted = {fold for name, kinds in checked.items() if "names" in kinds for fold in _names(tests[name])}
    if wanted:
        wanted |= set(names)
    seen = read_training(training, wanted, guard)
    return [leak for name, exemplars in tests.items() for leak in _leaks(name, exemplars, checked[name], names, seen)]


def find_shared(one: str, first: Sequence[Exemplar], other: str, second: Sequence[Exemplar], kind: Check) -> list[Leak]:
    """Compare two parts that must not share texts, names or forms; each shared thing is there once."""
    what = {"texts": _texts, "names": _names, "forms": _forms}[kind]
    theirs = what(second)
    return [Leak(kind, f"{one}:{n}", f"{other}:{theirs[key]}", key) for key, n in what(first).items() if key in theirs]


def promises_of(name: str) -> tuple[Check, ...]:
    """name (str): As ``unseen.en`` or ``conversational-dev.es``. RETURNS: What is checked; texts for other names."""
    return PROMISES.get(name.split(".")[0].split("-")[0], ("texts",))


def _leaks(
    name: str, exemplars: Sequence[Exemplar], checks: Collection[Check], names: Collection[str], seen: Training
) -> list[Leak]:
    leaks = []
    if "texts" in checks:
        leaks += _shared("texts", name, _texts(exemplars), seen.texts)
    if "names" in checks:
        found = {**dict.fromkeys(names, 0), **_names(exemplars)}
        leaks += _shared("names", name, found, {**seen.raw, **seen.annotated})
    if "forms" in checks:
        leaks += _shared("forms", name, _forms(exemplars), seen.forms)
    return leaks


def _shared(kind: Check, name: str, found: Mapping[str, int], seen: Mapping[str, str]) -> list[Leak]:
    places = ((key, f"{name}:{number}" if number else name) for key, number in found.items())
    return [Leak(kind, place, seen[key], key) for key, place in places if key in seen]


def _texts(exemplars: Sequence[Exemplar]) -> dict[str, int]:
    return _first((normalize_text(exemplar.text), number) for number, exemplar in enumerate(exemplars, 1))


def _names(exemplars: Sequence[Exemplar]) -> dict[str, int]:
    return _first(
        (fold_name(exemplar.text[span.start : span.end]), number)
        for number, exemplar in enumerate(exemplars, 1)
        for span in exemplar.spans
    )


def _forms(exemplars: Sequence[Exemplar]) -> dict[str, int]:
    return _first((form_of(exemplar), number) for number, exemplar in enumerate(exemplars, 1) if exemplar.spans)


def _first(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, number in pairs:
        found.setdefault(key, number)
    return found
