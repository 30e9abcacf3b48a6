"""Patterns for other annotation tools, and their answers back: Prodigy, Argilla, Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ....errors import ConfigError
from ...ty import Pattern
from . import argilla, label_studio, prodigy
from .tasks import Task, Verdict


class Format(NamedTuple):
    """A tool's format. set_up (str): What to tell the tool, for people to read."""

    to_task: Callable[[Pattern], dict[str, Any]]
    to_verdicts: Callable[[Task], Iterable[Verdict]]
    set_up: str


FORMATS = {
    "prodigy": Format(prodigy.to_task, prodigy.to_verdicts, prodigy.SET_UP),
    "argilla": Format(argilla.to_task, argilla.to_verdicts, argilla.SET_UP),
    "label-studio": Format(label_studio.to_task, label_studio.to_verdicts, label_studio.SET_UP),
}


def get_format(name: str) -> Format:
    """RETURNS (Format). RAISES: ConfigError for an unknown name."""
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r:.40}, expected one of {', '.join(FORMATS)}")
    return FORMATS[name]
