r"""What a transformer student costs to serve: trained, trimmed, on onnxruntime, and in 8-bit whole numbers.

The encoder has the size of xlm-roberta-base (12 layers of 768, 250,002 pieces) and random weights: how fast it is and
how large doesn't depend on what it has learnt. Its tokenizer is trained on the utterances and filled up with pieces
that nothing needs. Memory is that of a process with nothing but the pipeline; without torch where it isn't needed.

    python benchmarks/xlmr_speed.py assets/traffic/en.jsonl assets/traffic/es.jsonl \
        --catalog assets/catalogs/shared.jsonl --output docs/results/xlmr_speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
PIECES = 250_002


def make_encoder(texts: list[str], folder: Path, layers: int) -> None:
    """Save a random XLM-R of base size, with a tokenizer of 250,002 pieces."""
    import sentencepiece as spm
    import torch
    from sentencepiece import sentencepiece_model_pb2 as proto
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    (folder / "texts.txt").write_text("\n".join(texts), encoding="utf8")
    spm.SentencePieceTrainer.train(
        input=str(folder / "texts.txt"), model_prefix=str(folder / "sp"), vocab_size=4000, hard_vocab_limit=False,
        character_coverage=1.0, minloglevel=2,
    )  # fmt: skip
    model = proto.ModelProto.FromString((folder / "sp.model").read_bytes())
    while len(model.pieces) < PIECES - 2:  # <pad> and <mask> come on top
        model.pieces.add(piece=f"▁unused{len(model.pieces)}", score=-99.0)
    (folder / "sentencepiece.bpe.model").write_bytes(model.SerializeToString())
    for name in ("texts.txt", "sp.model", "sp.vocab"):
        (folder / name).unlink()
    tokenizer = XLMRobertaTokenizer(vocab_file=str(folder / "sentencepiece.bpe.model"), model_max_length=512)
    tokenizer.save_pretrained(folder)
    assert len(tokenizer) == PIECES, len(tokenizer)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=PIECES, hidden_size=768, num_hidden_layers=layers, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)


def make_pipeline(encoder: Path, folder: Path) -> None:
    """Save the student of configs/student_xlmr.cfg with this encoder, untrained."""
    from spacy.training import Example
    from spacy.util import load_config, load_model_from_config

    config = load_config("configs/student_xlmr.cfg", overrides={"paths.transformer": str(encoder)})
    nlp = load_model_from_config(config, auto_fill=True)
    entities = {"entities": [(5, 10, "Song"), (14, 19, "Artist")]}
    examples = [Example.from_dict(nlp.make_doc("play hello by adele"), entities)]
    for name in nlp.pipe_names:
        nlp.get_pipe(name).initialize(lambda: examples, nlp=nlp)  # type: ignore[attr-defined]
    nlp.to_disk(folder)


_LOADED = """
import json, sys, time, resource
start = time.perf_counter()
import spacy
imported = time.perf_counter()
nlp = spacy.load(sys.argv[1])
next(nlp.pipe(["play hello"]))
loaded = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
now = next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(json.dumps({"load_s": round(loaded - imported, 2), "peak_mb": round(peak), "memory_mb": round(now)}))
"""


def loaded(folder: Path, with_torch: bool) -> dict[str, float]:
    """Load a pipeline in a process of its own. RETURNS (dict): Seconds, and MiB when it has answered once."""
    import spacy

    with tempfile.TemporaryDirectory(prefix="packages-") as packages:
        for entry in Path(spacy.__file__).parents[1].iterdir():
            if with_torch or not entry.name.startswith(("torch", "spacy_transformers", "transformers")):
                (Path(packages) / entry.name).symlink_to(entry)
        done = subprocess.run(
            [sys.executable, "-S", "-c", _LOADED, str(folder)], capture_output=True, text=True, check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{packages}:{Path.cwd()}"},
        )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(folders: dict[str, Path], texts: list[str], rounds: int) -> dict[str, list[float]]:
    """Time pipelines by turns on one thread. RETURNS (dict): Milliseconds an utterance, a number a round."""
    import spacy
    import torch

    torch.set_num_threads(1)
    pipelines = {name: spacy.load(folder) for name, folder in folders.items()}
    found: dict[str, list[float]] = {name: [] for name in folders}
    for turn in range(rounds + 1):  # the first isn't counted
        for name, nlp in pipelines.items():
            start = time.perf_counter()
            for _ in nlp.pipe(texts):
                pass
            if turn:
                found[name].append((time.perf_counter() - start) / len(texts) * 1000)
        print(f"round {turn} of {rounds}", file=sys.stderr)
    return found


def table(result: dict[str, Any]) -> str:
    """RETURNS (str): The table of docs/students.md."""
    lines = ["| | an utterance | × | on disk | in memory | load |", "|---|---|---|---|---|---|"]
    for name, found in result["systems"].items():
        lines.append(
            f"| {name} | {found['ms']:.0f} ms | {found['speed_up']:.1f} | {found['bytes'] / 1e6:,.0f} MB | "
            f"{found['memory_mb']:,.0f} MB | {found['load_s']:.0f} s |"
        )
    return "\n".join(lines)


def main() -> None:
    """Make the pipelines, time them and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", type=Path, help="utterances (JSONL); all are trimmed for, some are timed")
    parser.add_argument("--catalog", type=Path, action="append", default=[], help="names to keep the pieces of (JSONL)")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--timed", type=int, default=40, help="utterances a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--layers", type=int, default=12)
    arguments = parser.parse_args()

    import spacy

    from spacy_convner.cli.text_files import read_texts
    from spacy_convner.student.onnx_export import export_pipeline
    from spacy_convner.student.vocabulary_trimming import trim_folder

    texts, names = read_texts(arguments.texts), read_texts(arguments.catalog)
    with tempfile.TemporaryDirectory(prefix="xlmr-speed-") as made:
        folder = Path(made)
        for name in ("encoder", "trimmed-encoder"):
            (folder / name).mkdir()
        make_encoder(texts + names, folder / "encoder", arguments.layers)
        trimming = trim_folder(folder / "encoder", folder / "trimmed-encoder", list(dict.fromkeys(texts + names)), 1)
        make_pipeline(folder / "encoder", folder / "torch")
        make_pipeline(folder / "trimmed-encoder", folder / "torch, trimmed")
        for name, int8 in (("onnx", False), ("onnx int8", True)):
            for more in ("", ", trimmed"):
                nlp = spacy.load(folder / f"torch{more}")
                export_pipeline(nlp, folder / f"{name}{more}", int8=int8, batch_size=1, threads=1)
        folders = {
            f"{name}{more}": folder / f"{name}{more}"
            for more in ("", ", trimmed")
            for name in ("torch", "onnx", "onnx int8")
        }
        step = max(1, len(texts) // arguments.timed)
        times = timed(folders, texts[::step][: arguments.timed], arguments.rounds)
        systems: dict[str, Any] = {}
        for name, place in folders.items():
            size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
            systems[name] = {
                "ms": round(median(times[name]), 2),
                "ms_rounds": [round(value, 2) for value in times[name]],
                "speed_up": round(median(times["torch"]) / median(times[name]), 2),
                "bytes": size,
                **loaded(place, name.startswith("torch")),
            }
    result = {
        "command": " ".join(["python", *sys.argv]),
        "date": date.today().isoformat(),
        "machine": {"processor": _processor(), "python": platform.python_version(), "threads": 1},
        "encoder": {"layers": arguments.layers, "width": 768, "pieces": PIECES, "weights": "random"},
        "utterances": arguments.timed,
        "rounds": arguments.rounds,
        "trimming": {
            "texts": trimming.texts,
            "pieces": [trimming.pieces_before, trimming.pieces_after],
            "parameters": [trimming.parameters_before, trimming.parameters_after],
        },
        "systems": systems,
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf8")
    print(table(result))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    main()
