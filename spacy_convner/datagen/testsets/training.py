"""What training has seen: utterances, forms and names of exemplars, corpora and traffic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.vocab import Vocab

from ...docbin import doc_to_exemplar, read_docbin
from ...errors import DataError
from ...leaks import NamesInTexts, fold_name, form_of, has_name
from ...records import check_no_overlap, normalize_text, parse_utterance, read_jsonl
from ...ty import Exemplar

_SUFFIXES = (".jsonl", ".jsonl.gz", ".spacy")


@dataclass(frozen=True, slots=True)
class Training:
    """Each thing that training has seen → where it stands first, ``file:line``.

    texts (dict): Normalised utterances. forms (dict): Forms of annotated utterances that have names.
    annotated (dict): Folded names that are annotated. raw (dict): Folded names that stand in a text outside of
        annotation, or in one that has none.
    """

    texts: dict[str, str] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    annotated: dict[str, str] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)


def read_training(paths: Iterable[Path], names: Collection[str], guard: Collection[str] = ()) -> Training:
    """Read exemplars, corpora and traffic.

    paths (Iterable[Path]): JSONL (``spans`` may be missing), DocBin, or folders of them.
    names (Collection[str]): Folded names to look for in texts. guard (Collection[str]): Folded names; an utterance that
        is annotated with one is passed over, as ``exemplar_retriever`` does with ``exclude_entities``.
    RAISES: DataError naming file, line and field.
    """
    training, finder = Training(), NamesInTexts(names)
    for path, line, exemplar, annotated in number_training(paths):
        if guard and has_name(exemplar, guard):
            continue
        where = f"{path}:{line}"
        training.texts.setdefault(normalize_text(exemplar.text), where)
        spans = [fold_name(exemplar.text[start:end]) for start, end in {(s.start, s.end) for s in exemplar.spans}]
        if annotated and spans:
            training.forms.setdefault(form_of(exemplar), where)
        for name in spans:
            training.annotated.setdefault(name, where)
        for name, count in finder.find(exemplar.text).items():
            if count > spans.count(name):
                training.raw.setdefault(name, where)
    return training


def number_training(paths: Iterable[Path]) -> Iterator[tuple[Path, int, Exemplar, bool]]:
    """YIELDS (tuple[Path, int, Exemplar, bool]): File, line (of a DocBin, which Doc), utterance, whether annotated."""
    for path in paths:
        for file in _files(path):
            if file.suffix == ".spacy":
                for number, doc in enumerate(read_docbin(file, Vocab()), 1):
                    yield file, number, doc_to_exemplar(doc), True
                continue
            for line, record in read_jsonl(file):
                exemplar = parse_utterance(record, path=file, line=line)
                check_no_overlap(exemplar, path=file, line=line)
                yield file, line, exemplar, "spans" in record


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES))
    if not files:
        raise DataError(f"no file to read ({', '.join(_SUFFIXES)}) in this folder", path=path)
    return files
