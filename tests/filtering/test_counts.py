from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.filtering.filters.counts import AcceptanceCounts, fold
from spacy_convner.ty import Candidate, Exemplar, LabelledSpan

LABELS = ["Song", "Artist", "City"]


@st.composite
def annotated(draw: st.DrawFn) -> Exemplar:
    words = draw(
        st.lists(st.sampled_from(["play", "Hello", "hello", "Beyoncé", "boston", "by", "it"]), min_size=1, max_size=6)
    )
    text = " ".join(words)
    starts = [sum(len(w) + 1 for w in words[:i]) for i in range(len(words))]
    spot = st.tuples(st.integers(0, len(words) - 1), st.integers(1, 2), st.sampled_from(LABELS))
    keys = set()
    for first, length, label in draw(st.lists(spot, max_size=5)):
        last = min(first + length, len(words)) - 1
        keys.add(LabelledSpan(starts[first], starts[last] + len(words[last]), label))
    candidates = tuple(Candidate(k.start, k.end, k.label) for k in sorted(keys, key=repr))
    gold = tuple(k for k in sorted(keys, key=repr) if draw(st.booleans()))
    return Exemplar(text, gold, candidates=candidates)


@given(st.lists(annotated(), min_size=1, max_size=8), st.data())
def test_the_order_of_exemplars_does_not_matter(exemplars: list[Exemplar], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(exemplars))
    one, other = AcceptanceCounts.from_exemplars(exemplars), AcceptanceCounts.from_exemplars(shuffled)
    assert one.to_dict() == other.to_dict()


@given(st.lists(annotated(), max_size=6))
def test_rates_are_shares_and_survive_json(exemplars: list[Exemplar]) -> None:
    counts = AcceptanceCounts.from_exemplars(exemplars)
    again = AcceptanceCounts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert again.to_dict() == counts.to_dict()
    for label in LABELS:
        assert 0 < again.label_rate(label) < 1
        assert again.label_rate(label) == counts.label_rate(label)
        rate, seen = again.pair_rate("hello", label)
        assert 0 < rate < 1
        assert seen >= 0


def test_accepting_raises_the_rate_and_refusing_lowers_it() -> None:
    def of(accepted: int, refused: int) -> float:
        yes = Exemplar("hello", (LabelledSpan(0, 5, "Song"),), candidates=(Candidate(0, 5, "Song"),))
        no = Exemplar("hello", candidates=(Candidate(0, 5, "Song"),))
        return AcceptanceCounts.from_exemplars([yes] * accepted + [no] * refused).pair_rate("hello", "Song")[0]

    assert of(0, 5) < of(0, 1) < of(0, 0) < of(1, 0) < of(5, 0)
    assert of(0, 0) == 0.5


def test_names_are_folded() -> None:
    counts = AcceptanceCounts.from_exemplars(
        [
            Exemplar("BEYONCÉ", (LabelledSpan(0, 7, "Artist"),), candidates=(Candidate(0, 7, "Artist"),)),
            Exemplar("beyonce", (LabelledSpan(0, 7, "Artist"),), candidates=(Candidate(0, 7, "Artist"),)),
        ]
    )
    assert counts.pair_rate(fold("Beyoncé"), "Artist")[1] == 2


def test_words_of_entities_are_no_background() -> None:
    counts = AcceptanceCounts.from_exemplars([Exemplar("play hello, hello", (LabelledSpan(5, 10, "Song"),))])
    assert counts.background == {"play": 1, ",": 1, "hello": 1}


@pytest.mark.parametrize(
    "data",
    [[], {}, {"pairs": {}}, {"pairs": 3, "names": {}, "labels": {}, "background": {}, "total": [0, 0]},
     {"pairs": {"a": [1]}, "names": {}, "labels": {}, "background": {}, "total": [0, 0]}],
)  # fmt: skip
def test_something_else_is_refused(data: object) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        AcceptanceCounts.from_dict(data)  # type: ignore[arg-type]
