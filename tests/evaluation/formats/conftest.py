"""Files as people have them, and what was read of them in a form that is easy to compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spacy_convner.evaluation.formats.annotated import Annotated

Found = list[tuple[str, list[tuple[str, str]]]]


def surfaces(corpus: Annotated) -> Found:
    """Text → (span text, label), by the offsets alone."""
    return [(e.text, [(e.text[s.start : s.end], s.label) for s in e.spans]) for e in corpus.exemplars]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file with the bytes given."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf8") if isinstance(content, str) else content)
        return path

    return write_file
