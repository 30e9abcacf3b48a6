"""``convner testsets`` and ``convner audit`` as people run them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import spacy
from click.testing import Result
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.docbin import read_docbin
from spacy_convner.records import read_exemplars, read_labels

from ..conftest import ROOT, parse_markup, write_jsonl

runner = CliRunner()
LABELS = ROOT / "assets" / "labels.yml"
CATALOGS = ROOT / "assets" / "catalogs"
TRAINING = (ROOT / "assets" / "exemplars", ROOT / "assets" / "traffic" / "en.jsonl")
OPTIONS = ("--size", 90, "--head-size", 60, "--unseen-size", 90, "--unseen-per-label", 5)


def make_patterns(path: Path, lang: str, talk: str, order: str) -> Path:
    """Two patterns a label."""
    rows: list[dict[str, Any]] = []
    for i, label in enumerate(read_labels(LABELS)):
        about = {"lang": lang, "status": "accepted"}
        seeds = [f"seed {i}"]
        own = " ".join(f"{label}{word}".lower() for word in "abcdef")  # so that no two are alike
        rows.append({**about, "text": f"{talk.format(label)} {own}", "cluster": i, "seeds": seeds})
        rows.append({**about, "text": order.format(label), "style": "command", "frequency": 1 + i})
    return write_jsonl(path, rows)


@pytest.fixture
def patterns(tmp_path: Path) -> Path:
    return make_patterns(tmp_path / "en.jsonl", "en", "honestly who would ever need <{}> that much", "<{}> thing on")


@pytest.fixture
def spanish(tmp_path: Path) -> Path:
    return make_patterns(tmp_path / "es.jsonl", "es", "la verdad, no sé yo si <{}> me convence mucho", "cosa <{}> ya")


def run(patterns: Any, output: Path, *more: Any, training: Any = TRAINING) -> Result:
    sources = [str(path) for path in (patterns if isinstance(patterns, list) else [patterns])]
    given = [part for path in training for part in ("-t", str(path))]
    args = ["testsets", *sources, "-c", str(CATALOGS), "-o", str(output), *given, *map(str, more)]
    return runner.invoke(app, args)


def audit(*args: Any) -> Result:
    return runner.invoke(app, ["audit", *map(str, args)])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr + result.stdout


def test_all_of_it(patterns: Path, spanish: Path, tmp_path: Path) -> None:
    out, metrics = tmp_path / "corpus", tmp_path / "metrics" / "testsets.json"
    result = run([patterns, spanish], out, *OPTIONS, "--labels", LABELS, "--statistics", metrics, "--unseen-share", 0.5)
    assert result.exit_code == 0, result.output
    names = [f"{kind}.{lang}" for kind in ("conversational", "head", "unseen") for lang in ("en", "es")]
    assert sorted(os.listdir(out)) == sorted(
        [f"{name}.{suffix}" for name in names for suffix in ("jsonl", "spacy")]
        + ["unseen_entities.en.jsonl", "unseen_entities.es.jsonl", "unseen_entities.jsonl"]
        + ["test_patterns.en.jsonl", "test_patterns.es.jsonl"]
    )
    data = json.loads(metrics.read_text(encoding="utf8"))
    for name in names:
        exemplars = read_exemplars(out / f"{name}.jsonl", read_labels(LABELS))
        docs = list(read_docbin(out / f"{name}.spacy", Vocab()))
        assert [doc.text for doc in docs] == [exemplar.text for exemplar in exemplars]
        assert {exemplar.lang for exemplar in exemplars} == {name[-2:]}
        row = data["testsets"][name]
        assert row["samples"] == len(exemplars) == (60 if name.startswith("head") else 90)
        assert row["entity_types"] == 22
        assert list(row["per_label"]) == list(read_labels(LABELS))
        assert name in result.stdout
    assert data["paper"]["conversational.en"] == {"samples": 4082, "average_length": 19.49, "entity_types": 22}
    assert "4,082" in result.stdout
    assert "exclude_entities" in result.stderr
    assert read_patterns(out / "test_patterns.en.jsonl")[0].seeds == ("seed 0",)
    again = tmp_path / "again"
    assert run([patterns, spanish], again, *OPTIONS, "--labels", LABELS, "--unseen-share", 0.5).exit_code == 0
    for path in out.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    # Without the guard the exemplars give names away; with it they don't.
    unseen, held_out = out / "unseen.en.spacy", out / "unseen_entities.jsonl"
    leaky = audit(unseen, "-t", TRAINING[0], "--unseen-entities", held_out)
    assert leaky.exit_code == 1
    assert "names" in leaky.stderr
    clean = audit(unseen, "-t", TRAINING[0], "--unseen-entities", held_out, "--exclude-entities", held_out)
    assert clean.exit_code == 0, clean.output
    assert "no leaks: unseen.en.spacy (texts, names)" in clean.stderr
    nlp = spacy.blank("xx")
    guard = nlp.add_pipe(
        "exemplar_retriever", config={"exemplars": str(TRAINING[0]), "exclude_entities": str(held_out), "cache": False}
    )
    left = write_jsonl(
        tmp_path / "left.jsonl",
        [{"text": e.text, "spans": [{"start": s.start, "end": s.end, "label": s.label} for s in e.spans]}
         for e in guard.exemplars()],  # type: ignore[attr-defined]
    )  # fmt: skip
    said = tmp_path / "audit.json"
    assert audit(unseen, "-t", left, "--unseen-entities", held_out, "-o", said).exit_code == 0
    assert json.loads(said.read_text(encoding="utf8"))["audit"] == {str(unseen): ["texts", "names"]}
    assert audit(unseen, "-t", left, "-o", left).exit_code == 1


def test_disjoint_parts(patterns: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    options = ("--head-size", 0, "--unseen-size", 0, "--size", 100, "--dev-share", 0.3)
    result = run(patterns, out, *options, "--disjoint", "entities,patterns", training=())
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.glob("*.spacy")) == [
        "conversational-dev.en.spacy",
        "conversational.en.spacy",
    ]
    both = ("--apart", out / "conversational-dev.en.jsonl", "--disjoint", "texts,entities,patterns")
    assert audit(out / "conversational.en.spacy", "-t", TRAINING[0], *both).exit_code == 0
    other = tmp_path / "other"
    assert run(patterns, other, *options, training=()).exit_code == 0
    shared = ("--apart", other / "conversational-dev.en.spacy", "--disjoint", "patterns")
    assert audit(other / "conversational.en.spacy", "-t", TRAINING[0], *shared).exit_code == 1


def test_a_leak_writes_nothing(patterns: Path, tmp_path: Path) -> None:
    """Annotated traffic for the head is the one thing that is taken as it is."""
    counted = write_jsonl(tmp_path / "counted.jsonl", [parse_markup("play [Hello](Song) very loud tonight")])
    training = write_jsonl(tmp_path / "training.jsonl", [parse_markup("play [Hello](Song) very loud tonight")])
    out = tmp_path / "corpus"
    result = run(patterns, out, *OPTIONS, "--head-annotated", counted, training=[training])
    assert result.exit_code == 0, result.output  # it is left out
    assert "head.en: 0 of 1 annotated utterances used; 1 are in --training" in result.stderr
    assert "very loud" not in (out / "head.en.jsonl").read_text(encoding="utf8")
    bad = write_jsonl(tmp_path / "head.en.jsonl", [parse_markup("play [Hello](Song) very loud tonight")])
    result = audit(bad, "-t", training)
    fails(result, "1 texts in common")
    assert f"{bad}:1" in result.stdout
    assert f"{training}:1" in result.stdout
    assert audit(bad, "-t", training, "--checks", "names").exit_code == 1
    assert audit(bad, "-t", TRAINING[0], "--checks", "texts,forms").exit_code == 0


def test_head_from_counts(patterns: Path, tmp_path: Path) -> None:
    rows = [
        {**parse_markup("play [Hello](Song) loud"), "meta": {"count": 2}},
        {**parse_markup("be quiet at last"), "meta": {"count": 5}},
    ]
    counted = write_jsonl(tmp_path / "counted.jsonl", rows)
    options = ("--head-annotated", counted, "--size", 0, "--unseen-size", 0, "--head-size", 30)
    assert run(patterns, tmp_path / "out", *options).exit_code == 0
    found = read_exemplars(tmp_path / "out" / "head.en.jsonl")
    assert [exemplar.text for exemplar in found][:2] == ["be quiet at last", "play Hello loud"]
    assert len(found) == 30


def test_split_keeps_no_form_that_the_audit_finds(tmp_path: Path) -> None:
    """Whatever spoken noise puts in front or writes in words."""
    rows = [{"text": "put on <Song> & 5 more", "lang": "en", "status": "accepted"}]
    out, options = tmp_path / "out", ("--head-size", 0, "--unseen-size", 0, "--size", 20)
    assert run(write_jsonl(tmp_path / "p.jsonl", rows), out, *options, "--noise", 1, training=()).exit_code == 0
    said = [line.format("[Zzz](Song)") for line in (
        "um put on {} and five more", "so put on {} & 5 more", "what is {}", "stop {} now", "is {} old"
    )]  # fmt: skip
    source, docs = write_jsonl(tmp_path / "t.jsonl", [parse_markup(line) for line in said]), tmp_path / "t.spacy"
    assert runner.invoke(app, ["convert", str(source), str(docs)]).exit_code == 0
    audited = out / "conversational.en.spacy"
    assert audit(audited, "-t", docs).exit_code == 1
    train, dev = tmp_path / "train.spacy", tmp_path / "dev.spacy"
    args = ["--train", train, "--dev", dev, "--dev-share", 0.5, "--exclude-patterns", out / "test_patterns.en.jsonl"]
    result = runner.invoke(app, ["split", str(docs), *map(str, args)])
    assert result.exit_code == 0, result.output
    assert "2 excluded_patterns" in result.stderr
    assert audit(audited, "-t", train, "-t", dev).exit_code == 0
    again = run(tmp_path / "p.jsonl", tmp_path / "again", *options, training=[docs])
    fails(again, "1 of 1 patterns have a form that training has")


def test_wrong_input(patterns: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    fails(run(patterns, out, training=()), "--training", "--unseen-size 0")
    fails(run(patterns, out, "--size", 0, "--head-size", 0, "--unseen-size", 0), "nothing to make")
    fails(run(patterns, out, "--disjoint", "entities"), "--dev-share")
    fails(run(patterns, out, "--disjoint", "words", "--dev-share", 0.1), "entities, patterns", "'words'")
    fails(run(patterns, out, "--dev-share", 1), "--dev-share")
    fails(run(patterns, out, "--unseen-share", -1), "--unseen-share")
    fails(run(patterns, out, "--temperature", 0), "temperature")
    fails(run(patterns, out, "--noise", 7), "noise")
    fails(run(tmp_path / "none.jsonl", out), "no such file")
    fails(run(patterns, out, training=[tmp_path / "none.jsonl"]), "no such file")
    fails(run(patterns, out, "--statistics", patterns), "is an input")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    fails(run(empty, out), "empty")
    fails(run(patterns, out, training=[empty]), "empty")
    odd = tmp_path / "labels.yml"
    odd.write_text("Dish: what one eats\n")
    fails(run(patterns, out, "--labels", odd), "unknown label")
    (tmp_path / "in").mkdir()
    inside = patterns.rename(tmp_path / "in" / "head.en.jsonl")
    fails(run(inside, tmp_path / "in", *OPTIONS), "is an input")
    assert not out.exists()
    fails(audit(inside, "-t", empty), "spans")
    test = write_jsonl(tmp_path / "t.jsonl", [parse_markup("play")])
    fails(audit(test, "-t", empty), "empty")
    fails(audit(test, "-t", test, "--checks", "all"), "texts, names, forms")
    fails(audit(tmp_path / "none.spacy", "-t", test), "no such file")
    fails(audit(test, "-t", TRAINING[0], "--exclude-entities", tmp_path / "none.txt"), "no such file")
