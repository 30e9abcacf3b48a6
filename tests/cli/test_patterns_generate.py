"""``convner patterns generate`` and ``validate`` as people run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_convner.cli import app
from spacy_convner.cli.pattern_run import LLM
from spacy_convner.datagen.pattern_files import read_patterns, write_patterns
from spacy_convner.datagen.review.reviewed_file import ReviewedFile
from spacy_convner.datagen.ty import Pattern

from ..conftest import ROOT, write_jsonl
from ..llm.conftest import KEY, Drop, Server, error, message, server  # noqa: F401

runner = CliRunner()
ROWS = [
    ("play hello by adele please", 0, 1, 3),
    ("play stay by adele again", 0, None, 2),
    ("what time is it", 0, 2, 1),
    ("weather in boston on friday", 1, 1, 4),
    ("watch dune tonight", -1, None, 1),
]
GOOD = '{"patterns": ["could you play <Song> by <Artist> once more", "put <Movie> on for the kids"]}'


@pytest.fixture
def clustered(tmp_path: Path) -> Path:
    rows = [
        {"text": text, "lang": "en", "meta": {"count": n, "cluster": {"id": id, "strength": 1, "representative": rank}}}
        for text, id, rank, n in ROWS
    ]  # fmt: skip
    return write_jsonl(tmp_path / "clustered.jsonl", rows)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.yml"
    path.write_text("Song: a track\nArtist: a singer\nMovie: a film\nCity: a town\nBook: a title\n", encoding="utf8")
    return path


@pytest.fixture
def pipeline(make_teacher: Callable[..., Language], tmp_path: Path) -> Path:
    make_teacher().to_disk(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.fixture
def config(server: Server, tmp_path: Path, labels: Path) -> Path:  # noqa: F811
    server.reply = lambda query, body: message(GOOD)
    path = tmp_path / "patterns.cfg"
    path.write_text(
        f'[generator]\n@misc = "spacy_convner.LLMPatternGenerator.v1"\nlabels = {json.dumps(str(labels))}\n'
        "patterns_per_seed = 4\n\n"
        '[generator.client]\n@misc = "spacy_convner.AnthropicMessages.v1"\n'
        f'base_url = "{server.url}"\nmax_retries = 0\nmax_concurrency = 1\nmax_wait = 0.05\n',
        encoding="utf8",
    )
    return path


def run(*arguments: object) -> Any:
    return runner.invoke(app, ["patterns", *map(str, arguments)])


def test_the_teachers_patterns(clustered: Path, pipeline: Path, tmp_path: Path) -> None:
    out, metrics = tmp_path / "out.jsonl", tmp_path / "metrics.json"
    result = run("generate", clustered, out, "-p", pipeline, "--min-score", 0.3, "--metrics", metrics)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    found = {pattern.seeds[0]: pattern for pattern in read_patterns(out)}
    assert list(found) == ["play hello by adele please", "what time is it", "weather in boston on friday"]
    pattern = found["weather in boston on friday"]
    assert (pattern.text, pattern.status, pattern.cluster) == ("weather in <City> on friday", "proposed", 1)
    assert (pattern.frequency, pattern.generator, pattern.style) == (4, "teacher", "conversational")
    assert found["what time is it"].status == "rejected"
    counted = "from 3 seeds in 2 groups, 1 not representative, 1 in no cluster left out (--noise-seeds)"
    assert counted in result.stderr
    assert "no entity" in result.stderr
    stats = json.loads(metrics.read_text(encoding="utf8"))
    assert stats["seeds"] == 3
    assert stats["left_out"] == {"not representative": 1, "in no cluster": 1}
    assert sum(stats["patterns"].values()) == 3
    first = out.read_bytes()
    assert run("generate", clustered, out, "-p", pipeline, "--min-score", 0.3).exit_code == 0
    assert out.read_bytes() == first


def test_seeds_in_another_language_are_counted(clustered: Path, pipeline: Path, tmp_path: Path) -> None:
    meta = {"cluster": {"id": 0, "strength": 1, "representative": 1}}
    record = json.dumps({"text": "pon hello de adele", "lang": "es", "meta": meta})
    clustered.write_text(clustered.read_text(encoding="utf8") + record + "\n", encoding="utf8")
    result = run("generate", clustered, tmp_path / "out.jsonl", "-p", pipeline, "--target-lang", "en")
    assert result.exit_code == 0, result.output
    assert "from 3 seeds" in result.stderr
    assert "1 in another language" in result.stderr
    result = run("generate", clustered, tmp_path / "out.jsonl", "-p", pipeline, "--target-lang", "de")
    assert result.exit_code == 1
    assert "--generator llm" in result.stderr


def test_the_default_limits_are_said() -> None:
    assert "0.7; everyday words 0.9" in " ".join(run("generate", "--help").stdout.split())


def test_noise_and_style(clustered: Path, pipeline: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = run("generate", clustered, out, "-p", pipeline, "--noise-seeds", "--style", "command")
    assert result.exit_code == 0, result.output
    found = read_patterns(out)
    assert {pattern.style for pattern in found} == {"command"}
    assert found[-1].cluster == -1


def test_names_that_the_teacher_missed(clustered: Path, pipeline: Path, tmp_path: Path) -> None:
    # Another catalog knows more than the teacher's.
    more = write_jsonl(tmp_path / "more.jsonl", [{"text": "On Friday", "label": "Song", "popularity": 90}])
    base = write_jsonl(tmp_path / "base.jsonl", [{"text": "Boston", "label": "City", "popularity": 90}])
    out = tmp_path / "out.jsonl"
    arguments = ("generate", clustered, out, "-p", pipeline, "--min-score", 0.3, "--catalog", base, "--catalog", more)
    assert run(*arguments).exit_code == 0
    reasons = {pattern.text: pattern.reason for pattern in read_patterns(out)}
    assert reasons["weather in <City> on friday"] == "literal entity: 'on friday' (Song, popularity 90)"
    assert run(*arguments, "--popularity-floor", 91).exit_code == 0
    assert "weather in <City> on friday" in {p.text for p in read_patterns(out) if p.status == "proposed"}


def test_decisions_hold(clustered: Path, pipeline: Path, tmp_path: Path) -> None:
    decided, out = tmp_path / "decided.jsonl", tmp_path / "out.jsonl"
    write_patterns(
        decided,
        [
            Pattern(
                "how is the weather in <City>", "en", "edited", original="weather in <City> on friday", reviewer="ana"
            ),
            Pattern("a pattern of last year with <Song>", "en", "accepted", reviewer="ana"),
        ],
    )
    result = run("generate", clustered, out, "-p", pipeline, "--min-score", 0.3, "--keep", decided)
    assert result.exit_code == 0, result.output
    assert "2 decisions" in result.stderr
    found = read_patterns(out)
    edited = next(pattern for pattern in found if pattern.status == "edited")
    assert (edited.text, edited.reviewer, edited.cluster) == ("how is the weather in <City>", "ana", 1)
    assert found[-1].status == "accepted"
    with ReviewedFile(out) as file:  # ids differ
        file.load()


def test_a_language_model(server: Server, clustered: Path, config: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "out.jsonl"
    result = run("generate", clustered, out, "-g", config)
    assert result.exit_code == 0, result.output
    assert "Language model: 2 calls" in result.stderr
    found = read_patterns(out)
    assert [(p.cluster, p.status, p.reason.partition(":")[0]) for p in found] == [
        (0, "proposed", ""),
        (0, "proposed", ""),
        (1, "rejected", "duplicate"),
        (1, "rejected", "duplicate"),
    ]
    assert found[0].seeds == ("play hello by adele please", "what time is it")
    assert len({p.prompt_sha256 for p in found}) == 2
    assert "Names that were left as words aren't looked for" in result.stderr
    with ReviewedFile(out) as file:
        file.load()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path
    # Everything is in the store beside OUT.
    first = out.read_bytes()
    assert "Language model: 0 calls" in run("generate", clustered, out, "-g", config).stderr
    assert (len(server.requests), out.read_bytes()) == (2, first)


def test_every_kind_of_wrong_answer_at_once(server: Server, config: Path, tmp_path: Path) -> None:  # noqa: F811
    replies = {
        "prose": message(f"Here they are: {GOOD}"),
        "tags": message('["play <Tune> in the kitchen"]'),
        "language": message('["ponme <Song> de esa que tanto me gusta"]'),
        "twice": message('["put <Song> on in the kitchen", "put <Song> on in the kitchen"]'),
        "cut": message('["play <Song> in the', "max_tokens"),
        "refused": message(None, "refusal"),
        "down": error(529, "overloaded_error", "later"),
    }

    def reply(query: str, body: dict[str, Any]) -> Any:
        for name, answer in replies.items():
            if f"seed {name}" in query:
                return answer
        raise Drop

    server.reply = reply
    rows = [
        {"text": f"seed {name}", "lang": "en", "meta": {"cluster": {"id": i, "strength": 1, "representative": 1}}}
        for i, name in enumerate([*replies, "lost"])
    ]
    source, out = write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    result = run("generate", source, out, "-g", config)
    assert result.exit_code == 1
    assert "2 requests failed: " in result.stderr
    assert "Run the same command again" in result.stderr
    found = {}
    for pattern in read_patterns(out):
        found.setdefault(pattern.seeds[0].split()[1], []).append(pattern.reason.partition(":")[0])
    assert found == {
        "prose": ["not JSON"],
        "tags": ["unknown tag"],
        "language": ["language"],
        "twice": ["", "duplicate"],
        "cut": ["truncated"],
        "refused": ["refused"],
        "down": ["failed"],
        "lost": ["failed"],
    }
    with ReviewedFile(out) as file:
        file.load()


def test_a_limit(server: Server, clustered: Path, config: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "out.jsonl"
    result = run("generate", clustered, out, "-g", config, "--max-calls", 1)
    assert result.exit_code == 1
    assert "1 requests failed: max_calls or max_usd is reached. Run the same command again" in result.stderr
    assert [p.reason.partition(":")[0] for p in read_patterns(out)] == ["", "", "over_budget"]
    result = run("generate", clustered, out, "-g", config)
    assert result.exit_code == 0
    assert len(server.requests) == 2


def test_estimate(server: Server, clustered: Path, config: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "out.jsonl"
    result = run("generate", clustered, out, "-g", config, "--noise-seeds", "--dry-run", "--model", "claude-haiku-5-5")
    assert result.exit_code == 0, result.output
    assert "4 seeds: 3 calls, 0 answers already stored" in result.stdout
    assert "(prices of " in result.stdout
    assert server.requests == []
    assert not list(tmp_path.glob("out*"))


def test_english_seeds_make_spanish_patterns(server: Server, clustered: Path, config: Path, tmp_path: Path) -> None:  # noqa: F811
    server.reply = lambda query, body: message('["¿me pones <Song> de <Artist> mientras cocino?"]')
    out = tmp_path / "out.jsonl"
    result = run("generate", clustered, out, "-g", config, "--target-lang", "es")
    assert result.exit_code == 0, result.output
    first = read_patterns(out)[0]
    assert (first.lang, first.status) == ("es", "proposed")
    assert "Write patterns in Spanish (es)" in server.bodies[0]["system"][0]["text"]


def test_no_key(clustered: Path, labels: Path, tmp_path: Path) -> None:
    result = run("generate", clustered, tmp_path / "out.jsonl", "-g", "llm", "--labels", labels)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "✘ No key for Claude: set the environment variable ANTHROPIC_API_KEY. A generator that needs none: "
        "--generator teacher"
    )
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], 'the teacher generator needs a pipeline: pipeline = "training/teacher"'),
        (["-p", "{pipeline}", "--target-lang", "es"], "seeds in 'en' make no patterns in 'es'"),
        (["-p", "{pipeline}", "--target-lang", "qq"], "unknown language 'qq'"),
        (["-p", "{pipeline}", "--style", "chatty"], "--style: expected conversational or command, got 'chatty'"),
        (["-p", "{pipeline}", "--max-calls", "3"], "--max-calls: this generator asks no language model"),
        (["-p", "{pipeline}", "--dry-run"], "--dry-run: this generator asks no language model"),
        (["-p", "{pipeline}", "--labels", "no.yml"], "no.yml: no such file"),
        (["-p", "{pipeline}", "--guidance", "no.yml"], "no.yml: no such file"),
        (["-p", "{pipeline}", "--catalog", "no.jsonl"], "no.jsonl"),
        (["-p", "{pipeline}", "--keep", "no.jsonl"], "no.jsonl: no such file"),
        (["-p", "{pipeline}", "--metrics", "{clustered}"], "is an input"),
        (["-p", "nowhere"], "nowhere: no such pipeline"),
        (["-g", "magic"], "--generator: expected teacher, llm or a .cfg file, got 'magic'"),
        (["-g", "no.cfg"], "no.cfg: no such file"),
        (["-g", "{student}"], "expected a section [generator]"),
        (["-g", "{wrong}"], "makes a LinearFilter, not a pattern generator"),
        (["-g", "{unknown}"], "Could not find function 'spacy_convner.Nothing.v1'"),
        (["-g", "llm"], "which tags are known? Give --labels"),
        (["-g", "llm", "--labels", "{labels}", "--min-score", "0.5"], "--min-score: a language model gives no scores"),
        (["-g", "llm", "--labels", "{labels}", "--model", "x", "--max-usd", "1"], "the price of 'x' isn't known"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    clustered: Path, pipeline: Path, labels: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    wrong, unknown = tmp_path / "wrong.cfg", tmp_path / "unknown.cfg"
    wrong.write_text('[generator]\n@misc = "spacy_convner.LinearFilter.v1"\n', encoding="utf8")
    unknown.write_text('[generator]\n@misc = "spacy_convner.Nothing.v1"\n', encoding="utf8")
    names = {"pipeline": pipeline, "clustered": clustered, "labels": labels, "wrong": wrong, "unknown": unknown}
    out = tmp_path / "out.jsonl"
    given = [option.format(student=ROOT / "configs" / "student_cpu.cfg", **names) for option in options]
    result = run("generate", clustered, out, *given)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()
    assert clustered.read_text(encoding="utf8").count("\n") == len(ROWS)


@pytest.mark.parametrize("content", ["", "{}\n", "nothing\n", '{"text": "a"}\n', '{"text": "a", "lang": 3}\n'])
def test_wrong_input(tmp_path: Path, pipeline: Path, content: str) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(content, encoding="utf8")
    for path in (source, tmp_path / "no.jsonl"):
        result = run("generate", path, out, "-p", pipeline)
        assert result.exit_code == 1
        assert f"{path.name}:" in result.stderr
        assert not out.exists()


def test_the_config_file_is_what_llm_stands_for() -> None:
    block = load_config(ROOT / "configs" / "patterns_claude.cfg")["generator"]
    assert block["@misc"] == LLM["@misc"]
    assert {key: block["client"][key] for key in LLM["client"]} == LLM["client"]
    assert (ROOT / block["labels"]).is_file()


def test_validate(tmp_path: Path, labels: Path) -> None:
    catalog = write_jsonl(tmp_path / "catalog.jsonl", [{"text": "Bad Bunny", "label": "Artist", "popularity": 97}])
    source, out = tmp_path / "patterns.jsonl", tmp_path / "checked.jsonl"
    patterns = [
        Pattern("could you play <Song> again", "en", "accepted", reviewer="ana"),
        Pattern("play <Tune> again", "en"),
        Pattern("play bad bunny with <Artist>", "en"),
        Pattern("nothing here", "en", "rejected", reason="too generic", reviewer="ana"),
    ]
    write_patterns(source, patterns)
    arguments = ("validate", source, "--labels", labels, "--catalog", catalog)
    result = run(*arguments, "--output", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "     2  proposed  unknown tag: <Tune>  |  play <Tune> again",
        "     3  proposed  literal entity: 'bad bunny' (Artist, popularity 97)  |  play bad bunny with <Artist>",
    ]
    assert "3 patterns checked, 2 violate something" in result.stderr
    assert [pattern.status for pattern in read_patterns(out)] == ["accepted", "rejected", "rejected", "rejected"]
    assert read_patterns(source) == patterns
    result = run(*arguments, "--strict")
    assert result.exit_code == 1
    assert "2 proposed patterns violate something" in result.stderr
    again = run("validate", out, "--labels", labels, "--catalog", catalog, "--strict")
    assert again.exit_code == 0, again.output
    assert again.stdout.splitlines()[0] == "     2  rejected  unknown tag: <Tune>  |  play <Tune> again"
    assert "3 patterns checked, 0 violate something, 2 rejected before, still" in again.stderr
    write_patterns(source, [*patterns, Pattern("play <Song", "en", "edited", original="x", reviewer="ana")])
    result = run(*arguments, "--json")
    assert result.exit_code == 1
    assert "1 accepted or edited patterns violate something" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["reason"] == "brackets: '<' without '>'"
    # Labels are the catalog's where no file is given, and nothing is known without either.
    assert "unknown tag: <Song>" in run("validate", source, "--catalog", catalog).stdout
    result = run("validate", source)
    assert result.exit_code == 1
    assert "which tags are known? Give --labels" in result.stderr
    assert run("validate", source, "--labels", labels, "--output", source).exit_code == 1


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, labels: Path) -> None:
    source = tmp_path / "patterns.jsonl"
    write_patterns(source, [Pattern("play \x1b[2J<\x07> now", "en")])
    result = run("validate", source, "--labels", labels)
    assert "brackets: '<\ufffd>' is no placeholder" in result.stdout
    assert not {"\x1b", "\x07"} & set(result.stdout)


def test_languages_in_one_file(pipeline: Path, tmp_path: Path) -> None:
    rows = [{"text": "pon hello otra vez", "lang": "es"}, {"text": "weather in boston on friday", "lang": "en"}]
    source, out = write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    assert run("generate", source, out, "-p", pipeline).exit_code == 0
    assert [(p.lang, p.cluster) for p in read_patterns(out)] == [("es", None), ("en", None)]


def test_validate_with_a_pipelines_catalog(tmp_path: Path, pipeline: Path) -> None:
    source = tmp_path / "patterns.jsonl"
    write_patterns(source, [Pattern("play <Song> by adele", "en", "accepted")])
    result = run("validate", source, "-p", pipeline)
    assert result.exit_code == 1
    assert "literal entity: 'adele' (Artist, popularity 95)" in result.stdout


@pytest.mark.parametrize("content", ["", "nothing\n", '{"text": "a", "lang": "en", "status": "new"}\n'])
def test_validate_wrong_files(tmp_path: Path, labels: Path, content: str) -> None:
    source = tmp_path / "patterns.jsonl"
    source.write_text(content, encoding="utf8")
    for path in (source, tmp_path / "no.jsonl"):
        result = run("validate", path, "--labels", labels)
        assert result.exit_code == 1
        assert path.name in result.stderr
