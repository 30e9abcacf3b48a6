"""``convner trim-vocabulary``: a transformer without the sentence pieces that its texts never use."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .app import Arg, Opt, app, command, keep_inputs, say


@command(app, "trim-vocabulary")
def trim_vocabulary_cli(
    source: Annotated[Path, Arg(metavar="SOURCE", help="Transformer folder as the hub has it, or a trained pipeline")],
    output: Annotated[Path, Arg(metavar="OUT", help="Folder to write; one that is there is replaced")],
    texts: Annotated[
        list[Path],
        Opt("--texts", "-t", help="What it will be asked: .spacy, .jsonl (catalogs too), or a text a line; repeatable"),
    ],
    min_count: Annotated[int, Opt(min=1, help="Leave out pieces that are used less often, too")] = 1,
    report: Annotated[Path | None, Opt("--report", help="Write what became smaller to this JSON file")] = None,
) -> None:
    """Leave out the sentence pieces of a multilingual vocabulary that your languages don't use.

    The texts given are cut into the same pieces as before and get the same vectors and entities, or nothing is written;
    of any other text every character stays, so it is cut into smaller pieces. Give catalogs too: names count.

    Example: convner trim-vocabulary models/xlm-roberta-base models/xlmr-en-es --texts assets/traffic/en.jsonl
    --texts assets/traffic/es.jsonl --texts assets/catalogs/shared.jsonl
    """
    from importlib.util import find_spec

    from ..atomic import atomic_folder, write_text
    from ..disk import folder_bytes
    from ..errors import DataError, MissingExtraError
    from ..pipelines import load_pipeline
    from ..student.onnx_export import transformer_component
    from ..student.transformer_source import check_transformer
    from ..student.vocabulary_trimming import trim_folder, trim_pipeline
    from .export import check_replaceable
    from .text_files import read_texts

    for module in ("spacy_transformers", "sentencepiece"):
        if find_spec(module) is None:
            raise MissingExtraError("convner trim-vocabulary", module, "transformers")
    is_pipeline = (source / "config.cfg").is_file()
    if not is_pipeline and not (source / "config.json").is_file():
        raise DataError("neither a transformer folder (config.json) nor a pipeline (config.cfg)", path=source)
    check_replaceable(output)
    keep_inputs([output, report], [source, *texts])
    seen = list(dict.fromkeys(read_texts(texts)))
    say(f"Trimming {source} to what {len(seen):,} texts use …")
    with atomic_folder(output) as folder:
        if is_pipeline:
            nlp = load_pipeline(str(source))
            found = trim_pipeline(nlp, transformer_component(nlp), folder, seen, min_count)
        else:
            check_transformer(str(source))
            found = trim_folder(source, folder, seen, min_count)
        sizes = [folder_bytes(place) for place in (source, folder)]
    if report is not None:
        result = {**asdict(found), "bytes_before": sizes[0], "bytes_after": sizes[1], "min_count": min_count}
        write_text(report, json.dumps(result, indent=2) + "\n")
    typer.echo(f"pieces      {found.pieces_before:,} → {found.pieces_after:,}")
    typer.echo(f"parameters  {found.parameters_before:,} → {found.parameters_after:,}")
    typer.echo(f"size        {sizes[0] / 1e6:,.1f} MB → {sizes[1] / 1e6:,.1f} MB")
    if found.texts_changed:
        say(f"{found.texts_changed:,} of {found.texts:,} texts are cut into other pieces now (--min-count {min_count})")
    say(f"Wrote {output}")
