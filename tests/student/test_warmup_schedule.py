"""The learning rate ends where the training does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training.loop import subdivide_batch
from spacy.util import load_config, registry
from thinc.schedules import warmup_linear

from spacy_convner.docbin import write_docbin
from spacy_convner.errors import ConfigError, DataError
from spacy_convner.student.warmup_schedule import count_steps, make_warmup_linear_epochs

from ..conftest import ROOT

CONFIG = ROOT / "configs" / "student_xlmr.cfg"


def test_is_thincs_schedule_with_the_right_end(corpora: Path) -> None:
    steps = 3 * 28  # 220 utterances in batches of 8
    ours = make_warmup_linear_epochs(corpora / "train.spacy", 8, 3, 0, 10, 0.5)
    assert list(islice(ours, 100)) == pytest.approx(list(islice(warmup_linear(0.5, 10, steps), 100)))


def test_nothing_is_read_before_the_first_step() -> None:
    rates = make_warmup_linear_epochs(Path("no/such.spacy"), 8, 3, 0, 10, 0.5)
    assert next(rates) == 0
    with pytest.raises(DataError, match="no/such"):
        next(rates)


def test_steps(corpora: Path, tmp_path: Path) -> None:
    train = corpora / "train.spacy"
    assert count_steps(train, 128, 5, 0) == 10
    assert count_steps(train, 128, 5, 7) == 7
    assert count_steps(train, 128, 0, 7) == 7
    write_docbin(
        tmp_path / "more" / "a.spacy", [spacy.blank("xx").make_doc("play hello"), Doc(spacy.blank("xx").vocab)]
    )
    write_docbin(tmp_path / "more" / "b.spacy", [spacy.blank("xx").make_doc("play hello")])
    assert count_steps(tmp_path / "more", 1, 1, 0) == 2  # spaCy passes over a Doc without a token


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((None, 8, 1, 0), "paths.train"), ((Path("x"), 8, 0, 0), "when to end"), ((Path("x"), 0, 1, 0), "size")],
)
def test_bad_settings(arguments: tuple[Path | None, int, int, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        count_steps(*arguments)


def test_what_is_no_docbin(tmp_path: Path) -> None:
    (tmp_path / "x.spacy").write_bytes(b"no")
    with pytest.raises(DataError, match="not a readable DocBin"):
        count_steps(tmp_path / "x.spacy", 8, 1, 0)


def test_the_config_is_the_papers(corpora: Path) -> None:
    config = load_config(CONFIG, overrides={"paths.train": str(corpora / "train.spacy")}, interpolate=True)
    training = config["training"]
    optimizer = registry.resolve({"optimizer": training["optimizer"]})["optimizer"]
    assert optimizer.L2 == 0.01
    assert optimizer.L2_is_weight_decay
    rates = optimizer.schedules["learn_rate"]
    assert max(islice(rates, 150)) == pytest.approx(99 / 100 * 1e-5)  # the warm-up is longer than ten steps
    # spaCy divides a batch into parts; it doesn't gather batches.
    assert training["batcher"]["size"] == 128
    examples = [spacy.training.Example.from_dict(Doc(spacy.blank("xx").vocab, words=["a"]), {}) for _ in range(128)]
    assert [len(part) for part in subdivide_batch(examples, training["accumulate_gradient"])] == [32] * 4
    assert training["max_epochs"] == 5
    assert not config["components"]["transformer"]["model"]["mixed_precision"]


def test_weight_decay_is_apart_from_the_gradient() -> None:
    import numpy as np
    from thinc.api import Adam

    weights, gradient = np.full((1, 1), 2.0, dtype="f"), np.zeros((1, 1), dtype="f")
    optimizer = Adam(0.1, L2=0.01, L2_is_weight_decay=True, grad_clip=1.0)
    optimizer((0, "W"), weights, gradient)
    assert weights[0, 0] == pytest.approx(2.0 * (1 - 0.1 * 0.01))  # Loshchilov and Hutter (2019), algorithm 2
