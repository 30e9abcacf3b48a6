"""Texts alone, from whatever file has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def read_texts(paths: Iterable[Path]) -> list[str]:
    """Read the texts of .spacy and .jsonl files (catalog records too), and the lines of others.

    RETURNS (list[str]): Without those that are blank. RAISES: DataError for a file without any.
    """
    from ..docbin import read_docbin_exemplars
    from ..errors import DataError
    from ..records import open_lines, read_utterances

    texts: list[str] = []
    for path in paths:
        suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix
        if suffix == ".spacy":
            found = [exemplar.text for exemplar in read_docbin_exemplars(path)]
        elif suffix == ".jsonl":
            found = [exemplar.text for exemplar in read_utterances(path)]
        else:
            found = [line for _, line in open_lines(path)]
        found = [text for text in found if text.strip()]
        if not found:
            raise DataError("no utterance in the file", path=path)
        texts += found
    return texts
