"""An encoder in a folder: an ONNX graph and its tokenizer, run by onnxruntime and tokenizers, without torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import read_saved, write_bytes, write_text
from ..errors import DataError, MissingExtraError
from ..ty import Matrix
from .piece_alignment import Offsets

GRAPH, TOKENIZER, FACTS = FILES = ("model.onnx", "tokenizer.json", "encoder.json")


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """What an encoder's files don't say themselves.

    width (int): Of the vectors. max_pieces (int): Longest input, in pieces. pad_id (int). int8 (bool): Whether weights
    are whole numbers. graph_sha256, tokenizer_sha256 (str): Of the files.
    """

    width: int
    max_pieces: int
    pad_id: int
    int8: bool
    graph_sha256: str
    tokenizer_sha256: str


class OnnxEncoder:
    """Texts to vectors of their pieces. Files are read, and the runtime is started, at first use in each process."""

    def __init__(self, source: Path | dict[str, bytes], threads: int) -> None:
        """source (Path | dict[str, bytes]): Folder, or its files. threads (int): Of the runtime; 0 for all cores."""
        self.source, self.threads = source, threads
        self._facts: EncoderFacts | None = None
        self._started: tuple[int, Any, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "threads": self.threads, "_facts": None, "_started": None}

    @property
    def facts(self) -> EncoderFacts:
        """RETURNS (EncoderFacts). RAISES: DataError if they are damaged."""
        if self._facts is None:
            try:
                self._facts = EncoderFacts(**json.loads(self.read(FACTS)))
            except (ValueError, TypeError) as err:
                raise DataError(f"the saved encoder is damaged: {FACTS}: {err}", path=self._where(FACTS)) from err
        return self._facts

    def read(self, name: str) -> bytes:
        """name (str): A file's name. RETURNS (bytes): What is in it. RAISES: DataError if it isn't there."""
        if isinstance(self.source, dict):
            if name not in self.source:
                raise DataError(f"the saved encoder is damaged: no {name}")
            return self.source[name]
        return read_saved(self.source / name)

    def save(self, folder: Path) -> None:
        """Write the files; those of the folder that they come from are there already."""
        if isinstance(self.source, Path) and self.source.resolve() == folder.resolve():
            return
        for name in FILES:
            write_bytes(folder / name, self.read(name))

    def encode(self, texts: Sequence[str]) -> list[tuple[Offsets, Matrix]]:
        """Run the encoder on texts together.

        texts (Sequence[str]): At least one.
        RETURNS (list): Of each its m pieces' offsets and their vectors, shape (m, width), float32.
        """
        session, tokenizer = self._start()
        limit, pad = self.facts.max_pieces, self.facts.pad_id
        pieces = [(encoding.ids[:limit], encoding.offsets[:limit]) for encoding in tokenizer.encode_batch(list(texts))]
        longest = max(len(ids) for ids, _ in pieces)
        input_ids = np.full((len(pieces), longest), pad, dtype=np.int64)
        mask = np.zeros((len(pieces), longest), dtype=np.int64)
        for row, (ids, _) in enumerate(pieces):
            input_ids[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        (vectors,) = session.run(None, {"input_ids": input_ids, "attention_mask": mask})
        return [(offsets, vectors[row, : len(ids)]) for row, (ids, offsets) in enumerate(pieces)]

    def _start(self) -> tuple[Any, Any]:
        # A runtime doesn't survive a fork.
        if self._started is None or self._started[0] != os.getpid():
            self._started = (os.getpid(), self._make_session(), self._make_tokenizer())
        return self._started[1:]

    def _make_session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as err:
            raise MissingExtraError("An exported student", "onnxruntime", "onnx") from err
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph: bytes | str
        if isinstance(self.source, Path):  # read by the runtime itself it takes half the memory
            graph = str(self.source / GRAPH)
            self._check(GRAPH, _file_sha256(self.source / GRAPH), self.facts.graph_sha256)
        else:
            graph = self.read(GRAPH)
            self._check(GRAPH, hashlib.sha256(graph).hexdigest(), self.facts.graph_sha256)
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def _make_tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as err:
            raise MissingExtraError("An exported student", "tokenizers", "onnx") from err
        data = self.read(TOKENIZER)
        self._check(TOKENIZER, hashlib.sha256(data).hexdigest(), self.facts.tokenizer_sha256)
        return Tokenizer.from_str(data.decode("utf8"))

    def _check(self, name: str, sha256: str, expected: str) -> None:
        if sha256 != expected:
            raise DataError(f"the saved encoder is damaged: {name} has another checksum", path=self._where(name))

    def _where(self, name: str) -> Path | None:
        return self.source / name if isinstance(self.source, Path) else None


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise DataError(f"the saved encoder is damaged: {err.strerror or err}", path=path) from err


def write_facts(folder: Path, *, width: int, max_pieces: int, pad_id: int, int8: bool) -> None:
    """Write what goes with a graph and a tokenizer that lie in ``folder``."""
    sums = [_file_sha256(folder / name) for name in (GRAPH, TOKENIZER)]
    facts = EncoderFacts(width, max_pieces, pad_id, int8, *sums)
    write_text(folder / FACTS, json.dumps(asdict(facts), indent=2) + "\n")
