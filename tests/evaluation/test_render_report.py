from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language

from spacy_convner.errors import DataError
from spacy_convner.evaluation.drawing import draw, text_direction
from spacy_convner.evaluation.evaluate import evaluate_pipeline
from spacy_convner.evaluation.metrics_files import Metrics
from spacy_convner.evaluation.report import render_report
from spacy_convner.evaluation.views import headline, score_axis, set_views
from spacy_convner.ty import Exemplar, LabelledSpan

HOSTILE = "play </script><script>alert(1)</script> <img src=x onerror=alert(2)> & 🎧 \u2028 {{ 7 * 7 }}"
RTL = "שלום hello עולם"


class Page(HTMLParser):
    """What a browser would find: tags, their attributes, and the text of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def write(folder: Path, name: str, data: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf8")


@pytest.fixture
def metrics_dir(tmp_path: Path, teacher: Language, gold: list[Exemplar]) -> Path:
    hostile = [
        Exemplar(HOSTILE, (LabelledSpan(5, 14, "<b>Song</b>"),), "en"),
        Exemplar(RTL, (LabelledSpan(5, 10, "Song"), LabelledSpan(0, 4, "Artist")), "he"),
    ]
    sets = {"gold.en": gold, "<i>odd</i>": hostile}
    write(tmp_path, "teacher", evaluate_pipeline(teacher, sets, system="teacher", pipeline="training/<t>"))
    student = evaluate_pipeline(teacher, sets, system="student", n_bootstrap=0)
    for scores in student["sets"].values():
        scores.pop("baselines")
    write(tmp_path, "student", student)
    catalog = {
        "names": 3,
        "entries": 4,
        "labels": {"Song": {"names": 1, "entries": 1}, "Movie": {"names": 2, "entries": 3}},
        "ambiguous_names": 1,
        "most_ambiguous": [["<u>Dune</u>", ["Movie", "Book"]]],
    }
    write(tmp_path, "catalog", catalog)
    write(tmp_path, "label", {"utterances": 9, "seconds": 1.5, "statuses": {"ok": 9}, "labels": {"Song": 7}})
    sentences = [{"text": "play <s>hello</s>", "ents": [[8, 13, "Song"]]}]
    write(tmp_path, "wheel", {"wheel": "x.whl", "bytes": 4_000_000, "python": "3.11", "sentences": sentences})
    write(tmp_path, "unrelated", {"something": "else"})
    return tmp_path


def test_page_is_whole_and_asks_for_nothing(metrics_dir: Path) -> None:
    html = render_report(metrics_dir)
    page = Page(html)
    anchors = ("scores", "comparison", "labels", "slices", "partial", "confusion", "errors", "cost")
    for anchor in (*anchors, "labelling", "catalog", "wheel"):
        assert ("id", anchor) in page.attributes
    assert not {"link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "srcset", "action")]
    assert all(value and value.startswith("#") for name, value in page.attributes if name == "href")
    assert not re.search(r"@import|url\(|https?://", html)
    assert "prefers-color-scheme: dark" in html
    assert "svg" in page.tags
    assert "n = 3" in html
    assert "unrelated" not in html


def test_hostile_text_stays_text(metrics_dir: Path) -> None:
    html = render_report(metrics_dir)
    page = Page(html)
    assert len(page.scripts) == 2  # the data and the script, nothing that came with an utterance
    assert not {"u", "s", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "<b>Song</b>" not in html
    assert "<i>odd</i>" not in html
    assert "<u>Dune</u>" not in html
    data = json.loads(page.scripts[0])
    assert HOSTILE in {text["t"] for text in data["texts"]}
    assert "<b>Song</b>" in data["labels"]  # the script puts it in as text


def test_only_the_page_s_own_script_may_run(metrics_dir: Path) -> None:
    html = render_report(metrics_dir)
    script = Page(html).scripts[1]
    digest = base64.b64encode(hashlib.sha256(script.encode("utf8")).digest()).decode("ascii")
    policies = [value for name, value in Page(html).attributes if name == "content" and value and "script-src" in value]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert f"script-src 'sha256-{digest}'" in policies[0]


def test_missing_files_are_left_out(metrics_dir: Path) -> None:
    for name in ("student", "catalog", "label", "wheel"):
        (metrics_dir / f"{name}.json").unlink()
    ids = {value for name, value in Page(render_report(metrics_dir)).attributes if name == "id"}
    assert {"scores", "cost"} <= ids
    assert not {"labelling", "catalog", "wheel"} & ids


@pytest.mark.parametrize("keep", ["catalog", "label", "wheel"])
def test_one_file_is_enough(metrics_dir: Path, keep: str) -> None:
    for path in metrics_dir.glob("*.json"):
        if path.stem != keep:
            path.unlink()
    html = render_report(metrics_dir)
    assert ("id", "scores") not in Page(html).attributes
    assert f"{keep}.json" in html


def test_least_that_design_promises(tmp_path: Path) -> None:
    strict = {"p": 1, "r": 0.5, "f": 2 / 3, "ci95": [0.5, 0.8], "n": 4}
    write(tmp_path, "x", {"sets": {"s": {"strict": strict, "per_label": {}, "candidate_recall": None}}})
    html = render_report(tmp_path)
    assert "66.7" in html
    assert ("id", "errors") not in Page(html).attributes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ('{"sets": {"s": {"strict": {"p": NaN}}}}', "not valid JSON"),
        ('{"sets": {"s": 3}}', "sets.s"),
        ('{"sets": {"s": {"strict": {"p": 1, "r": 1, "f": 93.1, "n": 1}}}}', "between 0 and 1, got 93.1"),
        ('{"sets": {"s": {"strict": {"p": 1, "r": 1, "f": 1}}}}', "n'"),
        ('{"sets": {"s": {"strict": {"p": 1, "r": 1, "f": 1, "n": 1, "ci95": [0]}}}}', "ci95"),
        (
            '{"sets": {"s": {"strict": {"p": 1, "r": 1, "f": 1, "n": 1}, "errors": [{"text": "x", "gold": [[1]]}]}}}',
            "gold",
        ),
        ('{"sets": {"s": {"strict": {"p": 1, "r": 1, "f": 1, "n": 1}, "confusion": {"A": 1}}}}', "confusion.A"),
        ('{"wheel": "x", "sentences": [1]}', "sentences"),
        ("[]", "no metrics file"),
    ],
)
def test_broken_files(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=re.escape(message)):
        render_report(tmp_path)


def test_no_folder_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        render_report(tmp_path / "nothing")
    with pytest.raises(DataError, match="no metrics file"):
        render_report(tmp_path)


def test_two_files_of_one_system_both_show(metrics_dir: Path) -> None:
    data = json.loads((metrics_dir / "teacher.json").read_text(encoding="utf8"))
    write(metrics_dir, "teacher_2", data)
    assert "teacher (teacher_2)" in render_report(metrics_dir)


def test_lone_surrogates_dont_stop_the_page(metrics_dir: Path) -> None:
    data = {"wheel": "x", "sentences": [{"text": "a\ud800b", "ents": []}]}
    write(metrics_dir, "wheel", data)
    render_report(metrics_dir).encode("utf8")


def test_many_errors_stay_small(metrics_dir: Path) -> None:
    data = json.loads((metrics_dir / "teacher.json").read_text(encoding="utf8"))
    scores: dict[str, Any] = data["sets"]["gold.en"]
    scores["errors"] = scores["errors"][:1] * 3000
    write(metrics_dir, "teacher", data)
    assert len(render_report(metrics_dir)) < 4_000_000


def metrics_of(**scores: float) -> Metrics:
    def one(f: float) -> dict[str, Any]:
        return {"strict": {"p": f, "r": f, "f": f, "n": 10}, "docs": 7, "utterances_per_s": 100 * f}

    return Metrics(systems={name: {"sets": {"gold": one(f)}} for name, f in scores.items()})


def test_headline() -> None:
    both = headline(metrics_of(teacher=0.9, student=0.8))
    assert both == (
        "On 10 gold entities in 7 utterances, the student reaches 80.0 strict F1, 10.0 points below its teacher, "
        "at 0.9 times its speed."
    )
    assert "level with" in headline(metrics_of(teacher=0.9, student=0.9))
    assert headline(metrics_of(student=0.8)).startswith("The student scores 80.0 strict F1 on 10 gold entities")
    assert headline(Metrics()) == ""


@pytest.mark.parametrize("f", [0.0, 0.05, 0.39, 0.4, 0.55, 0.8, 0.93, 0.999, 1.0])
def test_axis_holds_every_score(f: float) -> None:
    axis = score_axis(set_views(metrics_of(teacher=f)))
    assert 0 <= axis.low <= f <= axis.high == 1
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[0] == pytest.approx(axis.low)
    assert axis.at(f) == pytest.approx(100 * (f - axis.low) / (1 - axis.low), abs=0.01)


def test_drawing_merges_the_labels_of_one_span() -> None:
    html = draw("play dune", [[5, 9, "Movie"], [5, 9, "Book"]], [[5, 9, "Book"]])
    assert html.count("<mark") == 1
    assert '<span class="tag wrong">Book</span><span class="tag right">Movie</span>' in html


@pytest.mark.parametrize("second", [[11, 16, "<b>"], [8, 16, "<b>"], [5, 10, "<b>"]])
def test_drawing_nested_and_crossing_spans(second: list[Any]) -> None:
    html = draw("play hello adele's <s>", [[5, 16, "Song"], second], [second])
    assert 'class="spans"' in html
    assert "&lt;b&gt;\N{NO-BREAK SPACE}✗" in html
    assert "<b>" not in html
    assert "&lt;s&gt;" in html


@pytest.mark.parametrize(("text", "expected"), [("hello", "ltr"), (RTL, "rtl"), ("123 مرحبا", "rtl"), ("", "ltr")])
def test_direction(text: str, expected: str) -> None:
    assert text_direction(text) == expected
    assert f"direction: {expected}" in draw(text, [])


def test_test_sets_beside_the_papers_and_clusters(tmp_path: Path) -> None:
    row = {"samples": 4100, "average_length": 18.7, "entity_types": 22, "spans": 5042, "rare_share": 0.4,
           "per_label": {"Song": 249, "<i>x</i>": 1}}  # fmt: skip
    paper = {"samples": 4082, "average_length": 19.49, "entity_types": 22}
    write(
        tmp_path, "testsets", {"testsets": {"conversational.en": row, "<b>": {}}, "paper": {"conversational.en": paper}}
    )
    clusters = [{"id": 0, "size": 50, "words": ["<script>alert(1)</script>", "radio"]}]
    write(
        tmp_path,
        "clusters",
        {"utterances": 100, "clusters": 1, "noise": 50, "noise_share": 0.5, "by_cluster": clusters},
    )
    write(tmp_path, "audit", {"audit": {"conversational.en.spacy": ["texts"]}, "training": ["train.spacy"], "leaks": 0})
    html = render_report(tmp_path)
    assert "4,100" in html
    assert "4,082" in html
    assert "<i>x</i>" not in html
    assert "0 leaks between 1 test sets and train.spacy" in html
    page = Page(html)
    assert len(page.scripts) == 2
    assert "radio (50)" in html


@pytest.mark.parametrize(
    ("data", "field"),
    [({"testsets": {"head.en": 4}}, "testsets.head.en"), ({"by_cluster": [{"size": "many"}]}, "by_cluster")],
)
def test_damaged_test_sets_and_clusters(tmp_path: Path, data: dict[str, Any], field: str) -> None:
    write(tmp_path, "odd", data)
    with pytest.raises(DataError, match=field):
        render_report(tmp_path)
