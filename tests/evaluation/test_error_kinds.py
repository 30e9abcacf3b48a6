from __future__ import annotations

import pytest
from hypothesis import given

from spacy_convner.evaluation.confusion import errors
from spacy_convner.evaluation.error_kinds import KINDS, count_kinds, error_kinds
from spacy_convner.evaluation.scoring import Judged
from spacy_convner.ty import LabelledSpan

from .strategies import judged_lists

Item = tuple[int, int, str]


def judged(gold: list[Item], pred: list[Item], candidates: list[Item] | None = None) -> Judged:
    sides = [
        None if side is None else frozenset(LabelledSpan(*item) for item in side) for side in (gold, pred, candidates)
    ]
    return Judged("x" * 20, sides[0] or frozenset(), sides[1] or frozenset(), sides[2])


@pytest.mark.parametrize(
    ("gold", "pred", "kinds"),
    [
        ([(0, 4, "A")], [(0, 4, "A")], []),
        ([(0, 4, "A")], [(0, 4, "B")], ["label"]),
        ([(0, 4, "A")], [(0, 5, "A")], ["boundary"]),
        ([(0, 4, "A")], [(0, 5, "B")], ["both"]),
        ([(0, 4, "A")], [(4, 5, "A")], ["missed", "spurious"]),
        ([(0, 4, "A"), (0, 4, "B")], [(0, 4, "A")], ["missed"]),
        ([(0, 4, "A")], [(0, 4, "A"), (0, 4, "B")], ["spurious"]),
        # The prediction with the same bounds is the wrong label, whatever overlaps before it.
        ([(2, 6, "A")], [(0, 6, "A"), (2, 6, "B")], ["label", "spurious"]),
        ([(0, 2, "A"), (2, 6, "B")], [(0, 6, "B")], ["boundary", "missed"]),
    ],
)
def test_kinds(gold: list[Item], pred: list[Item], kinds: list[str]) -> None:
    assert error_kinds(judged(gold, pred)) == kinds


def test_why_a_span_was_missed() -> None:
    item = judged([(0, 4, "A"), (6, 9, "A")], [], [(0, 4, "A"), (6, 9, "B")])
    assert error_kinds(item) == ["missed: refused", "missed: not a candidate"]
    assert [error["kinds"] for error in errors([item])] == [["missed: refused", "missed: not a candidate"]]


def test_an_utterance_names_each_kind_once() -> None:
    item = judged([], [(0, 4, "A"), (6, 9, "A")])
    assert errors([item])[0]["kinds"] == ["spurious"]
    assert count_kinds([item, judged([], [])]) == {"spurious": 2}


@given(judged_lists)
def test_every_mistake_is_counted_once(items: list[Judged]) -> None:
    counts = count_kinds(items)
    assert list(counts) == [kind for kind in KINDS if kind in counts]
    pairs = sum(counts.get(kind, 0) for kind in ("label", "boundary", "both"))
    missed = sum(n for kind, n in counts.items() if kind.startswith("missed"))
    assert pairs + missed == sum(len(item.gold - item.pred) for item in items)
    assert pairs + counts.get("spurious", 0) == sum(len(item.pred - item.gold) for item in items)
    assert [error["kinds"] != [] for error in errors(items)] == [True for item in items if item.gold != item.pred]
