from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.pattern_files import parse_pattern, pattern_id
from spacy_convner.datagen.review.agreement import cohen_kappa, conflict_records, measure_agreement
from spacy_convner.datagen.review.decisions import decide
from spacy_convner.datagen.review.merging import concatenate, merge_decisions
from spacy_convner.datagen.ty import Pattern
from spacy_convner.errors import DataError

PROPOSED = [Pattern(f"play <Song> {i}", "en") for i in range(4)] + [Pattern(f"see <Movie> {i}", "en") for i in range(2)]


def review(decisions: str, reviewer: str = "ana") -> list[Pattern]:
    """a accepts, r rejects, e edits, E edits otherwise, "-" leaves it."""
    done = []
    for letter, pattern in zip(decisions, PROPOSED, strict=True):
        if letter != "-":
            action = {"a": "accept", "r": "reject"}.get(letter, "edit")
            pattern = decide(
                pattern, action, text=f"{letter} {pattern.text}", reviewer=reviewer, decided_at="2026-01-01"
            )
        done.append(pattern)
    return done


def test_kappa_by_hand() -> None:
    found = measure_agreement(review("aaarr-"), review("aarra-", "ben"))
    assert found.counts == {"both": 5, "only_first": 0, "only_second": 0, "neither": 1, "not_in_common": 0}
    assert found.observed == pytest.approx(3 / 5)
    chance = (3 * 3 + 2 * 2) / 25
    assert found.kappa == pytest.approx((3 / 5 - chance) / (1 - chance))
    assert found.kappa_edits == pytest.approx(found.kappa)
    assert found.labels["Song"][:2] == (4, 3 / 4)
    assert found.labels["Movie"] == (1, 0.0, 0.0)
    assert [(c.kind, c.first.text) for c in found.conflicts] == [("keep", "play <Song> 2"), ("keep", "see <Movie> 0")]


def test_edits_count_as_kept_and_as_a_class_of_their_own() -> None:
    found = measure_agreement(review("aeerrr"), review("eeErrr", "ben"))
    assert (found.observed, found.kappa) == (1.0, 1.0)
    assert found.kappa_edits is not None
    assert found.kappa_edits < 1
    assert [(c.kind, c.second.text) for c in found.conflicts] == [
        ("wording", "e play <Song> 0"),
        ("wording", "E play <Song> 2"),
    ]


def test_without_variety_there_is_no_kappa() -> None:
    found = measure_agreement(review("aaaaaa"), review("aaaaaa"))
    assert (found.observed, found.kappa, found.kappa_edits) == (1.0, None, None)
    assert measure_agreement(review("aaaaaa"), review("aaaaar")).kappa == 0.0


def test_what_the_checks_rejected_is_no_decision() -> None:
    checked = [replace(PROPOSED[0], status="rejected", reviewer="validate"), *review("aaaaaa")[1:]]
    assert measure_agreement(checked, review("aaaaar")).counts["only_second"] == 1


def test_nothing_to_compare() -> None:
    with pytest.raises(DataError, match="no pattern in common"):
        measure_agreement([Pattern("<A>", "en")], [Pattern("<A>", "es")])
    with pytest.raises(DataError, match="of 6 patterns in common none"):
        measure_agreement(review("aaa---"), review("---aaa"))


def test_conflicts_can_be_reviewed_and_merged() -> None:
    first, second = review("aearr-"), review("rEaraa", "ben")
    found = measure_agreement(first, second)
    records = conflict_records(found.conflicts)
    assert records[0]["opinions"][1] == {
        "reviewer": "ben", "status": "rejected", "text": "play <Song> 0", "reason": "",
    }  # fmt: skip
    conflicts = [parse_pattern(record) for record in records]
    assert {pattern.status for pattern in conflicts} == {"proposed"}
    third = [decide(pattern, "reject", reviewer="eva") for pattern in conflicts]
    merged, counts = merge_decisions(first, [second, third])
    assert [p.status for p in merged] == ["rejected", "rejected", "accepted", "rejected", "rejected", "accepted"]
    assert (counts.carried, counts.overruled, counts.kept, counts.todo) == (6, 2, 0, 0)
    assert merged[0].reviewer == "eva"


@given(st.lists(st.tuples(st.sampled_from("ar"), st.sampled_from("ar")), min_size=1))
def test_kappa_is_symmetric_and_bounded(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = cohen_kappa(first, second)
    assert kappa is None or (-1 <= kappa <= 1 and kappa == pytest.approx(cohen_kappa(second, first)))
    if first == second and kappa is not None:
        assert kappa == pytest.approx(1)


def test_merge_keeps_or_drops_what_is_no_longer_proposed() -> None:
    old = review("ae-r--")
    new = [replace(pattern, cluster=9, generator="llm") for pattern in reversed(PROPOSED[1:5])]
    merged, counts = merge_decisions(new, [old])
    assert [p.status for p in merged] == ["proposed", "rejected", "proposed", "edited", "accepted"]
    assert (counts.carried, counts.kept, counts.dropped, counts.todo) == (2, 1, 0, 2)
    assert merged[3].cluster == 9
    assert (merged[3].text, merged[3].original, merged[3].reviewer) == ("e play <Song> 1", "play <Song> 1", "ana")
    dropped, counts = merge_decisions(new, [old], keep=False)
    assert (len(dropped), counts.kept, counts.dropped) == (4, 0, 1)


def test_proposals_of_several_files() -> None:
    first, second = review("-r----")[:3], [replace(pattern, cluster=9) for pattern in review("ra-e--")]
    found, repeated = concatenate([first, second, second])
    assert [p.status for p in found] == ["rejected", "rejected", "proposed", "edited", "proposed", "proposed"]
    assert [p.cluster for p in found] == [None] * 3 + [9] * 3
    assert repeated == 3 + 6
    assert concatenate([]) == ([], 0)


@pytest.mark.parametrize("reviewer", ["validate", "generate"])
def test_merge_lets_people_overrule_the_checks(reviewer: str) -> None:
    checked = [replace(PROPOSED[0], status="rejected", reviewer=reviewer, reason="x")]
    merged, counts = merge_decisions(checked, [review("a-----")])
    assert (merged[0].status, merged[0].reason, counts.overruled) == ("accepted", "", 0)
    assert merge_decisions(PROPOSED[:1], [checked])[0] == PROPOSED[:1]


@given(st.text("are-", min_size=6, max_size=6), st.permutations(range(6)))
def test_merging_into_the_proposals_gives_the_review_back(decisions: str, order: list[int]) -> None:
    old = review(decisions)
    merged, _ = merge_decisions([PROPOSED[i] for i in order], [old])
    assert merged == [old[i] for i in order]
    assert merge_decisions(merged, [old])[0] == merged
    assert [pattern_id(p) for p in merged] == [pattern_id(PROPOSED[i]) for i in order]
