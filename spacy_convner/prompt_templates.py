"""Jinja2 prompts: text of other people is data in them, never structure."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from .errors import ConfigError, ConvnerError
from .records import check_file


def as_data(text: str) -> str:
    """RETURNS (str): A JSON string on one line without angle brackets: text can't open or close a section."""
    quoted = json.dumps(text, ensure_ascii=False)
    for char in "<>\u0085\u2028\u2029":
        quoted = quoted.replace(char, f"\\u{ord(char):04x}")
    return quoted


def render_template(path: Path, **variables: Any) -> str:
    """Render a template; it has the filter ``data``, see ``as_data``.

    RAISES: DataError if there is no such file; ConfigError if it isn't a template or can't be rendered.
    """
    template = _template(path)
    try:
        return str(template.render(**variables))
    except ConvnerError:
        raise
    except Exception as err:  # a template is a program: it can fail in any way
        raise ConfigError(f"{path}: can't be rendered: {type(err).__name__}: {err}") from err


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
