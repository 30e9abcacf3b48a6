"""``spacy project run all`` on a small copy: every declared output is made, and only what changed is made again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ..conftest import ROOT

PROJECT = yaml.safe_load((ROOT / "project.yml").read_text(encoding="utf8"))
STEPS: list[str] = PROJECT["workflows"]["all"]


def head(path: Path, lines: int) -> None:
    path.write_text("".join(path.read_text(encoding="utf8").splitlines(keepends=True)[:lines]), encoding="utf8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with less traffic, smaller test sets and shorter training."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    folder.mkdir()
    for name in ("assets", "configs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("project.yml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    for name in PROJECT["directories"]:
        (folder / name).mkdir(exist_ok=True)
    for lang in ("en", "es"):
        head(folder / "assets" / "traffic" / f"{lang}.jsonl", 150)
    head(folder / "assets" / "traffic" / "later.jsonl", 300)
    steps = folder / "project.yml"
    text, changed = re.subn(r"--(head-|unseen-|)size \d+", r"--\1size 150", steps.read_text(encoding="utf8"))
    assert changed == 3
    steps.write_text(text, encoding="utf8")
    for name in ("student_cpu", "student_grounded"):
        config = folder / "configs" / f"{name}.cfg"
        text, changed = re.subn(r"max_steps = \d+", "max_steps = 100", config.read_text(encoding="utf8"))
        assert changed == 1
        text, changed = re.subn(r"eval_frequency = \d+", "eval_frequency = 50", text)
        assert changed == 1
        config.write_text(text, encoding="utf8")
    return folder


def run(project: Path, what: str = "all") -> list[str]:
    """Run the workflow, or one of its steps.

    RETURNS (list[str]): The steps that ran; the others said that nothing changed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "spacy", "project", "run", what],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    skipped = re.findall(r"Skipping '([\w-]+)': nothing changed", done.stdout)
    assert set(skipped) <= set(STEPS)
    return [step for step in (STEPS if what == "all" else [what]) if step not in skipped]


def declared_outputs(project: Path) -> list[Path]:
    values = {f"${{vars.{name}}}": str(value) for name, value in PROJECT["vars"].items()}
    return [
        project / re.sub(r"\$\{vars\.\w+\}", lambda found: values[found.group()], path)
        for command in PROJECT["commands"]
        if command["name"] in STEPS
        for path in command["outputs"]
    ]


@pytest.mark.slow
@pytest.mark.timeout(2000)  # four runs of the project, beside whatever else the machine does
def test_outputs_and_reruns(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(project) == STEPS
    missing = [str(path.relative_to(project)) for path in declared_outputs(project) if not path.exists()]
    assert not missing
    assert run(project) == []
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    (block,) = [code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "training/grounded" in code]
    monkeypatch.chdir(project)
    exec(compile(block, "README.md", "exec"), {})

    # The split leaves test utterances out; as none of these was in it, what it writes is the same and nobody retrains.
    # A wheel says how it scores, so it is made again.
    head(project / "assets" / "gold" / "es.jsonl", 100)
    with (project / "assets" / "tryout.txt").open("a", encoding="utf8") as tryout:
        tryout.write("play something by bad bunny\n")
    evaluations = ["evaluate-teacher", "evaluate-student", "evaluate-grounded"]
    assert run(project) == ["exemplars", "split", *evaluations, "package", "tryout", "report"]

    # What training sees, and what reviewers decided, make other test sets; what comes before neither is left alone.
    head(project / "assets" / "traffic" / "es.jsonl", 140)
    reviewed = project / "assets" / "patterns" / "es.jsonl"
    head(reviewed, len(reviewed.read_text(encoding="utf8").splitlines()) - 40)
    steps = ["label", "patterns", "review", "testsets", "split", "train"]
    assert [step for step in steps if run(project, step)] == ["label", "review", "testsets", "split", "train"]
