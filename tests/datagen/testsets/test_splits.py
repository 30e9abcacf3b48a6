"""Parts that share nothing they shouldn't."""

from __future__ import annotations

from spacy_convner.datagen.testsets.splits import group_patterns, split_names, split_patterns
from spacy_convner.datagen.ty import Pattern
from spacy_convner.leaks import fold_name
from spacy_convner.ty import CatalogEntry

from .conftest import frames_of


def pattern(text: str, cluster: int | None = None) -> Pattern:
    return Pattern(text, "en", "accepted", cluster=cluster)


def test_names() -> None:
    entries = [CatalogEntry(f"Name {i}", label) for i in range(400) for label in ("A", "B")]
    entries += [CatalogEntry("NAME, 7", "C")]
    dev, test = split_names(entries, 0.25, seed=1)
    assert not {fold_name(e.text) for e in dev} & {fold_name(e.text) for e in test}
    assert 150 < len(dev) < 250
    assert len(dev) + len(test) == len(entries)
    # another catalog beside it doesn't move a name
    assert {e.text for e in split_names(entries[::2], 0.25, seed=1)[0]} <= {e.text for e in dev}
    assert split_names(entries, 0.25, seed=2)[0] != dev


def test_alike_patterns_stay_together() -> None:
    frames = frames_of(
        pattern("could you play <Song> by <Artist> for me"),
        pattern("Could you play <Song> by <Artist> for me, please?"),
        pattern("weather in <City>", 3),
        pattern("is it cold in <City> now", 3),
        pattern("who sings <Song>", -1),
        pattern("where does <Artist> live", -1),
    )
    assert sorted(map(sorted, group_patterns(frames))) == [[0, 1], [2, 3], [4], [5]]
    for seed in range(10):
        dev, test = split_patterns(frames, 0.5, seed)
        assert 2 <= len(dev) <= 3
        assert [f for f in frames if f in dev or f in test] == frames
        assert (frames[0] in dev) == (frames[1] in dev)
        assert (frames[2] in dev) == (frames[3] in dev)
        assert split_patterns(frames, 0.5, seed) == (dev, test)


def test_clusters_are_a_languages_own() -> None:
    frames = frames_of(pattern("one <Song>", 1)) + frames_of(Pattern("otra cosa <Song>", "es", "accepted", cluster=1))
    assert len(group_patterns(frames)) == 2
