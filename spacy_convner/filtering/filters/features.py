"""Features of a candidate: what the catalog, the exemplars and the sentence say about it.

Every feature is emitted twice, alone and together with the label, so that a label with few or
no exemplars is judged by what holds for all labels (Daumé III 2007, "Frustratingly easy
domain adaptation"). Names are hashed, so the model's size doesn't grow with the vocabulary.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from zlib import crc32

from ...ty import FilterRequest, FilterTask
from .counts import WORD, AcceptanceCounts, fold
from .sentence import Sentence

DIMENSIONS = 1 << 18
_CAMEL = re.compile(r"[A-ZÁÉÍÓÚÑ]+(?![a-z])|[A-ZÁÉÍÓÚÑ]?[a-záéíóúñ]+|\d+")

# Label-independent evidence in log-odds, for use before there is any exemplar. Set by reason, not tuned on data:
# names inside longer names and function words are rarely meant; the label's own word in the sentence is a strong hint.
COLD_WEIGHTS = {
    "bias": 0.8,
    "nested": -2.5,
    "all_stop": -3.0,
    "one_lower_common": -1.0,
    "long": 1.0,
    "cased": 0.8,
    "label_word": 1.5,
    "rival_label_word": -1.5,
    "description": 0.5,
    "less_popular": -0.4,
}

Row = tuple[list[int], list[float]]


@cache
def stop_words() -> frozenset[str]:
    """RETURNS (frozenset[str]): Function words of the languages we ship data for, folded."""
    from spacy.lang.en.stop_words import STOP_WORDS as EN
    from spacy.lang.es.stop_words import STOP_WORDS as ES

    return frozenset(fold(word) for word in EN | ES)


@lru_cache(maxsize=4096)
def label_words(label: str) -> frozenset[str]:
    """RETURNS (frozenset[str]): Folded words of a label's name: "TVShow" → {"tv", "show"}."""
    return frozenset(fold(word) for word in _CAMEL.findall(label))


def telling_words(task: FilterTask) -> dict[str, frozenset[str]]:
    """RETURNS (dict): Label → words of its description that may tell it from others, folded."""
    return {
        label: frozenset(w for w in (fold(m.group()) for m in WORD.finditer(text)) if len(w) > 3) - stop_words()
        for label, text in task.labels.items()
    }


def cold_score(holds: Mapping[str, bool]) -> float:
    """holds (Mapping): Which of ``COLD_WEIGHTS`` hold. RETURNS (float): Log-odds that need no exemplar."""
    return sum(COLD_WEIGHTS[key] for key, is_so in holds.items() if is_so)


class FeatureMaker:
    """Turns a request into one sparse row for each candidate.

    counts (AcceptanceCounts): Of the exemplars the model is fitted on. task (FilterTask): For label descriptions.
    """

    def __init__(self, counts: AcceptanceCounts, task: FilterTask) -> None:
        self.counts = counts
        self._descriptions = telling_words(task)
        self._hashes: dict[str, int] = {}

    def __call__(self, request: FilterRequest) -> Iterator[Row]:
        """YIELDS (Row): (indices below ``DIMENSIONS``, values), parallel to the request's candidates."""
        sentence = Sentence(request, self.counts)
        for i, candidate in enumerate(request.candidates):
            yield self._row((candidate.label, self._features(i, sentence)))

    def _row(self, named: tuple[str, list[tuple[str, float]]]) -> Row:
        label, features = named
        indices, values = [], []
        hashes = self._hashes
        if len(hashes) > 2_000_000:  # a long-running service sees ever new words
            hashes.clear()
        for name, value in features:
            for key in (name, f"{label}|{name}"):
                index = hashes.get(key)
                if index is None:
                    index = hashes[key] = crc32(key.encode("utf8")) % DIMENSIONS
                indices.append(index)
                values.append(value)
        return indices, values

    def _features(self, i: int, sentence: Sentence) -> list[tuple[str, float]]:
        candidate, words, rates = sentence.candidates[i], sentence.words, sentence.rates
        start, end, label = candidate.start, candidate.end, candidate.label
        surface = sentence.text[start:end]
        first, last = sentence.inside(candidate)
        step = "case" if sentence.spoken and candidate.step == "exact" else candidate.step
        out: list[tuple[str, float]] = [("bias", 1.0), (f"step={step}", 1.0)]

        # 1 what exemplars say about this very name
        rate, seen = rates[i]
        name_rate, name_seen = self.counts.name_rate(sentence.names[i])
        out.append(("rate", _logit(rate)))
        out.append((f"seen={min(seen, 4)}", 1.0))
        if seen:
            out.append((f"rate_bin={round(rate * 4)}", 1.0))
        if name_seen:
            out.append(("name_rate", _logit(name_rate)))

        # 2 shape
        length = last - first + 1
        out.append((f"length={min(length, 5)}", 1.0))
        lower = sentence.spoken or surface == surface.lower()
        cased = "upper" if surface == surface.upper() else "title" if surface.istitle() else "mix"
        casing = "lower" if lower else cased
        out.append(
            (f"case={casing},{'spoken' if sentence.spoken else 'written'},{'first' if first == 0 else 'in'}", 1.0)
        )
        own_words = words[first : last + 1]
        out_of_span = [word for word in sentence.around(first, last) if word not in own_words]
        stops = stop_words()
        all_stop = all(word in stops for word in own_words)
        background = min((self.counts.background_count(word) for word in own_words), default=0)
        out.append((f"stop={all_stop}", 1.0))
        out.append((f"background={min(int(math.log2(background + 1)), 6)}", 1.0))
        out.append(("log_background", math.log1p(background)))
        out.append((f"digits={surface.strip().isdigit()}", 1.0))

        # 3 rivals: the same span under other labels, and candidates that overlap
        nested = contains = crossing = False
        longer_rate = best_rival = 0.0
        top_rival_popularity = -1.0
        label_said = bool(label_words(label).intersection(out_of_span))
        rival_said = False
        rivals = []
        beside: dict[str, float] = {}
        for j in sentence.neighbours(first, last):
            other = sentence.candidates[j]
            if j == i:
                continue
            if other.start == start and other.end == end:
                rivals.append(other.label)
                best_rival = max(best_rival, rates[j][0])
                top_rival_popularity = max(top_rival_popularity, other.popularity)
                rival_said = rival_said or bool(label_words(other.label).intersection(out_of_span))
            elif other.start <= start and end <= other.end:
                nested = True
                longer_rate = max(longer_rate, rates[j][0])
            elif start <= other.start and other.end <= end:
                contains = True
            elif other.start < end and start < other.end:
                crossing = True
            else:
                beside[other.label] = max(beside.get(other.label, 0.0), rates[j][0])
        out.extend((f"beside={name}", best) for name, best in sorted(beside.items()))
        out.append((f"nested={nested}", 1.0))
        if nested:
            out.append(("longer_rate", _logit(longer_rate)))
        out.append((f"contains={contains}", 1.0))
        out.append((f"crossing={crossing}", 1.0))
        out.append((f"rivals={min(len(rivals), 4)}", 1.0))
        if rivals:
            out.append((f"best_rate={rate >= best_rival}", 1.0))
            out.append(("rate_gap", _logit(rate) - _logit(best_rival)))
            most_popular = candidate.popularity >= top_rival_popularity
            out.append((f"most_popular={most_popular}", 1.0))
            share = (candidate.popularity + 1.0) / (candidate.popularity + top_rival_popularity + 2.0)
            out.append(("popularity_share", share))
            out.extend((f"rival={rival}", 1.0) for rival in sorted(set(rivals)))
        out.append(("popularity", math.log1p(candidate.popularity) / 5.0))

        # 4 the sentence: two words either side by position, the words about it, all words
        left1 = words[first - 1] if first > 0 else "<s>"
        left2 = words[first - 2] if first > 1 else "<s>"
        right1 = words[last + 1] if last + 1 < len(words) else "</s>"
        right2 = words[last + 2] if last + 2 < len(words) else "</s>"
        out += [
            (f"l1={left1}", 1.0), (f"l2={left2}", 1.0), (f"r1={right1}", 1.0), (f"r2={right2}", 1.0),
            (f"l21={left2} {left1}", 1.0), (f"r12={right1} {right2}", 1.0), (f"lr={left1} {right1}", 1.0),
        ]  # fmt: skip
        for k in range(max(0, first - 4), min(len(words), last + 5)):
            if not first <= k <= last:
                out.append((f"near={words[k]}", 0.5))
        scale = 1.0 / math.sqrt(len(out_of_span) or 1)
        out.extend((f"bag={word}", scale) for word in out_of_span)
        out.append((f"whole={length == len(words)}", 1.0))

        # 5 evidence that needs no exemplar
        described = bool(self._descriptions.get(label, frozenset()).intersection(out_of_span))
        out.append((f"label_word={label_said},{rival_said}", 1.0))
        out.append((f"description={described}", 1.0))
        cold = {
            "bias": True,
            "nested": nested,
            "all_stop": all_stop,
            "one_lower_common": length == 1 and lower and (background > 0 or len(surface) < 4),
            "long": length > 1,
            "cased": not lower and not (first == 0 and length == 1),
            "label_word": label_said,
            "rival_label_word": rival_said and not label_said,
            "description": described,
            "less_popular": bool(rivals) and candidate.popularity < top_rival_popularity,
        }
        out.append(("cold", cold_score(cold)))
        return out


def _logit(p: float) -> float:
    p = min(max(p, 0.01), 0.99)
    return math.log(p / (1.0 - p))
