"""Write populated utterances as they come: JSONL, one DocBin, or a folder of DocBin shards; whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans

from ...atomic import atomic_path
from ...attrs import SELECTED_KEY
from ...docbin import exemplar_to_doc, quick_msgpack
from ...errors import ConfigError, DataError
from ...records import to_record
from ...ty import Exemplar

SHARD = 10_000  # utterances
Write = Callable[[Exemplar], None]


def write_utterances(outputs: Sequence[Path], exemplars: Iterable[Exemplar], nlp: Language) -> int:
    """Write the same utterances to every output; none of them changes before all are written.

    outputs (Sequence[Path]): ``.jsonl``; ``.spacy`` (kept in memory until it is written); or a folder, which gets
        ``part-000000.spacy`` and so on, 10,000 utterances each, in memory that doesn't grow.
    exemplars (Iterable[Exemplar]): Read once, as a stream. nlp (Language): Its tokenizer makes the Docs.
    RETURNS (int): How many there were. RAISES: ConfigError for another kind of output.
    """
    count = 0
    for output in outputs:
        check_output(output)
    with ExitStack() as stack:
        stack.enter_context(quick_msgpack())
        # One after the other at the end of the block; an error in it leaves all as they were.
        writers = [stack.enter_context(_open(output, nlp)) for output in outputs]
        for exemplar in exemplars:
            count += 1
            for write in writers:
                write(exemplar)
    return count


def check_output(output: Path) -> None:
    """RAISES: ConfigError unless this is something to write utterances to; DataError for somebody's folder."""
    if output.suffix in (".jsonl", ".spacy"):
        return
    if output.suffix and not output.is_dir():
        raise ConfigError(f"{output}: expected a .jsonl or .spacy file or a folder to write, got '{output.suffix}'")
    if output.is_dir() and any(not _is_shard(path) for path in output.iterdir()):
        raise DataError(
            "the folder has other files than shards", path=output, hint="choose a new folder: it is replaced as a whole"
        )


def populated_doc(nlp: Language, exemplar: Exemplar) -> Doc:
    """RETURNS (Doc): As ``docbin.exemplar_to_doc``; spans and entities have the catalog's ids as ``span.id_``."""
    doc = exemplar_to_doc(nlp, exemplar)
    ids = exemplar.meta.get("entries") or ()
    if len(ids) == len(exemplar.spans):
        spans = [
            Span(doc, span.start, span.end, label=span.label, span_id=str(entry_id))
            for span, entry_id in zip(doc.spans[SELECTED_KEY], ids, strict=True)
        ]
        doc.spans[SELECTED_KEY] = spans
        doc.ents = filter_spans(spans)
    return doc


def _open(output: Path, nlp: Language) -> AbstractContextManager[Write]:
    if output.suffix == ".jsonl":
        return _jsonl(output)
    return _docbin(output, nlp) if output.suffix == ".spacy" else _shards(output, nlp)


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as file:

        def write(exemplar: Exemplar) -> None:
            file.write(json.dumps(to_record(exemplar), ensure_ascii=False) + "\n")

        yield write


@contextmanager
def _docbin(path: Path, nlp: Language) -> Iterator[Write]:
    with atomic_path(path) as temporary:
        docbin = DocBin(store_user_data=True)
        yield lambda exemplar: docbin.add(populated_doc(nlp, exemplar))
        docbin.to_disk(temporary)


@contextmanager
def _shards(folder: Path, nlp: Language) -> Iterator[Write]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".{secrets.token_hex(8)}.tmp"
    temporary.mkdir()
    try:
        waiting: list[Exemplar] = []
        number = 0

        def save() -> None:
            nonlocal number
            docbin = DocBin(store_user_data=True)
            with nlp.memory_zone():  # else every new word would stay in the vocab
                for exemplar in waiting:
                    docbin.add(populated_doc(nlp, exemplar))
            docbin.to_disk(temporary / f"part-{number:06d}.spacy")
            number += 1
            waiting.clear()

        def write(exemplar: Exemplar) -> None:
            waiting.append(exemplar)
            if len(waiting) == SHARD:
                save()

        yield write
        if waiting:
            save()
        old = folder.parent / f".{secrets.token_hex(8)}.tmp"
        if folder.exists():
            os.replace(folder, old)
        os.replace(temporary, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_shard(path: Path) -> bool:
    return path.name.startswith("part-") and path.suffix == ".spacy"
