"""Render the prompt: a static head that can be cached, then exemplars and query (paper, appendix C)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from ..errors import ConfigError
from ..records import check_file
from ..ty import Candidate, FilterRequest, FilterTask

PROMPTS = Path(__file__).parent / "prompts"
# One constant schema with integers: a schema a request would be compiled each time and keep people's words.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"selected": {"type": "array", "items": {"type": "integer"}}},
    "required": ["selected"],
    "additionalProperties": False,
}


def as_data(text: str) -> str:
    """RETURNS (str): A JSON string on one line without angle brackets: text can't open or close a section."""
    quoted = json.dumps(text, ensure_ascii=False)
    for char in "<>\u0085\u2028\u2029":
        quoted = quoted.replace(char, f"\\u{ord(char):04x}")
    return quoted


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["data"] = as_data
    return environment


@lru_cache(maxsize=8)
def _template(path: Path) -> Any:
    check_file(path)
    try:
        return _environment().from_string(path.read_text(encoding="utf8"))
    except (TemplateError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: not a valid Jinja2 template: {err}") from err


def render(task: FilterTask, request: FilterRequest) -> tuple[str, str]:
    """RETURNS (tuple[str, str]): System prompt (the same for a whole run) and user prompt.

    RAISES: ConfigError if a template of the user's own can't be rendered.
    """
    user_template = Path(task.template) if task.template else PROMPTS / "select.v1.user.jinja"
    examples = []
    for exemplar, _ in request.exemplars:
        gold = set(exemplar.spans)
        examples.append(
            {
                "query": exemplar.text,
                "candidates": _listed(exemplar.text, exemplar.candidates),
                "selected": [i for i, c in enumerate(exemplar.candidates, 1) if c.key in gold],
            }
        )
    head, rest = _template(PROMPTS / "select.v1.system.jinja"), _template(user_template)
    try:
        system = head.render(instructions=task.instructions, labels=task.labels)
        user = rest.render(examples=examples, query=request.text, candidates=_listed(request.text, request.candidates))
    except Exception as err:  # a template is a program: it can fail in any way
        raise ConfigError(f"{user_template}: can't be rendered: {type(err).__name__}: {err}") from err
    return system, user


def _listed(text: str, candidates: Sequence[Candidate]) -> list[dict[str, str]]:
    return [{"span": text[c.start : c.end], "label": c.label} for c in candidates]
