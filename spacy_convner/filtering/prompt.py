"""Render the prompt: a static head that can be cached, then exemplars and query (paper, appendix C)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..prompt_templates import render_template
from ..records import check_file
from ..ty import Candidate, FilterRequest, FilterTask, LabelledSpan

PROMPTS = Path(__file__).parent / "prompts"
Answers = Literal["ids", "pairs"]
HEAD, REST = "system.jinja", "user.jinja"  # in a folder of templates of the user's own


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_PAIRS = {"type": "array", "items": _object(span={"type": "string"}, label={"type": "string"})}
_NUMBERS = {"type": "array", "items": {"type": "integer"}}
# A constant schema each: one a request would be compiled each time and keep people's words.
SCHEMAS: dict[str, dict[str, Any]] = {
    "ids": _object(selected=_NUMBERS),
    "ids+missing": _object(selected=_NUMBERS, missing=_PAIRS),
    "pairs": _object(selected=_PAIRS),
    "extract": _object(entities=_PAIRS),
}
SCHEMA = SCHEMAS["ids"]


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """What is asked for and how it is answered.

    answers (str): "ids" (numbers of candidates) or "pairs" (copies of them). propose (bool): Ask for names that no
    candidate has, too; with "ids" only. extract (bool): No candidates at all (the paper's ICL).
    """

    answers: Answers = "ids"
    propose: bool = False
    extract: bool = False

    @property
    def name(self) -> str:
        return "extract" if self.extract else self.answers

    @property
    def schema(self) -> dict[str, Any]:
        return SCHEMAS["ids+missing" if self.name == "ids" and self.propose else self.name]

    def templates(self, own: str | None) -> tuple[Path, Path]:
        """own (str | None): A template of the exemplars and the query, or a folder with one of the head too.

        RETURNS (tuple[Path, Path]): Of the head and of the rest.
        """
        head, rest = PROMPTS / f"{self.name}.v1.{HEAD}", PROMPTS / f"{self.name}.v1.{REST}"
        if own is None:
            return head, rest
        if Path(own).is_dir():
            return Path(own) / HEAD, Path(own) / REST
        return head, Path(own)


def templates_sha256(task: FilterTask, form: PromptFormat) -> str:
    """RETURNS (str): Version of the templates in use."""
    found = hashlib.sha256()
    for path in form.templates(task.template):
        check_file(path)
        found.update(path.read_bytes() + b"\0")
    return found.hexdigest()


def render(task: FilterTask, request: FilterRequest, form: PromptFormat = PromptFormat()) -> tuple[str, str]:
    """RETURNS (tuple[str, str]): System prompt (the same for a whole run) and user prompt.

    RAISES: ConfigError if a template of the user's own can't be rendered.
    """
    examples = []
    for exemplar, _ in request.exemplars:
        gold = set(exemplar.spans)
        chosen = [(i, c) for i, c in enumerate(exemplar.candidates, 1) if c.key in gold]
        examples.append(
            {
                "query": exemplar.text,
                "candidates": _listed(exemplar.text, exemplar.candidates),
                "numbers": [i for i, _ in chosen],
                "selected": _listed(exemplar.text, [c for _, c in chosen]),
                "entities": _listed(exemplar.text, exemplar.spans),
            }
        )
    head, rest = form.templates(task.template)
    listed = _listed(request.text, request.candidates)
    system = render_template(head, instructions=task.instructions, labels=task.labels, propose=form.propose)
    user = render_template(rest, examples=examples, query=request.text, candidates=listed, propose=form.propose)
    return system, user


def _listed(text: str, spans: Iterable[Candidate | LabelledSpan]) -> list[dict[str, str]]:
    return [{"span": text[s.start : s.end], "label": s.label} for s in spans]
