"""What the pattern commands are made of: a generator, checks, an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .app import say

if TYPE_CHECKING:
    from spacy.language import Language

    from ..datagen.patterns.validation import PatternChecks
    from ..datagen.ty import PatternGenerator, SeedGroup

_TOKENS_A_PATTERN = 30.0  # of an answer; a rule of thumb
# What ``--generator llm`` stands for; configs/patterns_claude.cfg has it as a file to change.
LLM: dict[str, Any] = {
    "@misc": "spacy_convner.LLMPatternGenerator.v1",
    "client": {"@misc": "spacy_convner.AnthropicMessages.v1", "model": "claude-sonnet-5-5"},
}


def make_generator(
    name: str,
    pipeline: str | None,
    min_score: float | None,
    labels: Path | None,
    guidance: Path | None,
    client: dict[str, Any],
    output: Path,
) -> PatternGenerator:
    """RETURNS (PatternGenerator): From a short name or a config file, with what the command line says on top."""
    from inspect import signature

    from spacy.util import load_config, registry

    from ..datagen.ty import PatternGenerator as Protocol

    if name == "teacher":
        block: dict[str, Any] = {"@misc": "spacy_convner.TeacherPatternGenerator.v1"}
    elif name == "llm":
        block = {**LLM, "client": dict(LLM["client"])}
    elif name.endswith(".cfg"):
        from ..records import check_file

        check_file(Path(name))
        try:
            block = dict(load_config(Path(name)).get("generator") or {})
        except (ValueError, KeyError) as err:
            raise ConfigError(f"{name}: {str(err).strip()}") from err
        if "@misc" not in block:
            raise ConfigError(f'{name}: expected a section [generator] with @misc = "spacy_convner.…"')
    else:
        raise ConfigError(f"--generator: expected teacher, llm or a .cfg file, got {name!r}")
    own = {"labels": str(labels) if labels else None, "guidance": str(guidance) if guidance else None}
    given = {key: value for key, value in client.items() if value is not None}
    if "client" in block:
        if min_score is not None:
            raise ConfigError("--min-score: a language model gives no scores; it is for the teacher")
        block |= {key: value for key, value in own.items() if value is not None}
        block["client"] = {"store": str(output) + ".answers.sqlite", **block["client"], **given}
    else:
        if given:
            raise ConfigError(f"--{next(iter(given)).replace('_', '-')}: this generator asks no language model")
        block |= {key: value for key, value in (("pipeline", pipeline), ("min_score", min_score)) if value is not None}
    try:
        made = registry.resolve({"generator": block})["generator"]
    except ValueError as err:  # config and registry errors; ours say more
        raise err if isinstance(err, ConfigError) else ConfigError(f"generator {name}: {str(err).strip()}") from err
    # Other parts have a name and can be called, too.
    if not isinstance(made, Protocol) or "target_lang" not in signature(made).parameters:
        raise ConfigError(f"{name}: [generator] makes a {type(made).__name__}, not a pattern generator")
    return made


def teacher_of(made: Any, pipeline: str | None) -> Language | None:
    """RETURNS (Language | None): The generator's own pipeline, or the one on the command line."""
    from ..pipelines import load_pipeline

    if hasattr(made, "nlp"):
        return made.nlp  # type: ignore[no-any-return]
    return load_pipeline(pipeline) if pipeline else None


def make_checks(
    labels: Path | str | Mapping[str, Any] | None,
    catalog: list[str],
    nlp: Language | None,
    popularity_floor: float,
    near_duplicate: float,
    ignore_tags: bool,
    guidance: Path | str | None,
) -> PatternChecks:
    """RETURNS (PatternChecks): With the catalog given, else that of ``nlp``. RAISES: ConfigError without any tags."""
    import spacy

    from ..catalog.sources.records import read_catalogs
    from ..datagen.patterns.guidance import read_guidance
    from ..datagen.patterns.literal_entities import matcher_name
    from ..datagen.patterns.validation import PatternChecks
    from ..records import read_labels

    known = list(read_labels(labels)) if labels else []
    matcher: Any = None
    if catalog:
        nlp = spacy.blank("xx")
        matcher = nlp.add_pipe("catalog_matcher", config={"catalog": catalog[0] if len(catalog) == 1 else None})
        if len(catalog) > 1:
            matcher.add(read_catalogs(catalog))
    elif nlp is not None and (name := matcher_name(nlp)) is not None:
        matcher = nlp.get_pipe(name)
    if matcher is None:
        say("Names that were left as words aren't looked for: give --catalog")
    elif not known:
        known = list(matcher.index.labels)
    if not known:
        raise ConfigError("which tags are known? Give --labels assets/labels.yml")
    return PatternChecks(
        known,
        read_guidance(guidance),
        nlp if matcher is not None else None,
        popularity_floor,
        near_duplicate,
        ignore_tags,
    )


def by_language(groups: list[SeedGroup], target_lang: str | None) -> dict[str, list[SeedGroup]]:
    """RETURNS (dict): Language of the patterns → groups to make them from."""
    found: dict[str, list[SeedGroup]] = {}
    for group in groups:
        found.setdefault(target_lang or group.lang, []).append(group)
    return found


def say_estimate(made: Any, groups: list[SeedGroup], target_lang: str | None) -> None:
    """Print calls, tokens and cost to standard output. RAISES: ConfigError if no language model is asked."""
    import typer

    from ..silver.estimate import LETTERS_A_TOKEN, estimate_requests

    if not hasattr(made, "llm_requests"):
        raise ConfigError("--dry-run: this generator asks no language model")
    requests = [
        request for lang, some in by_language(groups, target_lang).items() for request in made.llm_requests(some, lang)
    ]
    seeds = sum(len(group.texts) for group in groups)
    found = estimate_requests(requests, made.client, _TOKENS_A_PATTERN * seeds / len(requests))
    usd = f"about ${found['usd']:,.4f} (prices of {found['prices']})" if found["usd"] is not None else "price unknown"
    typer.echo(
        f"{seeds:,} seeds: {found['calls']:,} calls, {found['stored']:,} answers already stored\n"
        f"about {found['input_tokens']:,} input and {found['output_tokens']:,} output tokens "
        f"({LETTERS_A_TOKEN} letters a token, nothing cached): {usd}\n"
        "Nothing was sent."
    )
