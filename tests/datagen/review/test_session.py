from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.reviewed_file import ReviewedFile
from spacy_convner.datagen.review.session import Filters, ReviewSession, labels_of
from spacy_convner.errors import ConfigError, DataError
from tests.conftest import write_jsonl

from .conftest import HOSTILE, PATTERNS, identity

Open = Callable[..., ReviewSession]


def undone(session: ReviewSession) -> int | None:
    """Position of the pattern whose decision was taken back."""
    found = session.undo()
    return None if found is None else found.position


def test_every_decision_is_on_disk(session: ReviewSession, patterns_path: Path) -> None:
    before = patterns_path.read_text(encoding="utf8").splitlines()
    session.decide(0, "accept")
    session.decide(1, "reject", reason="too generic")
    session.decide(4, "edit", "is <Movie> worth it")
    found = read_patterns(patterns_path)
    assert [p.status for p in found] == ["accepted", "rejected", "proposed", "proposed", "edited", "rejected"]
    assert found[1].reason == "too generic"
    assert found[4].original == "is <Movie> any good"
    assert {found[i].reviewer for i in (0, 1, 4)} == {"ana"}
    after = patterns_path.read_text(encoding="utf8").splitlines()
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True, True, False, True]


def test_undo_many_steps(session: ReviewSession, patterns_path: Path) -> None:
    before = patterns_path.read_bytes()
    session.decide(0, "accept")
    session.decide(0, "reject")
    session.decide(1, "edit", "put on <Artist>")
    assert undone(session) == 1
    assert undone(session) == 0
    assert session.patterns[0].status == "accepted"
    assert undone(session) == 0
    assert patterns_path.read_bytes() == before
    assert session.undo() is None
    assert session.made.total() == 0


def test_undo_after_a_new_start(open_session: Open, patterns_path: Path) -> None:
    session = open_session("ana")
    session.decide(1, "edit", "put on <Artist>")
    session.decide(0, "reject", reason="no")
    open_session("ben").decide(3, "accept")
    session = open_session("ana")
    found = session.undo()
    assert found is not None
    assert (found.position, found.was.status, found.was.reason, found.earlier) == (0, "rejected", "no", True)
    assert undone(session) == 1
    assert session.undo() is None  # not ben's, and not what the checks rejected
    assert [p.status for p in read_patterns(patterns_path)] == ["proposed"] * 3 + ["accepted", "proposed", "rejected"]
    assert session.patterns[1].text == PATTERNS[1]["text"]


def test_a_rejection_by_the_checks_comes_back(session: ReviewSession) -> None:
    session.decide(5, "edit", "play <Song>")
    found = session.undo()
    assert found is not None
    assert (found.was.status, found.was.text, found.earlier) == ("edited", "play <Song>", False)
    assert (session.patterns[5].reviewer, session.patterns[5].reason) == ("validate", "no placeholder")


@pytest.mark.parametrize(
    ("filters", "positions"),
    [
        (Filters(), [0, 1, 2, 3, 4]),
        (Filters("all"), [0, 1, 2, 3, 4, 5]),
        (Filters("invalid"), [5]),
        (Filters("accepted"), []),
        (Filters(label="Artist"), [0, 1]),
        (Filters(lang="es"), [3]),
        (Filters(cluster=0), [0, 1]),
        (Filters(cluster=-1), [2]),
        (Filters(cluster="none", view="all"), [4, 5]),
        (Filters(search="ADELE put"), [1]),
        (Filters(search="hello"), [0]),
        (Filters(search=identity("is <Movie> any good")), [4]),
        (Filters(label="Artist", cluster=0, search="play"), [0]),
    ],
)
def test_filters(session: ReviewSession, filters: Filters, positions: list[int]) -> None:
    assert session.select(filters) == positions


def test_unknown_view() -> None:
    with pytest.raises(ConfigError, match="todo, accepted"):
        Filters("new")


def test_steps(session: ReviewSession) -> None:
    queue = [0, 2, 4]
    assert session.step(queue, None) == 0
    assert session.step(queue, 1) == 2
    assert session.step(queue, 4) == 4
    assert session.step(queue, 4, wrap=True) == 0
    assert session.step(queue, 3, -1) == 2
    assert session.step(queue, 0, -1) == 0
    assert session.step([], 3) is None


def test_progress(open_session: Open) -> None:
    seconds = iter([0.0, 3.0, 6.0, 1000.0, 1004.0, 1005.0])
    session = open_session(labels={"Album": "A record."}, clock=lambda: next(seconds))
    assert session.progress().rate is None
    session.decide(0, "accept")
    session.decide(1, "edit", "put on <Artist>")
    session.decide(4, "reject")  # after a long pause, which is no work
    session.decide(3, "accept")
    progress = session.progress()
    assert progress.views == {"todo": 1, "accepted": 2, "edited": 1, "rejected": 1, "invalid": 1}
    assert progress.decided == 4
    assert progress.rate == pytest.approx(60 * 3 / 10)
    assert progress.minutes_left == pytest.approx(1 / 18)
    assert progress.labels == {"Album": (0, 0), "Artist": (2, 0), "Song": (2, 0), "Movie": (0, 0)}
    assert session.progress("es").labels["Song"] == (1, 0)
    session.undo()
    assert session.progress().views["todo"] == 2


def test_known_labels(open_session: Open) -> None:
    loose = open_session()
    assert set(loose.labels) == {"Artist", "Song", "Movie"}
    loose.decide(0, "edit", "watch <Movie>")
    strict = open_session(labels={"Song": "A song."}, strict=True)
    with pytest.raises(DataError, match="unknown label <Artist>"):
        strict.decide(1, "accept")


def test_edits_that_say_what_another_says(session: ReviewSession) -> None:
    with pytest.raises(DataError, match=identity("play <Song> by <Artist>")):
        session.decide(1, "edit", "Play <Song> by <Artist>!")
    session.decide(0, "reject")
    session.decide(1, "edit", "play <Song> by <Artist>")


def test_broken_brackets_can_be_rejected_but_not_accepted(session: ReviewSession) -> None:
    assert labels_of(session.patterns[2]) == frozenset()
    with pytest.raises(DataError, match="no placeholder"):
        session.decide(2, "accept")
    assert session.decide(2, "reject").text == HOSTILE


def test_somebody_else_changes_the_file(session: ReviewSession, patterns_path: Path) -> None:
    session.decide(0, "accept")
    theirs = patterns_path.read_text(encoding="utf8").replace('"cluster": 1', '"cluster": 9')
    patterns_path.write_text(theirs, encoding="utf8")
    with pytest.raises(DataError, match="changed by somebody else"):
        session.decide(1, "accept")
    assert session.patterns[1].status == "proposed"
    with pytest.raises(DataError, match="changed by somebody else"):
        session.undo()
    assert patterns_path.read_text(encoding="utf8") == theirs
    session.reload()
    assert session.patterns[3].cluster == 9
    session.decide(1, "accept")
    assert undone(session) == 1
    assert undone(session) == 0
    patterns_path.unlink()
    with pytest.raises(DataError, match="isn't there any more"):
        session.decide(1, "accept")


def test_one_review_at_a_time(session: ReviewSession, patterns_path: Path) -> None:
    with pytest.raises(DataError, match="is being reviewed already, by process"), ReviewedFile(patterns_path):
        pass
    session.file.close()
    with ReviewedFile(patterns_path):
        pass
    assert [path.name for path in patterns_path.parent.iterdir()] == [patterns_path.name]


def test_without_writing(session: ReviewSession, patterns_path: Path) -> None:
    before = patterns_path.read_bytes()
    with ReviewedFile(patterns_path, write=False) as file:  # beside a review of it
        tried = ReviewSession(file, "ben")
        tried.decide(0, "accept")
        tried.decide(1, "reject")
        assert undone(tried) == 1
        assert [p.status for p in tried.patterns[:2]] == ["accepted", "proposed"]
    assert patterns_path.read_bytes() == before
    session.decide(0, "accept")


def test_a_link_stays_a_link(patterns_path: Path) -> None:
    link = patterns_path.with_name("link.jsonl")
    link.symlink_to(patterns_path)
    with ReviewedFile(link) as file:
        with pytest.raises(DataError, match="already"), ReviewedFile(patterns_path):
            pass
        ReviewSession(file, "ana").decide(0, "accept")
    assert link.is_symlink()
    assert read_patterns(patterns_path)[0].status == "accepted"


def test_fields_that_patterns_do_not_have_are_kept(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "p.jsonl", [{"text": "play <Song>", "lang": "en", "meta": {"x": 1}, "id": "mine"}])
    with ReviewedFile(path) as file:
        ReviewSession(file, "ana").decide(0, "accept")
    record = json.loads(path.read_text(encoding="utf8"))
    assert record["meta"] == {"x": 1}
    assert record["id"] == identity("play <Song>")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("nonsense\n", "not valid JSON"),
        ('{"text": "a"}\n', "'lang'"),
        ('{"text": "<A>", "lang": "en"}\n\n{"text": "<A>", "lang": "en"}\n', "3: field 'text': the same pattern as in"),
    ],
)
def test_faulty_files(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=words), ReviewedFile(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_decisions_cannot_be_written_into(tmp_path: Path) -> None:
    packed = tmp_path / "p.jsonl.gz"
    packed.write_bytes(b"x")
    for path, words in [(tmp_path / "none.jsonl", "no such file"), (tmp_path, "folder"), (packed, "plain one")]:
        with pytest.raises(DataError, match=words), ReviewedFile(path):
            pass


ACTIONS = st.tuples(st.integers(0, 5), st.sampled_from(["accept", "reject", "edit", "undo"]), st.integers(0, 99))


@given(st.lists(ACTIONS, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_all_gives_the_file_back(patterns_path: Path, steps: list[tuple[int, str, int]]) -> None:
    write_jsonl(patterns_path, PATTERNS)
    before = patterns_path.read_bytes()
    with ReviewedFile(patterns_path) as file:
        session = ReviewSession(file, "ana")
        for position, action, number in steps:
            try:
                if action == "undo":
                    session.undo()
                else:
                    session.decide(position, action, f"text {number} <Song>")
            except DataError:
                pass
            assert read_patterns(patterns_path) == session.patterns
        while session.undo() is not None:
            pass
    assert patterns_path.read_bytes() == before
