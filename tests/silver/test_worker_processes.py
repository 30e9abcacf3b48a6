"""Worker processes that are killed, and those that nobody listens to any more."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_convner.errors import FilterError
from spacy_convner.silver import worker_processes
from spacy_convner.silver.worker_processes import from_workers

pytestmark = pytest.mark.timeout(60)


@Language.component("test_killed")
def killed(doc: Doc) -> Doc:
    if doc.text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


@Language.factory("test_counted", default_config={"folder": ""})
def make_counted(nlp: Language, name: str, folder: str) -> object:
    def count(doc: Doc) -> Doc:
        (Path(folder) / doc[0].text).touch()
        return doc

    return count


def given(nlp: Language, texts: list[str], seen: list[str]) -> Generator[Doc, None, None]:
    for text in texts:
        seen.append(text)
        yield nlp.make_doc(text)


@pytest.mark.parametrize("look", [0.02, 2.0])  # seconds: before the worker dies, and long after
def test_a_killed_worker_is_said_and_the_others_end(look: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "_LOOK", look)
    nlp = spacy.blank("en")
    nlp.add_pipe("test_killed")
    texts = given(nlp, [*["good morning"] * 20, "die", *["good morning"] * 200], [])
    with pytest.raises(FilterError, match="a worker process was killed"):
        list(from_workers(nlp.pipe(texts, n_process=2, batch_size=4), texts))
    assert multiprocessing.active_children() == []


def test_who_leaves_early_gets_what_was_given_done_and_no_more(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("test_counted", config={"folder": str(tmp_path)})
    seen: list[str] = []
    # More than a pipe holds, so that workers wait for a reader.
    texts = given(nlp, [f"{i} {'play hello ' * 5000}" for i in range(100)], seen)
    docs = from_workers(nlp.pipe(texts, n_process=2, batch_size=4), texts)
    assert next(docs)[0].text == "0"
    docs.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []
    assert len(list(tmp_path.iterdir())) == len(seen) < 100
