"""Label input ranges with a pipeline: what every engine does, in one process or in each of its actors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from spacy.language import Language
from spacy.tokens import Doc

from ..attrs import drop_exemplars, set_doc_lang, set_doc_meta
from ..docbin import quick_msgpack
from ..errors import ConvnerError, FilterError
from ..ty import Exemplar
from .folder import Folder
from .input_ranges import InputRange, RangeReader, in_groups
from .shards import Making, Record, UnstorableError, why_unstorable, write_shard
from .source_rows import Row

_GROUP = 20_000  # utterances after which the words that the vocabulary has met are forgotten


def label_ranges(
    nlp: Language,
    ranges: Sequence[InputRange],
    folder: Folder,
    making: Making,
    *,
    batch_size: int = 128,
    on_docs: Callable[[int], object] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Iterator[Record]:
    """Label ranges in order, one stream over many of them, so that requests under way don't end with each shard.

    An utterance that makes the pipeline raise is rejected with what was raised, and its neighbours are labelled.
    on_docs: Told how many were labelled just now. stopped: Once it says so, nothing more is read, and what the pipeline
        was given is finished.
    YIELDS (dict): Record of each shard, once it is written.
    RAISES: DataError for a range that can't be read or written; what the pipeline raises of ours; FilterError if it
        loses Docs or fails for every utterance of a range.
    """
    warm_up(nlp)
    reader = RangeReader(making.keep_meta)
    on_docs, stopped = on_docs or _nobody, stopped or _never
    for group in in_groups(ranges, _GROUP, one_file=False):
        with nlp.memory_zone(), quick_msgpack():
            for part in _label_group(nlp, group, reader, making, batch_size, on_docs, stopped):
                yield _write(folder, part, making)


def warm_up(nlp: Language) -> None:
    """Let components read their files and learn now: what they keep must outlive a memory zone."""
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "prepare"):
            pipe.prepare()
        _ = getattr(pipe, "index", None)


@dataclass(slots=True)
class _Part:
    """A range under way. ``numbers``: Rows of its Docs. ``awaited``: What the pipeline hasn't given back."""

    range: InputRange
    docs: list[Doc] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    awaited: deque[Exemplar] = field(default_factory=deque)
    read: bool = False


def _label_group(
    nlp: Language,
    ranges: Sequence[InputRange],
    reader: RangeReader,
    making: Making,
    batch_size: int,
    on_docs: Callable[[int], object],
    stopped: Callable[[], bool],
) -> Iterator[_Part]:
    done = 0
    while done < len(ranges) and not stopped():
        parts: deque[_Part] = deque()
        given = _given(nlp, ranges[done:], reader, making, parts, on_docs, stopped)
        try:
            for part in _finished(nlp.pipe(given, batch_size=batch_size), parts, making, on_docs, stopped):
                done += 1
                yield part
        except ConvnerError:
            raise
        except (Exception, SystemExit):  # of a component, about some utterance: which one?
            yield _one_by_one(nlp, ranges[done], making)
            done += 1


def _given(
    nlp: Language,
    ranges: Iterable[InputRange],
    reader: RangeReader,
    making: Making,
    parts: deque[_Part],
    on_docs: Callable[[int], object],
    stopped: Callable[[], bool],
) -> Iterator[Doc]:
    """YIELDS (Doc): What the pipeline is given; parts: grows by every range that is begun."""
    for unit in ranges:
        part = _Part(unit)
        parts.append(part)
        for row in reader(unit):
            if stopped():
                return
            if row.utterance is None:
                part.rejected.append(row)
                on_docs(1)
                continue
            part.awaited.append(row.utterance)
            part.numbers.append(row.number)
            yield _to_doc(nlp, row.utterance, making)
        part.read = True


def _finished(
    docs: Iterator[Doc],
    parts: deque[_Part],
    making: Making,
    on_docs: Callable[[int], object],
    stopped: Callable[[], bool],
) -> Iterator[_Part]:
    """YIELDS (_Part): Each range once all its Docs have come back, in order."""
    for doc in docs:
        while parts and parts[0].read and len(parts[0].docs) == len(parts[0].numbers):
            yield parts.popleft()
        if not parts or not parts[0].awaited or parts[0].awaited[0].text != doc.text:
            raise _lost(parts)
        parts[0].docs.append(_finish(doc, parts[0].awaited.popleft(), making))
        on_docs(1)
    while parts and (parts[0].read or not stopped()):  # where we were stopped, the last isn't read to its end
        if not parts[0].read and not parts[0].awaited:
            raise FilterError(f"the pipeline stopped reading in {parts[0].range.name}")
        if len(parts[0].docs) != len(parts[0].numbers):
            raise _lost(parts)
        yield parts.popleft()


def _lost(parts: deque[_Part]) -> FilterError:
    given, back = sum(len(part.numbers) for part in parts), sum(len(part.docs) for part in parts)
    return FilterError(f"the pipeline gave {back} Docs back for {given} utterances, or others than it was given")


def _one_by_one(nlp: Language, unit: InputRange, making: Making) -> _Part:
    part = _Part(unit, read=True)
    reason, tried = "", 0
    for row in RangeReader(making.keep_meta)(unit):
        if row.utterance is None:
            part.rejected.append(row)
            continue
        tried += 1
        try:
            doc = nlp(_to_doc(nlp, row.utterance, making))
            if doc.text != row.utterance.text:
                raise ValueError("a component gave a Doc of another text back")
            doc = _finish(doc, row.utterance, making)
        except ConvnerError:
            raise
        except (Exception, SystemExit) as err:
            reason = " ".join(f"the pipeline raised {type(err).__name__}: {err}".split())[:300]
            part.rejected.append(Row(row.number, None, reason))
            continue
        part.docs.append(doc)
        part.numbers.append(row.number)
    if reason and not part.docs and tried > 1:
        raise FilterError(f"all {tried:,} utterances of {unit.name} failed: {reason}")
    return part


def _to_doc(nlp: Language, utterance: Exemplar, making: Making) -> Doc:
    return _with_record(nlp.make_doc(utterance.text), utterance, making)


def _finish(doc: Doc, utterance: Exemplar, making: Making) -> Doc:
    if not making.keep_exemplars:
        drop_exemplars(doc)
    return _with_record(doc, utterance, making)  # once more: a component may give a Doc of its own back


def _with_record(doc: Doc, utterance: Exemplar, making: Making) -> Doc:
    set_doc_lang(doc, utterance.lang)
    if making.keep_meta:
        set_doc_meta(doc, utterance.meta)
    return doc


def _write(folder: Folder, part: _Part, making: Making) -> Record:
    """Write a shard; Docs that can't be stored are rejected, each for its own reason."""
    try:
        return write_shard(folder, part.range, making, part.docs, part.rejected)
    except UnstorableError as err:
        docs, rejected = [], list(part.rejected)
        for number, doc in zip(part.numbers, part.docs, strict=True):
            if reason := why_unstorable(doc):
                rejected.append(Row(number, None, reason))
            else:
                docs.append(doc)
        if len(docs) == len(part.docs) or (not docs and len(part.docs) > 1):
            raise FilterError(f"all {len(part.docs):,} utterances of {part.range.name}: {err}") from err
        return write_shard(folder, part.range, making, docs, sorted(rejected, key=lambda row: row.number))


def _nobody(n: int) -> None:
    """Is told of progress where nobody listens."""


def _never() -> bool:
    return False
