"""``convner assemble``: ``spacy assemble`` that says what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Arg, Opt, app, command, keep_inputs, say


@command(app, "assemble", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def assemble_cli(
    ctx: typer.Context,
    config: Annotated[Path, Arg(metavar="CONFIG", help="Config of a pipeline, e.g. configs/student_hybrid.cfg")],
    output: Annotated[Path, Arg(metavar="OUT", help="Folder of the pipeline: new, or a pipeline to replace")],
    code: Annotated[Path | None, Opt("--code", "-c", help="Python file to import, as spacy assemble takes it")] = None,
) -> None:
    """Put a pipeline together without training: spacy assemble, with one message where a pipeline or file is missing.

    Any setting can be overridden as with spacy assemble.

    Example: convner assemble configs/student_hybrid.cfg training/hybrid --paths.ner training/student/model-best
    --paths.grounded training/grounded/model-best
    """
    from ..atomic import atomic_folder
    from ..errors import DataError
    from ..pipelines import assemble_pipeline, check_sources
    from .overrides import read_overridden

    if output.exists() and not (output / "config.cfg").is_file() and (output.is_file() or any(output.iterdir())):
        raise DataError("is there and no pipeline; choose another output", path=output)
    settings = read_overridden(config, list(ctx.args), code)
    keep_inputs([output], check_sources(settings))
    nlp = assemble_pipeline(settings, config)
    with atomic_folder(output) as folder:
        nlp.to_disk(folder)
    say(f"{output}: {', '.join(nlp.pipe_names)}")
