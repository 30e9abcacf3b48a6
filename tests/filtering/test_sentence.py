"""What a long text costs, and that an ordinary one loses nothing by the limit."""

from __future__ import annotations

from time import process_time

import pytest

from spacy_convner.filtering.filters import sentence
from spacy_convner.filtering.filters.counts import AcceptanceCounts
from spacy_convner.filtering.filters.decode import decode
from spacy_convner.filtering.filters.features import FeatureMaker
from spacy_convner.postprocess.rules import Prediction, resolve_overlaps
from spacy_convner.ty import Candidate, FilterRequest, FilterTask

PHRASE = "play hello by adele "


def request(n: int) -> FilterRequest:
    found = []
    for i in range(n):
        at = i * len(PHRASE)
        found += [Candidate(at + 5, at + 10, "Song"), Candidate(at + 5, at + 10, "Album")]
        found += [Candidate(at + 5, at + 19, "Song"), Candidate(at + 14, at + 19, "Artist")]
    return FilterRequest(PHRASE * n, tuple(found))


def test_a_candidate_costs_the_same_in_a_longer_text() -> None:
    maker = FeatureMaker(AcceptanceCounts(), FilterTask())
    sizes = [max(len(indices) for indices, _ in maker(request(n))) for n in (20, 400)]
    assert sizes[0] == sizes[1]


def test_long_texts_end() -> None:
    started = process_time()
    asked = request(3000)  # 60,000 characters; minutes if each candidate were compared to every other
    rows = sum(1 for _ in FeatureMaker(AcceptanceCounts(), FilterTask())(asked))
    assert rows == 12000
    n = len(asked.candidates)
    assert len(decode(asked.candidates, [0.5 + i % 7 / 20 for i in range(n)], 0.3, 1.01)) >= 3000
    predictions = [Prediction(c.start, c.end, c.label, 0.5) for c in asked.candidates]
    assert len(resolve_overlaps(predictions, "longest")) == 3000
    assert process_time() - started < 20


@pytest.mark.parametrize("words", [1, 3, 24])
def test_the_window_takes_nothing_from_an_ordinary_utterance(words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"w{i}" for i in range(words))
    last = len(text) - len(f"w{words - 1}")
    asked = FilterRequest(text, (Candidate(last, len(text), "Song"), Candidate(0, 2, "Artist")))
    maker = FeatureMaker(AcceptanceCounts(), FilterTask())
    ours = list(maker(asked))
    monkeypatch.setattr(sentence, "WINDOW", 1000)
    assert list(maker(asked)) == ours


def test_the_window_of_a_long_text() -> None:
    text = " ".join(f"w{i}" for i in range(100))
    words = text.split()
    found = tuple(Candidate(text.index(w), text.index(w) + len(w), "Song") for w in words[10:])
    cut = sentence.Sentence(FilterRequest(text, found), AcceptanceCounts())
    assert cut.inside(found[40]) == (50, 50)
    assert sorted(cut.around(50, 50)) == sorted(words[26:75])
    assert [text[found[i].start : found[i].end] for i in cut.neighbours(50, 50)] == words[26:75]
    assert cut.inside(Candidate(2, 3, "Song")) == (0, -1)  # white space
    assert list(sentence.Sentence(FilterRequest("", ()), AcceptanceCounts()).around(0, -1)) == []
