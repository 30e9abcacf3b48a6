"""How well conversation is told from commands: held-out utterances, commands of another data set, speed, each feature.

python benchmarks/detection.py [--output docs/results/detection.json]

The held-out split is scored with the built-in weights and has no part in them. Snips has requests of tasks only, so
whatever is flagged counts as a false alarm; it was never looked at while words and weights were chosen. A feature's row
is the cross-validated F1 of the train split without it; the word lists were written by somebody who saw that split.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from spacy_convner.datagen.detection.calibration import calibrate
from spacy_convner.datagen.detection.features import SIGNS
from spacy_convner.datagen.detection.heuristic_detector import HeuristicDetector
from spacy_convner.datagen.detection.labelled import Labelled, read_labelled, score
from spacy_convner.datagen.detection.lexicon import read_lexicon
from spacy_convner.records import read_utterances

ROOT = Path(__file__).resolve().parents[1]
SNIPS = ROOT.parent / "shared" / "data" / "snips"
LANGS = {"en": "English", "es": "Spanish"}
RESAMPLES = 2000


def held_out(detector: HeuristicDetector, lang: str, items: list[Labelled]) -> dict[str, Any]:
    """RETURNS (dict): Scores of the test split, 0..1, with 95 % intervals of a bootstrap over utterances."""
    gold = np.array([item.conversational for item in items])
    said = np.array([detector(item.text, lang).conversational for item in items])
    found = score(gold.tolist(), said.tolist())
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(items), len(items))
        samples.append(score(gold[drawn].tolist(), said[drawn].tolist())[:3])
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    row: dict[str, Any] = {"lang": lang, **found.rounded(), "conversational": int(gold.sum())}
    for i, name in enumerate(("precision", "recall", "f1")):
        row[f"{name}_ci95"] = [round(float(low[i]), 4), round(float(high[i]), 4)]
    return row


def flagged(detector: HeuristicDetector, path: Path) -> dict[str, Any]:
    """RETURNS (dict): Share of a file of commands that is taken for conversation."""
    said = [detector(utterance.text, "en").conversational for utterance in read_utterances(path)]
    return {"file": f"snips/{path.name}", "n": len(said), "flagged": round(sum(said) / len(said), 4)}


def speed(detector: HeuristicDetector, lang: str, repeats: int = 5) -> dict[str, Any]:
    """RETURNS (dict): Utterances of the demo traffic a CPU second, one process, words cached; the median run."""
    texts = [utterance.text for utterance in read_utterances(ROOT / "assets" / "traffic" / f"{lang}.jsonl")]
    rates = []
    for _ in range(repeats):
        started = time.process_time()
        for text in texts:
            detector(text, lang)
        rates.append(len(texts) / (time.process_time() - started))
    return {"lang": lang, "n": len(texts), "utterances_per_cpu_s": round(float(np.median(rates)))}


def ablation(lang: str, items: list[Labelled]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): For every feature its weight, and the cross-validated F1 without it."""
    lexicon = read_lexicon(lang)
    full = calibrate(items, lexicon)
    rows = [{"lang": lang, "without": None, "weight": None, "f1": round(full.cross_validated.f1, 4)}]
    for name in SIGNS:
        f1 = calibrate(items, lexicon, without=[name]).cross_validated.f1
        rows.append({"lang": lang, "without": name, "weight": full.weights.weights[name], "f1": round(f1, 4)})
    return rows


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): Markdown: scores, then what each feature is worth."""

    def percent(row: dict[str, Any], name: str) -> str:
        low, high = row[f"{name}_ci95"]
        return f"{100 * row[name]:.1f} ({100 * low:.1f}–{100 * high:.1f})"

    lines = [["held out", "utterances", "precision", "recall", "F1"], ["---", *["---:"] * 4]]
    for row in result["held_out"]:
        scores = [percent(row, name) for name in ("precision", "recall", "f1")]
        lines.append([LANGS[row["lang"]], f"{row['n']:,}", *scores])
    text = _markdown(lines)
    if result["commands"]:
        lines = [["commands never seen", "utterances", "taken for conversation"], ["---", "---:", "---:"]]
        lines += [[row["file"], f"{row['n']:,}", f"{100 * row['flagged']:.1f} %"] for row in result["commands"]]
        text += "\n\n" + _markdown(lines)
    lines = [["feature", *(f"{name}: weight, F1 without it" for name in LANGS.values())], ["---", *["---:"] * 2]]
    rows = {(row["lang"], row["without"]): row for row in result["ablation"]}
    for name in (None, *SIGNS):
        cells = [rows[lang, name] for lang in LANGS]
        values = [f"{100 * c['f1']:.1f}" if name is None else f"{c['weight']:+.2f}, {100 * c['f1']:.1f}" for c in cells]
        lines.append([name or "all, cross-validated", *values])
    return text + "\n\n" + _markdown(lines)


def _markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "detection.json")
    args = parser.parse_args()
    detector = HeuristicDetector(None, None)
    items = {lang: read_labelled(ROOT / "assets" / "detection" / f"{lang}.jsonl") for lang in LANGS}
    result: dict[str, Any] = {
        "command": "python benchmarks/detection.py",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "thresholds": {lang: detector.language(lang)[1].threshold for lang in LANGS},
        "held_out": [held_out(detector, lang, [i for i in items[lang] if i.split == "test"]) for lang in LANGS],
        "commands": [flagged(detector, path) for path in sorted(SNIPS.glob("*.jsonl"))],
        "speed": [speed(detector, lang) for lang in LANGS],
        "ablation": [row for lang in LANGS for row in ablation(lang, [i for i in items[lang] if i.split == "train"])],
    }
    if not result["commands"]:
        print(f"no commands in {SNIPS}: their share is left out", file=sys.stderr)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(table(result))
    rates = [f"{row['lang']} {row['utterances_per_cpu_s']:,}" for row in result["speed"]]
    print(f"\nutterances a CPU second: {', '.join(rates)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
