"""A million utterances from patterns: speed and memory; and whether names written otherwise are still proposed.

python benchmarks/population.py [--size 1000000] [--noise 0.3] [--patterns FILE] [--output docs/results/population.json]

1. Each (catalog, form) runs in a process of its own: the demo's names or a million made up in their shapes, written
   as JSONL or as DocBin shards. Resident memory is looked at while it runs (Linux); imports and names are in it.
   Seconds count drawing, tokenising, checking and writing, not reading the catalog. Patterns are the demo's English
   exemplars with placeholders for their names, unless a file is given; one without a name gives an utterance or two.
2. Every name of the demo catalogs is put into a sentence, which is written in each way that noise has; the figure is
   the share of them that ``catalog_matcher`` proposes with its span and label.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import spacy
from catalog import made_names

from spacy_convner.attrs import get_candidates, set_doc_lang
from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.datagen.pattern_files import number_patterns
from spacy_convner.datagen.population.filling import fill, make_frames
from spacy_convner.datagen.population.names import group_names
from spacy_convner.datagen.population.popularity_sampler import make_popularity_sampler
from spacy_convner.datagen.population.population import PopulationReport, fits_tokens, populate
from spacy_convner.datagen.population.surface_noise import KINDS, SurfaceNoise, add_noise
from spacy_convner.datagen.population.writing import write_utterances
from spacy_convner.datagen.ty import Pattern
from spacy_convner.records import read_exemplars
from spacy_convner.ty import CatalogEntry, Exemplar

ROOT = Path(__file__).resolve().parents[1]
CATALOGS = ROOT / "assets" / "catalogs"
MILLION = 1_000_000
SENTENCES = {"en": "i want <{}> now, ok?", "es": "¿has probado «<{}>», tío?"}


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


def exemplar_patterns() -> Iterator[tuple[int, Pattern]]:
    """YIELDS (tuple[int, Pattern]): Number and pattern of each of the demo's English exemplars."""
    for number, exemplar in enumerate(read_exemplars(ROOT / "assets" / "exemplars" / "en.jsonl"), 1):
        text, end = "", 0
        for span in {span.start: span for span in exemplar.spans}.values():
            text += f"{exemplar.text[end : span.start]}<{span.label}>"
            end = span.end
        yield number, Pattern(text + exemplar.text[end:], "en", "accepted")


def measure(names: int, form: str, size: int, patterns: Path | None, noise: float) -> dict[str, Any]:
    """Populate and write in this process."""
    nlp = spacy.blank("xx")
    empty = resident_mb()
    entries: Iterator[CatalogEntry] = made_names(names) if names else read_catalog(CATALOGS)
    sampler = make_popularity_sampler()
    started = time.perf_counter()
    sampler.fit(entries, "en")
    fit_s = time.perf_counter() - started
    numbered = number_patterns(patterns) if patterns else exemplar_patterns()
    frames = make_frames(numbered, sampler.labels, path=patterns, lang="en")
    report = PopulationReport()
    ready = resident_mb()
    points: dict[str, float] = {}
    marks = {size // 10, size // 2, size}

    def watched(stream: Iterator[Exemplar]) -> Iterator[Exemplar]:
        for count, exemplar in enumerate(stream, 1):
            yield exemplar
            if count in marks:
                points[str(count)] = resident_mb()

    stream = populate(frames, sampler, size=size, nlp=nlp, noise=SurfaceNoise(noise) if noise else None, report=report)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / ("out.jsonl" if form == "JSONL" else "shards")
        started = time.perf_counter()
        count = write_utterances([output], watched(stream), nlp)
        seconds = time.perf_counter() - started
        files = [output] if output.is_file() else list(output.iterdir())
        written = sum(file.stat().st_size for file in files)
    return {
        "names": names or sum(1 for _ in read_catalog(CATALOGS)),
        "form": form,
        "utterances": count,
        "patterns": len(frames),
        "seconds": round(seconds, 1),
        "utterances_per_s": round(count / seconds),
        "fit_s": round(fit_s, 1),
        "rss_mb_start": empty,
        "rss_mb_ready": ready,
        "rss_mb": points,
        "written_mb": round(written / 1e6, 1),
        "rejected": dict(report.rejected),
        "exhausted_patterns": len(report.exhausted),
    }


def proposed_shares(lang: str) -> dict[str, Any]:
    """RETURNS (dict): Way of writing → share of names that the catalog proposes."""
    nlp = spacy.blank("xx")
    matcher: Any = nlp.add_pipe("catalog_matcher", config={"catalog": str(CATALOGS)})
    grouped = group_names(read_catalog(CATALOGS), lang)
    rng = random.Random(0)
    plain = []
    for label, names in grouped.items():
        (frame,) = make_frames([(1, Pattern(SENTENCES[lang].format(label), lang, "accepted"))], grouped)
        plain += [fill(frame, [name.entry]) for name in names]
    shares: dict[str, Any] = {"lang": lang, "names": len(plain)}
    for kind in ("as the catalog writes it", *KINDS):
        changed = [add_noise(exemplar, kind, rng) if kind in KINDS else exemplar for exemplar in plain]
        docs = []
        for exemplar in changed:
            doc = nlp.make_doc(exemplar.text)
            set_doc_lang(doc, lang)
            docs.append(doc)
        found = sum(
            fits_tokens(nlp, exemplar) and exemplar.spans[0] in {c.key for c in get_candidates(doc, "candidates")}
            for exemplar, doc in zip(changed, matcher.pipe(docs), strict=True)
        )
        shares[kind] = round(found / len(plain), 4)
    return shares


def table(rows: list[dict[str, Any]]) -> str:
    """RETURNS (str): Markdown."""
    lines = [
        ["names", "written as", "utterances", "utterances/s", *(f"MB at {at}" for at in ("10 %", "50 %", "100 %"))],
        ["---:", "---", *["---:"] * 5],
    ]
    for row in rows:
        memory = [f"{value:,.0f}" for value in row["rss_mb"].values()]
        speed = f"{row['utterances_per_s']:,}"
        lines.append([f"{row['names']:,}", row["form"], f"{row['utterances']:,}", speed, *memory])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=MILLION)
    parser.add_argument("--patterns", type=Path, help="pattern file to use instead of the exemplars")
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "population.json")
    parser.add_argument("--one", nargs=2, metavar=("NAMES", "FORM"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(int(args.one[0]), args.one[1], args.size, args.patterns, args.noise)))
        return 0
    command = [sys.executable, __file__, f"--size={args.size}", f"--noise={args.noise}"]
    command += [f"--patterns={args.patterns}"] if args.patterns else []
    rows = []
    for names in (0, MILLION):
        for form in ("JSONL", "DocBin shards"):
            done = subprocess.run([*command, "--one", str(names), form], check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(done.stdout))
            print(json.dumps(rows[-1]), file=sys.stderr)
    result = {
        "command": "python benchmarks/population.py",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "noise": args.noise,
        "rows": rows,
        "proposed": [proposed_shares(lang) for lang in SENTENCES],
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
