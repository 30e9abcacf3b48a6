"""``convner export``: a transformer student to one that serves on a CPU without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import Arg, Opt, app, command, keep_inputs, say

if TYPE_CHECKING:
    from spacy.language import Language


@command(app, "export")
def export_cli(
    pipeline: Annotated[str, Arg(metavar="PIPELINE", help="Trained transformer pipeline: folder or installed package")],
    output: Annotated[Path, Arg(metavar="OUT", help="Folder to write; an export that is there is replaced")],
    int8: Annotated[bool, Opt("--int8/--no-int8", help="Weights as 8-bit whole numbers, or as they are")] = True,
    test: Annotated[
        Path | None, Opt("--test", help="Utterances (.spacy or .jsonl) on which both must find the same entities")
    ] = None,
    min_agreement: Annotated[
        float, Opt(min=0, max=1, help="Write nothing if the strict F1 of one against the other is below this")
    ] = 0.995,
    force: Annotated[bool, Opt("--force", help="Write it all the same")] = False,
    batch_size: Annotated[int, Opt(min=1, help="Utterances that pass the encoder together when it serves")] = 1,
    threads: Annotated[int, Opt(min=0, help="Threads when it serves; 0 for all cores")] = 1,
    rounds: Annotated[int, Opt(min=1, help="Rounds in which both are timed by turns; the median counts")] = 5,
    report: Annotated[Path | None, Opt("--report", help="Write what was measured to this JSON file")] = None,
) -> None:
    """Put a transformer student's encoder on onnxruntime: the same pipeline, smaller and faster, without torch.

    Serving needs spacy-convner[onnx]. With --test the export is compared with the original, entity by entity, and both
    are timed on one thread, before anything is written.

    Example: convner export training/student/model-best training/student-int8 --test corpus/gold.en.spacy
    """
    import spacy

    from ..atomic import atomic_folder, write_text
    from ..errors import ConvnerError
    from ..pipelines import load_pipeline
    from ..student.onnx_export import export_pipeline, transformer_component
    from ..student.onnx_graph import check_onnx_installed
    from .evaluate import pipeline_bytes
    from .text_files import read_texts

    check_onnx_installed()
    check_replaceable(output)
    keep_inputs([output, report], [Path(pipeline), *([test] if test else [])])
    texts = read_texts([test]) if test is not None else []
    say(f"Loading {pipeline} …")
    original = load_pipeline(pipeline)
    transformer_component(original)
    result: dict[str, Any] = {"pipeline": pipeline, "int8": int8, "original_bytes": pipeline_bytes(original)}
    with atomic_folder(output) as folder:
        say("Writing the encoder as an ONNX graph …")
        export_pipeline(load_pipeline(pipeline), folder, int8=int8, batch_size=batch_size, threads=threads)
        exported = spacy.load(folder)
        result["export_bytes"] = pipeline_bytes(exported)
        if texts:
            result |= _compare(original, exported, texts, rounds)
            if result["agreement"] < min_agreement and not force:
                raise ConvnerError(
                    f"both agree on {result['agreement']:.2%} of the entities, at least {min_agreement:.2%} are "
                    "asked for; nothing was written (--no-int8 loses nothing, --force writes it all the same)"
                )
    if report is not None:
        write_text(report, json.dumps(result, indent=2) + "\n")
    before, after = (result[key] or 0 for key in ("original_bytes", "export_bytes"))
    typer.echo(f"size        {before / 1e6:,.1f} MB → {after / 1e6:,.1f} MB")
    if texts:
        typer.echo(
            f"agreement   {result['agreement']:.2%} of the entities of {len(texts):,} utterances: "
            f"{result['both']:,} in both, "
            f"{result['only_original']:,} in the original alone, {result['only_export']:,} in the export alone"
        )
        typer.echo(
            f"one thread  {result['original_ms']:.2f} ms → {result['export_ms']:.2f} ms an utterance, "
            f"{result['speed_up']:.1f} × as fast"
        )
    else:
        say("Not compared with the original; add --test")
    say(f"Wrote {output}")


def _compare(original: Language, exported: Language, texts: list[str], rounds: int) -> dict[str, Any]:
    from ..errors import DataError
    from ..student.agreement import compare_entities, compare_speed

    say(f"Comparing both on {len(texts):,} utterances …")
    found = compare_entities(original, exported, texts)
    if found.rate is None:
        raise DataError("neither pipeline finds an entity in the test file, so nothing can be compared")
    speed = compare_speed(original, exported, texts[:200], rounds)
    return {
        "utterances": found.utterances,
        "both": found.both,
        "only_original": found.only_first,
        "only_export": found.only_second,
        "agreement": found.rate,
        "rounds": rounds,
        "original_ms": round(speed.first_ms, 3),
        "export_ms": round(speed.second_ms, 3),
        "speed_up": round(speed.ratio, 3),
    }


def check_replaceable(output: Path) -> None:
    """RAISES: DataError if a folder is there that is neither a pipeline nor a transformer."""
    from ..errors import DataError

    ours = any((output / name).is_file() for name in ("config.cfg", "config.json"))
    if output.is_dir() and any(output.iterdir()) and not ours:
        raise DataError("is a folder with other things in it", path=output, hint="choose a new folder")
