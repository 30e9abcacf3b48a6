"""How right the teacher's patterns are, and how often the checks are wrong, on hand-annotated utterances.

python -m spacy assemble configs/teacher_local.cfg training/teacher
python benchmarks/patterns.py training/teacher [--output docs/results/patterns.json]

A pattern is right if it is the annotated utterance with a tag for each of its spans, every one in one of its labels.
Its seeds are the gold utterances, which are harder than traffic: many have a name that isn't meant as one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import spacy

from spacy_convner.datagen.patterns.guidance import read_guidance
from spacy_convner.datagen.patterns.languages import other_language
from spacy_convner.datagen.patterns.literal_entities import find_literal_entities
from spacy_convner.datagen.patterns.near_duplicates import find_near_duplicates
from spacy_convner.datagen.patterns.teacher_generator import TeacherPatternGenerator
from spacy_convner.datagen.patterns.validation import PatternChecks, validate_patterns
from spacy_convner.datagen.ty import Pattern, SeedGroup
from spacy_convner.records import read_exemplars, read_labels, read_utterances
from spacy_convner.ty import Exemplar

ROOT = Path(__file__).resolve().parents[1]
LANGS = ("en", "es")
SETTINGS = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.6, 0.8, 0.15), (0.7, 0.9, 0.15), (0.8, 0.95, 0.15))
FLOORS = (50.0, 60.0, 70.0, 80.0, 90.0)
GUIDANCE = read_guidance()


def tagged(utterance: Exemplar, leave: int | None = None) -> list[str]:
    """leave (int | None): Index of a name to leave as words. RETURNS (list[str]): One for each choice of labels."""
    places: dict[tuple[int, int], list[str]] = {}
    for span in sorted(utterance.spans, key=lambda span: span.start):
        places.setdefault((span.start, span.end), []).append(span.label)
    found = []
    for labels in product(*places.values()):
        text, position = "", 0
        for i, ((start, end), label) in enumerate(zip(places, labels, strict=True)):
            text += utterance.text[position:start] + (utterance.text[start:end] if i == leave else f"<{label}>")
            position = end
        found.append(text + utterance.text[position:])
    return found


def teacher(nlp: Any, gold: dict[str, list[Exemplar]], labels: dict[str, str]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): For thresholds, how many seeds become a pattern and what share of those is right."""
    rows = []
    for (least, everyday, margin), lang in product(SETTINGS, LANGS):
        generator = TeacherPatternGenerator(nlp, least, everyday, margin)
        texts = tuple(utterance.text for utterance in gold[lang])
        checks = PatternChecks(labels, GUIDANCE, nlp, near_duplicate=2)
        made = validate_patterns(list(generator([SeedGroup(texts, lang)], lang)), checks)
        wanted = {" ".join(utterance.text.split()): tagged(utterance) for utterance in gold[lang]}
        proposed = [pattern for pattern in made if pattern.status == "proposed"]
        right = sum(
            re.sub(r":\d+>", ">", pattern.text) in wanted[" ".join(seed.split())]
            for pattern in proposed
            for seed in pattern.seeds[:1]
        )
        rows.append(
            {
                "lang": lang,
                "min_score": least,
                "min_score_everyday": everyday,
                "min_margin": margin,
                "seeds": len(texts),
                "with_entities": sum(bool(utterance.spans) for utterance in gold[lang]),
                "proposed": len(proposed),
                "right": round(right / len(proposed), 4),
            }
        )
    return rows


def traffic(nlp: Any, labels: dict[str, str]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): What becomes of a later week's traffic with the default settings."""
    rows = []
    later = list(read_utterances(ROOT / "assets" / "traffic" / "later.jsonl"))
    for lang in LANGS:
        texts = tuple(utterance.text for utterance in later if utterance.lang == lang)
        generator = TeacherPatternGenerator(nlp, 0.7, 0.9, 0.15)
        made = validate_patterns(list(generator([SeedGroup(texts, lang)], lang)), PatternChecks(labels, GUIDANCE, nlp))
        reasons = Counter(pattern.reason.partition(":")[0] for pattern in made if pattern.reason)
        proposed = sum(pattern.status == "proposed" for pattern in made)
        rows.append({"lang": lang, "seeds": len(texts), "proposed": proposed, "rejected": dict(reasons.most_common())})
    return rows


def literal(nlp: Any, gold: dict[str, list[Exemplar]]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): For floors, share of right patterns that are refused, and of names left that are found."""
    rows = []
    for floor, lang in product(FLOORS, LANGS):
        right = [Pattern(tagged(utterance)[0], lang) for utterance in gold[lang] if utterance.spans]
        left = [
            Pattern(tagged(utterance, leave=i)[0], lang)
            for utterance in gold[lang]
            for i in range(len({(span.start, span.end) for span in utterance.spans}))
        ]
        refused, found = (
            sum(map(bool, find_literal_entities(some, nlp, popularity_floor=floor, everyday=GUIDANCE.everyday_words)))
            for some in (right, left)
        )
        rows.append(
            {
                "lang": lang,
                "popularity_floor": floor,
                "refused": round(refused / len(right), 4),
                "found": round(found / len(left), 4),
                "names": len(left),
            }
        )
    return rows


def language(gold: dict[str, list[Exemplar]]) -> list[dict[str, Any]]:
    """RETURNS (list[dict]): Patterns said to be in another language: of their own, and of the other one."""
    rows = []
    for lang, other in (LANGS, LANGS[::-1]):
        texts = [(re.sub("<[^>]*>", " ", tagged(utterance)[0]), utterance.text) for utterance in gold[lang]]
        rows.append(
            {
                "lang": lang,
                "n": len(texts),
                "refused": round(
                    sum(other_language(text, lang, seed) is not None for text, seed in texts) / len(texts), 4
                ),
                "found": round(
                    sum(other_language(text, other, seed) is not None for text, seed in texts) / len(texts), 4
                ),
            }
        )
    return rows


def near_duplicates(n: int = 10_000) -> dict[str, Any]:
    """RETURNS (dict): Seconds for patterns of nine words with frequencies as in language."""
    rng = random.Random(0)
    words, weights = [f"word{i}" for i in range(2000)], [1 / (i + 1) for i in range(2000)]
    items = [["<>", *rng.choices(words, weights, k=8)] for _ in range(n)]
    started = time.process_time()
    find_near_duplicates(items, 0.8)
    return {"patterns": n, "cpu_s": round(time.process_time() - started, 2)}


def main() -> None:
    """Measure, write the JSON file, print what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "patterns.json")
    arguments = parser.parse_args()
    nlp = spacy.load(arguments.teacher)
    labels = read_labels(ROOT / "assets" / "labels.yml")
    gold = {
        lang: [replace(item, lang=lang) for item in read_exemplars(ROOT / "assets" / "gold" / f"{lang}.jsonl")]
        for lang in LANGS
    }
    result = {
        "command": "python benchmarks/patterns.py training/teacher",
        "date": date.today().isoformat(),
        "python": sys.version.split()[0],
        "teacher": teacher(nlp, gold, labels),
        "traffic": traffic(nlp, labels),
        "literal_entities": literal(nlp, gold),
        "language": language(gold),
        "near_duplicates": near_duplicates(),
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
