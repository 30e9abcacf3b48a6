"""Run the whole project on an empty copy, time its steps, and keep the figures that README quotes.

python benchmarks/demo_run.py [--output docs/results/demo.json] [--keep FOLDER]

``--keep`` names the folder for the copy (it must not exist; default: a temporary one). The table for the README is
printed; ``tests/test_results.py`` checks that README has it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python -m spacy project run all"
SYSTEMS = ("accept_all", "prior", "teacher", "student", "grounded")


def copy_of_project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("assets", "configs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("project.yml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("corpus", "training", "metrics", "packages"):
        (folder / name).mkdir()
    return folder


def timed_steps(folder: Path) -> dict[str, float]:
    """RETURNS (dict): Seconds a step, in the order of the workflow. RAISES: CalledProcessError."""
    command = [sys.executable, "-u", *COMMAND.split()[1:]]
    started: list[tuple[str, float]] = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            if found := re.search(r"=== ([\w-]+) ===", line):
                started.append((found[1], time.monotonic()))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    ends = [at for _, at in started[1:]] + [time.monotonic()]
    own = {step["name"] for step in steps(folder)}
    return {name: round(end - at, 1) for (name, at), end in zip(started, ends, strict=True) if name in own}


def steps(folder: Path) -> list[dict[str, Any]]:
    from weasel.util.config import load_project_config

    return list(load_project_config(folder)["commands"])


def score(metrics: dict[str, Any]) -> dict[str, Any]:
    return {"f": metrics["f"], "p": metrics["p"], "r": metrics["r"], "ci95": metrics["ci95"], "n": metrics["n"]}


def figures(folder: Path, seconds: dict[str, float]) -> dict[str, Any]:
    def read(name: str) -> dict[str, Any]:
        return dict(json.loads((folder / "metrics" / f"{name}.json").read_text(encoding="utf8")))

    teacher, student, grounded, wheel = read("teacher"), read("student"), read("grounded"), read("wheel")
    labelling = {lang: read(f"label.{lang}") for lang in ("en", "es")}
    return {
        "command": COMMAND,
        "made_by": "python benchmarks/demo_run.py",
        "date": date.today().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": sys.version.split()[0],
        "total_s": round(sum(seconds.values()), 1),
        "steps_s": seconds,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
        "strict": {
            name: {
                **{system: score(teacher["sets"][name]["baselines"][system]) for system in ("accept_all", "prior")},
                "teacher": score(teacher["sets"][name]["strict"]),
                "student": score(student["sets"][name]["strict"]),
                "grounded": score(grounded["sets"][name]["strict"]),
            }
            for name in teacher["sets"]
        },
        "candidate_recall": {name: found["candidate_recall"] for name, found in teacher["sets"].items()},
        "utterances_per_s": {
            "teacher": teacher["sets"]["all"]["utterances_per_s"],
            "student": student["sets"]["all"]["utterances_per_s"],
            "grounded": grounded["sets"]["all"]["utterances_per_s"],
        },
        "labelling": {
            lang: {key: found[key] for key in ("utterances", "seconds", "utterances_per_s", "entities", "max_rss_mb")}
            for lang, found in labelling.items()
        },
        "wheel": {key: wheel[key] for key in ("bytes", "load_s")},
        "testsets": read("testsets"),
        "clusters": {key: read("clusters")[key] for key in ("langs", "seconds", "max_rss_mb")},
        "patterns": patterns(folder),
    }


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown, the same for the same figures."""
    titles = {
        "accept_all": "accept every candidate",
        "prior": "accept by prior",
        "teacher": "teacher, local filter",
        "student": "NER student",
        "grounded": "grounded student",
    }
    systems = [system for system in SYSTEMS if system in next(iter(result["strict"].values()))]
    rows = [
        ["strict F1 (95 % interval)", "spans", *(titles[system] for system in systems)],
        ["---"] * (2 + len(systems)),
    ]
    for name, found in result["strict"].items():
        row = [f"`{name}`", f"{found['teacher']['n']:,}"]
        for system in systems:
            low, high = found[system]["ci95"]
            row.append(f"{100 * found[system]['f']:.1f} ({100 * low:.1f}–{100 * high:.1f})")
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def testsets_table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: the test sets, the paper's in brackets."""
    head = ["test set", "utterances", "words", "types", "spans", "names", "rare", "forms", "distinct-2", "self-BLEU"]
    rows = [head, ["---"] * len(head)]
    for name, row in result["testsets"]["testsets"].items():
        paper = result["testsets"]["paper"][name]
        rows.append(
            [
                f"`{name}`",
                f"{row['samples']:,} ({paper['samples']:,})",
                f"{row['average_length']:.2f} ({paper['average_length']:.2f})",
                f"{row['entity_types']} ({paper['entity_types']})",
                f"{row['spans']:,}",
                f"{row['distinct_names']:,}",
                f"{100 * row['rare_share']:.0f} %",
                f"{row['distinct_forms']:,}",
                f"{row['distinct_2']:.2f}",
                f"{row['self_bleu']:.2f}",
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def patterns(folder: Path) -> dict[str, dict[str, int]]:
    """RETURNS (dict): Language and style → status → patterns."""
    counts: dict[str, dict[str, int]] = {}
    with (folder / "corpus" / "reviewed.jsonl").open(encoding="utf8") as file:
        for record in map(json.loads, file):
            by_person = record.get("reviewer") not in ("validate", "generate")
            status = record["status"] if by_person else "refused by the checks"
            row = counts.setdefault(f"{record['lang']} {record['style']}", {})
            row[status] = row.get(status, 0) + 1
    return dict(sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "demo.json")
    parser.add_argument("--keep", type=Path, default=None)
    args = parser.parse_args()
    if args.keep is not None and args.keep.exists():
        parser.error(f"{args.keep} exists already; name a new folder")
    with tempfile.TemporaryDirectory(prefix="convner-demo-") as scratch:
        folder = copy_of_project(args.keep or Path(scratch) / "project")
        result = figures(folder, timed_steps(folder))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(table(result), testsets_table(result), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
