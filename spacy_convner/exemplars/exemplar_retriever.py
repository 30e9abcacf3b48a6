"""Room 2: candidates → nearest annotated exemplars. Factory ``exemplar_retriever``."""

from __future__ import annotations

import io
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import from_bytes, from_disk, minibatch, to_bytes, to_disk

from ..atomic import read_saved, write_bytes
from ..attrs import (
    CANDIDATES_KEY,
    exemplar_from_dict,
    exemplar_to_dict,
    get_candidates,
    get_doc_lang,
    install_extensions,
    set_doc_lang,
)
from ..errors import ConfigError, DataError
from ..records import read_exemplars
from ..ty import Candidate, Embedder, Exemplar
from .store import ExemplarStore, default_cache_dir, embed_cached, exemplar_files, guard_leaks, read_excluded

Selection = Literal["similar", "random", "none"]


logger = logging.getLogger(__name__)


@Language.factory(
    "exemplar_retriever",
    assigns=["doc._.exemplars"],
    requires=["doc.spans"],
    default_config={
        "exemplars": None,
        "embedder": {"@misc": "spacy_convner.HashedNgramEmbedder.v1"},
        "k": 10,
        "selection": "similar",
        "seed": 0,
        "exclude_texts": [],
        "exclude_entities": [],
        "candidates_key": CANDIDATES_KEY,
        "cache": True,
    },
)
def make_exemplar_retriever(
    nlp: Language,
    name: str,
    exemplars: str | None,
    embedder: Embedder,
    k: int,
    selection: Selection,
    seed: int,
    exclude_texts: str | list[str],
    exclude_entities: str | list[str],
    candidates_key: str,
    cache: bool,
) -> ExemplarRetriever:
    """Retrieve annotated exemplars for every Doc (paper, section 4.1).

    exemplars (str | None): JSONL or DocBin file, or a folder of such files; read at first use.
    embedder (Embedder): Registered part that turns texts into unit vectors.
    k (int): How many exemplars a Doc gets at most.
    selection (str): "similar" (cosine), "random" (the paper's ICL and SF baselines) or "none".
    seed (int): For "random".
    exclude_texts, exclude_entities (str | list[str]): Leak guard: utterances and names whose exemplars are left
        out, as a list or as the path of a file (JSONL or DocBin of a test set: its texts or its entities; or a
        text file with one a line).
    candidates_key (str): Key of ``doc.spans`` that holds candidates of exemplars.
    cache (bool): Keep vectors of exemplars in the cache folder (``$SPACY_CONVNER_CACHE``).
    """
    if not isinstance(embedder, Embedder):
        raise ConfigError(f"embedder: expected a part that turns texts into vectors, got {embedder!r:.80}")
    if k < 0:
        raise ConfigError(f"k must be 0 or more, got {k}")
    return ExemplarRetriever(
        nlp,
        name,
        exemplars=exemplars,
        embedder=embedder,
        k=k,
        selection=selection,
        seed=seed,
        exclude_texts=exclude_texts,
        exclude_entities=exclude_entities,
        candidates_key=candidates_key,
        cache=cache,
    )


class ExemplarRetriever(Pipe):
    """Writes ``doc._.exemplars``: [(exemplar, cosine)], best first. Satisfies ``ty.ExemplarSource``."""

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        exemplars: str | None,
        embedder: Embedder,
        k: int,
        selection: Selection,
        seed: int,
        exclude_texts: str | list[str],
        exclude_entities: str | list[str],
        candidates_key: str,
        cache: bool,
    ) -> None:
        install_extensions()
        self.vocab = nlp.vocab
        self.name = name
        self.path = Path(exemplars) if exemplars is not None else None
        self.k, self.selection, self.seed = k, selection, seed
        self.embedder = embedder
        self.candidates_key = candidates_key
        self._nlp = nlp
        self._cache = cache
        self._exclude = (exclude_texts, exclude_entities)
        self._exemplars: list[Exemplar] | None = None
        self._matched: list[Exemplar] | None = None
        self._tried: list[str] | None = None  # components that proposed nothing for any exemplar
        self._store: ExemplarStore | None = None

    def exemplars(self) -> list[Exemplar]:
        """RETURNS (list[Exemplar]): Read at first use, without those that the leak guard takes out."""
        if self._exemplars is None:
            found: list[Exemplar] = []
            if self.path is not None:
                for file in exemplar_files(self.path):
                    found.extend(read_exemplars(file))
            self._exemplars = self._guard(found)
        return self._exemplars

    def _guard(self, exemplars: list[Exemplar]) -> list[Exemplar]:
        texts = read_excluded(self._exclude[0], lambda exemplar: [exemplar.text])
        names = read_excluded(self._exclude[1], lambda e: [e.text[s.start : s.end] for s in e.spans])
        return guard_leaks(exemplars, texts, names)

    def add(self, exemplars: Iterable[Exemplar]) -> None:
        """Add annotated exemplars now."""
        self._exemplars = [*self.exemplars(), *exemplars]
        self._matched = self._store = self._tried = None

    def matched_exemplars(self) -> Sequence[Exemplar]:
        """RETURNS (Sequence[Exemplar]): All exemplars with what the components before this one propose for them."""
        before = list(itertools.takewhile(lambda item: item[1] is not self, self._nlp.components))
        names = [name for name, _ in before]
        if self._matched is None or self._tried not in (None, names):
            docs = []
            for exemplar in self.exemplars():
                doc = self._nlp.make_doc(exemplar.text)
                set_doc_lang(doc, exemplar.lang)
                docs.append(doc)
            for _, pipe in before:  # disabled ones too: what is kept must not hang on them
                docs = list(pipe.pipe(docs)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in docs]
            proposed = [get_candidates(doc, self.candidates_key) for doc in docs]
            self._matched = [
                replace(exemplar, candidates=_with_gold(exemplar, candidates))
                for exemplar, candidates in zip(self.exemplars(), proposed, strict=True)
            ]
            self._store, self._tried = None, None
            if docs and not any(proposed):
                self._tried = names
                logger.warning(
                    "Nothing proposes candidates before '%s': a filter can't learn from its exemplars. "
                    "Put catalog_matcher before it.",
                    self.name,
                )
        return self._matched

    @property
    def store(self) -> ExemplarStore:
        """RETURNS (ExemplarStore): Built at first use, vectors cached by content."""
        if self._store is None:
            exemplars = self.matched_exemplars()
            cache_dir = default_cache_dir() if self._cache else None
            if self.selection == "similar":
                matrix = embed_cached([exemplar.text for exemplar in exemplars], self.embedder, cache_dir)
            else:
                matrix = np.zeros((len(exemplars), 0), dtype=np.float32)
            self._store = ExemplarStore(exemplars, matrix)
        return self._store

    def use_selection(self, selection: Selection, k: int) -> None:
        """Retrieve otherwise from now on, as an ablation does."""
        if selection == "similar" and self._store is not None and not self._store.matrix.shape[1]:
            self._store = None  # it was made without vectors
        self.selection, self.k = selection, k

    def __call__(self, doc: Doc) -> Doc:
        return next(iter(self.pipe([doc])))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Retrieve for many Docs: queries are embedded a batch at a time."""
        error_handler = self.get_error_handler()
        for batch in minibatch(stream, size=batch_size):  # type: ignore[no-untyped-call]
            docs = list(batch)
            try:
                self.set_annotations(docs, self.predict(docs))
            except (DataError, ConfigError, ImportError):
                raise  # what is wrong with the exemplars or the embedder is wrong for every Doc
            except Exception as err:
                error_handler(self.name, self, docs, err)
            yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[list[tuple[Exemplar, float]]]:
        """RETURNS (list): Exemplars and similarities for each Doc."""
        if self.selection == "none" or self.k == 0 or not len(self.store):
            return [[] for _ in docs]
        langs = [get_doc_lang(doc) for doc in docs]
        if self.selection == "random":
            return [self.store.random(d.text, lang, self.k, self.seed) for d, lang in zip(docs, langs, strict=True)]
        texts = [doc.text for doc in docs]
        return self.store.nearest(texts, self.embedder(texts), langs, self.k)

    def set_annotations(self, docs: Sequence[Doc], predictions: Sequence[list[tuple[Exemplar, float]]]) -> None:
        """Write ``doc._.exemplars``."""
        for doc, exemplars in zip(docs, predictions, strict=True):
            doc._.exemplars = exemplars

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]] | None = None, *, nlp: Language | None = None
    ) -> None:
        """Read, match and embed the exemplars now."""
        _ = self.store

    def _dump(self) -> bytes:
        # The matrix is saved too: loading a pipeline must not need the encoder only to start.
        store = self.store
        buffer = io.BytesIO()
        records = json.dumps([exemplar_to_dict(e) for e in store.exemplars], ensure_ascii=False).encode("utf8")
        np.savez_compressed(buffer, matrix=store.matrix, exemplars=np.frombuffer(records, dtype=np.uint8))
        return buffer.getvalue()

    def _restore(self, data: bytes) -> None:
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                records = json.loads(arrays["exemplars"].tobytes().decode("utf8"))
                exemplars = [exemplar_from_dict(record) for record in records]
                matrix = arrays["matrix"]
        except Exception as err:
            raise DataError(f"the saved exemplars of '{self.name}' are damaged: {err}") from err
        # A pipeline may be loaded with a stricter leak guard than it was saved with.
        kept = {id(exemplar) for exemplar in self._guard(exemplars)}
        rows = [i for i, exemplar in enumerate(exemplars) if id(exemplar) in kept]
        self._exemplars = self._matched = [exemplars[i] for i in rows]
        self._store, self._tried = ExemplarStore(self._matched, matrix[rows]), None

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save exemplars, their candidates and vectors."""
        to_disk(Path(path), {"exemplars.npz": lambda p: write_bytes(p, self._dump())}, exclude)

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> ExemplarRetriever:
        """Load what ``to_disk`` saved."""
        from_disk(Path(path), {"exemplars.npz": lambda p: self._restore(read_saved(p))}, exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): Exemplars, candidates and vectors."""
        result: bytes = to_bytes({"exemplars": self._dump}, exclude)
        return result

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> ExemplarRetriever:
        """Load what ``to_bytes`` gave."""
        setters: dict[str, Callable[[Any], None]] = {"exemplars": self._restore}
        from_bytes(data, setters, exclude)
        return self


def _with_gold(exemplar: Exemplar, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    # An exemplar's answer must be among its candidates, else it would teach to invent.
    proposed = {candidate.key for candidate in candidates}
    missing = (Candidate(s.start, s.end, s.label, step="exemplar") for s in exemplar.spans if s not in proposed)
    return tuple(sorted(itertools.chain(candidates, missing), key=lambda c: (c.start, -c.end, c.label)))
