"""Numbers that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.testsets.diversity import distinct_n, self_bleu, words_of
from spacy_convner.datagen.testsets.statistics import PAPER, set_statistics, statistics_table
from spacy_convner.ty import Exemplar, LabelledSpan


def texts(*lines: str) -> list[tuple[str, ...]]:
    return [words_of(line) for line in lines]


def test_distinct_n() -> None:
    assert distinct_n(texts("a b a", "A c!"), 1) == 3 / 5
    assert distinct_n(texts("a b a", "a c"), 2) == 1
    assert distinct_n(texts("a b", "a b"), 2) == 1 / 2
    assert distinct_n(texts("a", "b"), 2) is None
    assert distinct_n([], 1) is None


def test_self_bleu() -> None:
    assert self_bleu(texts("a b c d e", "a b c d e")) == 1
    # one of two words, no pair of words: (1/2 * 0.1/1) ** (1/2)
    assert self_bleu(texts("a b", "a c")) == pytest.approx(math.sqrt(0.05))
    # "the the the": 1/3 (clipped), 0.1/2, 0.1/1, no brevity penalty; "the cat": 1/2, 0.1/1, shorter by one
    first = (1 / 3 * 0.1 / 2 * 0.1) ** (1 / 3)
    second = math.exp(1 - 3 / 2) * (1 / 2 * 0.1) ** (1 / 2)
    assert self_bleu(texts("the the the", "the cat")) == pytest.approx((first + second) / 2)
    # the nearest length of the others is the reference's, not one's own
    assert self_bleu(texts("a", "a b c", "a b c")) == pytest.approx((math.exp(1 - 3) + 2) / 3)
    assert self_bleu(texts("a b")) is None
    assert self_bleu([]) is None


def test_self_bleu_agrees_with_pairs() -> None:
    """The counts of all others at once are those of the other sentences one by one."""
    lines = texts(
        "play hello by adele", "play hello again please", "could you play it", "play", "hello hello hello play"
    )

    def slowly(i: int) -> float:
        others = [line for j, line in enumerate(lines) if j != i]
        logs = []
        for n in range(1, min(4, len(lines[i])) + 1):
            grams = [lines[i][k : k + n] for k in range(len(lines[i]) - n + 1)]
            matched = sum(
                min(grams.count(gram), max([tuple(o[k : k + n]) for k in range(len(o))].count(gram) for o in others))
                for gram in set(grams)
            )
            logs.append(math.log((matched or 0.1) / len(grams)))
        nearest = min((len(o) for o in others), key=lambda length: (abs(length - len(lines[i])), length))
        brevity = min(1, math.exp(1 - nearest / len(lines[i])))
        return brevity * math.exp(sum(logs) / len(logs))

    assert self_bleu(lines) == pytest.approx(sum(map(slowly, range(len(lines)))) / len(lines))


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6).map(tuple), min_size=2, max_size=8))
def test_self_bleu_is_a_share(lines: list[tuple[str, ...]]) -> None:
    value = self_bleu(lines)
    assert value is not None
    assert 0 < value <= 1 + 1e-9


def test_a_sample_is_drawn_by_its_seed() -> None:
    lines = texts(*("play the song again"[: 4 + i % 16] + f" {i % 5}" for i in range(60)))
    assert self_bleu(lines, sample=20, seed=1) == self_bleu(lines, sample=20, seed=1)
    assert self_bleu(lines, sample=20, seed=1) != self_bleu(lines, sample=20, seed=2)


def test_statistics() -> None:
    def one(text: str, *spans: tuple[int, int, str], **meta: object) -> Exemplar:
        return Exemplar(text, tuple(LabelledSpan(*span) for span in spans), "en", meta=meta)

    exemplars = [
        one("play Hello now", (5, 10, "Song"), pattern="p", entries=["s:hello"]),
        one("Play Stay now", (5, 9, "Song"), pattern="p", entries=["s:stay"], noise="lower"),
        one("never mind"),
    ]
    row = set_statistics(exemplars, {("Song", "s:stay")}, ["Artist", "Song"])
    assert row["samples"] == 3
    assert row["average_length"] == 2.67
    assert row["entity_types"] == 1
    assert row["per_label"] == {"Artist": 0, "Song": 2}
    assert (row["spans"], row["distinct_names"], row["patterns"], row["distinct_forms"]) == (2, 2, 1, 2)
    assert row["rare_share"] == 0.5
    assert row["noise"] == 0.3333
    assert set_statistics([one("hi")])["rare_share"] is None
    assert set_statistics([])["samples"] == 0
    table = statistics_table({"conversational.en": row, "mine": set_statistics([one("hi")])})
    assert "3 (4,082)" in table
    assert "2.67 (19.49)" in table
    assert len({len(line) for line in table.splitlines()}) == 1
    assert set(PAPER) == {f"{kind}.{lang}" for kind in ("conversational", "head", "unseen") for lang in ("en", "es")}
