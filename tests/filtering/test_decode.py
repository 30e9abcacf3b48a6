from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.filtering.filters.decode import decode
from spacy_convner.ty import Candidate

spans = st.tuples(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["Song", "Artist", "City"]))
proposals = st.lists(
    spans.map(lambda item: Candidate(item[0], item[0] + item[1], item[2])), max_size=10, unique_by=lambda c: c.key
)
probability = st.floats(0, 1)


@given(proposals, st.lists(probability, min_size=10, max_size=10), probability, st.floats(0, 1.01))
def test_invariants(candidates: list[Candidate], drawn: list[float], threshold: float, second: float) -> None:
    probabilities = drawn[: len(candidates)]
    chosen = decode(candidates, probabilities, threshold, second)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(range(len(candidates)))
    by_span: dict[tuple[int, int], list[float]] = {}
    for i in chosen:
        by_span.setdefault((candidates[i].start, candidates[i].end), []).append(probabilities[i])
    bounds = sorted(by_span)
    assert all(end <= start for (_, end), (start, _) in pairwise(bounds))
    for found in by_span.values():
        best, *others = sorted(found, reverse=True)
        assert best >= threshold
        assert all(other >= second for other in others)
    # What was left out is below its threshold, or in the way of something likelier.
    for i, candidate in enumerate(candidates):
        if i in chosen:
            continue
        same = (candidate.start, candidate.end) in by_span
        blocked = any(
            candidates[k].start < candidate.end
            and candidate.start < candidates[k].end
            and probabilities[k] >= probabilities[i]
            for k in chosen
        )
        assert blocked or probabilities[i] < (second if same else threshold)


@given(proposals, st.lists(probability, min_size=10, max_size=10), st.randoms(use_true_random=False))
def test_order_of_candidates_does_not_matter(candidates: list[Candidate], drawn: list[float], random: Random) -> None:
    # Different probabilities: ties are broken by length and position, then by the order given.
    probabilities = [p / 2 + i / 100 for i, p in enumerate(drawn[: len(candidates)])]
    if len(set(probabilities)) < len(probabilities):
        return
    expected = {candidates[i] for i in decode(candidates, probabilities, 0.2, 0.4)}
    order = list(range(len(candidates)))
    random.shuffle(order)
    again = decode([candidates[i] for i in order], [probabilities[i] for i in order], 0.2, 0.4)
    assert {candidates[order[i]] for i in again} == expected


def test_longer_wins_a_tie_and_a_span_may_keep_two_labels() -> None:
    candidates = [Candidate(0, 10, "City"), Candidate(0, 17, "SportsTeam"), Candidate(0, 17, "Song")]
    assert decode(candidates, [0.8, 0.8, 0.7], 0.5, 1.01) == [1]
    assert decode(candidates, [0.8, 0.8, 0.7], 0.5, 0.7) == [1, 2]
    assert decode(candidates, [0.9, 0.8, 0.7], 0.5, 0.7) == [0]
    assert decode(candidates, [0.4, 0.3, 0.2], 0.5, 0.0) == []
    assert decode([], [], 0.5, 0.5) == []
