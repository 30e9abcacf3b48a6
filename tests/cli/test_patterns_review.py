from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.datagen.pattern_files import pattern_id, read_patterns
from tests.conftest import write_jsonl

runner = CliRunner()
PATTERNS = [
    {"text": "play <Song> by <Artist>", "lang": "en", "seeds": ["play hello by adele"]},
    {"text": "put on <Artist>", "lang": "en"},
    {"text": "is <Movie> any good", "lang": "en"},
    {"text": "pon <Song>", "lang": "es"},
]
CONVNER = [sys.executable, "-c", "from spacy_convner.cli import main; main()", "patterns"]


def run(*arguments: object, commands: str = "") -> Result:
    return runner.invoke(app, ["patterns", *map(str, arguments)], input=commands)


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.stderr, result.stderr


def statuses(path: Path) -> list[str]:
    return [pattern.status for pattern in read_patterns(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "patterns.jsonl", PATTERNS)


@pytest.fixture
def labels_path(tmp_path: Path) -> Path:
    file = tmp_path / "labels.yml"
    file.write_text("Song: A song.\nArtist: A singer.\nMovie: A film.\nCity: A city.\nBook: A book.\n", encoding="utf8")
    return file


def test_a_scripted_review(path: Path) -> None:
    result = run("review", path, "--terminal", "--reviewer", "ana", commands="a\nr 3\ne is <Movie> worth it\nu\nq\n")
    assert result.exit_code == 0, result.output
    assert statuses(path) == ["accepted", "rejected", "proposed", "proposed"]
    assert read_patterns(path)[1].reason == "too generic"
    assert "  put on <Artist>" in result.stdout.splitlines()
    assert "2 decisions by ana (1 accepted, 0 edited, 1 rejected)" in result.stderr
    assert "conversational           2         1         0         1         0" in result.stderr
    result = run("review", path, "--terminal", "--reviewer", "ana", commands="u\na\n")  # the end of input ends it
    assert result.exit_code == 0, result.output
    assert statuses(path) == ["accepted", "accepted", "proposed", "proposed"]


def test_examples_and_filters(path: Path, catalog_path: Path) -> None:
    result = run(
        "review", path, "--terminal", "-c", catalog_path, "--label", "Movie", "--reason", "odd", commands="r 1\n"
    )
    assert "e.g. is Dune any good" in result.stdout
    assert read_patterns(path)[2].reason == "odd"
    assert "put on" not in result.stdout
    assert "Nothing matches" in run("review", path, "--terminal", "--lang", "fr").stdout
    assert "pon <Song>" in run("review", path, "--terminal", "--search", "pon").stdout


def test_a_refused_command_ends_a_script(path: Path, labels_path: Path) -> None:
    script = "a\ne play <City> and <Sogn>\na\n"
    result = run("review", path, "--terminal", "--labels", labels_path, commands=script)
    fails(
        result,
        "<standard input>:2: command 'e play <City> and <Sogn>'",
        "unknown label <Sogn>",
        "<Song>?",
        "--check",
        "--keep-going",
    )
    assert statuses(path) == ["accepted", "proposed", "proposed", "proposed"]
    assert "1 decision by" in result.stderr


def test_a_script_that_names_patterns(path: Path) -> None:
    song, artist, movie, _ = [pattern_id(pattern) for pattern in read_patterns(path)]
    result = run("review", path, "--terminal", "--quiet", commands=f"r {artist[:8]}\na {movie}\nl 1\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"rejected {artist}: put on <Artist>",
        f"accepted {movie}: is <Movie> any good",
        f"{song}\tplay <Song> by <Artist>\tplay hello by adele",
    ]
    assert f"{artist}: rejected without a reason" in result.stderr
    assert statuses(path) == ["proposed", "rejected", "accepted", "proposed"]


BAD = "a\nx\n\na 00000000\ne is <Movie> 2024\ne play\nr odd\n"


def test_skipping_refused_commands(path: Path) -> None:
    result = run("review", path, "--terminal", "--keep-going", commands=BAD)
    fails(
        result,
        "<standard input>:2: command 'x': no command",
        "<standard input>:4: command 'a 00000000': no pattern with the id",
        "<standard input>:6: command 'e play': no placeholder",
        "3 of 6 commands were refused and skipped",
        "3 decisions by",
    )
    assert "--keep-going" not in result.stderr
    assert statuses(path) == ["accepted", "edited", "rejected", "proposed"]


def test_checking_a_script(path: Path) -> None:
    before = path.read_bytes()
    result = run("review", path, "--terminal", "--check", commands=BAD)
    fails(result, "3 of 6 commands would be refused; nothing was changed")
    assert [line.split()[1][7:8] for line in result.stdout.splitlines()] == ["2", "4", "6"]
    result = run("review", path, "--terminal", "--check", commands="a\nr\nu\n")
    assert result.exit_code == 0, result.output
    assert (result.stdout, result.stderr) == ("", "3 commands, none would be refused; nothing was changed\n")
    assert path.read_bytes() == before


def test_a_script_that_is_no_text(path: Path) -> None:
    result = runner.invoke(app, ["patterns", "review", str(path), "--terminal"], input=b"a\nr \xff\n")
    fails(result, "<standard input>:2", "not UTF-8")
    assert statuses(path)[:2] == ["accepted", "proposed"]


def test_faults(path: Path, tmp_path: Path, catalog_path: Path) -> None:
    fails(run("review", tmp_path / "none.jsonl"), "no such file")
    (tmp_path / "empty.jsonl").touch()
    fails(run("review", tmp_path / "empty.jsonl"), "empty")
    bad = write_jsonl(tmp_path / "bad.jsonl", [PATTERNS[0], {"text": "x", "lang": "en", "status": "good"}])
    fails(run("review", bad, "--terminal"), f"{bad}:2: field 'status'")
    for option in ("--quiet", "--check", "--keep-going"):
        fails(run("review", path, option), "go with --terminal")
    fails(run("review", path, "--view", "new"), "unknown view 'new'")
    fails(run("review", path, "-c", tmp_path / "none"), "no such file")
    fails(run("review", path, "--labels", tmp_path / "none.yml"), "no such file")
    fails(run("review", path, *["--reason", "x"] * 10, "--no-open"), "nine")
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def wait_for(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("took too long")


@pytest.mark.slow
def test_the_page_is_served_until_ctrl_c(path: Path) -> None:
    command = [*CONVNER, "review", str(path), "--no-open", "--reviewer", "ana"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", address), address
            with urllib.request.urlopen(address) as page:
                assert "patterns.jsonl" in page.read().decode("utf8")
            fails(run("review", path, "--terminal"), f"is being reviewed already, by process {server.pid}")
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=60)
        finally:
            server.kill()
    assert server.returncode == 0, said
    assert "0 decisions by ana" in said
    assert "Traceback" not in said
    assert statuses(path) == ["proposed"] * 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_single_keys(path: Path) -> None:
    import pty

    main, other = pty.openpty()
    command = [*CONVNER, "review", str(path), "--terminal", "--reviewer", "ana"]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        os.set_blocking(main, False)
        said = b""

        def sees(text: bytes, count: int = 1) -> bool:
            nonlocal said
            with contextlib.suppress(BlockingIOError):
                said += os.read(main, 65536)
            return said.count(text) >= count

        def press(keys: bytes, then: bytes, count: int = 1) -> None:
            os.write(main, keys)
            wait_for(lambda: sees(then, count))

        try:
            wait_for(lambda: sees(b"[?]"))
            press(b"\x1b[C", b"accepted")  # the arrow to the right
            press(b"e", b"put on <Artist>", 2)  # the line to edit comes filled
            press(b" 2024\r", b"edited")
            press(b"x", b"no command 'x'")
            press(b"3", b"rejected")
            press(b"u", b"undone")
            press(b"ss\x1b[A", b"is <Movie> any good", 4)  # however fast they come
            os.write(main, b"q")
            wait_for(lambda: process.poll() is not None)
        finally:
            process.kill()
    os.close(main)
    assert process.returncode == 0
    found = read_patterns(path)
    assert [p.status for p in found] == ["accepted", "edited", "proposed", "proposed"]
    assert found[1].text == "put on <Artist> 2024"


def test_agreement_conflicts_and_merge(path: Path, tmp_path: Path) -> None:
    ana, ben = tmp_path / "ana.jsonl", tmp_path / "ben.jsonl"
    shutil.copy(path, ana)
    shutil.copy(path, ben)
    fails(run("agreement", ana, ben), "none is decided in both files")
    run("review", ana, "--terminal", "--reviewer", "ana", commands="a\na\nr\nr\n")
    run("review", ben, "--terminal", "--reviewer", "ben", commands="a\nr too generic\nr\nr\n")
    figures, conflicts = tmp_path / "agreement.json", tmp_path / "conflicts.jsonl"
    result = run("agreement", ana, ben, "--output", figures, "--conflicts", conflicts)
    assert result.exit_code == 0, result.output
    assert "decided by both            4" in result.stdout
    assert "Cohen's kappa          0.500" in result.stdout
    assert "ben          rejected: too generic" in result.stdout
    found = json.loads(figures.read_text(encoding="utf8"))
    assert (found["kappa"], found["observed"], found["counts"]["both"]) == (0.5, 0.75, 4)
    assert found["per_label"]["Song"] == {"n": 2, "observed": 1.0, "kappa": 1.0}
    assert found["per_label"]["Movie"]["kappa"] is None
    assert [row["kind"] for row in found["conflicts"]] == ["keep"]
    run("review", conflicts, "--terminal", "--reviewer", "eva", commands="e do put on <Artist>\n")
    merged = tmp_path / "merged.jsonl"
    result = run("merge", ana, "--decisions", ben, "--decisions", conflicts, "--output", merged)
    assert result.exit_code == 0, result.output
    assert "4 patterns, 4 decisions carried over (1 replaced another one)" in result.stderr
    assert statuses(merged) == ["accepted", "edited", "rejected", "rejected"]
    fails(run("merge", ana, "--decisions", ben, "--output", ana), "is an input")
    fails(run("agreement", ana, ben, "--output", ben), "is an input")


def test_merge_into_new_proposals(path: Path, tmp_path: Path) -> None:
    run("review", path, "--terminal", commands="a\nr\n")
    new = write_jsonl(tmp_path / "new.jsonl", [PATTERNS[3], PATTERNS[1], {"text": "sing <Song>", "lang": "en"}])
    merged = tmp_path / "merged.jsonl"
    result = run("merge", new, "--decisions", path, "-o", merged)
    assert "4 patterns, 1 decision carried over, 1 decided that are no longer proposed kept" in result.stderr
    assert statuses(merged) == ["proposed", "rejected", "proposed", "accepted"]
    assert "1 dropped" in run("merge", new, "--decisions", path, "-o", merged, "--drop").stderr
    twice = write_jsonl(tmp_path / "twice.jsonl", [PATTERNS[0], PATTERNS[0]])
    fails(run("merge", twice, "--decisions", path, "-o", merged), f"{twice}:2", "the same pattern as in line 1")


def test_merge_of_several_files_of_proposals(path: Path, tmp_path: Path) -> None:
    run("review", path, "--terminal", "--reviewer", "ana", commands="a\na\nr odd\n")
    refused = {"status": "rejected", "reason": "duplicate: x"}
    new = write_jsonl(
        tmp_path / "new.jsonl",
        [{**PATTERNS[0], **refused, "reviewer": "validate"}, {**PATTERNS[1], **refused, "reviewer": "generate"}],
    )
    commands = write_jsonl(
        tmp_path / "commands.jsonl",
        [
            {**PATTERNS[1], "style": "command"},
            {**PATTERNS[2], "style": "command"},
            {"text": "stop <Song>", "lang": "en"},
        ],
    )
    merged = tmp_path / "merged.jsonl"
    result = run("merge", new, commands, "--decisions", path, "--output", merged)
    assert result.exit_code == 0, result.output
    assert "4 patterns, 3 decisions carried over, 0 decided" in result.stderr
    assert "1 in more than one file of proposals" in result.stderr
    found = read_patterns(merged)
    assert [p.status for p in found] == ["accepted", "accepted", "rejected", "proposed"]
    assert [p.style for p in found] == ["conversational", "conversational", "command", "conversational"]
    assert {p.reviewer for p in found[:3]} == {"ana"}
    assert [p.reason for p in found[:3]] == ["", "", "odd"]
    fails(run("merge", new, commands, "--decisions", path, "-o", commands), "is an input")
    fails(run("merge", new, tmp_path / "none.jsonl", "--decisions", path, "-o", merged), "no such file")


@pytest.mark.parametrize("tool", ["prodigy", "argilla", "label-studio"])
def test_export_and_import(path: Path, tmp_path: Path, tool: str) -> None:
    run("review", path, "--terminal", "--reviewer", "ana", commands="a\nr odd\n")
    tasks = tmp_path / "tasks.jsonl"
    result = run("export", path, tasks, "--to", tool)
    assert result.exit_code == 0, result.output
    assert "4 tasks. To set the tool up:" in result.stderr
    assert len(tasks.read_text(encoding="utf8").splitlines()) == 4
    result = run("import", tasks, "--from", tool, "--into", path)
    assert result.exit_code == 0, result.output
    words = "as suggestions, and only its users' responses count" if tool == "argilla" else "the same as before"
    assert words in result.stderr
    assert run("export", path, tasks, "--to", tool, "--view", "todo").exit_code == 0
    assert len(tasks.read_text(encoding="utf8").splitlines()) == 2


def test_faults_of_export_and_import(path: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.jsonl"
    fails(run("export", path, tasks, "--to", "doccano"), "unknown format 'doccano'")
    fails(run("export", path, path, "--to", "prodigy"), "is an input")
    fails(run("export", path, tasks, "--to", "prodigy", "--view", "edited"), "no pattern to export")
    assert not tasks.exists()
    fails(run("import", tasks, "--from", "prodigy", "--into", path), f"{tasks}: no such file")
    write_jsonl(tasks, [{"meta": {"id": "0" * 12}, "answer": "accept"}])
    fails(run("import", tasks, "--from", "prodigy", "--into", path), "none of the 1 ids")
    fails(run("import", tasks, "--from", "argilla", "--into", path), f"{tasks}:1: field 'id': missing")
    assert statuses(path) == ["proposed"] * 4
