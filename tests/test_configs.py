"""The configs that people start from."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from spacy.cli.init_config import fill_config
from spacy.util import load_config, load_model_from_config

from spacy_convner.errors import ConfigError
from spacy_convner.pipelines import load_pipeline
from spacy_convner.student.published_config import publish_config

from .conftest import ROOT

CONFIGS = ROOT / "configs"
TEACHERS = sorted(CONFIGS.glob("teacher_*.cfg"))
GROUNDED = ("student_grounded", "student_grounded_xlmr", "student_hybrid")  # they need our components: the catalog
STUDENTS = sorted(CONFIGS.glob("student_*.cfg"))
TRAINED = [path for path in STUDENTS if path.stem != "student_hybrid"]  # that one is put together from two


def stem(path: Path) -> str:
    return path.stem


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_all_are_here() -> None:
    names = {path.stem for path in TEACHERS + STUDENTS}
    assert names >= {"teacher_local", "teacher_claude", "teacher_anthropic", "student_cpu", "student_xlmr", *GROUNDED}


@pytest.mark.parametrize("path", TEACHERS, ids=stem)
def test_teachers_load_without_key_and_network(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # nor do they need their files to be constructed
    config = load_config(path)
    nlp = load_model_from_config(config, auto_fill=True)
    assert nlp.pipe_names == ["catalog_matcher", "exemplar_retriever", "llm_semantic_filter", "candidate_postprocess"]
    for name in config["components"]:
        given, filled = config["components"][name], nlp.get_pipe_config(name)
        assert set(given) <= set(filled), name
    for source in config["paths"].values():
        assert (ROOT / source).exists(), source
    assert not list(tmp_path.iterdir())


def test_claude_is_also_called_anthropic() -> None:
    # `spacy project run all . --vars.filter anthropic` names the file by the filter.
    def body(name: str) -> list[str]:
        lines = (CONFIGS / name).read_text(encoding="utf8").splitlines()
        return lines[next(i for i, line in enumerate(lines) if not line.startswith("#")) :]

    assert body("teacher_claude.cfg") == body("teacher_anthropic.cfg")
    assert "[nlp]" in body("teacher_claude.cfg")


def test_no_config_holds_a_key() -> None:
    for path in TEACHERS + STUDENTS:
        settings = [line for line in path.read_text(encoding="utf8").splitlines() if not line.startswith("#")]
        assert not [line for line in settings if re.search(r"\bsk-|\b(api_key|token|password)\b", line)]


@pytest.mark.parametrize("path", TRAINED, ids=stem)
def test_students_are_fully_filled(path: Path, tmp_path: Path) -> None:
    if "transformer" in load_config(path)["nlp"]["pipeline"]:
        pytest.importorskip("spacy_transformers")
    fill_config(tmp_path / "filled.cfg", path, silent=True)
    assert load_config(tmp_path / "filled.cfg").to_str() == load_config(path).to_str()


@pytest.mark.parametrize("path", [path for path in STUDENTS if stem(path) not in GROUNDED], ids=stem)
def test_students_stand_alone(path: Path) -> None:
    config, _ = publish_config(load_config(path))  # of the packaged pipeline; training may use parts of ours
    assert "convner" not in str({name: config[name] for name in ("nlp", "components", "initialize")}).lower()
    assert config["nlp"]["lang"] == load_config(CONFIGS / "teacher_local.cfg")["nlp"]["lang"]
    assert "ner" in config["nlp"]["pipeline"]


def test_a_section_before_its_parent_is_said(tmp_path: Path) -> None:
    path = tmp_path / "teacher.cfg"
    path.write_text(
        "[components]\n\n[components.a]\n\n[components.a.b.c]\nx = 1\n\n[components.a.b]\n", encoding="utf8"
    )
    with pytest.raises(ConfigError, match=r"teacher.cfg: a section stands before \[… b\].*outer sections first"):
        load_pipeline(str(path))
