"""The ablation of students: who is trained on what, and what the table says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from confection import Config
from spacy.tokens import Doc

from spacy_convner.attrs import install_extensions, set_doc_lang
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.evaluation.student_ablation import Run, draw, markdown, part_by_style, plan, summarize
from spacy_convner.evaluation.student_plot import plot
from spacy_convner.evaluation.student_training import check_overrides, overrides_for

NLP = spacy.blank("xx")
COMMANDS = ["play hello by adele", "stop the music", "pon despacito"]
CONVERSATION = [
    "hey could you maybe put on that song by adele that i love so much",
    "oye me podrías poner algo de shakira para la fiesta de mi hermana, por favor",
]


def docs(texts: list[str]) -> list[Doc]:
    install_extensions()
    made = []
    for text in texts:
        doc = NLP.make_doc(text)
        set_doc_lang(doc, "es" if {"pon", "oye"} & set(text.split()) else "en")
        made.append(doc)
    return made


def test_the_detector_parts_the_corpus() -> None:
    commands, conversation = part_by_style(docs([*COMMANDS, *CONVERSATION]))
    assert [doc.text for doc in commands] == COMMANDS
    assert [doc.text for doc in conversation] == CONVERSATION


def test_a_corpus_of_one_style() -> None:
    with pytest.raises(DataError, match="3 commands and 0 conversational"):
        part_by_style(docs(COMMANDS))
    with pytest.raises(DataError, match="language of 'play hello' isn't known"):
        part_by_style([NLP.make_doc("play hello")])


def test_larger_draws_have_the_smaller_ones() -> None:
    conversation = docs([f"play {i}" for i in range(40)])
    small, large = ({doc.text for doc in draw(conversation, amount, 1)} for amount in (0.25, 0.5))
    assert len(small) == 10
    assert len(large) == 20
    assert small < large
    assert draw(conversation, 0.0, 1) == []
    assert [doc.text for doc in draw(conversation, 1.0, 1)] == [doc.text for doc in conversation]
    assert small != {doc.text for doc in draw(conversation, 0.25, 2)}


def test_the_baseline_is_always_planned() -> None:
    runs = plan(["cpu", "grounded"], [1.0, 0.5], range(2))
    assert len(runs) == len(set(runs)) == 12
    assert {run.amount for run in runs} == {0.0, 0.5, 1.0}
    assert {run.seed for run in runs[:6]} == {0}


def scores(right: list[int], predicted: list[int], gold: list[int]) -> dict[str, Any]:
    f = 2 * sum(right) / (sum(predicted) + sum(gold))
    counts = {"right": right, "predicted": predicted, "gold": gold, "sha256": "x"}
    return {"strict": {"f": f}, "utterance_counts": counts}


def made() -> dict[str, Any]:
    gold = [1] * 40
    runs = {
        Run("cpu", 0.0, 0): {"n_train": 10, "sets": {"test": scores([0] * 20 + [1] * 20, gold, gold)}},
        Run("cpu", 0.0, 1): {"n_train": 10, "sets": {"test": scores([0] * 24 + [1] * 16, gold, gold)}},
        Run("cpu", 1.0, 0): {"n_train": 20, "sets": {"test": scores([0] * 5 + [1] * 35, gold, gold)}},
        Run("cpu", 1.0, 1): {"n_train": 22, "sets": {"test": scores([0] * 7 + [1] * 33, gold, gold)}},
    }
    return {"students": summarize(runs), "teacher": {"test": 0.9}}


def test_rows_are_means_over_seeds_beside_the_baseline() -> None:
    before, after = made()["students"]["cpu"]
    assert (before["amount"], before["n_train"]) == (0.0, 10)
    assert before["sets"]["test"]["f"] == pytest.approx(0.45)
    assert before["sets"]["test"]["by_seed"] == [0.5, 0.4]
    assert before["sets"]["test"]["relative"] is None
    assert after["n_train"] == 21
    row = after["sets"]["test"]
    assert row["f"] == pytest.approx(0.85)
    assert row["relative"] == pytest.approx(100 * 0.4 / 0.45)
    assert row["difference"]["f"] == pytest.approx(0.4)
    low, high = row["difference"]["ci95"]
    assert 0 < low < 0.4 < high < 0.7
    assert row["difference"]["p"] < 0.01
    assert row["ci95"][0] < 0.85 < row["ci95"][1]


def test_table_and_picture(tmp_path: Path) -> None:
    table = markdown(made())
    assert "| cpu, commands alone (10) | 45.0 ± 7.1 |" in table
    assert "| cpu, + 100 % of conversation (21) | 85.0 ± 3.5 (+88.9 %) |" in table
    assert "| teacher | 90.0 |" in table
    plot(made(), tmp_path / "ablation.svg")
    assert "<svg" in (tmp_path / "ablation.svg").read_text(encoding="utf8")


def test_settings_go_to_the_configs_that_have_them(tmp_path: Path) -> None:
    config = Config({"paths": {"catalog": None}, "training": {"max_steps": 5}})
    given = {"paths.catalog": "a", "paths.index": "b", "training.max_steps": "7"}
    found = overrides_for(config, given, {"system.seed": "1"})
    assert found == {"paths.catalog": "a", "training.max_steps": "7", "system.seed": "1"}
    path = tmp_path / "a.cfg"
    path.write_text("[paths]\ncatalog = null\n", encoding="utf8")
    check_overrides({"a": path}, {"paths.catalog": "x"})
    with pytest.raises(ConfigError, match=r"paths\.catalogue.*a\.cfg"):
        check_overrides({"a": path}, {"paths.catalogue": "x"})
