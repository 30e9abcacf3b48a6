"""Evidence about a candidate as numbers, none of which names a label or a word: what holds for names nobody has seen
is learned from those that were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...ty import Floats
from .evidence_counts import CandidateContext, EvidenceCounts, Pair
from .features import cold_score, label_words, stop_words

# What a candidate's numbers are about, in their order; an ablation leaves out one group at a time.
GROUPS = {
    "name": "pair pair_seen pair_accepted name name_seen surface surface_seen",
    "label": "label label_seen casing_label length_label",
    "words": "background_min background_max background_mean cased_min cased_max entity_min entity_max entity_mean "
    "entity_label_min entity_label_max last",
    "shape": "words chars first whole sentence stop digit glued_left glued_right mark_left mark_right mark_first",
    "casing": "lower capital upper title exact capitals",
    "adjoining": "left_capital right_capital left_digit right_digit left_odd right_odd",
    "overlap": "nested contains crossing overlap_rate overlap_length inner_rate",
    "rivals": "rivals gap best rival_set labels candidates",
    "neighbours": "left right left_label right_label left2 right2 both",
    "context": "context_mean context_max context_min context_any",
    "catalog": "popularity_known popularity_share most_popular",
    "task": "said rival_said described cold",
}
FEATURES = tuple(feature for group in GROUPS.values() for feature in group.split())
COLD = FEATURES.index("cold")
_MARKS = "#@/-'._"
_NONE: Pair = [0, 0]


def describe(context: CandidateContext, counts: EvidenceCounts, descriptions: Mapping[str, frozenset[str]]) -> Floats:
    """Turn counts into numbers.

    descriptions (Mapping): Label → telling words of its description, folded (see ``features.telling_words``).
    RETURNS (Floats): Shape (candidates, len(FEATURES)).
    """
    sight = _Sight(context, counts, descriptions)
    rows = [sight.row(i) for i in range(len(context.candidates))]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(FEATURES))


def log_odds(pair: Pair, prior: float, strength: float = 1.0) -> float:
    """RETURNS (float): Of being accepted, backed off to ``prior`` (0..1), which is worth ``strength`` sightings."""
    p = (pair[0] + strength * prior) / (pair[1] + strength)
    p = 0.005 if p < 0.005 else 0.995 if p > 0.995 else p
    return math.log(p / (1.0 - p))


@dataclass(slots=True)
class _Overlaps:
    """Candidates of other spans that a candidate can't be selected with; rates are acceptance rates, 0..1."""

    nested: int = 0
    contains: int = 0
    crossing: int = 0
    rate: float = 0.0
    length: int = 0
    inner_rate: float = 0.0


class _Sight:
    """One utterance as the counts see it."""

    def __init__(
        self, context: CandidateContext, counts: EvidenceCounts, descriptions: Mapping[str, frozenset[str]]
    ) -> None:
        self.context, self.counts, self.descriptions = context, counts, descriptions
        self.overall = (counts.total[0] + 1.0) / (counts.total[1] + 2.0)
        self.priors = {label: self._prior(label) for label in {c.label for c in context.candidates}}
        self.rates = [
            (pair[0] + self.priors[candidate.label]) / (pair[1] + 1.0)
            for candidate, keys in zip(context.candidates, context.keys, strict=True)
            for pair in [counts.pair("name_label", keys["name_label"])]
        ]

    def _prior(self, label: str) -> float:
        accepted, seen = self.counts.pair("label", label)
        return (accepted + 4.0 * self.overall) / (seen + 4.0)

    def row(self, i: int) -> list[float]:
        context, counts, rates = self.context, self.counts, self.rates
        candidate, keys, count = context.candidates[i], context.keys[i], counts.pair
        start, end, label = candidate.start, candidate.end, candidate.label
        text, words = context.text, context.words
        first, last = context.bounds[i]
        own, raw = words[first : last + 1], context.raw[first : last + 1]
        n, surface = len(own), context.surface_text[start:end]
        overall, prior, rate = self.overall, self.priors[label], rates[i]
        pair, name = count("name_label", keys["name_label"]), count("name", keys["name"])
        same, of_label = count("surface_label", keys["surface_label"]), count("label", label)
        log1p = math.log1p

        tables = counts.words
        background = [tables["background"].get(word, 0) for word in own] or [0]
        cased = [tables["background_cased"].get(word, 0) for word in raw] or [0]
        inside = [tables["entity"].get(word, 0) for word in own] or [0]
        inside_label = [tables["entity_label"].get(f"{word}\t{label}", 0) for word in own] or [0]
        share = [(e + 0.5) / (e + b + 1.0) for e, b in zip(inside, background, strict=True)]
        label_share = [(e + 0.2) / (e + b + 1.0) for e, b in zip(inside_label, background, strict=True)]

        overlaps = self._overlaps(i)
        rivals = [j for j in context.groups[start, end] if j != i]
        rival_rate = max((rates[j] for j in rivals), default=0.0)
        rival_popularity = max((context.candidates[j].popularity for j in rivals), default=-1.0)
        # Popularity only tells rivals apart: a name that has none, added today, is no worse for it.
        comparable = candidate.popularity > 0.0 and rival_popularity > 0.0
        about = context.about[i]
        elsewhere = set(about).difference(own)
        said = bool(label_words(label) & elsewhere)
        rival_said = any(label_words(context.candidates[j].label) & elsewhere for j in rivals)
        described = bool(self.descriptions.get(label, frozenset()) & elsewhere)

        base_label, base = log_odds(_NONE, prior), log_odds(_NONE, overall)
        by_label = [log_odds(count("context_label", f"{word}\t{label}"), prior, 3.0) - base_label for word in about]
        by_word = [log_odds(count("context", word), overall, 3.0) - base for word in about]
        root = math.sqrt(len(about)) or 1.0

        lower = context.spoken or surface == surface.lower()
        capitals = context.n_capitals - sum(word[:1].isupper() for word in raw)
        capital_share = capitals / max(1, len(words) - n)
        adjoining_left, adjoining_right = context.adjoining(i)
        # The first word of an utterance has a capital whatever it is.
        left_capital, right_capital = first > 1 and adjoining_left[:1].isupper(), adjoining_right[:1].isupper()
        odd = max(0.0, 1.0 - 3.0 * capital_share)  # how much a capital says: little where many words have one
        all_stop = all(word in stop_words() for word in own)
        before, after = text[start - 1 : start].strip() if start else "", text[end : end + 1].strip()
        cold = {
            "bias": True,
            "nested": overlaps.nested > 0,
            "all_stop": all_stop,
            "one_lower_common": n == 1 and lower and (background[0] > 0 or len(surface) < 4),
            "long": n > 1,
            "cased": not lower and not (first == 0 and n == 1),
            "label_word": said,
            "rival_label_word": rival_said and not said,
            "description": described,
            "less_popular": comparable and candidate.popularity < rival_popularity,
        }
        return [
            # name
            log_odds(pair, prior), log1p(pair[1]), log1p(pair[0]), log_odds(name, overall), log1p(name[1]),
            log_odds(same, rate), log1p(same[1]),
            # label
            log_odds(of_label, overall, 4.0), log1p(of_label[1]),
            log_odds(count("casing_label", keys["casing_label"]), prior, 2.0),
            log_odds(count("length_label", keys["length_label"]), prior, 2.0),
            # words
            log1p(min(background)), log1p(max(background)), log1p(sum(background) / len(background)),
            log1p(min(cased)), log1p(max(cased)),
            min(share), max(share), sum(share) / len(share), min(label_share), max(label_share),
            log_odds(count("last_label", keys["last_label"]), prior),
            # shape
            n, len(surface), first == 0, n == len(words), len(words), all_stop, any(map(str.isdigit, surface)),
            bool(before), bool(after), _MARKS.find(before) if before else -2, bool(after) and after not in ".,?!;:",
            -2 if surface[:1].isalnum() else _MARKS.find(surface[:1]),
            # casing
            lower, surface[:1].isupper(), surface == surface.upper(), surface.istitle(),
            candidate.step == "exact", capital_share,
            # adjoining
            left_capital, right_capital, adjoining_left[:1].isdigit(), adjoining_right[:1].isdigit(),
            left_capital * odd, right_capital * odd,
            # overlap
            overlaps.nested, overlaps.contains, overlaps.crossing,
            overlaps.rate, overlaps.length / max(1, len(surface)), overlaps.inner_rate,
            # rivals
            len(rivals), rate - rival_rate, rate >= rival_rate,
            log_odds(count("rivals", keys["rivals"]), prior, 2.0) if rivals else -9.0,
            context.n_labels, len(context.candidates),
            # neighbours
            log_odds(count("left", keys["left"]), overall, 2.0),
            log_odds(count("right", keys["right"]), overall, 2.0),
            log_odds(count("left_label", keys["left_label"]), prior, 2.0),
            log_odds(count("right_label", keys["right_label"]), prior, 2.0),
            log_odds(count("left2_label", keys["left2_label"]), prior, 2.0),
            log_odds(count("right2_label", keys["right2_label"]), prior, 2.0),
            log_odds(count("both_label", keys["both_label"]), prior, 2.0),
            # context
            sum(by_label) / root, max(by_label, default=0.0), min(by_label, default=0.0), sum(by_word) / root,
            # catalog
            comparable,
            (candidate.popularity + 1.0) / (candidate.popularity + rival_popularity + 2.0) if comparable else 0.5,
            not comparable or candidate.popularity >= rival_popularity,
            # task
            said, rival_said, described, cold_score(cold),
        ]  # fmt: skip

    def _overlaps(self, i: int) -> _Overlaps:
        candidates, found = self.context.candidates, _Overlaps()
        start, end = candidates[i].start, candidates[i].end
        for j in self.context.sentence.neighbours(*self.context.bounds[i]):
            other = candidates[j]
            if not (other.start < end and start < other.end) or (other.start == start and other.end == end):
                continue
            if start <= other.start and other.end <= end:
                found.contains += 1
                found.inner_rate = max(found.inner_rate, self.rates[j])
                continue
            found.rate = max(found.rate, self.rates[j])
            if other.start <= start and end <= other.end:
                found.nested += 1
                found.length = max(found.length, other.end - other.start)
            else:
                found.crossing += 1
        return found
