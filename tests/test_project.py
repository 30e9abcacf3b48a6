"""``project.yml`` is a closed chain: what a step needs is in the repository or made by an earlier step."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from spacy.util import load_config
from typer.main import get_command
from weasel.cli.document import project_document
from weasel.util.config import load_project_config

from spacy_convner.cli import app

from .conftest import ROOT

PROJECT = yaml.safe_load((ROOT / "project.yml").read_text(encoding="utf8"))
MADE = ("corpus", "training", "metrics", "packages", "report.html")  # what runs make; never in the repository
VARIANTS = [
    {"filter": filter_, "student": student, "grounded": grounded}
    for filter_, student, grounded in product(("local", "anthropic"), ("cpu", "xlmr"), ("grounded", "grounded_xlmr"))
]
Step = dict[str, Any]


def steps(overrides: dict[str, str]) -> list[Step]:
    """Every step of the workflows, ``all`` first, in their order, with variables filled in."""
    config = load_project_config(ROOT, overrides={f"vars.{name}": value for name, value in overrides.items()})
    commands = {command["name"]: command for command in config["commands"]}
    return [commands[name] for workflow in config["workflows"].values() for name in workflow]


def paths(step: Step, *keys: str) -> list[str]:
    return [path for key in keys for path in step.get(key, ())]


def within(path: str, folders: list[str] | set[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join(variant.values()))
def chain(request: pytest.FixtureRequest) -> list[Step]:
    return steps(request.param)


def test_every_command_is_in_one_workflow() -> None:
    names = [name for workflow in PROJECT["workflows"].values() for name in workflow]
    assert [command["name"] for command in PROJECT["commands"]] == names
    assert next(iter(PROJECT["workflows"])) == "all"
    assert all(command["help"] for command in PROJECT["commands"])


def test_the_chain_is_closed(chain: list[Step]) -> None:
    made: set[str] = set()
    for step in chain:
        for path in paths(step, "deps"):
            if within(path, set(MADE)):
                assert path in made, f"{step['name']} needs {path}, which no earlier step makes"
            else:
                assert (ROOT / path).is_file(), f"{step['name']} needs {path}, which isn't a file of the repository"
        made |= set(paths(step, "outputs", "outputs_no_cache"))


def test_one_owner_an_output(chain: list[Step]) -> None:
    outputs = [path for step in chain for path in paths(step, "outputs", "outputs_no_cache")]
    assert len(outputs) == len(set(outputs))
    assert all(within(path, set(MADE)) for path in outputs)
    for path in outputs:
        assert not within(path, set(outputs) - {path}), f"{path} is inside another output"


def test_paths_are_whole(chain: list[Step]) -> None:
    # Two bare variables next to each other in a list collapse into one string.
    for step in chain:
        for path in paths(step, "deps", "outputs", "outputs_no_cache"):
            assert not re.search(r", |\$|\s|[{}]", path), path
            assert not path.startswith(("/", ".."))


def test_scripts_touch_what_they_declare(chain: list[Step]) -> None:
    for step in chain:
        deps, outputs = paths(step, "deps"), paths(step, "outputs", "outputs_no_cache")
        declared = deps + outputs
        # An option may be NAME=PATH.
        said = [word.rpartition("=")[2] for line in step["script"] for word in shlex.split(line)]
        for config in (ROOT / word for word in list(said) if word.endswith(".cfg")):
            said += [str(path) for path in load_config(config)["paths"].values()]
        used = [word for word in said if within(word, {*MADE, "assets", "configs", "constraints.txt"})]
        for path in used:
            below = any(other.startswith(f"{path}/") for other in declared)
            assert within(path, declared) or below, f"{step['name']} touches {path} and doesn't say so"
        for path in declared:
            below = any(within(path, {word}) for word in used)
            assert below or any(within(word, {path}) for word in used), f"{step['name']} never touches {path}"


def test_commands_exist_and_take_their_options(chain: list[Step]) -> None:
    root = get_command(app)
    for line in (line for step in chain for line in step["script"] if " convner " in line):
        words = shlex.split(line.split(" convner ", 1)[1])
        command: Any = root
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context("convner", words, resilient_parsing=False)


def test_every_result_is_in_the_report() -> None:
    report = next(command for command in PROJECT["commands"] if command["name"] == "report")
    commands = [command for command in PROJECT["commands"] if command["name"] in PROJECT["workflows"]["all"]]
    metrics = {path for command in commands for path in command["outputs"] if path.startswith("metrics/")}
    assert metrics == set(report["deps"])


def test_folders_of_results_are_ignored_by_git() -> None:
    ignored = Path(ROOT / ".gitignore").read_text(encoding="utf8")
    for folder in MADE:
        assert folder in ignored, folder


def test_readme_describes_the_project_as_it_is(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    shutil.copy(ROOT / "README.md", readme)
    project_document(ROOT, readme)
    again = "python -m spacy project document --output README.md"
    assert readme.read_text(encoding="utf8") == (ROOT / "README.md").read_text(encoding="utf8"), again
