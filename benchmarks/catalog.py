"""Catalog indexes beside their peers: build, load, memory and throughput.

python benchmarks/catalog.py [--sizes 10000 100000 1000000] [--peers-up-to 1000000] [--output docs/results/catalog.json]

Every (system, size) is measured in processes of its own: one builds and saves, three load and match. Names are made up
in the shapes of the demo catalogs' real ones. Utterances are the demo's traffic, one after the other as in
``nlp.pipe``; tokenising them isn't counted, nor is making the names. In the first pass no utterance was seen before;
the throughput is the median of three more. A pass ends after ten seconds. Components write spans to the Doc, the other
systems only list matches. Memory is what the process gained (Linux). Peers: pip install ahocorasick_rs flashtext2.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pickle
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.matcher import PhraseMatcher

from spacy_convner.catalog.common_words import is_common
from spacy_convner.catalog.costs import Matcher, cost_of_building, cost_of_matching
from spacy_convner.catalog.index.catalog_index import CatalogIndex
from spacy_convner.catalog.index.update import build_index
from spacy_convner.catalog.normalization.normalizer import make_normalizer
from spacy_convner.catalog.normalization.words import strip_accents
from spacy_convner.catalog.sources.records import read_catalog
from spacy_convner.disk import folder_bytes
from spacy_convner.ty import CatalogEntry

ROOT = Path(__file__).resolve().parents[1]
SMALL_WORDS = frozenset(
    ("the", "of", "and", "a", "in", "on", "to", "for", "my", "de", "la", "el", "los", "y", "del", "en")
)
RUNS = 3


def made_names(count: int, seed: int = 0) -> Iterator[CatalogEntry]:
    """Make a catalog of any size: the demo's entries, then names in their shapes.

    Of a shape's content words half are other names' and half come from a letter model of them. A name of one word is
    new and no everyday word: those are in the demo's entries, as often as in life.
    YIELDS (CatalogEntry): ``count`` of them.
    """
    generator = random.Random(seed)
    real = list(read_catalog(ROOT / "assets" / "catalogs"))
    content = [w for e in real for w in e.text.split() if w.lower() not in SMALL_WORDS and w.isalpha() and len(w) > 3]
    following: dict[str, list[str]] = defaultdict(list)
    for word in content:
        padded = f"^^{word.lower()}$"
        for i in range(len(padded) - 2):
            following[padded[i : i + 2]].append(padded[i + 2])

    def new_word() -> str:
        while True:
            word = "^^"
            while not word.endswith("$") and len(word) < 16:
                word += generator.choice(following[word[-2:]])
            word = word.strip("^$")
            if len(word) > 3 and not is_common(strip_accents(word), None):
                return word.capitalize()

    yield from real[:count]
    for number in range(len(real), count):
        shape = generator.choice(real)
        words = shape.text.split()
        if len(words) == 1:
            name = new_word()
        else:
            name = " ".join(
                word
                if word.lower() in SMALL_WORDS
                else (generator.choice(content) if generator.random() < 0.5 else new_word())
                for word in words
            )
        yield CatalogEntry(name, shape.label, id=f"{number:x}", popularity=float(generator.randrange(100)))


def utterances() -> list[str]:
    return [
        json.loads(line)["text"]
        for lang in ("en", "es")
        for line in (ROOT / "assets" / "traffic" / f"{lang}.jsonl").open(encoding="utf8")
    ]


class System:
    """How a system builds, saves, loads and matches."""

    texts_only = False
    built_by = ""  # name of the system whose files this one loads; "": its own

    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        raise NotImplementedError

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        raise NotImplementedError


class Ours(System):
    def __init__(self, kind: str) -> None:
        self.kind = kind

    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        build_index(names, folder, nlp.vocab, make_normalizer(), self.kind)  # type: ignore[arg-type]

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        index = CatalogIndex.open(folder, nlp.vocab, make_normalizer())
        return lambda doc: len(index.find(doc))


class Component(Ours):
    """All of ``nlp.add_pipe("catalog_matcher")``: candidates as spans with their steps and popularity."""

    built_by = "convner trie"

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        component: Any = nlp.add_pipe("catalog_matcher", config={"catalog": str(folder)})
        component.initialize()
        return lambda doc: len(component(doc).spans["candidates"])


class RawPhraseMatcher(System):
    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
        for batch in iter(lambda: list(itertools.islice(names, 1000)), []):
            by_label = defaultdict(list)
            for entry in batch:
                by_label[entry.label].append(nlp.tokenizer(entry.text))
            for label, docs in by_label.items():
                matcher.add(label, docs)
        (folder / "matcher.pkl").write_bytes(pickle.dumps(matcher))

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        matcher = pickle.loads((folder / "matcher.pkl").read_bytes())
        return lambda doc: len(matcher(doc))


class Ruler(System):
    def __init__(self, factory: str) -> None:
        self.factory = factory

    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        ruler: Any = nlp.add_pipe(self.factory, config={"phrase_matcher_attr": "LOWER"})
        ruler.add_patterns([{"label": e.label, "pattern": e.text, "id": e.id} for e in names])
        ruler.to_disk(folder / "ruler.jsonl")

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        config: dict[str, Any] = {"phrase_matcher_attr": "LOWER"}
        ruler: Any = nlp.add_pipe(self.factory, config=config).from_disk(folder / "ruler.jsonl")  # type: ignore[attr-defined]
        if self.factory == "span_ruler":
            return lambda doc: len(ruler(doc).spans["ruler"])
        return lambda doc: len(ruler(doc).ents)


class AhoCorasick(System):
    """It can't be saved: loading is building again."""

    texts_only = True

    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        self._automaton(names)

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        automaton = self._automaton(names_of(size))
        return lambda text: len(automaton.find_matches_as_indexes(text.lower(), overlapping=True))

    def _automaton(self, names: Iterator[CatalogEntry]) -> Any:
        import ahocorasick_rs

        return ahocorasick_rs.AhoCorasick([entry.text.lower() for entry in names])


class FlashText(System):
    """It can't be saved: loading is building again."""

    texts_only = True

    def build(self, nlp: Language, names: Iterator[CatalogEntry], folder: Path) -> None:
        self._processor(names)

    def load(self, nlp: Language, folder: Path, size: int) -> Matcher:
        processor = self._processor(names_of(size))
        return lambda text: len(list(processor.extract_keywords(text)))

    def _processor(self, names: Iterator[CatalogEntry]) -> Any:
        from flashtext2 import KeywordProcessor

        processor = KeywordProcessor(case_sensitive=False)
        for entry in names:
            processor.add_keyword(entry.text)
        return processor


SYSTEMS: dict[str, Callable[[], System]] = {
    "convner trie": lambda: Ours("trie"),
    "convner component": lambda: Component("trie"),
    "convner phrase": lambda: Ours("phrase"),
    "PhraseMatcher": RawPhraseMatcher,
    "EntityRuler": lambda: Ruler("entity_ruler"),
    "SpanRuler": lambda: Ruler("span_ruler"),
    "ahocorasick_rs": AhoCorasick,
    "flashtext2": FlashText,
}
PEERS = [name for name in SYSTEMS if not name.startswith("convner")]


waited = 0.0  # seconds for names to be made


def names_of(size: int) -> Iterator[CatalogEntry]:
    """YIELDS (CatalogEntry): ``made_names``, with the time that they took added to ``waited``."""
    global waited
    names = made_names(size)
    while True:
        started = time.perf_counter()
        entry = next(names, None)
        waited += time.perf_counter() - started
        if entry is None:
            return
        yield entry


def measure_build(system: str, size: int, folder: Path) -> dict[str, Any]:
    nlp = spacy.blank("en")
    found: dict[str, Any] = dict(cost_of_building(lambda: SYSTEMS[system]().build(nlp, names_of(size), folder)))
    return {**found, "build_s": found["build_s"] - waited}


def measure_load(system: str, size: int, folder: Path) -> dict[str, Any]:
    nlp = spacy.blank("en")
    own = SYSTEMS[system]()
    texts = utterances()
    random.Random(0).shuffle(texts)
    found: dict[str, Any] = dict(
        cost_of_matching(lambda: own.load(nlp, folder, size), nlp, texts, passes=RUNS, texts_only=own.texts_only)
    )
    return {**found, "load_s": found["load_s"] - waited, "disk_mb": folder_bytes(folder) / 1e6}


def child(step: str, system: str, size: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", step, system, str(size), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def measure(systems: list[str], size: int) -> Iterator[dict[str, Any]]:
    """YIELDS (dict): A row for each system."""
    with tempfile.TemporaryDirectory(prefix="convner-catalog-") as place:
        builds: dict[str, dict[str, Any]] = {}
        for system in systems:
            builder = SYSTEMS[system]().built_by or system
            folder = Path(place) / builder.replace(" ", "-")
            if builder not in builds:
                folder.mkdir()
                builds[builder] = child("build", builder, size, folder)
            loads = [child("load", system, size, folder) for _ in range(RUNS)]
            medians = {key: statistics.median(run[key] for run in loads) for key in loads[0]}
            yield {"size": size, "system": system, **builds[builder], **medians}


def table(rows: list[dict[str, Any]]) -> str:
    """RETURNS (str): Markdown."""
    head = ["names", "system", "build", "peak memory", "load", "added memory", "private", "thousand tokens/s",
            "first pass", "matches/utterance"]  # fmt: skip
    lines = [head, ["---:", "---", *["---:"] * 8]]
    for row in rows:
        lines.append(
            [f"{row['size']:,}", row["system"], f"{row['build_s']:.1f} s", f"{row['build_peak_mb']:,.0f} MB",
             f"{row['load_s']:.2f} s", f"{row['added_rss_mb']:,.0f} MB", f"{row['private_mb']:,.0f} MB",
             f"{row['tokens_per_s'] / 1e3:,.0f}", f"{row['first_pass_tokens_per_s'] / 1e3:,.0f}",
             f"{row['matches_per_utterance']:.2f}"]
        )  # fmt: skip
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        step, system, size, folder = sys.argv[2:6]
        found = (measure_build if step == "build" else measure_load)(system, int(size), Path(folder))
        print(json.dumps(found))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--peers-up-to", type=int, default=1_000_000)
    parser.add_argument(
        "--systems", nargs="+", choices=list(SYSTEMS), default=[name for name in SYSTEMS if name != "convner phrase"]
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "catalog.json")
    args = parser.parse_args()
    rows = []
    for size in args.sizes:
        systems = [system for system in args.systems if system not in PEERS or size <= args.peers_up_to]
        for row in measure(systems, size):
            rows.append(row)
            print(table([row]).splitlines()[-1], file=sys.stderr)
    result = {
        "command": "python benchmarks/catalog.py " + " ".join(sys.argv[1:]),
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "runs": RUNS,
        "rows": rows,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
