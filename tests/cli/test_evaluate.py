from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.docbin import exemplar_to_doc, write_docbin
from spacy_convner.records import read_exemplars

runner = CliRunner()
RECORDS = [
    {"text": "play hello", "spans": [{"start": 5, "end": 10, "label": "Song"}], "lang": "en"},
    {"text": "play yellow", "spans": [{"start": 5, "end": 11, "label": "Song"}], "lang": "en"},
]


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    path = tmp_path / "gold.en.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS), encoding="utf8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Song", "pattern": "hello"}])
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_folder(folder: Path, test_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics" / "teacher.json"
    result = runner.invoke(app, ["evaluate", str(folder), str(test_file), "--output", str(output)])
    assert result.exit_code == 0, result.output
    metrics = json.loads(output.read_text(encoding="utf8"))
    assert metrics["system"] == "teacher"
    assert list(metrics["sets"]) == ["gold.en", "all"]
    assert metrics["sets"]["gold.en"]["strict"]["f"] == pytest.approx(2 / 3)
    assert metrics["sizes"]["pipeline_bytes"] > 100
    assert metrics["sizes"]["load_s"] > 0
    assert "66.7" in result.stdout
    assert "gold.en" in result.stdout
    assert "Song" in result.stdout
    assert "Loading" not in result.stdout  # standard output is for the table
    assert [path.name for path in output.parent.iterdir()] == ["teacher.json"]


def test_config_several_sets_and_options(test_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "blank.cfg"
    config.write_text('[nlp]\nlang = "en"\npipeline = []\n', encoding="utf8")
    second = tmp_path / "head.en.jsonl"
    second.write_text(json.dumps({"text": "hi", "spans": []}) + "\n", encoding="utf8")
    labels = tmp_path / "labels.yml"
    labels.write_text("Song: title of one track\n", encoding="utf8")
    output = tmp_path / "x.json"
    arguments = ["evaluate", str(config), str(test_file), str(second), "-o", str(output), "--name", "blank"]
    result = runner.invoke(app, [*arguments, "--labels", str(labels), "--n-bootstrap", "0"])
    assert result.exit_code == 0, result.output
    metrics = json.loads(output.read_text(encoding="utf8"))
    assert metrics["system"] == "blank"
    assert list(metrics["sets"]) == ["gold.en", "head.en", "all"]
    assert metrics["sets"]["all"]["strict"] == {"p": 0, "r": 0, "f": 0, "ci95": None, "n": 2}
    assert "pipeline_bytes" not in metrics["sizes"]


def test_faults_end_as_one_message(folder: Path, test_file: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.yml"
    labels.write_text("Movie: a film\n", encoding="utf8")
    other = tmp_path / "deeper" / test_file.name
    other.parent.mkdir()
    other.write_bytes(test_file.read_bytes())
    text = tmp_path / "gold.txt"
    text.write_text("x", encoding="utf8")
    output = tmp_path / "out.json"
    for pipeline, tests, extra, message in (
        (folder, [tmp_path / "none.jsonl"], [], "no such file"),
        (folder, [test_file], ["--labels", str(labels)], "unknown label 'Song'"),
        (folder, [test_file, other], [], "a second test set named 'gold.en'"),
        (folder, [text], [], "expected .spacy or .jsonl"),
        ("no_such_package", [test_file], [], "no_such_package"),
        (tmp_path / "none.cfg", [test_file], [], "none.cfg"),
    ):
        result = runner.invoke(app, ["evaluate", str(pipeline), *map(str, tests), "-o", str(output), *extra])
        assert result.exit_code == 1, result.output
        assert message in result.stderr
        assert "Traceback" not in result.output
        assert not output.exists()
    result = runner.invoke(app, ["evaluate", str(folder), str(test_file), "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert "is a folder" in result.stderr


def test_tables_of_labels_languages_and_slices(folder: Path, test_file: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text(json.dumps(RECORDS[0]) + "\n", encoding="utf8")
    test_file.write_text(
        "".join(
            json.dumps({**record, "lang": lang}) + "\n" for record, lang in zip(RECORDS, ("en", "es"), strict=True)
        ),
        encoding="utf8",
    )
    output = tmp_path / "x.json"
    result = runner.invoke(app, ["evaluate", str(folder), str(test_file), "-o", str(output), "--train", str(train)])
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["es", "1", "0.0", "0.0", "0.0"] in rows
    assert ["name", "seen", "yes", "1", "1", "100.0", "100.0", "100.0"] in rows
    assert ["no", "1", "0", "–", "0.0", "0.0"] in rows  # nothing predicted, so no precision
    assert ["ent_type", "1", "0", "0", "1", "0", "100.0", "50.0", "66.7"] in rows
    assert "errors: 1 missed" in result.stdout
    slices = json.loads(output.read_text(encoding="utf8"))["sets"]["all"]["slices"]
    assert slices["seen"]["no"] == {"p": 0.0, "r": 0.0, "f": 0.0, "n": 1, "predicted": 0}
    for wrong, message in ((tmp_path / "none.jsonl", "no such file"), (output, "spans")):
        other = tmp_path / "y.json"
        result = runner.invoke(app, ["evaluate", str(folder), str(test_file), "-o", str(other), "--train", str(wrong)])
        assert result.exit_code == 1
        assert message in result.stderr or "not valid JSON" in result.stderr
        assert not other.exists()


def test_help_shows_an_example() -> None:
    result = runner.invoke(app, ["evaluate", "--help"])
    assert result.exit_code == 0
    assert "Example: convner evaluate" in result.stdout


def test_docbin_test_set(folder: Path, test_file: Path, tmp_path: Path) -> None:
    docs = [exemplar_to_doc(spacy.blank("en"), exemplar) for exemplar in read_exemplars(test_file)]
    write_docbin(tmp_path / "unseen.en.spacy", docs)
    output = tmp_path / "student.json"
    result = runner.invoke(app, ["evaluate", str(folder), str(tmp_path / "unseen.en.spacy"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    scores = json.loads(output.read_text(encoding="utf8"))["sets"]["unseen.en"]
    assert scores["strict"]["f"] == pytest.approx(2 / 3)
    assert scores["errors"][0]["missed"] == [[5, 11, "Song"]]


def test_two_processes_give_the_same_scores(folder: Path, test_file: Path, tmp_path: Path) -> None:
    found = []
    for n in ("1", "2"):
        output = tmp_path / f"by{n}.json"
        done = runner.invoke(app, ["evaluate", str(folder), str(test_file), "-o", str(output), "--n-process", n])
        assert done.exit_code == 0, done.output
        scores = json.loads(output.read_text(encoding="utf8"))["sets"]["gold.en"]
        found.append({key: scores[key] for key in ("strict", "utterance_counts", "per_label", "errors")})
    assert found[0] == found[1]


def test_todays_catalog_and_entities_instead_of_spans(test_file: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher")
    nlp.add_pipe("llm_semantic_filter", config={"filter": {"@misc": "spacy_convner.AcceptAllFilter.v1"}})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Song", "pattern": "yellow"}])
    nlp.to_disk(tmp_path / "student")
    today = tmp_path / "today.jsonl"
    today.write_text(json.dumps({"text": "Hello", "label": "Song"}) + "\n", encoding="utf8")

    def run(*more: str) -> float:
        output = tmp_path / "scores.json"
        arguments = ["evaluate", str(tmp_path / "student"), str(test_file), "--output", str(output), *more]
        done = runner.invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return float(json.loads(output.read_text(encoding="utf8"))["sets"]["gold.en"]["strict"]["f"])

    assert run() == 0.0
    assert run("--catalog", str(today)) == pytest.approx(2 / 3)
    assert run("--catalog", str(today), "--ents") == pytest.approx(2 / 3)  # the ruler's "yellow"
    no_catalog = tmp_path / "plain"
    spacy.blank("en").to_disk(no_catalog)
    done = runner.invoke(
        app, ["evaluate", str(no_catalog), str(test_file), "-o", str(tmp_path / "x.json"), "--catalog", str(today)]
    )
    assert done.exit_code == 1
    assert "no catalog_matcher" in done.stderr
