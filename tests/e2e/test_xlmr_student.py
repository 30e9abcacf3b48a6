"""An XLM-R student by the project's own commands: trained, scored, packaged, exported, installed and loaded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy

from spacy_convner.docbin import exemplar_to_doc, write_docbin

from ..conftest import ROOT
from ..student.xlmr import build_tiny_xlmr, exemplars

SETS = [f"{kind}.{lang}" for kind in ("gold", "conversational", "head", "unseen") for lang in ("en", "es")]
SENTENCE = "play hello by adele"
# What a transformer of 26,000 random weights needs to learn 22 sentences in some seconds.
QUICK = {"size": 8, "accumulate_gradient": 1, "warmup_steps": 20, "initial_rate": 0.005, "eval_frequency": 138}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a corpus of the tests' sentences and quicker training; the transformer lies beside it."""
    pytest.importorskip("spacy_transformers")
    folder = tmp_path_factory.mktemp("xlmr-project") / "project"
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "assets" / "catalogs", folder / "assets" / "catalogs")
    shutil.copy(ROOT / "project.yml", folder / "project.yml")
    for name in ("corpus", "training", "metrics", "packages"):
        (folder / name).mkdir()
    config = folder / "configs" / "student_xlmr.cfg"
    text = config.read_text(encoding="utf8")
    for name, value in QUICK.items():
        text, changed = re.subn(rf"^{name} = [\d.e-]+$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert changed == 1, name
    config.write_text(text, encoding="utf8")
    nlp = spacy.blank("xx")
    docs = [exemplar_to_doc(nlp, exemplar) for exemplar in exemplars()]
    write_docbin(folder / "corpus" / "train.spacy", docs * 10)
    write_docbin(folder / "corpus" / "dev.spacy", docs)
    for i, name in enumerate(SETS):
        write_docbin(folder / "corpus" / f"{name}.spacy", docs[i:])
    (folder / "corpus" / "unseen_entities.jsonl").write_text('{"text": "Dune", "label": "Movie"}\n')
    build_tiny_xlmr(folder.parent / "tiny-xlmr")
    return folder


def run(project: Path, *arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd or project, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def project_run(project: Path, step: str) -> str:
    options = ("--vars.student", "xlmr", "--vars.transformer", "../tiny-xlmr", "--vars.package", "xlmr")
    return run(project, "spacy", "project", "run", step, ".", *options)


def install(project: Path, wheel: Path, name: str) -> list[list[object]]:
    """Install a wheel apart from everything. RETURNS (list): The entities of a sentence, by the installed package."""
    target = project / "installed" / name
    run(project, "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel))
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import spacy; nlp = spacy.load(sys.argv[2]); "
        "print(json.dumps([[e.text, e.label_] for e in nlp(sys.argv[3]).ents]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(target), name, SENTENCE], capture_output=True, text=True, check=True,
        cwd=project.parent,
    )  # fmt: skip
    found: list[list[object]] = json.loads(done.stdout)
    return found


def requirements(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode("utf8").splitlines()
    return [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]


@pytest.mark.slow
def test_from_corpus_to_wheels(project: Path) -> None:
    project_run(project, "train")
    project_run(project, "evaluate-student")
    metrics = json.loads((project / "metrics" / "student.json").read_text())
    assert set(metrics["sets"]) >= set(SETS)
    assert metrics["sets"]["gold.en"]["strict"]["f"] > 0.9
    project_run(project, "package")
    wheel = project / "packages" / "xx_xlmr-0.1.0" / "dist" / "xx_xlmr-0.1.0-py3-none-any.whl"
    assert not [line for line in requirements(wheel) if "convner" in line]
    expected = [["hello", "Song"], ["adele", "Artist"]]
    assert install(project, wheel, "xx_xlmr") == expected

    test = ("--test", "corpus/gold.en.spacy", "--report", "metrics/export.json")
    run(project, "spacy", "convner", "export", "training/student/model-best", "training/int8", *test)
    assert json.loads((project / "metrics" / "export.json").read_text())["agreement"] >= 0.995
    run(project, "spacy", "package", "training/int8", "packages", "--name", "int8", "--build", "wheel", "--force")
    (exported,) = (project / "packages").glob("xx_int8-*/dist/*.whl")
    needed = " ".join(requirements(exported))
    assert "onnxruntime" in needed
    assert "spacy-convner" in needed
    assert "transformers" not in needed
    assert install(project, exported, "xx_int8") == expected


@pytest.mark.slow
def test_without_a_hub_it_is_said(project: Path) -> None:
    (project / "alone").mkdir()
    done = subprocess.run(
        [
            sys.executable, "-m", "spacy", "convner", "train", "configs/student_xlmr.cfg", "--output", "alone",
            "--paths.train", "corpus/train.spacy", "--paths.dev", "corpus/dev.spacy",
            "--paths.transformer", "no-such-org/no-such-model",
        ],
        cwd=project, capture_output=True, text=True, check=False, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(project)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the model hub can't be reached" in done.stderr
    assert "--paths.transformer FOLDER" in done.stderr
    assert not list((project / "alone").iterdir())
