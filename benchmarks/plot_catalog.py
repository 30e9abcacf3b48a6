"""Draw ``docs/results/catalog.json``: load time, memory and throughput by catalog size. Needs matplotlib.

python benchmarks/plot_catalog.py [--input docs/results/catalog.json] [--output docs/catalog.svg]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PANELS = [
    ("load_s", "seconds to load"),
    ("added_rss_mb", "MB of memory gained"),
    ("tokens_per_s", "tokens a second"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=ROOT / "docs" / "results" / "catalog.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "catalog.svg")
    args = parser.parse_args()
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "convner"  # the same drawing from the same figures
    import matplotlib.pyplot as plt

    rows = json.loads(args.input.read_text(encoding="utf8"))["rows"]
    systems = list(dict.fromkeys(row["system"] for row in rows))
    figure, axes = plt.subplots(1, len(PANELS), figsize=(12, 3.8), layout="constrained")
    for axis, (key, title) in zip(axes, PANELS, strict=True):
        for system in systems:
            points = [(row["size"], row[key]) for row in rows if row["system"] == system]
            ours = system.startswith("convner")
            axis.plot(*zip(*points, strict=True), marker="o", label=system, linewidth=3 if ours else 1.2,
                      zorder=3 if ours else 2)  # fmt: skip
        axis.set(xscale="log", yscale="log", title=title, xlabel="names")
        axis.grid(which="major", alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(systems), fontsize=8)
    figure.savefig(args.output, metadata={"Date": None})
    return 0


if __name__ == "__main__":
    sys.exit(main())
