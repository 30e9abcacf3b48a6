from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.datagen.clustering.representatives import choose_representatives, find_typical_words, split_words


def unit(rows: list[list[float]]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_first_is_central_and_the_next_are_elsewhere() -> None:
    # Two sides of one cluster, the left one larger.
    vectors = unit([[1, 0.1, 0], [1, 0, 0], [1, -0.1, 0], [1, 0.12, 0], [0, 1, 0.1], [0, 1, 0]])
    ones, all_exemplars = np.ones(6, dtype=np.float32), np.ones(6, dtype=bool)
    chosen = choose_representatives(vectors, ones, all_exemplars, 2)
    assert chosen[0] in (0, 1, 2, 3)
    assert chosen[1] in (4, 5)


def test_exemplar_points_come_before_other_members() -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(50, 8)).tolist())
    exemplars = np.zeros(50, dtype=bool)
    exemplars[[7, 20, 33]] = True
    strengths = rng.uniform(size=50).astype(np.float32)
    assert set(choose_representatives(vectors, strengths, exemplars, 3)) == {7, 20, 33}
    five = choose_representatives(vectors, strengths, exemplars, 5)
    assert {7, 20, 33} < set(five)


@given(st.integers(1, 30), st.integers(0, 8), st.integers(0, 1000))
def test_any_cluster(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(n, 4)).tolist())
    strengths, exemplars = rng.uniform(size=n).astype(np.float32), rng.uniform(size=n) < 0.3
    chosen = choose_representatives(vectors, strengths, exemplars, k)
    assert len(chosen) == len(set(chosen.tolist())) == (min(k, n) if k else n)
    again = choose_representatives(vectors, strengths, exemplars, k)
    assert (chosen == again).all()


def test_typical_words() -> None:
    texts = ["play the song by adele", "play a song by queen", "who's playing, i'm not sure", "will it rain", "rain?"]
    labels = np.array([0, 0, 0, 1, 1])
    words = find_typical_words([*texts, "noise noise"], np.append(labels, -1), "en", 3)
    assert set(words[0][:2]) == {"play", "song"}
    assert words[1] == ("rain",)
    assert not {"the", "who's", "i'm", "noise"} & {word for found in words.values() for word in found}


def test_words_of_any_language() -> None:
    assert split_words("¿Pon LA canción, 3 veces?") == ["pon", "la", "canción", "veces"]
    assert split_words("播放音乐") == ["播放", "放音", "音乐"]
    assert find_typical_words(["123", "456"], np.array([0, 0]), "en", 3) == {0: ()}
    assert find_typical_words(["a"], np.array([-1]), None, 3) == {}
    words = find_typical_words(["the the", "the cat", "x"], np.array([0, 0, 0]), "xyzzy", 3)
    assert words[0][0] == "the"  # an unknown language has no stop words
    assert find_typical_words(["the", "the"], np.array([0, 0]), "en-GB", 3) == {0: ("the",)}  # better than none
