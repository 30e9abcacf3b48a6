"""Room 1: utterance → candidate spans. Factory ``catalog_matcher``."""

from __future__ import annotations

import gzip
import io
import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import from_bytes, from_disk, to_bytes, to_disk

from ..atomic import write_bytes
from ..attrs import CANDIDATES_KEY, install_extensions, set_candidates
from ..errors import ConfigError, DataError
from ..ty import CatalogEntry, SurfaceVariants
from .index.phrase import Match, PhraseIndex
from .sources.records import read_catalog

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

IndexKind = Literal["auto", "phrase", "trie"]


@Language.factory(
    "catalog_matcher",
    assigns=["doc.spans"],
    default_config={
        "catalog": None,
        "index": "auto",
        "normalizer": {"@misc": "spacy_convner.SurfaceVariants.v1"},
        "spans_key": CANDIDATES_KEY,
        "labels": None,
    },
)
def make_catalog_matcher(
    nlp: Language,
    name: str,
    catalog: str | None,
    index: IndexKind,
    normalizer: SurfaceVariants,
    spans_key: str,
    labels: list[str] | None,
) -> CatalogMatcher:
    """Propose every (span, label) of a catalog.

    catalog (str | None): Path of the records: a JSONL, CSV or TSV file, a folder of them, or a glob. It is read
        at first use. None starts empty: call ``add`` or load from disk.
    index (str): "phrase" (PhraseMatcher) or "auto".
    normalizer (SurfaceVariants): The ways a name may be written.
    spans_key (str): Key of ``doc.spans`` to write.
    labels (list[str] | None): Labels to propose; None for all of the catalog.
    """
    if index == "trie":
        raise ConfigError("index = 'trie' isn't available in this version; write index = 'auto' or 'phrase'")
    return CatalogMatcher(nlp, name, catalog=catalog, normalizer=normalizer, spans_key=spans_key, labels=labels)


class CatalogMatcher(Pipe):
    """Writes ``doc.spans[spans_key]``: overlapping, nested and several labels a span; ``span.id_`` = catalog id.

    The group's ``attrs`` hold ``steps`` (how each name matched) and ``popularity``, parallel to the spans.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        catalog: str | None,
        normalizer: SurfaceVariants,
        spans_key: str,
        labels: list[str] | None,
    ) -> None:
        install_extensions()
        self.vocab = nlp.vocab
        self.name = name
        self.catalog = Path(catalog) if catalog is not None else None
        self.spans_key = spans_key
        self.only_labels = frozenset(labels) if labels is not None else None
        self._nlp = nlp
        self._normalizer = normalizer
        self._index: PhraseIndex | None = None
        self._records: bytes | None = None  # gzipped JSONL, once loaded from disk
        self._added: list[CatalogEntry] = []

    @property
    def index(self) -> PhraseIndex:
        """RETURNS (PhraseIndex): Built at first use. RAISES: DataError for a bad or empty catalog."""
        if self._index is None:
            index = PhraseIndex(self.vocab, self._nlp.tokenizer, self._normalizer)
            index.add(self.entries())
            if not len(index):
                logger.warning("The catalog of '%s' is empty: nothing will be proposed.", self.name)
            self._index = index
        return self._index

    @property
    def label_data(self) -> None:  # spaCy asks for it when it writes a training config
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): Labels that may be proposed; none before the index is built.

        spaCy asks for it whenever it reads or writes a pipeline's meta, so it does no I/O.
        """
        known = self._index.labels if self._index is not None else []
        return tuple(label for label in known if self.only_labels is None or label in self.only_labels)

    def entries(self) -> Iterator[CatalogEntry]:
        """YIELDS (CatalogEntry): The catalog as given, streamed from its source, then what was added."""
        if self._records is not None:
            with gzip.open(io.BytesIO(self._records), "rt", encoding="utf8", newline="\n") as lines:
                for line in lines:
                    data = json.loads(line)
                    yield CatalogEntry(**{**data, "aliases": tuple(data["aliases"])})
        elif self.catalog is not None:
            yield from read_catalog(self.catalog)
        yield from self._added

    def add(self, entries: Iterable[CatalogEntry]) -> None:
        """Add names now, for example today's releases: the next Doc finds them, nothing is retrained."""
        new = list(entries)
        index = self.index
        self._added.extend(new)
        index.add(new)

    def __call__(self, doc: Doc) -> Doc:
        error_handler = self.get_error_handler()
        try:
            self.set_annotations(doc, self.match(doc))
        except DataError:
            raise  # a bad catalog fails every Doc alike
        except Exception as err:
            error_handler(self.name, self, [doc], err)
        return doc

    def make_doc(self, text: str) -> Doc:
        """RETURNS (Doc): Tokenised as the pipeline does."""
        return self._nlp.make_doc(text)

    def match(self, doc: Doc) -> list[Match]:
        """RETURNS (list[Match]): Candidates by start, longest first."""
        matches = self.index.find(doc)
        if self.only_labels is None:
            return matches
        return [match for match in matches if match.label in self.only_labels]

    def set_annotations(self, doc: Doc, matches: list[Match]) -> None:
        """Write the candidates."""
        spans = [Span(doc, m.start, m.end, label=m.label, span_id=m.id) for m in matches]
        set_candidates(doc, self.spans_key, spans, [m.step for m in matches], [m.popularity for m in matches])

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]] | None = None,
        *,
        nlp: Language | None = None,
        catalog: str | None = None,
    ) -> None:
        """Build the index now, from ``catalog`` if one is given in ``[initialize.components]``."""
        if catalog is not None:
            self.catalog, self._records, self._index = Path(catalog), None, None
        _ = self.index

    def _dump(self) -> bytes:
        if self._records is not None and not self._added:
            return self._records
        lines = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in self.entries())
        return gzip.compress("".join(lines).encode("utf8"), mtime=0)

    def _restore(self, data: bytes) -> None:
        try:
            if not data:  # gzip takes nothing for an empty file
                raise EOFError("empty file")
            gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as err:
            raise DataError(f"the saved catalog of '{self.name}' is damaged: {err}") from err
        self._records, self._index, self._added = data, None, []

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save the records (gzipped JSONL): a saved pipeline no longer needs the catalog file."""
        to_disk(Path(path), {"catalog.jsonl.gz": lambda p: write_bytes(p, self._dump())}, exclude)

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> CatalogMatcher:
        """Load what ``to_disk`` saved; the index is built at first use."""
        from_disk(Path(path), {"catalog.jsonl.gz": lambda p: self._restore(p.read_bytes())}, exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The records."""
        result: bytes = to_bytes({"catalog": self._dump}, exclude)
        return result

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> CatalogMatcher:
        """Load what ``to_bytes`` gave."""
        setters: dict[str, Callable[[Any], None]] = {"catalog": self._restore}
        from_bytes(data, setters, exclude)
        return self
