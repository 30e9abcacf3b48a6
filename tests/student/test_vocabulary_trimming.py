"""A trimmed vocabulary cuts its texts as before, and any other text somehow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.errors import ConfigError, ConvnerError
from spacy_convner.student import vocabulary_trimming
from spacy_convner.student.agreement import entities
from spacy_convner.student.vocabulary_files import check_unigram, needed_ids
from spacy_convner.student.vocabulary_trimming import trim_folder, trim_pipeline

from .xlmr import exemplars

TEXTS = [*(exemplar.text for exemplar in exemplars()[:8]), "play dune " * 140]
UNSEEN = ["canciones de ayer", "une chanson française", "Ünseen 漢字 🎧", "zwölf", "<mask> </s> <unk>", "", "PLAY"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["trim-vocabulary", *map(str, arguments)])


@pytest.mark.slow
def test_a_folder(tiny_xlmr: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    (tmp_path / "out").mkdir()
    found = trim_folder(tiny_xlmr, tmp_path / "out", TEXTS, 1)
    before, after = (AutoTokenizer.from_pretrained(str(folder)) for folder in (tiny_xlmr, tmp_path / "out"))
    assert found.pieces_before == len(before) > found.pieces_after == len(after)
    assert found.parameters_before - found.parameters_after == 32 * (len(before) - len(after))
    assert found.texts_changed == 0
    for text in TEXTS:
        assert after.tokenize(text) == before.tokenize(text)
    for name in ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"):
        assert after.convert_tokens_to_ids(getattr(after, name)) < len(after)
    assert after.mask_token_id == len(after) - 1
    assert after("a", "b")["input_ids"][0] == after.bos_token_id
    slow = AutoTokenizer.from_pretrained(str(tmp_path / "out"), use_fast=False)
    model = AutoModel.from_pretrained(str(tmp_path / "out"))
    assert model.config.vocab_size == len(after)
    for text in UNSEEN:
        # No character is lost that the vocabulary had before, and ids stay in the table.
        ids, old = after(text)["input_ids"], before(text)["input_ids"]
        assert max(ids) < model.get_input_embeddings().num_embeddings
        assert ids.count(after.unk_token_id) == old.count(before.unk_token_id)
        assert after.decode(ids) == before.decode(old)
        assert slow(text)["input_ids"] == ids or slow.tokenize(text) != before.tokenize(text)


@pytest.mark.slow
def test_seldom_pieces_may_go_too(tiny_xlmr: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "some").mkdir()
    every, some = (trim_folder(tiny_xlmr, tmp_path / name, TEXTS, n) for name, n in (("all", 1), ("some", 3)))
    assert some.pieces_after < every.pieces_after
    assert 0 < some.texts_changed <= some.texts == len(TEXTS)


@pytest.mark.slow
def test_a_trained_pipeline(trained_xlmr: Path, tmp_path: Path) -> None:
    original = spacy.load(trained_xlmr)
    expected = [entities(doc) for doc in original.pipe(TEXTS)]
    found = trim_pipeline(spacy.load(trained_xlmr), "transformer", tmp_path / "out", TEXTS, 1)
    assert found.pieces_after < found.pieces_before
    trimmed = spacy.load(tmp_path / "out")
    assert [entities(doc) for doc in trimmed.pipe(TEXTS)] == expected
    assert [doc.text for doc in trimmed.pipe(UNSEEN)] == UNSEEN
    trimmed.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert [entities(doc) for doc in again.pipe(TEXTS)] == expected


@pytest.mark.slow
def test_what_comes_out_otherwise_fails(
    tiny_xlmr: Path, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(tokenizer: Any, counts: Any, min_count: int) -> list[int]:
        return needed_ids(tokenizer, {}, min_count)

    monkeypatch.setattr(vocabulary_trimming, "needed_ids", forgetful)
    (tmp_path / "out").mkdir()
    with pytest.raises(ConvnerError, match="cut into other pieces after trimming, the first: 'p"):
        trim_folder(tiny_xlmr, tmp_path / "out", TEXTS, 1)
    Path("texts.txt").write_text("play hello\n")
    done = run(tiny_xlmr, "new", "--texts", "texts.txt")
    assert done.exit_code == 1
    assert "other pieces" in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "texts.txt"]


@pytest.mark.slow
def test_command(tiny_xlmr: Path, trained_xlmr: Path, corpora: Path, run: Any, tmp_path: Path) -> None:
    for source, name in ((tiny_xlmr, "folder"), (trained_xlmr, "pipeline")):
        done = run(source, name, "--texts", corpora / "dev.spacy", "--report", "report.json")
        assert done.exit_code == 0, done.output
        found = json.loads(Path("report.json").read_text())
        assert found["pieces_after"] < found["pieces_before"]
        assert found["bytes_after"] == sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
        assert f"{found['pieces_before']:,} → {found['pieces_after']:,}" in done.output
    # What was trimmed can be trimmed again, to the same.
    assert run("folder", "again", "--texts", corpora / "dev.spacy", "--report", "second.json").exit_code == 0
    again = json.loads(Path("second.json").read_text())
    assert again["pieces_before"] == again["pieces_after"]


def test_command_refuses(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("spacy_transformers")
    pytest.importorskip("sentencepiece")
    (tmp_path / "texts.txt").write_text("play hello\n")
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "trf").mkdir()
    (tmp_path / "trf" / "config.json").write_text('{"model_type": "xlm-roberta"}')
    for arguments, message in [
        (("nope", "out", "--texts", "texts.txt"), "neither a transformer folder"),
        (("trf", "trf", "--texts", "texts.txt"), "is an input"),
        (("trf", ".", "--texts", "texts.txt"), "other things in it"),
        (("trf", "out", "--texts", "nope.txt"), "no such file"),
        (("trf", "out", "--texts", "blank.txt"), "no utterance"),
        (("trf", "out", "--texts", "texts.txt"), "no weights"),
    ]:
        done = run(*arguments)
        assert done.exit_code == 1, done.output
        assert message in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_other_vocabularies_are_refused(tmp_path: Path) -> None:
    from transformers import BertTokenizerFast

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nplay\n")
    with pytest.raises(ConfigError, match="not WordPiece"):
        check_unigram(BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")), "bert")
