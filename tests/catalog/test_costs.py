"""What a catalog costs is measured on real indexes; figures are checked for what must hold on any machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from spacy_convner.catalog import costs
from spacy_convner.catalog.costs import cost_of_building, cost_of_matching, one_pass
from spacy_convner.catalog.costs_by_turns import measure_catalogs
from spacy_convner.errors import DataError
from spacy_convner.memory import max_rss_mb, resident_mb


def test_building() -> None:
    done: list[int] = []
    found = cost_of_building(lambda: done.append(1))
    assert done == [1]
    assert found["build_s"] is not None
    assert 0 < found["build_s"] < 1


def test_matching_counts_tokens_matches_and_what_loading_keeps() -> None:
    kept = []

    def load() -> costs.Matcher:
        kept.append(bytearray(b"x" * (32 << 20)))  # written to, so resident
        return lambda doc: sum(token.text == "hello" for token in doc)

    found = cost_of_matching(load, spacy.blank("xx"), ["hello hello", "good morning", "hello"] * 10, passes=2)
    assert found["matches_per_utterance"] == 1.0
    assert found["load_s"] is not None
    assert found["load_s"] > 0
    assert found["tokens_per_s"] is not None
    assert found["tokens_per_s"] > 1000
    if resident_mb() is not None:
        assert found["private_mb"] is not None
        assert 31 < found["private_mb"] < 64
        assert found["added_rss_mb"] == pytest.approx(found["private_mb"] + found["shared_mb"])


def test_a_slow_matcher_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "LONGEST_PASS", 0.0)
    seen: list[str] = []

    def matcher(text: str) -> int:
        seen.append(text)
        return 1

    assert one_pass(spacy.blank("xx"), matcher, ["one", "two"], texts_only=True)[1] == 1.0
    assert seen == ["one"]


def test_memory() -> None:
    now, peak = resident_mb(), max_rss_mb()
    if now is not None:
        assert peak is not None
        assert 0 < now[1] <= now[0] <= peak
        import resource  # where there is no /proc, there may be none

        assert peak <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + 1


def test_what_can_not_be_measured(catalog_path: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no utterance"):
        measure_catalogs({"a": catalog_path}, [])
    with pytest.raises(DataError, match="no such file"):
        measure_catalogs({"a": tmp_path / "none.jsonl"}, ["play hello"])
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "Dune"}\n', encoding="utf8")
    with pytest.raises(DataError, match=r"bad\.jsonl:1: field 'label': missing"):
        measure_catalogs({"a": bad}, ["play hello"])
