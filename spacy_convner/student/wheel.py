"""Room 6: prove that a packaged student works for somebody who has only spaCy and the wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConvnerError, DataError

# Runs inside the scratch environment: it must not need this package.
_PROGRAM = """
import importlib.util, json, sys, time
started = time.perf_counter()
import spacy
imported = time.perf_counter()
nlp = spacy.load(sys.argv[1])
loaded = time.perf_counter()
texts = json.load(sys.stdin)
spans = lambda docs: [[[e.start_char, e.end_char, e.label_] for e in doc.ents] for doc in docs]
found = spans(nlp.pipe(texts))
two = spans(nlp.pipe(texts, n_process=2, batch_size=max(1, len(texts) // 2)))
print(json.dumps({
    "python": sys.version.split()[0],
    "spacy": spacy.__version__,
    "has_convner": importlib.util.find_spec("spacy_convner") is not None,
    "import_s": round(imported - started, 2),
    "load_s": round(loaded - imported, 2),
    "sentences": [{"text": text, "ents": ents} for text, ents in zip(texts, found)],
    "differs": [text for text, one, other in zip(texts, found, two) if one != other],
}))
"""


def try_wheel(
    wheel: Path,
    texts: Sequence[str],
    constraints: Path | None = None,
    first: Sequence[str] = (),
    test: Path | None = None,
) -> dict[str, Any]:
    """Install a pipeline wheel into a scratch virtual environment and run it there.

    wheel (Path): Made by ``spacy package --build wheel``, or the folder where that put it.
    texts (Sequence[str]): Sentences to run. constraints (Path | None): Constraints file for pip.
    first (Sequence[str]): Paths or requirements to install before it: what the wheel needs and no index has.
    test (Path | None): Annotated .spacy file, for ``spacy evaluate`` there.
    RETURNS (dict): wheel, bytes, python, spacy, has_convner, import_s, load_s (seconds), sentences [{text, ents}];
        with ``test`` evaluate {test, ents_f (0..1)}.
    RAISES: DataError without a wheel, ConvnerError if it can't be installed or run, or if two processes find other
        entities than one.
    """
    wheel = find_wheel(wheel)
    name = wheel.name.split("-")[0]
    with tempfile.TemporaryDirectory(prefix="convner-wheel-") as folder:
        venv.EnvBuilder(with_pip=True).create(folder)
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if constraints is not None:
            pip += ["-c", str(constraints.resolve())]
        for wanted in [*map(_requirement, first), str(wheel.resolve())]:
            _run([*pip, "--", wanted], cwd=folder)
        output = _run([str(python), "-c", _PROGRAM, name], cwd=folder, stdin=json.dumps(list(texts)))
        result = {"wheel": wheel.name, "bytes": wheel.stat().st_size, **json.loads(output)}
        if differs := result.pop("differs"):
            raise ConvnerError(f"two processes find other entities than one, first in: {differs[0]!r}")
        if test is not None:
            scores = Path(folder) / "scores.json"
            _run([str(python), "-m", "spacy", "evaluate", name, str(test.resolve()), "-o", str(scores)], cwd=folder)
            result["evaluate"] = {"test": test.name, "ents_f": json.loads(scores.read_text("utf8")).get("ents_f")}
    return result


def find_wheel(path: Path) -> Path:
    """RETURNS (Path): The wheel itself, or the newest of a folder. RAISES: DataError for none, or several packages."""
    if path.is_file() and path.suffix == ".whl":
        return path
    wheels = sorted(path.rglob("*.whl"), key=lambda p: p.stat().st_mtime) if path.is_dir() else []
    if not wheels:
        raise DataError("no wheel here", path=path, hint="make one with: spacy package … --build wheel")
    if len(names := sorted({wheel.name.split("-")[0] for wheel in wheels})) > 1:
        raise DataError(f"has wheels of several packages: {', '.join(names)}", path=path, hint="name one of the files")
    return wheels[-1]


def _requirement(wanted: str) -> str:
    # pip runs in another folder: a path must not depend on it.
    return str(Path(wanted).resolve()) if Path(wanted).exists() else wanted


def _run(command: list[str], cwd: str, stdin: str | None = None) -> str:
    # The scratch environment must not see this one's packages.
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        step = "installing the wheel" if "pip" in command else "running the installed student"
        if "No matching distribution found for spacy-convner" in tail:
            step = f"the wheel needs spacy-convner, give it too (--with FOLDER or WHEEL); {step}"
        raise ConvnerError(f"{step} failed with {Path(sys.executable).name} exit {done.returncode}:\n{tail}")
    return done.stdout
