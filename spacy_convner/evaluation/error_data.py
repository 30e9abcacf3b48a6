"""The utterances that went wrong, for the page's script: a sample that keeps the page small."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .comparison_view import all_right, same_sets, set_counts
from .drawing import draw
from .error_kinds import KINDS
from .evaluate import POOLED
from .metrics_files import Metrics
from .scoring import Counts
from .views import set_names, tones

QUOTA = 200  # utterances of each system, set and kind of mistake
_PAIR_SHARE = 2  # of two systems on a set: half as many of each outcome
_MOST_BYTES = 1_200_000
Error = Mapping[str, Any]


def error_data(metrics: Metrics, *, most_bytes: int = _MOST_BYTES) -> dict[str, Any]:
    """Collect errors for the page's script; keys are short because there are thousands.

    Of each system, set and kind of mistake it keeps as many utterances as ``QUOTA``, or half, or a quarter … until they
    fit into ``most_bytes`` of JSON; which ones is decided by a hash of the text, so the same in every report.

    RETURNS (dict): systems, tones, sets, labels, kinds (names); texts: t (text), l (language), g (gold spans [start,
        end, index of label]), h (drawn, only where spans overlap); errors: u, s, y (indices of text, set, system), p
        (predicted spans), k (indices of kinds), c (1: a missed span wasn't a candidate), h (gold and prediction drawn,
        only where spans overlap); totals: y, s, n, k (utterances with each kind) before sampling; pairs: a, b, s, w
        (0: only a is right, 1: only b, 2: neither, in different ways), n (how many), e (pairs of indices of errors, −1
        for the one that is right).
    """
    counts, quota = set_counts(metrics), QUOTA
    while True:
        found = _Carried(metrics, counts, quota).as_dict()
        if quota <= 3 or len(json.dumps(found, ensure_ascii=False)) <= most_bytes:
            return found
        quota //= 2


@dataclass
class _Index:
    """Names, each with a number."""

    names: dict[str, int] = field(default_factory=dict)

    def __call__(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))


class _Carried:
    """What the page keeps of the errors when at most ``quota`` of a kind may stay."""

    def __init__(self, metrics: Metrics, counts: Mapping[str, Mapping[str, tuple[Counts, str]]], quota: int) -> None:
        self.systems = metrics.systems
        self.names = list(metrics.systems)
        self.sets = [name for name in set_names(metrics) if name != POOLED]
        self.tones = tones(metrics)
        self.quota = quota
        self.counts = counts
        self.labels, self.kinds = _Index(), _Index()
        self.texts: dict[str, int] = {}
        self.items: dict[tuple[int, int, int], dict[str, Any]] = {}  # system, set, which of its errors
        self.utterances: list[dict[str, Any]] = []

    def as_dict(self) -> dict[str, Any]:
        found = {(y, s): self._errors(y, s) for y in range(len(self.names)) for s in range(len(self.sets))}
        for kind in KINDS:
            if any(kind in (e.get("kinds") or ()) for errors in found.values() for e in errors):
                self.kinds(kind)
        totals = [self._total(y, s, errors) for (y, s), errors in found.items() if errors]
        for (y, s), errors in found.items():
            for i in self._sample(errors):
                self._add(y, s, i, errors[i])
        chosen = list(self._pairs(found))
        for _, picked in chosen:
            for key in itertools.chain.from_iterable(picked):
                if key is not None:
                    y, s, i = key
                    self._add(y, s, i, found[y, s][i])
        place = {key: i for i, key in enumerate(sorted(self.items))}
        return {
            "systems": self.names,
            "tones": [self.tones[name] for name in self.names],
            "sets": self.sets,
            "labels": list(self.labels.names),
            "kinds": list(self.kinds.names),
            "texts": self.utterances,
            "errors": [self.items[key] for key in place],
            "totals": totals,
            "pairs": [
                {**pair, "e": [[-1 if key is None else place[key] for key in keys] for keys in picked]}
                for pair, picked in chosen
            ],
        }

    def _errors(self, y: int, s: int) -> Sequence[Error]:
        return self.systems[self.names[y]]["sets"].get(self.sets[s], {}).get("errors") or ()

    def _total(self, y: int, s: int, errors: Sequence[Error]) -> dict[str, Any]:
        counts = Counter(kind for error in errors for kind in error.get("kinds") or ())
        return {"y": y, "s": s, "n": len(errors), "k": {self.kinds(kind): n for kind, n in counts.items()}}

    def _sample(self, errors: Sequence[Error]) -> list[int]:
        groups: dict[str, list[int]] = {}
        for i, error in enumerate(errors):
            for kind in error.get("kinds") or ("",):
                groups.setdefault(kind, []).append(i)
        kept = {i for group in groups.values() for i in _lowest(group, errors, self.quota)}
        return sorted(kept)

    def _pairs(self, found: Mapping[tuple[int, int], Sequence[Error]]) -> Any:
        """YIELDS (tuple): What is said of two systems on a set with one outcome, and the errors that show it."""
        wrong = {key: self._positions(key, errors) for key, errors in found.items()}
        for a, b in itertools.combinations(range(len(self.names)), 2):
            good = same_sets(self.counts[self.names[a]], self.counts[self.names[b]])
            for s, name in enumerate(self.sets):
                of_a, of_b = wrong[a, s], wrong[b, s]
                if name not in good or of_a is None or of_b is None:
                    continue
                differ = [
                    at
                    for at in of_a.keys() & of_b.keys()
                    if found[a, s][of_a[at]].get("pred") != found[b, s][of_b[at]].get("pred")
                ]
                for which, at_all in enumerate((of_b.keys() - of_a.keys(), of_a.keys() - of_b.keys(), differ)):
                    texts = {at: (found[a, s][of_a[at]] if at in of_a else found[b, s][of_b[at]]) for at in at_all}
                    picked = _lowest(sorted(at_all), texts, max(1, self.quota // _PAIR_SHARE))
                    if picked:
                        keys = [
                            ((a, s, of_a[at]) if at in of_a else None, (b, s, of_b[at]) if at in of_b else None)
                            for at in sorted(picked)
                        ]
                        yield {"a": a, "b": b, "s": s, "w": which, "n": len(texts)}, keys

    def _positions(self, key: tuple[int, int], errors: Sequence[Error]) -> dict[int, int] | None:
        """RETURNS (dict | None): Place of an utterance in its set → which error it is; None where that isn't known."""
        counts = self.counts[self.names[key[0]]].get(self.sets[key[1]])
        if counts is None:
            return None
        places = np.flatnonzero(~all_right(counts[0])).tolist()
        # Errors are listed in the order of the set, so one of each wrong utterance is all it takes.
        return {at: i for i, at in enumerate(places)} if len(places) == len(errors) else None

    def _add(self, y: int, s: int, i: int, error: Error) -> None:
        if (y, s, i) in self.items:
            return
        text = error["text"]
        gold, pred = _inside(text, error.get("gold")), _inside(text, error.get("pred"))
        missed, spurious = [g for g in gold if g not in pred], [p for p in pred if p not in gold]
        candidates = error.get("candidates")
        item: dict[str, Any] = {"u": self._text(text, str(error.get("lang") or ""), gold), "s": s, "y": y}
        item["p"] = [[start, end, self.labels(label)] for start, end, label in pred]
        if kinds := error.get("kinds"):
            item["k"] = [self.kinds(kind) for kind in kinds]
        if candidates is not None and any(span not in candidates for span in missed):
            item["c"] = 1
        if _overlap(gold) or _overlap(pred):
            item["h"] = [draw(text, gold, missed), draw(text, pred, spurious)]
        self.items[y, s, i] = item

    def _text(self, text: str, lang: str, gold: Sequence[Sequence[Any]]) -> int:
        key = json.dumps([text, lang, gold])
        if key not in self.texts:
            self.texts[key] = len(self.utterances)
            spans = [[start, end, self.labels(label)] for start, end, label in gold]
            drawn = {"h": draw(text, gold)} if _overlap(gold) else {}
            self.utterances.append({"t": text, **({"l": lang} if lang else {}), "g": spans, **drawn})
        return self.texts[key]


def _lowest(places: Sequence[int], errors: Mapping[int, Error] | Sequence[Error], quota: int) -> Sequence[int]:
    """RETURNS (Sequence[int]): As many as may stay, by a hash of the text: no list is favoured for its order."""
    if len(places) <= quota:
        return places
    return sorted(places, key=lambda i: (_rank(errors[i]["text"]), i))[:quota]


def _rank(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf8", "surrogatepass"), digest_size=8).digest()


def _inside(text: str, spans: Sequence[Sequence[Any]] | None) -> list[list[Any]]:
    return sorted(list(span) for span in spans or () if span[1] <= len(text))


def _overlap(spans: Sequence[Sequence[Any]]) -> bool:
    bounds = sorted({(span[0], span[1]) for span in spans})
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(bounds))
