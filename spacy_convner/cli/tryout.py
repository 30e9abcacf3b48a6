"""``convner tryout``: does the wheel work for somebody else?"""

from __future__ import annotations

import json
from pathlib import Path

import typer

from .app import Arg, Opt, app, command, keep_inputs, say


@command(app, "tryout")
def tryout_cli(
    wheel: Path = Arg(..., help="A pipeline wheel, or a folder that holds one"),
    texts: Path = Opt(..., "--texts", help="Sentences to run: a line each, or .jsonl or .spacy"),
    output: Path | None = Opt(None, "--output", "-o", help="Write what was found to this JSON file"),
    constraints: Path | None = Opt(None, "--constraints", "-c", help="Constraints file for pip"),
    first: list[str] = Opt([], "--with", help="Install this path or requirement first, for what no index has"),
    test: Path | None = Opt(None, "--test", help="Annotated .spacy file: what spacy evaluate gives there"),
) -> None:
    """Install a wheel into a scratch virtual environment with nothing but its dependencies, and run it there.

    Example: convner tryout packages --texts assets/tryout.txt --output metrics/wheel.json

    Example: convner tryout packages/xx_convner_grounded-0.1.0 --with . --texts assets/tryout.txt
    """
    from ..atomic import write_text
    from ..errors import DataError
    from ..student.wheel import find_wheel, try_wheel
    from ..student.wheel_inputs import check_inputs
    from .text_files import read_texts

    sentences = read_texts([texts])
    wheel = find_wheel(wheel)
    check_inputs(wheel, constraints, first, test)
    keep_inputs([output], [wheel, texts, *(path for path in (constraints, test) if path is not None)])
    if output is not None and output.is_dir():
        raise DataError("is a folder, a file was expected", path=output, field="--output")
    say(f"Installing {wheel.name} into a scratch virtual environment …")
    result = try_wheel(wheel, sentences, constraints, first, test)
    for sentence in result["sentences"]:
        found = ", ".join(f"{sentence['text'][a:b]} → {label}" for a, b, label in sentence["ents"])
        typer.echo(f"{sentence['text']}\n    {found or '(no entity)'}")
    if not any(sentence["ents"] for sentence in result["sentences"]):
        raise DataError("the installed student found no entity in any sentence", path=texts)
    if output is not None:
        write_text(output, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if test is not None:
        say(f"spacy evaluate on {test.name}: ents_f {result['evaluate']['ents_f']}")
    say(f"{result['wheel']}: {result['bytes'] / 1e6:.1f} MB, loads in {result['load_s']} s")
