"""Room 1: utterance → candidate spans. Factory ``catalog_matcher``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import from_bytes, from_disk, to_bytes, to_disk

from ..attrs import CANDIDATES_KEY, get_doc_lang, install_extensions, set_candidates
from ..errors import DataError
from ..ty import CatalogEntry, Normalizer
from .common_words import common_words
from .entry_bytes import dump_entries, restore_entries
from .index.builder import Kind, build_segment
from .index.catalog_index import CatalogIndex
from .index.fuzzy import FuzzyStep
from .index.matches import Match, longest
from .index.storage import is_index, read_manifest
from .index.update import save_index
from .sources.records import as_catalog_path, read_catalog

logger = logging.getLogger(__name__)


@Language.factory(
    "catalog_matcher",
    assigns=["doc.spans"],
    default_config={
        "catalog": None,
        "index": "auto",
        "normalizer": {"@misc": "spacy_convner.Normalizer.v1"},
        "fuzzy": None,
        "spans_key": CANDIDATES_KEY,
        "labels": None,
        "common_word_floor": 0.0,
        "max_candidates": None,
    },
)
def make_catalog_matcher(
    nlp: Language,
    name: str,
    catalog: str | None,
    index: Kind,
    normalizer: Normalizer,
    fuzzy: FuzzyStep | None,
    spans_key: str,
    labels: list[str] | None,
    common_word_floor: float,
    max_candidates: int | None,
) -> CatalogMatcher:
    """Propose every (span, label) of a catalog.

    catalog (str | None): Path of an index that ``convner catalog build`` made, or of records: a JSONL, CSV, TSV or
        Parquet file, a folder of them, or a glob. It is read at first use. None starts empty: call ``add`` or load
        from disk.
    index (str): For records: "phrase" (PhraseMatcher), "trie" or "auto" by size. A built index has its own.
    normalizer (Normalizer): Which differences from the catalog's spelling don't matter.
    fuzzy (FuzzyStep | None): ``spacy_convner.FuzzyStep.v1`` proposes names with typing mistakes too.
    spans_key (str): Key of ``doc.spans`` to write.
    labels (list[str] | None): Labels to propose; None for all of the catalog.
    common_word_floor (float): Names that are everyday words of the language ("hello", "stay") are proposed from
        this popularity on.
    max_candidates (int | None): Of more candidates a Doc, the longest and then the most popular are kept.
    """
    return CatalogMatcher(
        nlp,
        name,
        catalog=catalog,
        kind=index,
        normalizer=normalizer,
        fuzzy=fuzzy,
        spans_key=spans_key,
        labels=labels,
        common_word_floor=common_word_floor,
        max_candidates=max_candidates,
    )


class CatalogMatcher(Pipe):
    """Writes ``doc.spans[spans_key]``: overlapping, nested and several labels a span; ``span.id_`` = catalog id.

    The group's ``attrs`` hold, parallel to the spans, ``steps`` (how each name matched), ``popularity`` and
    ``common_word``; and ``cut``, how many candidates ``max_candidates`` left out.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        catalog: str | None,
        kind: Kind = "auto",
        normalizer: Normalizer,
        fuzzy: FuzzyStep | None = None,
        spans_key: str,
        labels: list[str] | None,
        common_word_floor: float = 0.0,
        max_candidates: int | None = None,
    ) -> None:
        install_extensions()
        self.vocab = nlp.vocab
        self.name = name
        self.catalog = Path(catalog) if catalog is not None else None
        self.kind = kind
        self.spans_key = spans_key
        self.only_labels = frozenset(labels) if labels is not None else None
        self.common_word_floor = common_word_floor
        self.max_candidates = max_candidates
        self._nlp = nlp
        self._normalizer = normalizer
        self._fuzzy = fuzzy
        self._index: CatalogIndex | None = None
        self._saved: Path | None = None  # the index inside a saved pipeline

    @property
    def index(self) -> CatalogIndex:
        """RETURNS (CatalogIndex): Opened or built at first use. RAISES: DataError for a bad or empty catalog."""
        if self._index is None:
            place = self._saved or self.catalog
            if place is not None and is_index(place):
                self._index = CatalogIndex.open(place, self.vocab, self._normalizer)
            else:
                self._index = self._built(read_catalog(place) if place is not None else ())
            known = self._index.labels
            if self.only_labels and known and self.only_labels.isdisjoint(known):
                logger.warning(
                    "'%s' proposes nothing: none of its labels %s is in the catalog, which has %s.",
                    self.name,
                    sorted(self.only_labels),
                    known,
                )
        return self._index

    def _built(self, entries: Iterable[CatalogEntry]) -> CatalogIndex:
        segment, report = build_segment(entries, self.vocab, self._normalizer, self.kind)
        if report.unmatchable:
            logger.warning(
                "%s names of the catalog of '%s' can never match, for example %r.",
                f"{report.unmatchable:,}",
                self.name,
                report.examples[0],
            )
        if not report.entries:
            logger.warning("The catalog of '%s' is empty: nothing will be proposed.", self.name)
        return CatalogIndex(self.vocab, self._normalizer, [segment] if report.entries else [], self.kind)

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
        """YIELDS (CatalogEntry): The catalog as it is now."""
        yield from self.index.entries()

    def add(self, entries: Iterable[CatalogEntry]) -> None:
        """Add names now, for example today's releases: the next Doc finds them, nothing is retrained.

        entries: One with the label and id of an entry that is there takes its place. In this process only.
        """
        self.index.add(entries)

    def load_catalog(self, path: str | Path, *, extend: bool = False) -> None:
        """Take another catalog, for example today's in a pipeline that was packaged last month: nothing is retrained.

        path (str | Path): As the setting ``catalog``, read now. extend (bool): Add its entries to those that are there.
        RAISES: DataError for a bad or empty catalog, ConfigError for what is no path; the old one stays then.
        """
        path = as_catalog_path(path)
        if extend:
            if is_index(path):
                raise DataError("is an index; only records extend a catalog", path=path)
            self.add(read_catalog(path))
            return
        known, before = set(self.labels), (self.catalog, self._saved, self._index)
        try:
            self.catalog, self._saved, self._index = path, None, None
            _ = self.index
        except BaseException:
            self.catalog, self._saved, self._index = before
            raise
        if known and known.isdisjoint(self.labels):
            logger.warning("'%s' has other labels now: %s, not %s.", self.name, self.labels, sorted(known))

    def reload(self) -> bool:
        """Take up what ``convner catalog build`` or ``update`` changed. Done at the start of every ``nlp.pipe`` too.

        RETURNS (bool): Whether anything changed. RAISES: DataError if the index is damaged now.
        """
        return self.index.reload()

    def __call__(self, doc: Doc) -> Doc:
        error_handler = self.get_error_handler()
        try:
            self.set_annotations(doc, self.match(doc))
        except DataError:
            raise  # a bad catalog fails every Doc alike
        except Exception as err:
            error_handler(self.name, self, [doc], err)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Apply to a stream, with the index as it is on disk at the start of it."""
        self.reload()
        for doc in stream:
            yield self(doc)

    def make_doc(self, text: str) -> Doc:
        """RETURNS (Doc): Tokenised as the pipeline does."""
        return self._nlp.make_doc(text)

    def match(self, doc: Doc) -> list[Match]:
        """RETURNS (list[Match]): Candidates by start, longest first; before ``max_candidates``."""
        matches = self.index.find(doc)
        if self._fuzzy is not None:
            matches = sorted(
                matches + self._fuzzy(self.index, doc, matches, get_doc_lang(doc)),
                key=lambda m: (m.start, -m.end, m.label),
            )
        if self.only_labels is not None:
            matches = [match for match in matches if match.label in self.only_labels]
        floor = self.common_word_floor
        if floor > 0:
            common = common_words(doc, matches)
            matches = [m for m, is_word in zip(matches, common, strict=True) if m.popularity >= floor or not is_word]
        return matches

    def set_annotations(self, doc: Doc, matches: list[Match]) -> None:
        """Write the candidates, at most ``max_candidates``."""
        found = len(matches)
        if self.max_candidates is not None:
            matches = longest(matches, self.max_candidates)
        spans = [Span(doc, start, end, label, span_id=id) for start, end, label, id, _, _ in matches]
        more = {"common_word": common_words(doc, matches), "cut": found - len(matches)}
        set_candidates(doc, self.spans_key, spans, [m[4] for m in matches], [m[5] for m in matches], more)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]] | None = None,
        *,
        nlp: Language | None = None,
        catalog: str | None = None,
    ) -> None:
        """Build the index now, from ``catalog`` if one is given in ``[initialize.components]``."""
        if catalog is not None:
            self.catalog, self._saved, self._index = Path(catalog), None, None
        _ = self.index

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save the index: a saved pipeline maps it and no longer needs the catalog it came from."""
        to_disk(Path(path), {"index": lambda p: save_index(self.index, p)}, exclude)

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> CatalogMatcher:
        """Load what ``to_disk`` saved. RAISES: DataError if it is damaged."""

        def restore(place: Path) -> None:
            self._index, self._saved = CatalogIndex.open(place, self.vocab, self._normalizer), place

        from_disk(Path(path), {"index": restore}, exclude)
        return self

    def _dump(self) -> bytes:
        return dump_entries(self.entries())

    def _restore(self, data: bytes) -> None:
        self._index = self._built(restore_entries(data, self.name))

    def fingerprint(self) -> bytes:
        """RETURNS (bytes): Other bytes for another catalog. Of an index on disk its checksums, whatever its size."""
        index = self.index
        if index.path is None or not all(segment.name for segment in index.segments):
            return self.to_bytes()
        manifest = read_manifest(index.path)
        return json.dumps([manifest.normalizer, [segment.files for segment in manifest.segments]]).encode()

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The records."""
        return bytes(to_bytes({"catalog": self._dump}, exclude))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> CatalogMatcher:
        """Load what ``to_bytes`` gave."""
        from_bytes(data, {"catalog": self._restore}, exclude)
        return self
