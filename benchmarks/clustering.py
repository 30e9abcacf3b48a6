"""Clusters against the intents of Snips, beside k-means that is told how many there are; time and memory by size.

python benchmarks/clustering.py [--quality] [--scale 10000 100000 300000] [--output docs/results/clustering.json]

Quality: adjusted mutual information (AMI) with the intents of Snips' training set, which the automatic min_samples was
chosen on, and of its test set, which it wasn't. Noise counts as one more cluster; "in clusters" leaves it out, and says
how large a share it was. Every row but k-means finds the number of clusters itself. Mean of three seeds.

Scale: ``convner cluster`` in a process of its own, encoder included, over utterances of Snips with other names of the
same label in them. Beyond 100,000 the vectors are hashed ones: it isn't the encoder that is measured there. Without
--quality or --scale both are run; one alone keeps the other's figures of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from spacy.util import registry

from spacy_convner.datagen.clustering.embedding import embed_texts
from spacy_convner.datagen.clustering.hdbscan_clusterer import make_hdbscan_clusterer
from spacy_convner.datagen.clustering.representatives import choose_representatives
from spacy_convner.datagen.ty import Clustering
from spacy_convner.records import normalize_text, read_utterances
from spacy_convner.ty import Exemplar, Matrix

ROOT = Path(__file__).resolve().parents[1]
SNIPS = ROOT.parent / "shared" / "data" / "snips"
SEEDS = (0, 1, 2)
ENCODED = 100_000
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("default", {}),
    ("default, a sample of half", {"half": True}),
    ("min_samples 5", {"min_samples": 5}),
    ("min_samples 30", {"min_samples": 30}),
    ("5 principal components", {"reduce": "pca"}),
    ("no reduction", {"reduce": "none"}),
)


def embed(texts: Sequence[str]) -> Matrix:
    return embed_texts(texts, registry.misc.get("spacy_convner.SentenceTransformerEmbedder.v1")())


def scores(gold: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    from sklearn.metrics import adjusted_mutual_info_score, v_measure_score

    inside = labels >= 0
    return {
        "clusters": len(set(labels[inside].tolist())),
        "noise_share": float(1 - inside.mean()),
        "ami": adjusted_mutual_info_score(gold, labels),
        "ami_in_clusters": adjusted_mutual_info_score(gold[inside], labels[inside]) if inside.any() else 0.0,
        "v_measure": v_measure_score(gold, labels),
    }


def mean_row(name: str, corpus: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"corpus": corpus, "way": name}
    for key in rows[0]:
        values = [one[key] for one in rows]
        row[key] = round(float(np.mean(values)), 4)
    if "ami" in rows[0]:
        row["ami_of_seeds"] = [round(float(one["ami"]), 4) for one in rows]
    return row


def timed(call: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return call(*arguments), time.perf_counter() - started


def cluster(vectors: Matrix, settings: dict[str, Any], seed: int) -> Clustering:
    settings = dict(settings)
    if settings.pop("half", False):
        settings["sample_size"] = len(vectors) // 2
    return make_hdbscan_clusterer(seed=seed, **settings)(vectors)


def against_intents(corpus: str, path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from sklearn.cluster import KMeans

    utterances = list({normalize_text(u.text): u for u in read_utterances(path)}.values())
    gold = np.array([u.meta["intent"] for u in utterances])
    vectors = embed([u.text for u in utterances])
    k = len(set(gold.tolist()))
    rows, spread = [], {}
    found = []
    for seed in SEEDS:
        labels, seconds = timed(KMeans(k, n_init=10, random_state=seed).fit_predict, vectors)
        found.append(scores(gold, labels) | {"cluster_s": seconds})
    rows.append(mean_row(f"k-means, k = {k}", corpus, found))
    for name, settings in SETTINGS:
        found = []
        for seed in SEEDS if settings.get("reduce", "umap") == "umap" else SEEDS[:1]:
            result, seconds = timed(cluster, vectors, settings, seed)
            found.append(scores(gold, result.labels) | {"cluster_s": seconds})
            if name == "default" and seed == SEEDS[0]:
                spread = representatives(vectors, result)
        rows.append(mean_row(name, corpus, found))
        print(json.dumps(rows[-1]), flush=True)
    return rows, {"corpus": corpus, **spread}


def representatives(vectors: Matrix, result: Clustering, k: int = 5) -> dict[str, Any]:
    """How near a cluster's members are to their nearest of 5 representatives (cosine), beside 5 at random."""
    ours, chance, alike, chance_alike = [], [], [], []
    generator = np.random.default_rng(0)
    for number in range(int(result.labels.max()) + 1):
        members = np.flatnonzero(result.labels == number)
        own = vectors[members]
        chosen = choose_representatives(own, result.strengths[members], result.exemplars[members], k)
        for rows, near, among in (
            (chosen, ours, alike),
            (generator.permutation(len(members))[:k], chance, chance_alike),
        ):
            near.append((float((own @ own[rows].T).max(axis=1).mean()), len(members)))
            between = own[rows] @ own[rows].T
            among.append(float((between.sum() - len(rows)) / max(len(rows) * (len(rows) - 1), 1)))
    weigh = lambda pairs: round(sum(a * n for a, n in pairs) / max(sum(n for _, n in pairs), 1), 4)  # noqa: E731
    return {
        "nearest_representative": weigh(ours),
        "nearest_of_random": weigh(chance),
        "between_representatives": round(float(np.mean(alike)), 4),
        "between_random": round(float(np.mean(chance_alike)), 4),
    }


def demo() -> list[dict[str, Any]]:
    rows = []
    for lang in ("en", "es"):
        path = ROOT / "assets" / "traffic" / f"{lang}.jsonl"
        vectors = embed(list({normalize_text(u.text): u.text for u in read_utterances(path)}.values()))
        for name, settings in SETTINGS:
            if "half" in settings:
                continue
            found = []
            for seed in SEEDS if settings.get("reduce", "umap") == "umap" else SEEDS[:1]:
                result, seconds = timed(cluster, vectors, settings, seed)
                labels = result.labels
                largest = int((labels == 0).sum()) if (labels == 0).any() else 0
                found.append(
                    {"clusters": int(labels.max()) + 1, "noise_share": float((labels < 0).mean()), "cluster_s": seconds}
                    | {"largest_share": largest / len(labels)}
                )
            rows.append(mean_row(name, f"assets/traffic/{lang}.jsonl", found))
            print(json.dumps(rows[-1]), flush=True)
    return rows


def made_traffic(n: int) -> list[str]:
    """n different utterances: those of Snips, each name replaced by another of its label."""
    utterances = list(read_utterances(SNIPS / "train.jsonl"))
    names: dict[str, list[str]] = {}
    for one in utterances:
        for span in one.spans:
            names.setdefault(span.label, []).append(one.text[span.start : span.end])
    rng = random.Random(0)
    made: dict[str, str] = {}
    while len(made) < n:
        text = replace_names(rng.choice(utterances), names, rng)
        made.setdefault(normalize_text(text), text)
    return list(made.values())


def replace_names(one: Exemplar, names: dict[str, list[str]], rng: random.Random) -> str:
    pieces, end = [], 0
    for span in sorted(one.spans, key=lambda span: span.start):
        pieces += [one.text[end : span.start], rng.choice(names[span.label])]
        end = span.end
    return "".join([*pieces, one.text[end:]])


def scale(sizes: list[int]) -> Iterator[dict[str, Any]]:
    for n in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lines = (json.dumps({"text": text, "lang": "en"}) + "\n" for text in made_traffic(n))
            (folder / "in.jsonl").write_text("".join(lines), encoding="utf8")
            command = [sys.executable, "-m", "spacy", "convner", "cluster", "in.jsonl", "out.jsonl"]
            vectors = ["--hashed"] if n > ENCODED else []
            subprocess.run(
                [*command, "--summary", "s.json", *vectors], check=True, cwd=folder, stdout=subprocess.DEVNULL
            )
            summary = json.loads((folder / "s.json").read_text(encoding="utf8"))
        seconds = summary["seconds"]
        yield {
            "utterances": n,
            "vectors": "hashed" if vectors else "encoder",
            "embed_s": seconds["embed"],
            "cluster_s": round(seconds["total"] - seconds["embed"], 1),
            "max_rss_mb": summary["max_rss_mb"],
            "clusters": summary["clusters"],
            "noise_share": summary["noise_share"],
            "load": round(os.getloadavg()[0], 1),
        }


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: quality, then time and memory."""
    lines = [["Snips", "clusters", "noise", "AMI", "AMI in clusters", "V-measure"], ["---", *["---:"] * 5]]
    for row in result["quality"]:
        numbers = [f"{row['clusters']:.0f}", f"{row['noise_share']:.0%}", f"{row['ami']:.3f}"]
        numbers += [f"{row['ami_in_clusters']:.3f}", f"{row['v_measure']:.3f}"]
        lines.append([f"{row['corpus']}: {row['way']}", *numbers])
    more = [["utterances", "vectors", "clustering", "memory", "clusters", "noise"], ["---:"] * 6]
    for row in result["scale"]:
        numbers = [
            f"{row['utterances']:,}",
            f"{row['embed_s']:,.0f} s ({row['vectors']})",
            f"{row['cluster_s']:,.0f} s",
        ]
        numbers += [f"{row['max_rss_mb'] / 1000:.1f} GB", f"{row['clusters']:,}", f"{row['noise_share']:.0%}"]
        more.append(numbers)
    return "\n\n".join("\n".join(f"| {' | '.join(line)} |" for line in part) for part in (lines, more))


def write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--scale", type=int, nargs="*")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "clustering.json")
    args = parser.parse_args()
    everything = not args.quality and args.scale is None
    result: dict[str, Any] = {"quality": [], "representatives": [], "demo": [], "scale": []}
    if args.output.is_file():
        result |= json.loads(args.output.read_text(encoding="utf8"))
    result |= {
        "command": "python benchmarks/clustering.py",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seeds": list(SEEDS),
    }
    if args.quality or everything:
        found = [against_intents(split, SNIPS / f"{split}.jsonl") for split in ("train", "test")]
        result["quality"] = [row for rows, _ in found for row in rows]
        result["representatives"] = [spread for _, spread in found]
        result["demo"] = demo()
        write(args.output, result)
    if args.scale is not None or everything:
        for row in scale(args.scale or [10_000, 100_000, 300_000]):
            others = [other for other in result["scale"] if other["utterances"] != row["utterances"]]
            result["scale"] = sorted([*others, row], key=lambda one: int(one["utterances"]))
            write(args.output, result)
    print(table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
