"""What normalization is worth: candidate recall on public data, with a catalog of the training split's names only.

python benchmarks/catalog_recall.py [--data ../shared/data] [--output docs/results/catalog_recall.json]

For each data set and way of matching: the share of the test split's (span, label)s that the catalog proposes,
candidates an utterance, and utterances a second. ``misspelt`` is the recall on names that are proposed when they are
written right, with one or two letters swapped, left out, doubled or changed; the fuzzy step is for these.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from spacy_convner.attrs import get_candidates
from spacy_convner.records import read_exemplars
from spacy_convner.ty import CatalogEntry, Exemplar, LabelledSpan

ROOT = Path(__file__).resolve().parents[1]
WAYS: dict[str, dict[str, Any]] = {
    "exact": {"normalizer": {"@misc": "spacy_convner.Normalizer.v1", "steps": []}},
    "case": {"normalizer": {"@misc": "spacy_convner.Normalizer.v1", "steps": ["case"]}},
    "default": {},
    "default + fuzzy": {"fuzzy": {"@misc": "spacy_convner.FuzzyStep.v1"}},
}
RUNS = 3


def pipeline(train: list[Exemplar], way: str) -> Language:
    nlp = spacy.blank("en")
    matcher: Any = nlp.add_pipe("catalog_matcher", config={**WAYS[way], "index": "trie"})
    matcher.add(CatalogEntry(e.text[s.start : s.end], s.label, lang="en") for e in train for s in e.spans)
    return nlp


def candidates(nlp: Language, exemplars: list[Exemplar]) -> list[set[LabelledSpan]]:
    docs = nlp.pipe(e.text for e in exemplars)
    return [{c.key for c in get_candidates(doc, "candidates")} for doc in docs]


def misspelt(exemplars: list[Exemplar], known: list[set[LabelledSpan]], seed: int = 0) -> list[Exemplar]:
    """RETURNS (list[Exemplar]): One name each, of five letters or more, with a mistake after its third letter."""
    generator = random.Random(seed)
    made = []
    for exemplar, proposed in zip(exemplars, known, strict=True):
        for span in exemplar.spans:
            name = exemplar.text[span.start : span.end]
            if span not in proposed or len(name) < 5:
                continue
            for _ in range(1 if len(name) < 10 else 2):
                at = generator.randrange(3, len(name) - 1)
                left, right = name[:at], name[at:]
                name = generator.choice(
                    [left + right[1:], left + right[0] + right, left + right[1] + right[0] + right[2:],
                     left + generator.choice("aeioulnrst") + right[1:]]
                )  # fmt: skip
            text = exemplar.text[: span.start] + name + exemplar.text[span.end :]
            if name != exemplar.text[span.start : span.end]:
                made.append(replace(exemplar, text=text, spans=(replace(span, end=span.start + len(name)),)))
    return made


def recall(found: list[set[LabelledSpan]], exemplars: list[Exemplar]) -> float:
    gold = sum(len(set(e.spans)) for e in exemplars)
    return sum(len(f & set(e.spans)) for f, e in zip(found, exemplars, strict=True)) / gold


def measure(train: list[Exemplar], test: list[Exemplar]) -> list[dict[str, Any]]:
    rows = []
    right = candidates(pipeline(train, "default"), test)
    wrong = misspelt(test, right)
    for way in WAYS:
        nlp = pipeline(train, way)
        found = candidates(nlp, test)
        speeds = []
        for _ in range(RUNS):
            started = time.perf_counter()
            candidates(nlp, test)
            speeds.append(len(test) / (time.perf_counter() - started))
        rows.append(
            {
                "way": way,
                "recall": round(recall(found, test), 4),
                "candidates_per_utterance": round(sum(map(len, found)) / len(test), 2),
                "misspelt_recall": round(recall(candidates(nlp, wrong), wrong), 4),
                "utterances_per_s": round(statistics.median(speeds)),
            }
        )
    return rows


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown."""
    lines = ["| data | matching | candidate recall | candidates/utterance | recall, misspelt | utterances/s |",
             "| --- | --- | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for name, rows in result["data"].items():
        lines += [
            f"| {name} | {r['way']} | {100 * r['recall']:.1f} | {r['candidates_per_utterance']:.2f} | "
            f"{100 * r['misspelt_recall']:.1f} | {r['utterances_per_s']:,} |"
            for r in rows
        ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "catalog_recall.json")
    args = parser.parse_args()
    data = {
        name: measure(*(list(read_exemplars(args.data / name / f"{split}.jsonl")) for split in ("train", "test")))
        for name in ("snips", "wnut17")
    }
    result = {
        "command": "python benchmarks/catalog_recall.py",
        "date": date.today().isoformat(),
        "runs": RUNS,
        "data": data,
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
