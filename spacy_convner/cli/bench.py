"""``convner bench student``: what students cost to serve."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .app import Arg, Opt, bench_app, command, keep_inputs, say, show_progress

_TOO_MANY_CORES = 1.25


@command(bench_app, "student")
def student_cli(
    pipelines: Annotated[
        list[str], Arg(metavar="PIPELINE...", help="Folder or installed package, or NAME=FOLDER; measured by turns")
    ],
    texts: Annotated[list[Path], Opt("--texts", help="Utterances: .spacy, .jsonl, or a line each; may be repeated")],
    output: Annotated[Path | None, Opt("--output", "-o", help="Write the figures to this JSON file")] = None,
    wheels: Annotated[
        list[str], Opt("--wheel", help="NAME=FILE: the wheel of one of them, for its size; may be repeated")
    ] = [],  # noqa: B006
    batch_size: Annotated[int, Opt(min=1, help="Of nlp.pipe, for the throughput")] = 64,
    rounds: Annotated[int, Opt(min=1, help="Rounds in which they take turns; medians count")] = 5,
    loads: Annotated[int, Opt(min=1, help="Fresh processes in which each is loaded; the median counts")] = 3,
    limit: Annotated[int, Opt(min=1, help="Utterances at most, drawn evenly from all")] = 500,
    python: Annotated[
        str, Opt(help="Another environment's interpreter, e.g. one with nothing but spaCy and the students")
    ] = sys.executable,
) -> None:
    """Measure latency (p50, p95, p99 of single utterances), throughput, load time, size and memory of students.

    One thread each, after a warm-up, every student in a process of its own; memory is the most that this process had
    resident after it loaded the student and ran it. Several students take turns, since machines are noisy.

    Example: convner bench student training/student/model-best training/grounded/model-best --texts corpus/dev.spacy
    """
    from ..atomic import write_text
    from ..student.latency import check_pipelines, measure_students

    sources = name_sources(pipelines)
    check_pipelines(sources, installed_here=python == sys.executable)
    sizes = wheel_sizes(sources, wheels)
    keep_inputs([output], texts)
    found = sample_texts(texts, limit)

    from tqdm import tqdm

    say(f"Measuring {len(pipelines)} pipeline{'s' if len(pipelines) > 1 else ''} with {len(found):,} utterances …")
    with tqdm(total=len(pipelines) * (loads + rounds), unit="step", disable=not show_progress()) as bar:
        students = measure_students(
            sources, found, batch_size=batch_size, rounds=rounds, loads=loads, python=python,
            on_step=lambda: bar.update(1),
        )  # fmt: skip
    for name, size in sizes.items():
        students[name]["wheel_bytes"] = size
    typer.echo(latency_table(students))
    for name, figures in students.items():
        if figures["cores"] > _TOO_MANY_CORES:
            say(f"{name} used {figures['cores']:.1f} cores although one was allowed: its latency is not that of one")
    if output is not None:
        result: dict[str, Any] = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "texts": len(found),
            "batch_size": batch_size,
            "rounds": rounds,
            "loads": loads,
            "threads": 1,
            "latency": students,
        }
        write_text(output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        say(f"Wrote {output}")


def name_sources(given: list[str], what: str = "students") -> dict[str, str]:
    """Name pipelines or catalogs by NAME=, or by their folder; by the one above it where spaCy named that model-best.

    what (str): What they are, for messages. RETURNS (dict[str, str]): Name → folder, file or package.
    RAISES: ConfigError for two of one name.
    """
    from ..errors import ConfigError

    sources: dict[str, str] = {}
    for one in given:
        name, _, source = one.rpartition("=") if not Path(one).exists() else ("", "", one)
        if not name:
            path = Path(source).resolve()
            name = path.parent.name if path.name in ("model-best", "model-last") else path.name
        if name in sources:
            raise ConfigError(f"two {what} are named {name!r}; give one a name: NAME={source}")
        sources[name] = source
    return sources


def wheel_sizes(names: Collection[str], wheels: list[str]) -> dict[str, int]:
    """wheels (list[str]): NAME=FILE each. RETURNS (dict[str, int]): Name → bytes. RAISES: ConfigError, DataError."""
    from ..errors import ConfigError, DataError

    sizes = {}
    for given in wheels:
        name, _, file = given.partition("=")
        if name not in names or not file:
            raise ConfigError(f"--wheel: expected NAME=FILE with one of {', '.join(names)}, got {given!r}")
        if not Path(file).is_file():
            raise DataError("no such wheel", path=file, hint="make one with: spacy package … --build wheel")
        sizes[name] = Path(file).stat().st_size
    return sizes


def sample_texts(paths: list[Path], limit: int) -> list[str]:
    """RETURNS (list[str]): Texts of the files, ``limit`` at most, at even distances. RAISES: DataError for none."""
    from .text_files import read_texts

    texts = read_texts(paths)
    count = min(limit, len(texts))
    return [texts[i * len(texts) // count] for i in range(count)]


def latency_table(students: dict[str, dict[str, Any]]) -> str:
    """students (dict): What ``measure_students`` gave. RETURNS (str): Markdown."""
    rows = [["", "p50 ms", "p95 ms", "p99 ms", "utt/s", "import s", "load s", "MB on disk", "wheel MB", "peak MiB"]]
    for name, got in students.items():
        times = [f"{got[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
        seconds = [f"{got[key]:.2f}" for key in ("import_s", "load_s")]
        sizes = [megabytes(got["bytes"]), megabytes(got.get("wheel_bytes"))]
        peak = "–" if got["max_rss_mb"] is None else f"{got['max_rss_mb']:,.0f}"
        rows.append([name, *times, f"{got['utterances_per_s']:,.0f}", *seconds, *sizes, peak])
    rows.insert(1, ["---", *["---:"] * (len(rows[0]) - 1)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def megabytes(size: int | None) -> str:
    """RETURNS (str): Bytes in MB (10⁶); a dash for None."""
    return "–" if size is None else f"{size / 1e6:,.1f}"
