"""Three things that people say in many ways, and some that nobody else says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ...conftest import write_jsonl

NAMES = ["adele", "prince", "queen", "rosalía", "drake", "shakira", "madonna", "abba"]
PLACES = ["boston", "london", "madrid", "paris", "oslo", "rome", "berlin", "tokyo"]
ODD = ["zyx", "qqq vvv", "1234 5678", "häää", "the the the"]


def said() -> list[dict[str, Any]]:
    texts = [f"play the new song by {name}" for name in NAMES]
    texts += [f"will it rain tomorrow in {place}" for place in PLACES]
    texts += [f"set the kitchen timer for {n} minutes" for n in (3, 4, 5, 7, 9, 12)]
    return [{"text": text, "lang": "en"} for text in texts + ODD]


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return said()


@pytest.fixture
def traffic_path(tmp_path: Path, records: list[dict[str, Any]]) -> Path:
    return write_jsonl(tmp_path / "traffic.jsonl", records)
