"""Metrics files for the report's tests, made by the code that makes them for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy_convner.evaluation.evaluate import score_set
from spacy_convner.evaluation.scoring import Judged
from spacy_convner.evaluation.slices import KnownNames
from spacy_convner.ty import LabelledSpan

HOSTILE = "<script>alert(1)</script>"
SONG, BOOK = LabelledSpan(5, 10, "Song"), LabelledSpan(5, 10, "Book")


def judged(
    text: str,
    gold: Iterable[LabelledSpan] = (),
    pred: Iterable[LabelledSpan] = (),
    candidates: Iterable[LabelledSpan] = (SONG, BOOK),
    probabilities: bool = False,
) -> Judged:
    """One utterance, "hello" at 5 to 10 in it."""
    chances = tuple((span, 0.9 if span.label == "Song" else 0.2) for span in candidates) if probabilities else None
    return Judged(text, frozenset(gold), frozenset(pred), frozenset(candidates), lang="en", probabilities=chances)


def system_of(sets: dict[str, list[Judged]], name: str) -> dict[str, Any]:
    """A metrics file; the pooled set is there where there are several."""
    known = KnownNames(frozenset({"hello"}), frozenset({("hello", "Song")}))
    if len(sets) > 1:
        sets = {**sets, "all": [item for items in sets.values() for item in items]}
    scores = {key: score_set(items, 1.0, n_bootstrap=20, known=known) for key, items in sets.items()}
    if "all" in scores:
        del scores["all"]["utterance_counts"]
    return {"system": name, "pipeline": "x", "created": "2026-01-01", "components": ["a"], "sets": scores}


def right_and_wrong(n_right: int, n_wrong: int, *, offset: int = 0) -> list[Judged]:
    """The first are right, the others take a song for a book."""
    return [
        judged(f"play hello {offset + i}", [SONG], [SONG if i < n_right else BOOK], probabilities=True)
        for i in range(n_right + n_wrong)
    ]


def benchmark(name: str, means: dict[int, float], *, sha256: str = "abc") -> dict[str, Any]:
    """Results of ``convner benchmark``, with a learning curve."""
    data = system_of({"test": right_and_wrong(3, 1)}, name)
    strict = data["sets"]["test"]["strict"]
    curve = [
        {"n_exemplars": n, "seeds": 3, "f": {"mean": f, "sd": 0.01, "min": f - 0.05, "max": f + 0.05}, "prior_f": 0.4}
        for n, f in means.items()
    ]
    return {
        **data,
        "strict": strict,
        "candidate_recall": 0.97,
        "accept_all_f": 0.5,
        "prior_f": 0.6,
        "ceiling_f": 0.98,
        "n_exemplars": 1234,
        "fit_s": 1.5,
        "utterances_per_s": 4321.0,
        "notes": [f"15 utterances are in train too {HOSTILE}"],
        "learning_curve": curve,
        "missed_by_catalog": {"n": 2, "not_in_catalog": 2, "examples": [[HOSTILE, "Song", "not_in_catalog"]]},
        "protocol": {
            "filter": {"@misc": "spacy_convner.LinearFilter.v1"},
            "attr": "lower",
            "exemplars_from": "train",
            "catalog": {"source": "oracle", "names": 4567, "coverage": 0.8, "removed": 89, "distractors_added": 10},
            "splits": {"test": {"name": "test", "utterances": 4, "entities": 4, "sha256": sha256}},
        },
    }


def write(folder: Path, name: str, data: object) -> None:
    """Put a file into a metrics folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf8")
