"""How long ``import spacy_convner`` takes beside ``import spacy``: medians of alternating fresh processes.

python benchmarks/import_time.py [--runs 9] [--max-ratio 1.10]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--max-ratio", type=float, default=None)
    args = parser.parse_args()
    seconds("spacy_convner")  # fills the caches of the file system and of bytecode
    times: dict[str, list[float]] = {"spacy": [], "spacy_convner": []}
    for _ in range(args.runs):
        for module, values in times.items():
            values.append(seconds(module))
    ratios = [own / base for own, base in zip(times["spacy_convner"], times["spacy"], strict=True)]
    for module, values in times.items():
        print(f"import {module:<14} median {statistics.median(values):.3f} s of {args.runs}")
    ratio = statistics.median(ratios)
    print(f"ratio                 median {ratio:.3f}")
    return int(args.max_ratio is not None and ratio > args.max_ratio)


if __name__ == "__main__":
    sys.exit(main())
