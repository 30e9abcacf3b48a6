"""``convner ablate-students`` trains, compares, and trains nothing twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import exemplar_to_doc, read_docbin, write_docbin
from spacy_convner.evaluation.student_ablation import part_by_style
from spacy_convner.records import parse_utterance

from ..conftest import CATALOG, ROOT, parse_markup, write_jsonl

runner = CliRunner()
COMMANDS = [f"{verb} [{name}](Song)" for verb in ("play", "start", "loop") for name in ("hello", "stay")] * 4
CONVERSATION = [
    f"hey could you maybe put on [{name}](Song) by [adele](Artist) because i really love that {thing} so much, please"
    for name in ("hello", "stay")
    for thing in ("song", "one", "tune", "track", "sound")
]


def write(path: Path, lines: list[str], lang: str | None = "en") -> Path:
    nlp = spacy.blank("xx")
    records = [{**parse_markup(line), "lang": lang} for line in lines]
    docs = [exemplar_to_doc(nlp, parse_utterance(record)) for record in records]
    write_docbin(path, docs)
    return path


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    write(tmp_path / "train.spacy", COMMANDS + CONVERSATION)
    write(tmp_path / "dev.spacy", COMMANDS[:4] + CONVERSATION[:2])
    write(tmp_path / "conversational.spacy", CONVERSATION)
    write_jsonl(tmp_path / "catalog.jsonl", CATALOG)
    return tmp_path


def run(folder: Path, *more: str) -> Any:
    arguments = [
        "ablate-students", str(folder / "conversational.spacy"),
        "--student", f"cpu={ROOT / 'configs' / 'student_cpu.cfg'}",
        "--student", f"grounded={ROOT / 'configs' / 'student_grounded.cfg'}",
        "--train", str(folder / "train.spacy"), "--dev", str(folder / "dev.spacy"),
        "--work", str(folder / "work"), "--output", str(folder / "ablation.json"),
        "--set", f"paths.catalog={folder / 'catalog.jsonl'}",
        "--set", "training.max_steps=30", "--set", "training.eval_frequency=30",
        "--seeds", "1", *more,
    ]  # fmt: skip
    return runner.invoke(app, arguments)


@pytest.mark.slow
def test_trains_compares_and_resumes(corpora: Path) -> None:
    plot = corpora / "ablation.svg"
    done = run(corpora, "--jobs", "2", "--plot", str(plot), "--catalog", str(corpora / "catalog.jsonl"))
    assert done.exit_code == 0, done.output
    result = json.loads((corpora / "ablation.json").read_text(encoding="utf8"))
    assert set(result["students"]) == {"cpu", "grounded"}
    assert result["conversation"] == len(CONVERSATION)
    for rows in result["students"].values():
        assert [row["n_train"] for row in rows] == [len(COMMANDS), len(COMMANDS) + len(CONVERSATION)]
        assert rows[1]["sets"]["conversational"]["f"] > 0.5
    assert "| grounded, commands alone (24) |" in done.stdout
    assert plot.is_file()
    models = {path: path.stat().st_mtime_ns for path in (corpora / "work").rglob("model-best")}
    assert len(models) == 4
    again = run(corpora)
    assert again.exit_code == 0, again.output
    assert again.stderr.count("was there") == 4
    assert models == {path: path.stat().st_mtime_ns for path in models}


def test_bad_input(corpora: Path, tmp_path: Path) -> None:
    for more, message in (
        (["--set", "paths.nowhere=x"], "none of these configs has it"),
        (["--student", "cpu"], "expected NAME=VALUE"),
        (["--amounts", "0,1"], "above 0"),
        (["--amounts", "half"], "expected numbers"),
        (["--catalog", str(corpora / "nowhere")], "nowhere"),
        (["--plot", "ablation.pdf"], "expected a .svg or .png"),
        (["--teacher", str(corpora / "catalog.jsonl")], "catalog.jsonl"),
    ):
        done = run(corpora, *more)
        assert done.exit_code == 1, more
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (corpora / "ablation.json").exists()
    assert not (corpora / "work").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('nlp.pipeline=["nothing"]', "cpu with 0 % of the conversation can't be trained: [nlp] pipeline names nothing"),
        ("training.max_epochs=1", "steps and is looked at every 30"),
        ("paths.index={}", "grounded with 0 % of the conversation can't be trained: "),
        ("training.annotating_components=[]", "which it isn't shown in training"),
    ],
)
def test_what_can_not_be_trained_is_said_before_the_first_training(corpora: Path, more: str, message: str) -> None:
    other = write_jsonl(corpora / "other.jsonl", [{"text": "Zorp", "label": "Thing"}])
    batches = ["--set", "training.batcher.size=10000"] if "max_epochs" in more else []
    done = run(corpora, "--set", more.format(other), *batches)
    assert done.exit_code == 1, done.output
    assert message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not list((corpora / "work").rglob("training.log"))
    assert not (corpora / "ablation.json").exists()


def test_a_corpus_without_languages_is_told_the_way(corpora: Path) -> None:
    write(corpora / "train.spacy", COMMANDS + CONVERSATION, lang=None)
    done = run(corpora)
    assert done.exit_code == 1, done.output
    way = re.search(r"train\.spacy: the language of .* \(say it: convner (.*)\)", done.stderr)
    assert way
    arguments = way[1].replace("WITH_LANG", str(corpora / "with_lang")).split()
    assert runner.invoke(app, arguments).exit_code == 0
    commands, conversation = part_by_style(read_docbin(corpora / "with_lang.spacy", Vocab()))
    assert (len(commands), len(conversation)) == (len(COMMANDS), len(CONVERSATION))


@pytest.mark.slow
def test_a_training_that_fails_is_said_with_its_end(corpora: Path) -> None:
    done = run(corpora, "--set", 'training.dropout="much"')
    assert done.exit_code == 1
    assert "training failed" in done.stderr
    assert "training.log" in done.stderr
    assert not (corpora / "ablation.json").exists()
