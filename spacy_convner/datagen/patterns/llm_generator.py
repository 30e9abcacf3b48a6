"""``spacy_convner.LLMPatternGenerator.v1``: a language model writes patterns in any language (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ConfigError
from ...llm_calls import answered_sha256, ask_in_order
from ...records import read_labels
from ...ty import LLMAnswer, LLMClient
from ..review.decisions import VALIDATE
from ..ty import NOISE, Pattern, PatternGenerator, SeedGroup
from .guidance import read_guidance
from .parse import parse_patterns, shown
from .prompt import SCHEMA, PatternPrompt

_AHEAD = 4  # requests waiting for each one under way
_ANSWERED = {"truncated": "the answer reached max_tokens", "refused": "the model declined", "invalid": "no answer"}


@dataclass(frozen=True, slots=True)
class _Request:
    group: SeedGroup
    prompt: PatternPrompt
    n_patterns: int

    @property
    def user(self) -> str:
        return self.prompt.user(self.group.texts, self.n_patterns, self.group.style)


class LLMPatternGenerator:
    """client (LLMClient): Who answers. Label file, guidance and templates are read at first use.

    Whatever isn't a pattern is a rejected one that says why: an answer with prose around it, a refusal, a failure.
    """

    name = "llm"

    def __init__(
        self,
        client: LLMClient,
        labels: str | Mapping[str, Any] | None,
        guidance: str | None,
        template: str | None,
        patterns_per_seed: int,
        group_size: int,
    ) -> None:
        self.client = client
        self.labels, self.guidance, self.template = labels, guidance, template
        self.patterns_per_seed, self.group_size = patterns_per_seed, group_size

    def __call__(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[Pattern]:
        """YIELDS (Pattern): In the order of the groups. RAISES: ConfigError, DataError, and FilterError for a service
        that refuses every request alike.
        """
        requests = self._requests(groups, target_lang)
        for patterns in ask_in_order(self.client, requests, self._ask, self._planned, ahead=_AHEAD):
            yield from patterns

    def llm_requests(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[Any]:
        """YIELDS (LLMRequest): What the client would be asked, in order."""
        yield from self._planned(self._requests(groups, target_lang))

    def _planned(self, requests: Iterable[_Request]) -> Iterator[Any]:
        client: Any = self.client
        for request in requests:
            yield client.request(request.prompt.system, request.user, SCHEMA)

    def _requests(self, groups: Iterable[SeedGroup], target_lang: str) -> Iterator[_Request]:
        if self.labels is None:
            raise ConfigError('the LLM generator needs labels = "labels.yml" (or --labels): they are its allowed tags')
        prompt = PatternPrompt(target_lang, read_labels(self.labels), read_guidance(self.guidance), self.template)
        for group in _regroup(groups, self.group_size):
            yield _Request(group, prompt, self.patterns_per_seed * len(group.texts))

    def _ask(self, request: _Request) -> list[Pattern]:
        system, user = request.prompt.system, request.user
        answer = self.client(system, user, SCHEMA)
        sha256 = answered_sha256(self.client, answer, system, user, SCHEMA)
        return list(self._patterns(request, answer, sha256))

    def _patterns(self, request: _Request, answer: LLMAnswer, sha256: str) -> Iterator[Pattern]:
        group = request.group

        def make(text: str, **more: Any) -> Pattern:
            return Pattern(
                text=text,
                lang=request.prompt.target_lang,
                cluster=group.cluster,
                seeds=group.texts,
                generator=self.name,
                prompt_sha256=sha256,
                style=group.style,
                **more,
            )

        if answer.status != "ok":
            # What was never answered is told by its first seed, what was by the answer.
            unanswered = answer.status not in _ANSWERED or not answer.text.strip()
            text, why = group.texts[0] if unanswered else answer.text, _ANSWERED.get(answer.status, answer.text)
            yield make(shown(text), status="rejected", reason=f"{answer.status}: {shown(why)}", reviewer=VALIDATE)
            return
        parsed = parse_patterns(answer.text, request.n_patterns)
        # Nobody knows which seed a pattern stands for: each gets an equal share of what the group was said.
        frequency = max(1, round(sum(group.frequencies) / max(1, len(parsed.texts))))
        for text in parsed.texts:
            yield make(text, frequency=frequency)
        for text, reason in parsed.refused:
            yield make(text, status="rejected", reason=reason, reviewer=VALIDATE)


def _regroup(groups: Iterable[SeedGroup], size: int) -> Iterator[SeedGroup]:
    """YIELDS (SeedGroup): Of at most ``size`` seeds. Clusters stay apart; seeds that are in none share a prompt."""

    waiting: list[SeedGroup] = []
    for group in groups:
        single = group.cluster is None or group.cluster == NOISE
        if waiting and (not single or _kind(waiting[0]) != _kind(group)):
            yield from _split(waiting, size)
            waiting = []
        if single:
            waiting.append(group)
        else:
            yield from _split([group], size)
    yield from _split(waiting, size)


def _kind(group: SeedGroup) -> tuple[str, str, int | None]:
    return group.lang, group.style, group.cluster


def _split(groups: Sequence[SeedGroup], size: int) -> Iterator[SeedGroup]:
    seeds = [
        seed for group in groups for seed in zip(group.texts, group.frequencies or (1,) * len(group.texts), strict=True)
    ]
    for start in range(0, len(seeds), size):
        texts, frequencies = zip(*seeds[start : start + size], strict=True)
        yield replace(groups[0], texts=texts, frequencies=frequencies)


def make_llm_pattern_generator(
    client: LLMClient,
    labels: str | dict[str, Any] | None = None,
    guidance: str | None = None,
    template: str | None = None,
    patterns_per_seed: int = 1,
    group_size: int = 10,
) -> PatternGenerator:
    """Registered as ``spacy_convner.LLMPatternGenerator.v1``.

    client (LLMClient): e.g. ``spacy_convner.AnthropicMessages.v1``. labels (str | dict | None): Label file (YAML) or
    label → description: the allowed tags; it must be given before patterns are asked for. guidance (str | None): YAML
    file of the prompt's other sections; None for the one that is shipped. template (str | None): Folder with a
    ``system.jinja`` and a ``user.jinja`` of one's own. patterns_per_seed (int): Patterns asked for, for each seed.
    group_size (int): Seeds a prompt at most; seeds outside of clusters share prompts, too.
    """
    if patterns_per_seed < 1 or group_size < 1:
        raise ConfigError(
            f"expected patterns_per_seed and group_size of 1 or more, got {patterns_per_seed} and {group_size}"
        )
    return LLMPatternGenerator(client, labels, guidance, template, patterns_per_seed, group_size)
