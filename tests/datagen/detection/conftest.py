"""A made-up language in a folder of its own, and labelled utterances of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.detection.lexicon import LISTS

from ...conftest import write_jsonl

EU_LISTS = {
    "openers": "^jarri, ^jarri mesedez, ^zer da",
    "finite_verbs": "ez dakit, nahi dut, *ten dut  # a habit",
    "connectives": "baina",
    "discourse_markers": "^beno, ^aizu, ba al dakizu$",
    "first_person": "ni, nik",
    "contextual": "hori, berriro",
    "hedges": "agian",
}
EU_CHAT = [
    "beno ez dakit baina nik hori nahi dut",
    "aizu jarri hori berriro",
    "agian nik hori baina ez dakit",
    "beno agian berriro",
    "nik nahi dut baina ez dakit hori",
]
EU_COMMANDS = ["jarri kanta bat", "zer da eguraldia", "musika lasaia", "jarri irratia sukaldean", "pop kantak"]


def write_language(folder: Path, lists: dict[str, str], weights: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        (folder / f"{name}.txt").write_text(f"# {name}\n{lists.get(name, '')}\n", encoding="utf8")
    if weights is not None:
        (folder / "weights.json").write_text(json.dumps(weights), encoding="utf8")
    return folder


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    write_language(tmp_path / "languages" / "eu", EU_LISTS)
    return tmp_path / "languages"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    records = [
        {"text": f"{text} {i}", "lang": "eu", "conversational": chat, "split": "test" if i == 5 else "train"}
        for i in range(6)
        for chat, texts in ((True, EU_CHAT), (False, EU_COMMANDS))
        for text in texts
    ]
    return write_jsonl(tmp_path / "eu.jsonl", records)
