"""``convner detect`` and ``convner detector explain``, ``score`` and ``calibrate``."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import ConfigError
from .app import Arg, Opt, app, check_choice, command, fail, group, keep_inputs, say, show_progress

if TYPE_CHECKING:
    from ..datagen.detection.heuristic_detector import HeuristicDetector
    from ..datagen.ty import Detection

detector_app = group(
    "detector",
    "Explain, score and calibrate what detect goes by.",
    'convner detector explain "well i was wondering if you could play that one again" --lang en',
)

_RESOURCES = "Folder of language folders (word lists, weights.json), to add languages or replace built-in ones"
_THRESHOLD = "Score from which on an utterance is conversational [default: the language's own]"
_PRECISION = "Precision that the threshold must give, by cross-validation [default: the threshold of the best F1]"
_LABELLED = 'JSONL with "text", "lang", "conversational": true or false, and "split": train or test'


@command(app, "detect")
def detect_cli(
    source: Path = Arg(..., metavar="IN", help="Utterances: JSONL with a 'text' and maybe a 'lang' field"),
    output: Path = Arg(..., metavar="OUT", help="JSONL of the conversational ones"),
    rest: Path | None = Opt(None, "--rest", help="JSONL of all others"),
    lang: str | None = Opt(None, "--lang", help="Language of utterances that don't say theirs"),
    threshold: float | None = Opt(None, "--threshold", min=0, max=1, help=_THRESHOLD),
    resources: Path | None = Opt(None, "--resources", help=_RESOURCES),
    skip_unknown: bool = Opt(
        False, "--skip-unknown", help="Utterances in a language without word lists go to --rest, instead of an error"
    ),
    explain: bool = Opt(
        False, "--explain", help="Write what was found and what it added: meta.conversational.features"
    ),
) -> None:
    """Pick the conversational utterances out of traffic, by linguistic features; no model, no key.

    Memory doesn't grow with the file. English and Spanish are built in; a folder adds a language: see convner detector
    calibrate --help.

    Example: convner detect assets/traffic/en.jsonl corpus/conversational.en.jsonl --rest corpus/commands.en.jsonl
    """
    import time

    from tqdm import tqdm

    from ..datagen.detection.detect_file import detect_file

    keep_inputs([output, rest], [source])
    detector = _detector(resources, threshold)
    if lang is not None and not skip_unknown:
        detector.language(lang)  # a typing error is said before the first line is read
    skipped: Counter[str] = Counter()
    started = time.perf_counter()
    with tqdm(unit=" utterances", disable=not show_progress(), desc=source.name) as bar:
        counts = detect_file(
            detector,
            source,
            output,
            rest=rest,
            lang=lang,
            explain=explain,
            skipped=skipped if skip_unknown else None,
            on_utterance=lambda: bar.update(),
        )
    if skipped:
        by_lang = ", ".join(f"{code} {count:,}" for code, count in sorted(skipped.items()))
        where = f"in {rest}" if rest is not None else "left out (--rest keeps them)"
        say(f"{skipped.total():,} utterances in languages without word lists are {where}: {by_lang}")
    total, found = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    speed = total / max(time.perf_counter() - started, 1e-9)
    each = ", ".join(f"{code} {part:,} of {whole:,}" for code, (whole, part) in counts.items())
    share = f"{found / max(total, 1):.1%}: {each or 'no known language'}"
    say(f"{output}: {found:,} of {total:,} utterances are conversational ({share}) at {speed:,.0f}/s")
    if not found:
        say("None is conversational, so the output is empty; see why with: convner detector explain")


@command(detector_app, "explain")
def explain_cli(
    texts: list[str] = Arg(..., metavar="TEXT...", help="Utterances, each in quotes"),
    lang: str = Opt(..., "--lang", help="Their language"),
    threshold: float | None = Opt(None, "--threshold", min=0, max=1, help=_THRESHOLD),
    resources: Path | None = Opt(None, "--resources", help=_RESOURCES),
    as_json: bool = Opt(False, "--json", help="Print JSON, one object an utterance"),
) -> None:
    """Print why an utterance is conversational or not: each feature, what it added, the words that gave it.

    Example: convner detector explain "well i was wondering if you could play that one again" --lang en
    """
    detector = _detector(resources, threshold)
    limit = detector.language(lang)[1].threshold if threshold is None else threshold
    for text in texts:
        found = detector(text, lang)
        if as_json:
            record = {"text": text, "lang": lang, "score": round(found.score, 4), "is": found.conversational}
            typer.echo(json.dumps({**record, "features": found.features}, ensure_ascii=False))
        else:
            _print_explanation(text, found, limit)


@command(detector_app, "score")
def score_cli(
    labelled: list[Path] = Arg(..., metavar="LABELLED...", help=_LABELLED),
    threshold: float | None = Opt(None, "--threshold", min=0, max=1, help=_THRESHOLD),
    resources: Path | None = Opt(None, "--resources", help=_RESOURCES),
    split: str | None = Opt(None, "--split", help="train or test only"),
    wrong: bool = Opt(False, "--wrong", help="Print each utterance that was judged wrongly"),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
) -> None:
    """Print precision, recall and F1 of "conversational" on labelled utterances, by language and split.

    Example: convner detector score assets/detection/en.jsonl assets/detection/es.jsonl --split test
    """
    from ..datagen.detection.labelled import SPLITS, read_labelled, score

    check_choice("--split", split, SPLITS)
    detector = _detector(resources, threshold)
    items = [item for path in labelled for item in read_labelled(path) if split in (None, item.split)]
    if not items:
        raise ConfigError(f"no utterance of the split {split!r} in {', '.join(map(str, labelled))}")
    said = [detector(item.text, item.lang) for item in items]
    rows: list[dict[str, Any]] = []
    for key in sorted({(item.lang, item.split) for item in items}):
        chosen = [i for i, item in enumerate(items) if (item.lang, item.split) == key]
        scores = score([items[i].conversational for i in chosen], [said[i].conversational for i in chosen])
        rows.append({"lang": key[0], "split": key[1], **scores.rounded()})
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        typer.echo(f"{'lang':<6}{'split':<7}{'n':>6}{'precision':>11}{'recall':>8}{'F1':>8}")
        for row in rows:
            numbers = f"{row['n']:>6}{row['precision']:>11.3f}{row['recall']:>8.3f}{row['f1']:>8.3f}"
            typer.echo(f"{row['lang']:<6}{row['split']:<7}{numbers}")
    for item, found in zip(items, said, strict=True) if wrong else ():
        if item.conversational != found.conversational:
            kind = "missed" if item.conversational else "false alarm"
            typer.echo(f"{kind:<12}{found.score:.2f}  {item.text}")


@command(detector_app, "calibrate")
def calibrate_cli(
    labelled: Path = Arg(..., metavar="LABELLED", help=_LABELLED),
    lang: str = Opt(..., "--lang", help="Which language to calibrate"),
    output: Path | None = Opt(None, "--output", "-o", help="weights.json to write [default: in --resources/LANG]"),
    resources: Path | None = Opt(None, "--resources", help=_RESOURCES),
    precision: float | None = Opt(None, "--precision", min=0, max=1, help=_PRECISION),
    dry_run: bool = Opt(False, "--dry-run", help="Print the cross-validated scores only; leave the test split unseen"),
) -> None:
    """Fit weights and threshold of a language on the train split of a labelled file, and score the test split.

    To add a language, make a folder named by its code in --resources DIR with the same word lists as the built-in ones
    (an error names what is missing), label some hundred utterances, and run this. In a list, entries stand apart by
    commas or lines and match whole words without case and accents; * stands for letters or for any one word, ^ before
    an entry wants it where a clause begins, ~ where none begins, $ after it where one ends; !word excepts a word.

    Example: convner detector calibrate assets/detection/en.jsonl --lang en --dry-run

    Example: convner detector calibrate eu.jsonl --lang eu --resources my_languages
    """
    from ..atomic import write_text
    from ..datagen.detection.calibration import calibrate, calibrate_language
    from ..datagen.detection.labelled import Scores, read_labelled
    from ..datagen.detection.lexicon import read_lexicon
    from ..datagen.detection.weights_file import WEIGHTS, weights_to_json

    if dry_run:
        items = [i for i in read_labelled(labelled) if i.lang == lang and i.split == "train"]
        fitted = calibrate(items, read_lexicon(lang, resources), precision=precision)
        _say_scores("train, cross-validated", fitted.cross_validated)
        typer.echo(weights_to_json(fitted.weights), nl=False)
        return
    if output is None and (resources is None or not (resources / lang).is_dir()):
        raise ConfigError(f"give --output, or --resources with a folder {lang!r} in it")
    target = output or Path(resources or "") / lang / WEIGHTS
    keep_inputs([target], [labelled])
    options = {"--lang": lang, "--output": output, "--resources": resources, "--precision": precision}
    said = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
    invoked = " ".join(["convner detector calibrate", shlex.quote(labelled.as_posix()), *said])
    weights = calibrate_language(labelled, lang, resources, precision=precision, command=invoked)
    write_text(target, weights_to_json(weights))
    _say_scores("train, cross-validated", Scores(**weights.provenance["train_cross_validated"]))
    if weights.provenance["test"] is not None:
        _say_scores("test", Scores(**weights.provenance["test"]))
    say(f"{target}: threshold {weights.threshold}")


def _detector(resources: Path | None, threshold: float | None) -> HeuristicDetector:
    from ..datagen.detection.heuristic_detector import HeuristicDetector

    if resources is not None and not resources.is_dir():
        fail(f"{resources}: no such folder; --resources wants one with a folder for each language in it")
    return HeuristicDetector(resources, threshold)


def _print_explanation(text: str, found: Detection, threshold: float) -> None:
    verdict = "conversational" if found.conversational else "not conversational"
    typer.echo(f"{text}\n  {verdict}: score {found.score:.2f}, threshold {threshold:.2f}")
    ordered = sorted(found.features.items(), key=lambda item: -abs(item[1]["added"]))
    for name, feature in ((name, feature) for name, feature in ordered if feature["added"]):
        typer.echo(f"  {feature['added']:>+6.2f}  {name:<18}{', '.join(feature['words'])}".rstrip())


def _say_scores(name: str, scores: Any) -> None:
    values = f"precision {scores.precision:.3f}, recall {scores.recall:.3f}, F1 {scores.f1:.3f}"
    say(f"{name}: {values} of {scores.n:,} utterances")
