"""Room 6, serving: a transformer student's encoder on onnxruntime. Factory ``onnx_transformer``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.util import from_bytes, to_bytes

from ..errors import ConfigError, ConvnerError
from ..ty import Matrix
from .onnx_encoder import FACTS, FILES, OnnxEncoder
from .piece_alignment import Offsets, pool_tokens, windows

T = TypeVar("T")


@Language.factory(
    "onnx_transformer",
    assigns=["doc.tensor"],
    default_config={"window": 128, "stride": 96, "batch_size": 1, "threads": 1},
)
def make_onnx_transformer(
    nlp: Language, name: str, window: int, stride: int, batch_size: int, threads: int
) -> OnnxTransformer:
    """Create an ``onnx_transformer``; ``convner export`` makes its files from a trained transformer.

    window, stride (int): How long Docs are cut, in tokens, as in ``spacy-transformers.strided_spans.v1``; a window of 0
    takes Docs whole. batch_size (int): Texts that pass the encoder together. With 1 nothing is padded, and an int8
    encoder, whose scales are those of its input, answers an utterance alike whatever comes with it. threads (int): Of
    the runtime in each process; 0 for all cores.
    """
    if window < 0 or (window and not 0 < stride <= window):
        raise ConfigError(f"onnx_transformer: expected 0 < stride <= window, got stride {stride}, window {window}")
    if batch_size < 1 or threads < 0:
        raise ConfigError(
            f"onnx_transformer: expected batch_size 1 or more and threads 0 or more, got {batch_size} and {threads}"
        )
    return OnnxTransformer(nlp, name, window=window, stride=stride, batch_size=batch_size, threads=threads)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """YIELDS (list[T]): ``size`` items each, the last maybe fewer."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class OnnxTransformer(Pipe):
    """Writes ``doc.tensor``, a vector a token, which the components after it read by ``spacy.Tok2VecListener.v1``."""

    def __init__(self, nlp: Language, name: str, *, window: int, stride: int, batch_size: int, threads: int) -> None:
        self.vocab = nlp.vocab
        self.name = name
        self.window, self.stride = window, stride
        self.batch_size, self.threads = batch_size, threads
        self._encoder: OnnxEncoder | None = None

    @property
    def encoder(self) -> OnnxEncoder:
        """RAISES: ConvnerError before ``from_disk`` or ``from_bytes``."""
        if self._encoder is None:
            raise ConvnerError(
                f"'{self.name}' has no encoder: load a pipeline that convner export made, it can't be trained anew"
            )
        return self._encoder

    def __call__(self, doc: Doc) -> Doc:
        error_handler = self.get_error_handler()
        try:
            self.set_annotations([doc], self.predict([doc]))
        except Exception as err:
            error_handler(self.name, self, [doc], err)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """YIELDS (Doc): The same Docs in their order, with ``doc.tensor``."""
        error_handler = self.get_error_handler()
        for docs in batched(stream, batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as err:
                error_handler(self.name, self, docs, err)
                continue
            yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[Matrix]:
        """RETURNS (list[Matrix]): Of each Doc its tokens' vectors, shape (n_tokens, width)."""
        spans = [(i, span) for i, doc in enumerate(docs) for span in windows(doc, self.window, self.stride)]
        parts: list[list[tuple[Span, Offsets, Matrix]]] = [[] for _ in docs]
        encoded: dict[int, tuple[Offsets, Matrix]] = {}
        # Those of one length together: less padding.
        for batch in batched(sorted(range(len(spans)), key=lambda j: len(spans[j][1])), self.batch_size):
            encoded.update(zip(batch, self.encoder.encode([spans[j][1].text for j in batch]), strict=True))
        for j, (i, span) in enumerate(spans):
            parts[i].append((span, *encoded[j]))
        return [pool_tokens(len(doc), found, self.encoder.facts.width) for doc, found in zip(docs, parts, strict=True)]

    def set_annotations(self, docs: Sequence[Doc], tensors: Sequence[Matrix]) -> None:
        """Write ``doc.tensor``."""
        for doc, tensor in zip(docs, tensors, strict=True):
            doc.tensor = tensor  # type: ignore[assignment]

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save the encoder's files."""
        Path(path).mkdir(parents=True, exist_ok=True)
        self.encoder.save(Path(path))

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> OnnxTransformer:
        """Remember where the files are: the graph is read at first use, in each process."""
        self._encoder = OnnxEncoder(Path(path), self.threads)
        _ = self._encoder.facts
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The encoder's files."""
        data: bytes = to_bytes({name: partial(self.encoder.read, name) for name in FILES}, exclude)
        return data

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> OnnxTransformer:
        """Load what ``to_bytes`` gave."""
        files: dict[str, bytes] = {}
        setters: dict[str, Callable[[bytes], None]] = {name: partial(files.__setitem__, name) for name in FILES}
        from_bytes(data, setters, exclude)
        self._encoder = OnnxEncoder(files, self.threads)
        return self

    def fingerprint(self) -> bytes:
        """RETURNS (bytes): Of the files, for ``pipelines.pipeline_fingerprint``."""
        return self.encoder.read(FACTS)
