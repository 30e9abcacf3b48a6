"""An exported student finds what the trained one does, wherever it is loaded."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.errors import ConfigError, ConvnerError, DataError
from spacy_convner.pipelines import pipeline_fingerprint
from spacy_convner.student.agreement import Agreement, compare_entities, compare_speed, entities
from spacy_convner.student.onnx_encoder import FACTS, FILES, GRAPH, TOKENIZER, OnnxEncoder
from spacy_convner.student.onnx_export import export_pipeline, transformer_component

from ..conftest import ROOT
from .xlmr import exemplars

TEXTS = [exemplar.text for exemplar in exemplars()] + ["", " ", "¿dónde está  boston? 🎧", "play dune " * 150]


def ruler(*patterns: tuple[str, str]) -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for text, label in patterns])  # type: ignore[attr-defined]
    return nlp


def test_agreement_counts_entities_of_either() -> None:
    first, second = ruler(("dune", "Movie"), ("hello", "Song")), ruler(("dune", "Book"), ("hello", "Song"))
    found = compare_entities(first, second, ["play hello", "watch dune", "nothing"])
    assert found == Agreement(3, both=1, only_first=1, only_second=1)
    assert found.rate == pytest.approx(1 / 2)
    assert compare_entities(first, second, ["nothing"]).rate is None
    speed = compare_speed(first, second, ["play hello"] * 5, rounds=3)
    assert speed.ratio == pytest.approx(speed.first_ms / speed.second_ms)
    assert speed.first_ms > 0


@pytest.mark.parametrize(
    "settings",
    [{"window": -1}, {"window": 8, "stride": 0}, {"window": 8, "stride": 9}, {"batch_size": 0}, {"threads": -1}],
)
def test_bad_settings(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="onnx_transformer: expected"):
        spacy.blank("xx").add_pipe("onnx_transformer", config=settings)


def test_without_an_encoder_it_says_where_one_comes_from(tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("onnx_transformer")
    with pytest.raises(ConvnerError, match="convner export"):
        nlp("play hello")
    with pytest.raises(ConvnerError, match="convner export"):
        nlp.to_disk(tmp_path / "x")
    with pytest.raises(DataError, match="damaged"):
        nlp.get_pipe("onnx_transformer").from_disk(tmp_path)  # type: ignore[attr-defined]


def test_only_a_transformer_pipeline_is_exported() -> None:
    with pytest.raises(ConfigError, match="one transformer component, got 0"):
        transformer_component(ruler(("dune", "Movie")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("transformer.model.get_spans", {"@span_getters": "spacy-transformers.sent_spans.v1"}, "sent_spans"),
        ("ner.model.tok2vec.pooling", {"@layers": "reduce_max.v1"}, r"pooling\]: only reduce_mean"),
    ],
)
def test_what_has_no_counterpart_is_refused(
    trained_xlmr: Path, tmp_path: Path, setting: str, value: dict[str, str], message: str
) -> None:
    nlp = spacy.load(trained_xlmr, config={f"components.{setting}": value})
    with pytest.raises(ConfigError, match=message):
        export_pipeline(nlp, tmp_path / "out", int8=True, batch_size=1, threads=1)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def exports(trained_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("exports")
    for int8 in (False, True):
        export_pipeline(spacy.load(trained_xlmr), folder / str(int8), int8=int8, batch_size=1, threads=1)
    return {int8: folder / str(int8) for int8 in (False, True)}


@pytest.fixture(scope="module")
def trained(trained_xlmr: Path) -> Language:
    return spacy.load(trained_xlmr)


def answers(nlp: Language, texts: list[str] = TEXTS, **settings: Any) -> list[set[tuple[int, int, str]]]:
    return [entities(doc) for doc in nlp.pipe(texts, **settings)]


@pytest.mark.slow
@pytest.mark.parametrize("int8", [False, True])
def test_finds_the_same(exports: dict[bool, Path], trained: Language, int8: bool) -> None:
    exported = spacy.load(exports[int8])
    expected = answers(trained)
    assert sum(map(len, expected)) > 15
    assert answers(exported) == expected
    assert [entities(exported(text)) for text in TEXTS] == expected
    assert "spacy-transformers" not in exported.config["components"]["ner"]["model"]["tok2vec"]["@architectures"]
    assert exported.meta["requirements"][-2].startswith("onnxruntime")
    # Vectors: the same in float32, near in int8; how texts are batched changes nothing of what an utterance gets.
    one, many = list(exported.pipe(TEXTS, batch_size=1)), list(exported.pipe(TEXTS, batch_size=100))
    assert all(np.array_equal(a.tensor, b.tensor) for a, b in zip(one, many, strict=True))
    from spacy_transformers.layers.trfs2arrays import trfs2arrays
    from thinc.api import reduce_mean

    pool = trfs2arrays(reduce_mean(), 1.0)
    for doc, found in zip(trained.pipe(TEXTS), one, strict=True):
        if len(doc):
            (vectors,) = pool.predict([doc._.trf_data])
            assert np.abs(vectors - found.tensor).max() < (0.1 if int8 else 1e-4)


@pytest.mark.slow
def test_padding_changes_nothing_in_float32(exports: dict[bool, Path]) -> None:
    exported = spacy.load(exports[False], config={"components": {"transformer": {"batch_size": 7}}})
    assert exported.get_pipe("transformer").batch_size == 7  # type: ignore[attr-defined]
    alone = spacy.load(exports[False])
    for doc, other in zip(exported.pipe(TEXTS), alone.pipe(TEXTS), strict=True):
        assert doc.tensor == pytest.approx(other.tensor, abs=1e-4)


@pytest.mark.slow
def test_round_trips(exports: dict[bool, Path], tmp_path: Path) -> None:
    exported = spacy.load(exports[True])
    expected = answers(exported)
    exported.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert answers(again) == expected
    assert pipeline_fingerprint(again) == pipeline_fingerprint(exported)
    again.to_disk(tmp_path / "again")  # onto itself
    assert answers(spacy.load(tmp_path / "again")) == expected
    from_bytes = spacy.load(tmp_path / "again")
    from_bytes.from_bytes(exported.to_bytes())
    shutil.rmtree(tmp_path / "again")
    assert answers(from_bytes) == expected
    assert from_bytes.get_pipe("transformer").encoder.facts.int8  # type: ignore[attr-defined]
    assert answers(pickle.loads(pickle.dumps(exported))) == expected


@pytest.mark.slow
def test_several_processes_after_use(exports: dict[bool, Path]) -> None:
    exported = spacy.load(exports[True])
    expected = answers(exported)
    assert answers(exported, TEXTS * 3, n_process=2, batch_size=8) == expected * 3


@pytest.mark.slow
def test_serves_without_torch(exports: dict[bool, Path], trained: Language, tmp_path: Path) -> None:
    left_out = ("torch", "transformers", "spacy_transformers", "onnx-", "sentence_transformers", "gt_all")
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(spacy.__file__).parents[1].iterdir():
        if not entry.name.startswith(left_out) and entry.name != "onnx":
            (packages / entry.name).symlink_to(entry)
    program = """
import importlib.util, json, sys
assert not [name for name in ("torch", "transformers", "spacy_transformers", "onnx") if importlib.util.find_spec(name)]
import spacy
nlp = spacy.load(sys.argv[1])
print(json.dumps([[[e.start_char, e.end_char, e.label_] for e in doc.ents] for doc in nlp.pipe(json.load(sys.stdin))]))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, str(exports[True])], input=json.dumps(TEXTS), capture_output=True,
        text=True, check=False, env={"PYTHONPATH": f"{packages}:{ROOT}"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [{tuple(entity) for entity in found} for found in json.loads(done.stdout)] == answers(trained)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_damage_is_said(exports: dict[bool, Path], tmp_path: Path, name: str) -> None:
    shutil.copytree(exports[True], tmp_path / "copy")
    path = tmp_path / "copy" / "transformer" / name
    data = path.read_bytes()
    for content in (data[: len(data) // 2], b"", bytes([data[0] ^ 1]) + data[1:], None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(DataError, match=f"damaged.*{name}|{name}.*damaged"):
            spacy.load(tmp_path / "copy")("play hello")
    assert {GRAPH, TOKENIZER, FACTS} == set(FILES)
    with pytest.raises(DataError, match=r"damaged: no encoder\.json"):
        _ = OnnxEncoder({}, 1).facts


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.mark.slow
def test_command(trained_xlmr: Path, corpora: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(trained_xlmr, "out", "--test", corpora / "dev.spacy", "--report", "report.json", "--rounds", 1)
    assert done.exit_code == 0, done.output
    found = json.loads(Path("report.json").read_text())
    assert found["agreement"] >= 0.995
    assert found["both"] >= 15
    assert found["export_bytes"] < found["original_bytes"]
    assert "100.00% of" in done.output
    assert sorted(path.name for path in Path().iterdir()) == ["out", "report.json"]

    # A quantization that loses everything is refused, and what was there stays.
    from spacy_convner.student import onnx_graph

    def ruin(model: Any) -> None:
        from onnx import numpy_helper

        for tensor in model.graph.initializer:
            if tensor.data_type in (1, 10) and len(tensor.dims) == 2:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 0, tensor.name))

    monkeypatch.setattr(onnx_graph, "_halve_embeddings", ruin)
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    refused = run(trained_xlmr, "out", "--test", corpora / "dev.spacy", "--rounds", 1)
    assert refused.exit_code == 1
    assert "at least 99.50% are asked for; nothing was written" in refused.output
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before
    forced = run(trained_xlmr, "out", "--test", corpora / "dev.spacy", "--rounds", 1, "--force")
    assert forced.exit_code == 0
    assert Path("out/transformer", GRAPH).read_bytes() != before[Path("out/transformer", GRAPH)]


def test_command_refuses(corpora: Path, run: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    ruler(("dune", "Movie")).to_disk(tmp_path / "ruler")
    for arguments, message in [
        (("ruler", "ruler"), "is an input"),
        (("ruler", tmp_path), "other things in it"),
        (("ruler", "out"), "one transformer component"),
        (("nope", "out"), "no such pipeline"),
        (("ruler", "out", "--test", corpora / "empty.spacy"), "no utterance"),
        (("ruler", "out", "--test", "nope.spacy"), "no such file"),
    ]:
        done = run(*arguments)
        assert done.exit_code == 1, done.output
        assert message in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["ruler"]
