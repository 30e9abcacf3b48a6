"""The rules of the house that a linter can't hold."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .conftest import ROOT

PACKAGE = ROOT / "spacy_convner"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("catalog", "exemplars", "filtering", "postprocess", "silver", "student", "evaluation", "llm", "datagen", "cli")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_package_is_here() -> None:
    assert len(FILES) > 40
    assert all((PACKAGE / room / "__init__.py").is_file() for room in ROOMS)


@pytest.mark.parametrize("path", [p for p in sorted(PACKAGE.rglob("*")) if p.suffix in (".py", ".jinja")], ids=ids)
def test_no_file_needs_a_table_of_contents(path: Path) -> None:
    assert len(path.read_text(encoding="utf8").splitlines()) <= 300


def test_nothing_is_called_utils() -> None:
    assert not [path for path in PACKAGE.rglob("*") if path.stem in ("util", "utils", "helpers", "common", "misc")]


@pytest.mark.parametrize("path", [p for p in FILES if PACKAGE / "cli" not in p.parents], ids=ids)
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert name not in ("print", "input", "exit", "quit", "sys.exit", "os._exit"), f"{path}:{node.lineno}"
        assert not name.startswith(("typer.", "click.", "sys.stdout.", "sys.stderr.")), f"{path}:{node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {"typer", "click", "wasabi"} & {module.split(".")[0] for module in modules}, path


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_files_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf8"))
    if tree.body:
        assert ast.get_docstring(tree), path
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name}"


def test_tests_mirror_the_rooms() -> None:
    for room in ROOMS:
        assert list((ROOT / "tests" / room).rglob("test_*.py")), room
