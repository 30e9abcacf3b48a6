from __future__ import annotations

import json

import pytest

from spacy_convner.datagen.patterns.languages import language_name, other_language, stop_words
from spacy_convner.errors import ConfigError

from ...conftest import ROOT


@pytest.mark.parametrize(
    ("text", "lang", "found"),
    [
        ("can you play something by  in the kitchen", "es", "English"),
        ("ponme algo de  en la cocina, por favor", "en", "Spanish"),
        ("ponme algo de  en la cocina, por favor", "es", None),
        ("kannst du bitte etwas von  in der Küche spielen", "en", "German"),
        ("mets quelque chose de  dans la cuisine", "es", "French"),
        ("kannst du bitte etwas von  in der Küche spielen", "de", None),
        ("play ", "es", None),  # too little to tell
        ("", "es", None),
        ("включи  на кухне", "en", "Cyrillic script"),
        ("включи  на кухне", "ru", None),
        ("play it in the kitchen", "ru", "Latin script"),
        ("の曲をかけて", "en", "Cjk script"),
        ("の曲をかけて", "ja", None),
        ("anything at all", "xx", None),  # a language without words of its own
    ],
)
def test_other_language(text: str, lang: str, found: str | None) -> None:
    assert other_language(text, lang) == found


def test_words_of_seeds_in_another_language_are_its_words() -> None:
    seeds = "play hello by adele; can you play stay for me; shuffle my workout playlist"
    assert other_language("shuffle my  playlist", "es") is None
    assert other_language("shuffle my  playlist", "es", seeds) == "English"
    assert other_language("shuffle my  playlist", "en", seeds) is None
    assert other_language("ponme la playlist de  en modo shuffle", "es", seeds) is None


@pytest.mark.parametrize("lang", ["en", "es"])
def test_hand_annotated_utterances_are_in_their_language(lang: str) -> None:
    lines = (ROOT / "assets" / "gold" / f"{lang}.jsonl").read_text(encoding="utf8").splitlines()
    texts = []
    for record in map(json.loads, lines):
        text = record["text"]
        for span in sorted(record["spans"], key=lambda span: -span["start"]):
            text = text[: span["start"]] + " " + text[span["end"] :]
        texts.append((text, record["text"]))
    assert [text for text, seed in texts if other_language(text, lang, seed)] == []
    other = "es" if lang == "en" else "en"
    assert sum(other_language(text, other, seed) is not None for text, seed in texts) > 0.85 * len(texts)


def test_codes() -> None:
    assert language_name("es") == language_name("es-MX") == "Spanish"
    assert "the" in stop_words("en_US")
    for code in ("qq", "en.stop_words", "../en", "", "klingon"):
        with pytest.raises(ConfigError, match="unknown language"):
            language_name(code)
