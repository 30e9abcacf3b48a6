"""Render the prompt of pattern generation (paper, appendix D): a static head that can be cached, then the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from ...prompt_templates import render_template
from ..placeholders import find_placeholders
from ..ty import Style
from .guidance import Guidance
from .languages import language_name

PROMPTS = Path(__file__).parent / "prompts"
HEAD, REST = "system.jinja", "user.jinja"  # in a folder of templates of the user's own
# Constant, so that a provider compiles it once and keeps nobody's words. The method asks for an array, which
# structured outputs don't take at the root; ``parse`` reads either.
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"patterns": {"type": "array", "items": {"type": "string"}}},
    "required": ["patterns"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class PatternPrompt:
    """What is the same for every request of a run.

    target_lang (str): Language code of the patterns. labels (Mapping): Label → description. guidance (Guidance): The
    other sections. template (str | None): Folder of one's own ``system.jinja`` and ``user.jinja``, which get all
    variables.
    """

    target_lang: str
    labels: Mapping[str, str]
    guidance: Guidance
    template: str | None = None

    @cached_property
    def variables(self) -> dict[str, Any]:
        """RETURNS (dict): Of the templates, by the names that the paper gives them."""
        guidance, tags = self.guidance, check_tags(self.labels)
        return {
            "target_lang": f"{language_name(self.target_lang)} ({self.target_lang})",
            "allowed_tags": tags,
            "forbidden_tags": [tag for tag in guidance.forbidden_tags if tag not in self.labels],
            "correct_replacements": [item for item in guidance.correct_replacements if item["tag"] in self.labels],
            "incorrect_replacements": [item for item in guidance.incorrect_replacements if item["tag"] in self.labels],
            "negative_examples": [text for text in guidance.negative_examples if _uses(text, self.labels)],
            "entity_specific_rules": [
                {"tag": tag, "description": guidance.entity_rules.get(tag, self.labels[tag])} for tag in tags
            ],
            "rules": [{"text": rule} for rule in guidance.rules],
        }

    @cached_property
    def system(self) -> str:
        """RETURNS (str): The head, without any seed."""
        return render_template(self._path(HEAD), **self.variables)

    def user(self, seeds: Sequence[str], n_patterns: int, style: Style = "conversational") -> str:
        """RETURNS (str): The rest. seeds (Sequence[str]): Utterances, untrusted. n_patterns (int): To write at most."""
        return render_template(
            self._path(REST), **self.variables, seeds=list(seeds), n_patterns=n_patterns, style=style
        )

    def _path(self, name: str) -> Path:
        if self.template is None:
            return PROMPTS / f"patterns.v1.{name}"
        if not Path(self.template).is_dir():
            raise ConfigError(f"template: expected a folder with {HEAD} and {REST}, got {self.template!r}")
        return Path(self.template) / name


def check_tags(labels: Mapping[str, str]) -> list[str]:
    """RETURNS (list[str]): The labels. RAISES: ConfigError for one that can't be written as a tag."""
    for label in labels:
        try:
            (tag,) = find_placeholders(f"<{label}>")
        except (DataError, ValueError):
            tag = None
        if tag is None or str(tag) != f"<{label}>" or tag.index is not None:
            raise ConfigError(f"label {label!r} can't be a tag: write letters, digits, '_', '.' or '-', a letter first")
    return list(labels)


def _uses(pattern: str, labels: Mapping[str, str]) -> bool:
    """RETURNS (bool): Whether a pattern has no tags but known ones."""
    try:
        return all(tag.label in labels for tag in find_placeholders(pattern))
    except DataError:  # an example of bad brackets
        return True
