"""Worker processes of one machine: killed, left early, started in either way, orphaned."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import fsspec.implementations.local
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_convner.docbin import read_docbin
from spacy_convner.errors import DataError, FilterError
from spacy_convner.silver.labelling import label_file

from ..conftest import write_jsonl

pytestmark = pytest.mark.timeout(60)
MakeRuler = Callable[..., Language]


@Language.factory("test_counted", default_config={"folder": ""})
def make_counted(nlp: Language, name: str, folder: str) -> object:
    """Leaves a file for each text and one for each process, and some texts have it killed, out of space or slow."""

    def count(doc: Doc) -> Doc:
        if "exit" in doc.text:
            os._exit(7)
        if "die" in doc.text and not (Path(folder) / "died").exists():
            (Path(folder) / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "full" in doc.text:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        if "wait" in doc.text:
            time.sleep(0.005)
        (Path(folder) / f"text-{doc[0].text}").touch()
        (Path(folder) / f"pid-{os.getpid()}").touch()
        return doc

    return count


def make_nlp(folder: Path) -> Language:
    folder.mkdir(exist_ok=True)
    nlp = spacy.blank("en")
    nlp.add_pipe("test_counted", config={"folder": str(folder)})
    return nlp


def label(nlp: Language, source: Path, output: Path | str, **settings: Any) -> dict[str, Any]:
    defaults = {"shard_size": 10, "n_process": 2, "batch_size": 4, "keep_exemplars": False}
    return label_file(nlp, source, output, **{**defaults, **settings})


def test_a_killed_worker_is_said_and_the_rest_is_done_by_the_next_run(tmp_path: Path) -> None:
    texts = [f"{i} wait{' die' if i == 55 else ''}" for i in range(200)]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    died = r"a worker process was killed \(SIGKILL\).* at row \d+ or later of .*in\.jsonl; .*run the same command again"
    with pytest.raises(FilterError, match=died) as raised:
        label(make_nlp(tmp_path / "seen"), source, tmp_path / "out")
    (row,) = map(int, re.findall(r"at row (\d+)", str(raised.value)))
    assert 31 <= row <= 56
    assert multiprocessing.active_children() == []
    stats = label(make_nlp(tmp_path / "seen"), source, tmp_path / "out")
    assert 0 < stats["resumed"] < 200
    assert [doc.text for doc in read_docbin(tmp_path / "out", Vocab())] == texts


def test_a_worker_that_ends_by_itself_each_time(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{i} wait{' exit' if i == 55 else ''}"} for i in range(200)])
    for _ in range(2):
        with pytest.raises(FilterError, match=r"ended with exit status 7 at row \d+ or later of .*: leave it out"):
            label(make_nlp(tmp_path / "seen"), source, tmp_path / "out")


def test_who_leaves_early_gets_what_was_given_done_and_no_more(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{i} wait"} for i in range(2000)])

    def leave(n: int) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        label(make_nlp(tmp_path / "seen"), source, tmp_path / "out", on_docs=leave)
    assert time.monotonic() - started < 9  # before workers would be ended
    assert multiprocessing.active_children() == []
    seen = list((tmp_path / "seen").glob("text-*"))
    assert 0 < len(seen) < 1000
    assert len(list((tmp_path / "out").glob("part-*"))) <= len(seen) / 10


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_each_way_to_start_a_process_gives_the_same(
    make_ruler: MakeRuler, traffic: Path, tmp_path: Path, method: str
) -> None:
    label(make_ruler(), traffic, tmp_path / "one", n_process=1)
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(method, force=True)
    told: list[int] = []
    try:
        stats = label(make_ruler(), traffic, tmp_path / "two", on_docs=told.append)
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert sum(told) == stats["utterances"] == 103
    assert stats["workers"] in (1, 2)
    for shard in (tmp_path / "one").glob("part-*"):
        assert (tmp_path / "two" / shard.name).read_bytes() == shard.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process there")
def test_a_full_disk_is_one_message(tmp_path: Path) -> None:
    texts = [f"{i}{' full' if i == 100 else ''}" for i in range(200)]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    with pytest.raises(FilterError, match=r"part-000001-.*can't be written.*run the same command again"):
        label(make_nlp(tmp_path / "seen"), source, tmp_path / "out")
    shards = list((tmp_path / "out").glob("part-*"))
    assert len(shards) < 20
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{i} wait"} for i in range(2000)])
    script = (
        "from pathlib import Path\nfrom tests.silver.test_process_engine import label, make_nlp\n"
        f"label(make_nlp(Path({str(tmp_path / 'seen')!r})), Path({str(source)!r}), Path({str(tmp_path / 'out')!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    pids = tmp_path / "seen"
    end = time.monotonic() + 50
    while len(list(pids.glob("pid-*"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    workers = [int(path.name[4:]) for path in pids.glob("pid-*")]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    while any(map(is_running, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_running, workers))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class ForkUnsafe(fsspec.implementations.local.LocalFileSystem):  # type: ignore[misc]
    """As object stores' clients: of the process that opened it."""

    protocol = "forkunsafe"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.made_in = os.getpid()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("forkunsafe://")))

    def exists(self, path: str, **kwargs: Any) -> bool:
        if self.made_in != os.getpid():
            raise RuntimeError("not fork-safe")
        return bool(super().exists(path, **kwargs))


def test_object_storage_is_opened_by_each_worker(make_ruler: MakeRuler, traffic: Path, tmp_path: Path) -> None:
    fsspec.register_implementation("forkunsafe", ForkUnsafe, clobber=True)
    label(make_ruler(), traffic, tmp_path / "one", n_process=1)
    assert label(make_ruler(), traffic, f"forkunsafe://{tmp_path}/two")["utterances"] == 103
    for shard in (tmp_path / "one").glob("part-*"):
        assert (tmp_path / "two" / shard.name).read_bytes() == shard.read_bytes()
    with pytest.raises(DataError, match="a worker process wrote a shard that isn't here"):
        label(make_ruler(), traffic, "memory://of-one-process/out")
