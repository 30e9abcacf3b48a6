from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_convner.attrs import get_probabilities, set_probabilities
from spacy_convner.docbin import read_docbin, write_docbin
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.silver.splitting import split_corpora

from ..conftest import write_jsonl

NLP = spacy.blank("xx")


def doc_of(text: str, status: str = "ok", name: str = "hello") -> Doc:
    doc = NLP.make_doc(text)
    doc._.convner.status = status
    at = text.find(name)
    if at >= 0:
        span = doc.char_span(at, at + len(name), label="Song")
        assert span is not None
        doc.ents = [span]
        doc.spans["candidates"] = [span]
    return doc


def texts(path: Path) -> list[str]:
    return [doc.text for doc in read_docbin(path, Vocab())]


@pytest.fixture
def silver(tmp_path: Path) -> Path:
    path = tmp_path / "silver.spacy"
    write_docbin(path, [doc_of(f"play hello {i}") for i in range(200)])
    return path


def split(sources: Sequence[Path], **settings: Any) -> tuple[dict[str, Any], list[str], list[str]]:
    folder = sources[0].parent
    train, dev = folder / "out" / "train.spacy", folder / "out" / "dev.spacy"
    counts = split_corpora(sources, train, dev, **{"dev_share": 0.2, "seed": 0, **settings})
    return counts, texts(train), texts(dev)


def test_sides_cover_everything_once(silver: Path) -> None:
    counts, train, dev = split([silver])
    assert sorted(train + dev) == sorted(f"play hello {i}" for i in range(200))
    assert counts == {"train": len(train), "dev": len(dev), "duplicates": 0, "excluded": 0, "unusable": 0}
    assert 20 <= len(dev) <= 60


def test_the_side_depends_on_text_and_seed_alone(silver: Path, tmp_path: Path) -> None:
    _, train, dev = split([silver])
    more = tmp_path / "more.spacy"
    write_docbin(more, [doc_of(f"stay {i}") for i in range(50)] + [doc_of(f"play hello {i}") for i in range(100, 200)])
    write_docbin(silver, [doc_of(f"play hello {i}") for i in range(100)])
    _, train_again, dev_again = split([more, silver])
    assert set(dev) <= set(dev_again)
    assert set(train) <= set(train_again)
    _, _, dev_other = split([more, silver], seed=1)
    assert set(dev_other) != set(dev_again)
    _, _, larger = split([more, silver], dev_share=0.5)
    assert set(dev_again) < set(larger)


def test_spellings_of_an_utterance_are_on_one_side(tmp_path: Path) -> None:
    path = tmp_path / "silver.spacy"
    write_docbin(
        path, [doc_of(text) for i in range(60) for text in (f"play hello {i}", f"Play hello {i}!", f"play hello {i}")]
    )
    counts, train, dev = split([path])
    assert counts["duplicates"] == 60
    assert not {text.lower().strip("!") for text in train} & {text.lower().strip("!") for text in dev}


def test_test_utterances_are_left_out(silver: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.spacy"
    write_docbin(gold, [doc_of("PLAY hello 7."), doc_of("never said")])
    other = write_jsonl(tmp_path / "other.jsonl", [{"text": "play hello 8", "spans": []}])
    counts, train, dev = split([silver], exclude=[gold, other])
    assert counts["excluded"] == 2
    assert not {"play hello 7", "play hello 8"} & {*train, *dev}


def test_held_out_names_are_left_out(silver: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.spacy"
    write_docbin(more, [doc_of("Play Beyoncé's latest", name="Beyoncé"), doc_of("beyonce beyonce", name="nobody")])
    names = write_jsonl(tmp_path / "names.jsonl", [
        {"text": "Beyonce", "spans": [{"start": 0, "end": 7, "label": "Artist"}]},
        {"text": "hello 7", "spans": [{"start": 0, "end": 7, "label": "Song"}]},
    ])  # fmt: skip
    counts, train, dev = split([silver, more], exclude_entities=[names])
    assert counts["excluded_entities"] == 3
    assert not [text for text in train + dev if "eyonc" in text or text == "play hello 7"]
    assert "excluded_patterns" not in counts


def test_patterns_of_test_sets_are_left_out(silver: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.spacy"
    write_docbin(more, [doc_of("Could you play hello?"), doc_of("is it cold"), doc_of("um could you play hello"),
                      doc_of("please, could you play hello")])  # fmt: skip
    patterns = write_jsonl(tmp_path / "patterns.jsonl", [
        {"text": "could you play <Song>", "lang": "en", "seeds": ["Is it cold?"]},
        {"text": "please could you play <Artist>", "lang": "en"},
    ])  # fmt: skip
    counts, train, dev = split([silver, more], exclude_patterns=[patterns])
    assert counts["excluded_patterns"] == 3
    assert "please, could you play hello" in train + dev
    bad = write_jsonl(tmp_path / "bad.jsonl", [{"text": "x", "seeds": "y"}])
    with pytest.raises(DataError, match=r"bad.jsonl:1"):
        split([silver], exclude_patterns=[bad])
    with pytest.raises(DataError, match="no such file"):
        split([silver], exclude_entities=[tmp_path / "none.jsonl"])


@pytest.mark.parametrize("status", ["failed", "refused", "truncated", "invalid", "over_budget"])
def test_what_was_not_decided_is_not_trained_on(silver: Path, tmp_path: Path, status: str) -> None:
    path = tmp_path / "more.spacy"
    write_docbin(path, [doc_of("play hello by adele", status), doc_of("is it cold", "no_candidates"),
                        doc_of("by a person", ""), NLP.make_doc("")])  # fmt: skip
    counts, train, dev = split([silver, path])
    assert counts["unusable"] == 2
    assert "play hello by adele" not in {*train, *dev}
    assert {"is it cold", "by a person"} <= {*train, *dev}


def test_only_what_training_uses_is_kept(silver: Path, tmp_path: Path) -> None:
    split([silver])
    for name in ("train", "dev"):
        for doc in read_docbin(tmp_path / "out" / f"{name}.spacy", Vocab()):
            assert [(ent.text, ent.label_) for ent in doc.ents] == [("hello", "Song")]
            assert {key: [span.text for span in spans] for key, spans in doc.spans.items()} == {"sc": ["hello"]}
            assert not doc.user_data
            assert isinstance(doc.ents[0], Span)


def test_what_the_teacher_thought_is_kept(tmp_path: Path) -> None:
    docs = [doc_of(f"play hello {i}") for i in range(40)]
    for doc in docs:
        doc.spans["candidates"] = [doc[0:1], doc[1:2], doc[1:2]]
        doc.spans["sc"] = [Span(doc, 1, 2, "Song"), Span(doc, 1, 2, "Album")]
        set_probabilities(doc, "candidates", [0.1, 0.9, 0.6])
    write_docbin(tmp_path / "silver.spacy", docs)
    split([tmp_path / "silver.spacy"])
    for doc in read_docbin(tmp_path / "out" / "train.spacy", Vocab()):
        assert get_probabilities(doc) == [0.1, 0.9, 0.6]
        assert [span.label_ for span in doc.spans["sc"]] == ["Song", "Album"]


def test_folders_of_shards(tmp_path: Path) -> None:
    for i in range(4):
        write_docbin(tmp_path / "shards" / f"part-{i}.spacy", [doc_of(f"play hello {i} {j}") for j in range(20)])
    counts, *_ = split([tmp_path / "shards"])
    assert counts["train"] + counts["dev"] == 80


def test_faults(silver: Path, tmp_path: Path) -> None:
    for share in (0, 1, -0.5, 2):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            split([silver], dev_share=share)
    with pytest.raises(ConfigError, match="can't be the same file"):
        split_corpora([silver], tmp_path / "x.spacy", tmp_path / "." / "x.spacy", dev_share=0.1, seed=0)
    with pytest.raises(DataError, match="no such file"):
        split([tmp_path / "none.spacy"])
    tiny = tmp_path / "tiny.spacy"
    write_docbin(tiny, [doc_of("play hello")])
    with pytest.raises(DataError, match=r"no utterance left for the (train|dev) corpus"):
        split([tiny])
    assert not (tmp_path / "out").exists()
