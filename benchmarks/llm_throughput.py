"""Label utterances with a language model behind a faulty local server: concurrency, order, SIGKILL and resuming.

python benchmarks/llm_throughput.py [--utterances 10000] [--kills 5] [--output docs/results/llm_throughput.json]

1. One request at a time, on a sample; then ``--concurrency`` at once on all, ``convner label`` both times.
2. The same labelling again with an empty store, killed (SIGKILL) at random moments and started again until it is done:
   the corpus must have the same bytes, and no request may be sent whose answer the store had when the process died.

No model is asked: ``llm_server.py`` answers after a fixed time, 1 % of requests fail at first. One utterance in twenty
is a repetition.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_convner.catalog.sources.records import read_catalog

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = (
    "play {}",
    "could you put on {} please",
    "i was thinking of {} again",
    "what about {}",
    "do you know {} too",
)
SAMPLE = 100


def write_utterances(path: Path, count: int, seed: int = 0) -> int:
    """RETURNS (int): How many are distinct."""
    generator = random.Random(seed)
    names = [entry.text for entry in read_catalog(ROOT / "assets" / "catalogs")]
    made = [template.format(name) for name in names for template in TEMPLATES]
    generator.shuffle(made)
    texts = list(dict.fromkeys(made))[: count - count // 20]
    texts += generator.choices(texts, k=count - len(texts))
    generator.shuffle(texts)
    path.write_text("".join(json.dumps({"text": text, "lang": "en"}) + "\n" for text in texts), encoding="utf8")
    return len(set(texts))


def write_config(path: Path, url: str, concurrency: int) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("catalog_matcher", config={"catalog": str(ROOT / "assets" / "catalogs")})
    nlp.add_pipe(
        "exemplar_retriever",
        config={
            "exemplars": str(ROOT / "assets" / "exemplars"),
            "embedder": {"@misc": "spacy_convner.HashedNgramEmbedder.v1"},
        },
    )
    client = {"@misc": "spacy_convner.AnthropicMessages.v1", "base_url": url, "max_concurrency": concurrency}
    nlp.add_pipe(
        "llm_semantic_filter",
        config={
            "labels": str(ROOT / "assets" / "labels.yml"),
            "filter": {"@misc": "spacy_convner.LLMFilter.v1", "client": client},
        },
    )
    nlp.add_pipe("candidate_postprocess")
    nlp.config.to_disk(path)


@contextmanager
def server(latency: float, log: Path) -> Iterator[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "llm_server.py"), "--latency", str(latency), "--log", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def start(source: Path, output: Path, config: Path, metrics: Path) -> subprocess.Popen[bytes]:
    run = "from spacy_convner.cli import main; main()"
    command = [sys.executable, "-c", run, "label", source, output, "-p", config, "--metrics", metrics]
    environment = {**os.environ, "ANTHROPIC_API_KEY": "sk-ant-local", "NO_PROXY": "127.0.0.1"}
    return subprocess.Popen([*map(str, command), "--shard-size", "1000"], env=environment, stderr=subprocess.DEVNULL)


def label(source: Path, output: Path, config: Path) -> dict[str, Any]:
    """RETURNS (dict): What ``convner label`` measured; seconds don't count starting up and reading the catalog."""
    metrics = output.with_suffix(".json")
    process = start(source, output, config, metrics)
    if process.wait() != 0:
        raise SystemExit(f"convner label ended with {process.returncode}")
    return dict(json.loads(metrics.read_text(encoding="utf8")))


def stored(output: Path) -> set[str]:
    store = output.with_name(output.name + ".answers.sqlite")
    if not store.is_file():
        return set()
    with sqlite3.connect(store) as db:
        try:
            return {row[0] for row in db.execute("SELECT sha256 FROM answers")}
        except sqlite3.OperationalError:
            return set()


def sent(log: Path) -> list[tuple[str, str]]:
    lines = log.read_text(encoding="utf8").splitlines() if log.is_file() else []
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "llm_throughput.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="convner-llm-") as place:
        folder = Path(place)
        source, sample, config = folder / "in.jsonl", folder / "sample.jsonl", folder / "teacher.cfg"
        distinct = write_utterances(source, args.utterances)
        lines = source.read_text(encoding="utf8").splitlines(keepends=True)
        sample.write_text("".join(dict.fromkeys(lines[:SAMPLE])), encoding="utf8")
        with server(args.latency, folder / "log1") as url:
            write_config(config, url, 1)
            one = label(sample, folder / "sample.spacy", config)
        with server(args.latency, folder / "log2") as url:
            write_config(config, url, args.concurrency)
            many = label(source, folder / "many.spacy", config)
            requests = sent(folder / "log2")
            docs = list(DocBin(store_user_data=True).from_disk(folder / "many.spacy").get_docs(Vocab()))
            order = [doc.text for doc in docs] == [json.loads(line)["text"] for line in lines]
            answers = [sha256 for sha256, what in requests if what == "answer"]
            asked_again, kills, generator = 0, 0, random.Random(1)
            while True:
                held = stored(folder / "killed.spacy")
                before = len(sent(folder / "log2"))
                process = start(source, folder / "killed.spacy", config, folder / "killed.json")
                if kills < args.kills:
                    # Somewhere in what is left, by answers and not by the clock: a slow start must not let it finish.
                    left = (distinct - len(held)) / (args.kills - kills + 1)
                    goal = len(held) + max(1, round(generator.uniform(0.2, 1.2) * left))
                    while len(stored(folder / "killed.spacy")) < goal and process.poll() is None:
                        time.sleep(0.02)
                    process.send_signal(signal.SIGKILL)
                    kills += process.wait() == -signal.SIGKILL
                elif process.wait() != 0:
                    raise SystemExit(f"convner label ended with {process.returncode}")
                asked_again += len(held & {sha256 for sha256, _ in sent(folder / "log2")[before:]})
                if process.returncode == 0:
                    break
        again = [sha256 for sha256, what in sent(folder / "log2")[len(requests) :] if what == "answer"]
        same = (folder / "many.spacy").read_bytes() == (folder / "killed.spacy").read_bytes()
    seconds_each = one["seconds"] / one["utterances"]
    result = {
        "command": "python benchmarks/llm_throughput.py " + " ".join(sys.argv[1:]),
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "utterances": args.utterances,
        "distinct": distinct,
        "concurrency": args.concurrency,
        "latency_s": args.latency,
        "sequential_s_each": round(seconds_each, 4),
        "sequential_s_all": round(seconds_each * distinct, 1),
        "concurrent_s": many["seconds"],
        "speedup": round(seconds_each * distinct / many["seconds"], 1),
        "order_kept": order,
        "statuses": many["statuses"],
        "faults": len(requests) - len(answers),
        "answered_requests": len(answers),
        "answered_distinct": len(set(answers)),
        "kills": kills,
        "corpus_identical": same,
        "asked_though_stored": asked_again,
        "answered_twice_in_flight": len(again) - len(set(again)),
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(json.dumps(result, indent=1))
    good = order and same and not asked_again and len(answers) == len(set(answers)) == distinct
    return 0 if good and set(many["statuses"]) == {"ok"} else 1


if __name__ == "__main__":
    sys.exit(main())
