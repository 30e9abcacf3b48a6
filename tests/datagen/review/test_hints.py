from __future__ import annotations

import pytest

from spacy_convner.datagen.review.hints import name_hints


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("how tall is the <Landmark>", "en", "an article before <Landmark>"),
        ("An <Artist> song by <Artist>'s band", "en-GB", "an article before <Artist>, 's after <Artist>"),
        ("the <Song:1> and a <Song:1>", "en", "an article before <Song:1>"),
        ("<Artist>’s best", "en", "'s after <Artist>"),
        ("pon la <Song>", "es", "an article before <Song>"),
        ("breathe <Song> with <Artist>", "en", ""),
        ("the song <Song>", "en", ""),
        ("joue la <Song>", "fr", ""),
        ("<Artist>'s best", "es", ""),
        ("the < broken", "en", ""),
    ],
)
def test_words_that_many_names_do_not_go_with(text: str, lang: str, words: str) -> None:
    assert name_hints(text, lang) == (f"{words}: most names must fit" if words else "")
