"""Every command explains itself, and ``spacy convner`` is the same program."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
import typer.main
from typer.testing import CliRunner

from spacy_convner.cli import app

runner = CliRunner()


def commands() -> list[list[str]]:
    def walk(command: click.Command, path: list[str]) -> list[list[str]]:
        children = getattr(command, "commands", None)
        if children is None:
            return [path]
        return [found for name, child in children.items() for found in walk(child, [*path, name])]

    return walk(typer.main.get_command(app), [])


def test_all_are_found() -> None:
    assert {" ".join(path) for path in commands()} >= {
        "label", "split", "convert", "evaluate", "report", "catalog stats", "catalog lookup", "tryout",
    }  # fmt: skip


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_has_an_example(path: list[str]) -> None:
    result = runner.invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Example: convner {' '.join(path)}" in " ".join(result.stdout.split())
    assert "Traceback" not in result.output


GROUPS = [[], *sorted({tuple(path[:-1]) for path in commands() if path[1:]})]


def test_groups_are_found() -> None:
    assert {" ".join(path) for path in GROUPS} >= {"", "bench", "catalog", "detector", "patterns", "store"}


@pytest.mark.parametrize("path", GROUPS, ids=" ".join)
def test_help_of_groups(path: list[str]) -> None:
    result = runner.invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    example = re.search(r"Example: convner ((?:[\w-]+ )+)", " ".join(result.stdout.split()))
    assert example
    typed = example[1].split()
    assert any(typed[: len(found)] == found and found[: len(path)] == [*path] for found in commands()), typed
    for name in {found[len(path)] for found in commands() if found[: len(path)] == [*path]}:
        assert f" {name} " in result.stdout


def test_unknown_command_and_option() -> None:
    assert runner.invoke(app, ["lable"]).exit_code == 2
    assert runner.invoke(app, ["label", "--fast"]).exit_code == 2


def test_spacy_knows_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spacy", "convner", "--help"], capture_output=True, text=True, check=True
    )
    assert "label" in done.stdout
    assert "catalog" in done.stdout
