"""Between Docs and annotated utterances: exact offsets or a clear error, never a span lost in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab
from srsly import msgpack_decoders, msgpack_encoders

from .atomic import write_bytes
from .attrs import SELECTED_KEY, get_doc_lang, get_doc_meta, set_doc_lang, set_doc_meta
from .errors import DataError
from .records import check_file
from .ty import Exemplar, LabelledSpan


def exemplar_to_doc(nlp: Language, exemplar: Exemplar, *, path: Path | None = None, line: int | None = None) -> Doc:
    """Tokenise an annotated utterance: every (span, label) in ``doc.spans["sc"]``, the longest ones in ``doc.ents``.

    A span has one label in ``doc.ents``, which is what an ``ner`` student learns: of overlapping spans the longest
    stays, then the earliest, and of several labels of one span the one that ``exemplar.spans`` has first.

    RAISES: DataError for a span that doesn't fall on token boundaries of ``nlp``'s tokenizer.
    """
    doc = nlp.make_doc(exemplar.text)
    set_doc_lang(doc, exemplar.lang)
    set_doc_meta(doc, exemplar.meta)
    spans = []
    for item in exemplar.spans:
        span = doc.char_span(item.start, item.end, label=item.label)
        if span is None:
            raise DataError(
                f"{exemplar.text[item.start : item.end]!r} ({item.start}..{item.end}) cuts through a token; "
                f"tokens are {[token.text for token in doc]}",
                path=path,
                line=line,
                field="spans",
                hint="move the offsets to the edges of words",
            )
        spans.append(span)
    doc.spans[SELECTED_KEY] = spans
    doc.ents = filter_spans(spans)
    return doc


def doc_to_exemplar(doc: Doc) -> Exemplar:
    """Read the annotation of a Doc: ``doc.spans["sc"]`` where there is one, else ``doc.ents``."""
    spans: Iterable[Span] = doc.spans.get(SELECTED_KEY, doc.ents)
    labelled = {LabelledSpan(span.start_char, span.end_char, span.label_) for span in spans}
    return Exemplar(
        text=doc.text,
        spans=tuple(sorted(labelled, key=lambda span: (span.start, span.end, span.label))),
        lang=get_doc_lang(doc),
        meta=get_doc_meta(doc),
    )


def read_docbin(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """Stream the Docs of a ``.spacy`` file, or of every ``.spacy`` file under a folder in the order of their names.

    RAISES: DataError if nothing is there or a file isn't a DocBin.
    """
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
    if not files:
        raise DataError("no .spacy file in this folder", path=path)
    with quick_msgpack():
        for file in files:
            check_file(file)
            try:
                docs = DocBin(store_user_data=True).from_disk(file)
            except Exception as err:
                raise not_a_docbin(err, file) from err
            yield from docs.get_docs(vocab)


def not_a_docbin(err: Exception, path: Path | str) -> DataError:
    """RETURNS (DataError): To raise: zlib, msgpack and key errors alike mean the same to the user."""
    return DataError(f"not a readable DocBin ({type(err).__name__})", path=path, hint="make it with: convner convert")


def read_docbin_exemplars(path: Path) -> list[Exemplar]:
    """RETURNS (list[Exemplar]): The annotation of each Doc of a ``.spacy`` file."""
    return [doc_to_exemplar(doc) for doc in read_docbin(path, Vocab())]


def write_docbin(path: Path, docs: Iterable[Doc]) -> int:
    """Write Docs with their user data to one ``.spacy`` file, atomically. RETURNS (int): How many."""
    docbin = DocBin(store_user_data=True)
    with quick_msgpack():
        for doc in docs:
            docbin.add(doc)
        write_bytes(path, docbin.to_bytes())
    return len(docbin)


@contextmanager
def quick_msgpack() -> Iterator[None]:
    """Let spaCy write and read Docs at twenty times the speed.

    It calls srsly's msgpack six times a Doc, and each call asks every installed distribution and spaCy's whole registry
    for codecs. In the block they are asked once.
    """
    pinned = [registry for registry in (msgpack_encoders, msgpack_decoders) if "get_all" not in vars(registry)]
    for registry in pinned:
        registry.get_all = partial(dict, registry.get_all())
    try:
        yield
    finally:
        for registry in pinned:
            vars(registry).pop("get_all", None)
