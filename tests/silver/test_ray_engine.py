"""The same labels from a cluster as from one process, whoever dies meanwhile. Ray takes seconds to start: all slow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.vocab import Vocab

from spacy_convner.docbin import read_docbin
from spacy_convner.errors import ConfigError, ConvnerError
from spacy_convner.silver.labelling import label_file
from spacy_convner.silver.ray_engine import RayEngine, RayOptions

from ..conftest import write_jsonl

pytestmark = pytest.mark.slow
TEXTS = [f"play hello number {i} for me" for i in range(2000)]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[str]:
    """A cluster of two nodes of one CPU each, in this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    size = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    cluster.add_node(**size)
    yield cluster.address
    cluster.shutdown()


def label(nlp: Language, source: Path, output: Path | str, engine: Any = None, **settings: Any) -> dict[str, Any]:
    defaults = {"shard_size": 100, "n_process": 1, "batch_size": 32, "keep_exemplars": False}
    return label_file(nlp, source, output, engine=engine, **{**defaults, **settings})


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*.spacy"))}


def slow_down(nlp: Language) -> Callable[[], object]:
    """Preparation of a worker: it tells who it is and takes its time, so that there is somebody to kill."""
    (Path(nlp.meta["description"]) / str(os.getpid())).touch()
    return lambda: time.sleep(0.05)


@contextmanager
def killing(pids: Path, after: Callable[[], bool]) -> Iterator[list[int]]:
    """Kill a worker with no warning, once ``after`` says so. YIELDS (list): Who was killed."""
    killed: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end and not after():
            time.sleep(0.01)
        for path in sorted(pids.iterdir())[:1]:
            killed.append(int(path.name))
            os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield killed
    thread.join()


def test_one_worker_is_killed(make_teacher: Callable[..., Language], two_nodes: str, tmp_path: Path) -> None:
    make_teacher().to_disk(tmp_path / "teacher")  # saved: fitted weights are rounded then
    nlp = spacy.load(tmp_path / "teacher")
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in TEXTS])
    (tmp_path / "pids").mkdir()
    nlp.meta["description"] = str(tmp_path / "pids")
    label(nlp, source, tmp_path / "here")
    done: list[int] = []
    engine = RayEngine(nlp, RayOptions(2, 32, {}, two_nodes), slow_down, done.append)
    with killing(tmp_path / "pids", lambda: len(list((tmp_path / "there").glob("part-*"))) > 3) as killed:
        stats = label(nlp, source, tmp_path / "there", engine)
    assert len(killed) == 1
    assert stats["workers"] in (2, 3)
    assert sum(done) == stats["utterances"] == len(TEXTS)
    assert parts(tmp_path / "there") == parts(tmp_path / "here")
    assert Counter(doc.text for doc in read_docbin(tmp_path / "there", Vocab())) == Counter(TEXTS)
    assert not list((tmp_path / "there").glob(".*"))


def test_what_a_cluster_cannot_do(make_ruler: Callable[..., Language], two_nodes: str, tmp_path: Path) -> None:
    nlp = make_ruler()
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in TEXTS[:50]])
    with pytest.raises(ConfigError, match="no room for one actor"):
        label(nlp, source, tmp_path / "out", RayEngine(nlp, RayOptions(None, 32, {"num_gpus": 1}, two_nodes)))
    with pytest.raises(ConvnerError, match=r"a shard that isn't here .*all must see one OUT"):
        label(nlp, source, "memory://only-here/out", RayEngine(nlp, RayOptions(2, 32, {}, two_nodes)))


def test_a_full_disk_on_a_node(make_ruler: Callable[..., Language], two_nodes: str, tmp_path: Path) -> None:
    nlp = make_ruler()
    engine = RayEngine(nlp, RayOptions(1, 32, {}, two_nodes), fill_disk)
    texts = [os.urandom(900).hex() for _ in range(30)]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in [*TEXTS[:20], *texts, *TEXTS[20:40]]])
    with pytest.raises(
        ConvnerError, match=r"part-000001-.*can't be written: File too large \[on .*run the same command"
    ):
        label(nlp, source, tmp_path / "out", engine, shard_size=10)
    failures = json.loads((tmp_path / "out" / "manifest.json").read_text())["failures"]
    assert "File too large" in failures[0]["reason"]
    kept = parts(tmp_path / "out")
    assert 0 < len(kept) < 7
    stats = label(nlp, source, tmp_path / "out", RayEngine(nlp, RayOptions(2, 32, {}, two_nodes)), shard_size=10)
    assert stats["resumed"] == 10 * len(kept)
    assert len(parts(tmp_path / "out")) == 7


def fill_disk(nlp: Language) -> Callable[[], object]:
    """Preparation of a worker whose files may not grow."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return lambda: None


def die(nlp: Language) -> Callable[[], object]:
    """Preparation of a worker that dies after whatever it labelled, as of a text that no machine has the memory for."""
    return lambda: os._exit(1)


def test_workers_that_die_again_and_again(make_ruler: Callable[..., Language], two_nodes: str, tmp_path: Path) -> None:
    nlp = make_ruler()
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in TEXTS[:50]])
    with pytest.raises(ConvnerError, match=r"Ray gave up: .*run the same command again to go on"):
        label(nlp, source, tmp_path / "out", RayEngine(nlp, RayOptions(1, 32, {}, two_nodes), die))
    assert len(parts(tmp_path / "out")) == 1  # what they wrote is there


def command(source: Path, output: Path, pipeline: Path, *more: str) -> list[str]:
    arguments: Sequence[str] = [str(source), str(output), "-p", str(pipeline), "--shard-size", "100", *more]
    return [sys.executable, "-m", "spacy", "convner", "label", *arguments]


def test_the_driver_is_killed_and_started_again(make_ruler: Callable[..., Language], tmp_path: Path) -> None:
    nlp = make_ruler()
    nlp.to_disk(tmp_path / "pipeline")
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in TEXTS])
    here, there = tmp_path / "here", tmp_path / "there"
    label(spacy.load(tmp_path / "pipeline"), source, here)
    ray = command(source, there, tmp_path / "pipeline", "--engine", "ray", "--num-actors", "1")
    driver = subprocess.Popen(ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while len(list(there.glob("part-*"))) < 3:
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    driver.kill()
    driver.communicate()
    result = subprocess.run([*ray, "--metrics", str(tmp_path / "m.json")], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    stats = json.loads((tmp_path / "m.json").read_text())
    assert 300 <= stats["resumed"] < len(TEXTS)
    assert stats["workers"] == 1
    assert parts(there) == parts(here)
