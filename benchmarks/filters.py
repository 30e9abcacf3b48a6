"""The local filter on public corpora by the protocol of ``convner benchmark``: scores, learning curve, what it needs.

python benchmarks/filters.py [--only table] [--data ../shared/data] [--output docs/results/filters.json]

--data is a folder with wnut17/{train,dev,test}.jsonl and snips/{train,test}.jsonl. One core, about half an hour; a part
alone keeps the others of the file.

table: Strict micro F1 on the test splits, of LinearFilter.v1 and v2, beside what the catalog alone gives away. Where
all exemplars are used and there is a development split, thresholds come from it. WNUT-17 has no row with a catalog of
training names: no utterance of its dev and test splits has one.

curve: The same with 0 to all exemplars, drawn with three seeds. All are the same ones whatever the seed, which then is
the filter's alone.

ablation: v2 without a group of its evidence or a part of its own, on development data. It never touches a test split,
not even for the catalog: WNUT-17 is fitted on train and scored on dev, Snips fitted on 11,000 utterances of its
training split and scored on the others; the names of these two are the catalog. Thresholds come from the exemplars, by
cross-validation. A group is left out by zeros in its columns, in fitting and in asking.

Example: python benchmarks/filters.py --only curve --output docs/results/filters.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filter_variants import VARIANTS
from threadpoolctl import threadpool_limits

from spacy_convner.errors import ConvnerError
from spacy_convner.evaluation.benchmark.catalogs import BenchmarkCatalog, CatalogPlan
from spacy_convner.evaluation.benchmark.corpora import Split, few_shot, read_split
from spacy_convner.evaluation.benchmark.filters import choose_filter
from spacy_convner.evaluation.benchmark.pipeline import MeasuredPipeline
from spacy_convner.evaluation.benchmark.protocol import run_benchmark
from spacy_convner.evaluation.benchmark.seeds import spread
from spacy_convner.evaluation.benchmark.settings import CURVE, Hooks, Settings
from spacy_convner.evaluation.calibration import candidate_calibration
from spacy_convner.evaluation.scoring import strict
from spacy_convner.ty import Exemplar

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "results" / "filters.json"
FILES = {"wnut17": ("train", "dev", "test"), "snips": ("train", "test")}
CORPORA = {"wnut17": "WNUT-17", "snips": "Snips"}
ATTRS = {"orth": "as written", "lower": "LOWER", "norm": "NORM"}
V1, V2 = "spacy_convner.LinearFilter.v1", "spacy_convner.LinearFilter.v2"
SEEDS = (0, 1, 2)
HELD_OUT_FROM = 11_000  # of Snips' training split in a random order: those after it are the ablation's development set
Splits = dict[str, Split]


@dataclass(frozen=True, slots=True)
class Row:
    """dev (bool): Whether the development split chooses thresholds; its names are in the oracle catalog then.
    dev_exemplars (bool): Whether it is exemplars instead, with the training split.
    capitalised (bool): For time and size alone. target (float | None): F1 that was to be reached, in percent.
    """

    name: str
    corpus: str
    attr: str
    n_exemplars: int | None = None
    catalog: str = "oracle"
    coverage: float = 1.0
    dev: bool = True
    dev_exemplars: bool = False
    capitalised: bool = False
    target: float | None = None


ROWS = (
    Row("WNUT-17, as written", "wnut17", "orth", target=96.5),
    Row("WNUT-17, as written, exemplars of train and dev", "wnut17", "orth", dev_exemplars=True),
    Row("WNUT-17, as written, no development split", "wnut17", "orth", dev=False),
    Row("WNUT-17, LOWER", "wnut17", "lower", target=94.5),
    Row("WNUT-17, LOWER, no development split", "wnut17", "lower", dev=False),
    Row("WNUT-17, LOWER, 200 exemplars", "wnut17", "lower", 200, target=92.5),
    Row("WNUT-17, NORM", "wnut17", "norm"),
    Row("Snips, LOWER", "snips", "lower", target=99.3),
    Row("Snips, LOWER, 200 exemplars", "snips", "lower", 200, target=98.0),
    Row("Snips, LOWER, a fifth of the names missing", "snips", "lower", coverage=0.8),
    Row("Snips, LOWER, catalog of training names", "snips", "lower", catalog="train"),
    Row("Snips, Every Word Capitalised", "snips", "lower", capitalised=True),
)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def read(data: Path, corpus: str, parts: Sequence[str], limit: int | None) -> Splits:
    splits = {}
    for part in parts:
        path = data / corpus / f"{part}.jsonl"
        splits[part] = read_split(path, part, skip_invalid=part != "test")
        splits[part].exemplars = splits[part].exemplars[:limit]
    return splits


def capitalised(splits: Mapping[str, Split]) -> Splits:
    """Text in title case, as no speech recognition gives it: a second scorer is fitted, for text without capitals."""

    def edited(exemplar: Exemplar) -> Exemplar:
        words = [word.title() if len(word.title()) == len(word) else word for word in exemplar.text.split(" ")]
        return replace(exemplar, text=" ".join(words))

    return {part: replace(split, exemplars=[edited(e) for e in split.exemplars]) for part, split in splits.items()}


def benchmark(splits: Mapping[str, Split], row: Row, filter: str, **more: Any) -> dict[str, Any]:
    """RETURNS (dict): What ``convner benchmark`` writes."""
    settings = Settings(
        choice=choose_filter(filter),
        catalog=CatalogPlan(row.catalog, coverage=row.coverage),
        attr=row.attr,  # type: ignore[arg-type]
        n_exemplars=row.n_exemplars,
        dev_exemplars=row.dev_exemplars,
        **more,
    )
    name = filter.removeprefix("spacy_convner.")
    if row.capitalised:  # as of an annotator: that they are a sample of the traffic is the protocol's default
        block = {**settings.choice.selector["filter"], "from_traffic": False}
        settings = replace(settings, choice=replace(settings.choice, selector={"filter": block}))
    return run_benchmark(splits, settings, Hooks(stage=lambda what, _: say(f"{row.name}: {name}: {what}")))


def measure_row(row: Row, splits: Splits) -> dict[str, Any]:
    if not row.dev:
        splits = {part: split for part, split in splits.items() if part != "dev"}
    if row.capitalised:
        splits = capitalised(splits)
    seeds = SEEDS if row.n_exemplars else SEEDS[:1]
    found = {name: benchmark(splits, row, name, seeds=seeds) for name in ((V2,) if row.capitalised else (V1, V2))}
    new = found[V2]
    made = {
        **asdict(row),
        "n_exemplars": new["n_exemplars"],
        "seeds": list(seeds),
        "fit_s": round(new["fit_s"], 1),
        "utterances_per_s": round(new["utterances_per_s"]),
        "model_bytes": new["model_bytes"],
    }
    if row.capitalised:
        return made
    return {
        **made,
        **{key: round(new[key], 4) for key in ("accept_all_f", "prior_f", "ceiling_f", "candidate_recall")},
        "v1": {key: round(found[V1]["seeds"][key], 4) for key in ("mean", "sd")},
        "v2": {key: round(new["seeds"][key], 4) for key in ("mean", "sd")},
        "ci95": [round(end, 4) for end in new["strict"]["ci95"]],
        "ece_15": round((new["calibration"] or {}).get("ece_15", 0.0), 4),
        "thresholds": new["thresholds"],
    }


def make_table(data: Path, limit: int | None) -> dict[str, Any]:
    splits = {corpus: read(data, corpus, parts, limit) for corpus, parts in FILES.items()}
    return {"rows": [measure_row(row, splits[row.corpus]) for row in ROWS]}


def make_curve(data: Path, limit: int | None) -> dict[str, Any]:
    rows = []
    for corpus, attr in (("snips", "lower"), ("wnut17", "orth"), ("wnut17", "lower")):
        splits, row = read(data, corpus, FILES[corpus], limit), Row(f"{CORPORA[corpus]}, {ATTRS[attr]}", corpus, attr)
        for filter in (V1, V2):
            found = benchmark(splits, row, filter, seeds=SEEDS, curve=CURVE[:-1], n_bootstrap=0)
            points = [{"n_exemplars": p["n_exemplars"], "seeds": p["seeds"], **p["f"]} for p in found["learning_curve"]]
            last = {key: found["seeds"][key] for key in ("mean", "sd", "min", "max")}
            points.append({"n_exemplars": found["n_exemplars"], "seeds": len(SEEDS), **last})
            points = [{key: round(value, 4) for key, value in point.items()} for point in points]
            rows.append({"name": row.name, "corpus": corpus, "attr": attr, "filter": filter, "points": points})
    return {"rows": rows}


def make_ablation(data: Path, limit: int | None) -> dict[str, Any]:
    wnut = read(data, "wnut17", ("train", "dev"), limit)
    every = read(data, "snips", ("train",), limit)["train"].exemplars
    order = np.random.default_rng(1).permutation(len(every)).tolist()
    cut = HELD_OUT_FROM if limit is None else len(order) // 2
    drawn = {"train": [every[i] for i in order[:cut]], "dev": [every[i] for i in order[cut:]]}
    snips = {part: Split(part, exemplars) for part, exemplars in drawn.items()}
    rows: list[dict[str, Any]] = [{"name": name, "sets": {}} for name in VARIANTS]
    for corpus, splits, attr, sizes in (
        ("wnut17", wnut, "orth", (None,)),
        ("wnut17", wnut, "lower", (None,)),
        ("snips", snips, "lower", (200, None)),
    ):
        catalog = BenchmarkCatalog(CatalogPlan(), {part: split.exemplars for part, split in splits.items()})
        pipe = MeasuredPipeline(Settings(choose_filter(V2), catalog.plan, attr), catalog)  # type: ignore[arg-type]
        matched, held_out = pipe.match(splits["train"].exemplars), splits["dev"].exemplars
        for row in rows:
            for n in sizes:
                name = f"{CORPORA[corpus]}, {ATTRS[attr]}" + (f", {n} exemplars" if n else "")
                # Of so many exemplars the score hardly depends on the seed.
                seeds = SEEDS[:1] if corpus == "snips" and n is None else SEEDS
                say(f"{name}: {row['name']} …")
                with VARIANTS[row["name"]]():
                    row["sets"][name] = held_out_scores(pipe, matched, held_out, n, seeds)
    return {"held_out": {"wnut17": len(wnut["dev"].exemplars), "snips": len(drawn["dev"])}, "rows": rows}


def held_out_scores(
    pipe: MeasuredPipeline,
    matched: Sequence[Exemplar],
    held_out: Sequence[Exemplar],
    n: int | None,
    seeds: Sequence[int],
) -> dict[str, Any]:
    f, ece = [], []
    for seed in seeds:
        pipe.renew(seed)
        pool = [matched[i] for i in few_shot(len(matched), n, seed)]
        pipe.fit(pool)
        judged, _, _ = pipe.judge(held_out, pool)
        f.append(strict(((item.gold, item.pred) for item in judged), n_bootstrap=0)["f"])
        ece.append((candidate_calibration(judged) or {}).get("ece_15", 0.0))
    both = {"f": spread(f)["mean"], "sd": spread(f)["sd"], "ece_15": statistics.fmean(ece)}
    return {"seeds": len(seeds), **{key: round(value, 4) for key, value in both.items()}}


def lines_of(head: list[str], rows: list[list[str]]) -> str:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ruler, *rows))


def percent(f: float, sd: float = 0.0) -> str:
    return f"{100 * f:.1f}" + (f" ± {100 * sd:.1f}" if sd else "")


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: test splits; targets in parentheses, ± is the standard deviation over seeds."""
    head = ["strict F1", "accept all", "prior", "perfect filter", "v1", "v2", "95 %", "ECE", "fit", "utt./s", "MB"]
    rows = []
    for row in result["table"]["rows"]:
        name = row["name"] + (f" (target {row['target']})" if row["target"] else "")
        scores = [""] * 7
        if "v2" in row:
            scores = [percent(row[key]) for key in ("accept_all_f", "prior_f", "ceiling_f")]
            scores += [
                percent(row["v1"]["mean"], row["v1"]["sd"]),
                f"**{percent(row['v2']['mean'], row['v2']['sd'])}**",
            ]
            scores += ["–".join(percent(end) for end in row["ci95"]), f"{row['ece_15']:.3f}"]
        speed = [f"{row['fit_s']:.1f} s", f"{row['utterances_per_s']:,}", f"{row['model_bytes'] / 1e6:.1f}"]
        rows.append([name, *scores, *speed])
    return lines_of(head, rows)


def curve_table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: a row for each corpus and filter, a column for each number of exemplars."""
    sizes = ["all" if size is None else f"{size:,}" for size in CURVE]
    rows = []
    for row in result["curve"]["rows"]:
        name = f"{row['name']}: {row['filter'].rpartition('.')[2]}"
        rows.append([name, *[percent(point["mean"], point["sd"]) for point in row["points"]]])
    return lines_of(["exemplars", *sizes], rows)


def ablation_table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: F1 on development data, its mean difference to that with everything, and the ECE."""
    rows, whole = [], result["ablation"]["rows"][0]["sets"]
    for row in result["ablation"]["rows"]:
        sets = row["sets"]
        change = 100 * statistics.fmean(sets[name]["f"] - whole[name]["f"] for name in whole)
        ece = statistics.fmean(one["ece_15"] for one in sets.values())
        f = [percent(sets[name]["f"], sets[name]["sd"]) for name in whole]
        rows.append([row["name"], *f, f"{change:+.2f}" if sets is not whole else "", f"{ece:.3f}"])
    return lines_of(["development data", *whole, "mean difference", "mean ECE"], rows)


PARTS = {"table": (make_table, table), "curve": (make_curve, curve_table), "ablation": (make_ablation, ablation_table)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(PARTS), help="Run this part alone")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="Folder with the corpora")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)  # utterances a split, to see that it runs
    args = parser.parse_args()
    if args.limit is not None and args.output.resolve() == OUTPUT:
        parser.error("--limit makes no results worth keeping: give another --output")
    absent = [path for c, parts in FILES.items() for p in parts if not (path := args.data / c / f"{p}.jsonl").is_file()]
    if absent:
        say(f"Error: no such file: {absent[0]}; --data names a folder with wnut17/ and snips/, see --help")
        return 1
    import_module("sklearn.ensemble")  # brings the libraries along whose threads are limited
    result = json.loads(args.output.read_text(encoding="utf8")) if args.output.is_file() else {}
    for part in [args.only] if args.only else PARTS:
        make, show = PARTS[part]
        try:
            with threadpool_limits(1):
                made = make(args.data, args.limit)
        except ConvnerError as err:
            say(f"Error: {err}")
            return 1
        made = {"command": f"python benchmarks/filters.py --only {part}", "date": date.today().isoformat(), **made}
        result |= {
            "command": "python benchmarks/filters.py",
            "date": made["date"],
            "python": platform.python_version(),
            "versions": {name: version(name) for name in ("numpy", "scikit-learn", "spacy")},
            part: made,
        }
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
        print(show(result), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
