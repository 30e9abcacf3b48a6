"""``convner describe``: say in a pipeline's folder what people install."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from ..errors import ConfigError, DataError
from .app import Arg, Opt, app, command, say


@command(app, "describe")
def describe_cli(
    pipeline: Annotated[Path, Arg(metavar="PIPELINE_DIR", help="Folder of the trained pipeline")],
    output: Annotated[
        Path | None, Opt("--output", "-o", help="Folder for a described copy [default: PIPELINE_DIR is changed]")
    ] = None,
    metrics: Annotated[list[Path], Opt(help="What convner evaluate wrote; may be repeated")] = [],  # noqa: B006
    name: Annotated[str, Opt(help="Package name without its language, as for spacy package")] = "",
    version: Annotated[str, Opt(help="Package version, as for spacy package")] = "",
    license: Annotated[str, Opt(help="Licence of the pipeline")] = "",
    author: Annotated[str, Opt(help="Who made it")] = "",
    description: Annotated[str, Opt(help="What it does, in a sentence")] = "",
    url: Annotated[str, Opt(help="Where to read more")] = "",
    source: Annotated[
        list[str], Opt(help="NAME=what it is or where: a corpus, or what labelled it; may be repeated")
    ] = [],  # noqa: B006
    force: Annotated[bool, Opt("--force", help="Replace a README.md or a folder that isn't of this command")] = False,
) -> None:
    """Write meta.json and README.md into a pipeline's folder, and blank the machine's paths in its config.cfg.

    spacy package puts all three in the wheel. What isn't given stays as it is; run it again after another evaluation.

    Example: convner describe training/student/model-best --metrics metrics/student.json --license MIT
    --source "traffic=labelled by the catalog and a language model" --output training/described
    """
    import shutil

    from ..atomic import atomic_folder
    from ..student.model_card import MARK

    sources, scores = _read_sources(source), _read_scores(metrics)
    said = {
        "name": name, "version": version, "license": license, "author": author, "description": description, "url": url
    }  # fmt: skip
    if not (pipeline / "meta.json").is_file():
        raise DataError("not the folder of a pipeline: it has no meta.json", path=pipeline, hint="give …/model-best")
    if output is None or output.resolve() == pipeline.resolve():
        _describe(pipeline, said, sources, scores, force)
    else:
        if output.resolve().is_relative_to(pipeline.resolve()):
            raise DataError("is inside the pipeline's own folder", path=output, hint="give the path of a new folder")
        card = output / "README.md"
        ours = card.is_file() and card.read_text(encoding="utf8").startswith(MARK)
        if output.exists() and not ours and not force:
            raise DataError("is there and not of this command", path=output, hint="give a new folder, or --force")
        with atomic_folder(output) as folder:
            shutil.copytree(pipeline, folder, dirs_exist_ok=True)
            _describe(folder, said, sources, scores, force)
    say(f"Wrote meta.json, README.md and config.cfg in {output or pipeline}")


def _describe(
    pipeline: Path, said: dict[str, str], sources: dict[str, str], scores: dict[str, Any], force: bool
) -> None:
    from spacy.util import load_model_from_config

    from ..atomic import write_text
    from ..evaluation.metrics_json import metrics_json, read_metrics_json
    from ..pipelines import read_config
    from ..student.model_card import MARK, describe_meta, write_card
    from ..student.published_config import publish_config

    readme = pipeline / "README.md"
    if readme.exists() and not force and not readme.read_text(encoding="utf8").startswith(MARK):
        raise DataError("is not of this command", path=readme, hint="--force replaces it")
    old = read_metrics_json(pipeline / "meta.json")
    meta = describe_meta(old, said, sources, scores)
    config, changed = publish_config(read_config(pipeline / "config.cfg"))
    try:
        # What is written must load: a component could need a path that was blanked.
        load_model_from_config(config, meta=meta).from_disk(pipeline)
    except (ValueError, OSError, ImportError) as err:
        raise ConfigError(f"{pipeline}: doesn't load without {', '.join(changed) or 'changes'}: {err}") from err
    components = config.get("components", {})
    matchers = [pipe for pipe in components if components[pipe].get("factory") == "catalog_matcher"]
    card = write_card(meta, matchers[0] if matchers else None)
    write_text(pipeline / "config.cfg", config.to_str(interpolate=False))
    write_text(readme, card)
    write_text(pipeline / "meta.json", metrics_json(meta))
    for place in changed:
        say(f"Blanked {place}")


def _read_sources(given: list[str]) -> dict[str, str]:
    """RETURNS (dict[str, str]): Name → what it is. RAISES: ConfigError for one without a name."""
    sources = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not (equals and name.strip() and text.strip()):
            raise ConfigError(f"--source: expected NAME=what it is, got {item!r}")
        sources[name.strip()] = text.strip()
    return sources


def _read_scores(paths: list[Path]) -> dict[str, Any]:
    """RETURNS (dict): System → set → strict scores. RAISES: DataError for what convner evaluate didn't write."""
    from ..evaluation.metrics_json import AGAIN, read_metrics_json

    scores: dict[str, Any] = {}
    for path in paths:
        data = read_metrics_json(path)
        try:
            sets = {name: found["strict"] for name, found in data["sets"].items()}
            ok = all(isinstance(s[key], int | float) for s in sets.values() for key in ("p", "r", "f", "n"))
            system = str(data["system"])
            if data.get("catalog"):  # scores that what people install gives after it loaded the same
                system = f"{system}, {data['catalog']} loaded"
        except (KeyError, TypeError, AttributeError):
            ok = False
        if not ok:
            raise DataError("not a metrics file of a system", path=path, hint=AGAIN)
        if system in scores:
            raise DataError(f"a second file of the system {system!r}", path=path, hint="evaluate with another --name")
        scores[system] = sets
    return scores
