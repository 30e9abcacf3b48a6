"""``convner patterns populate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from ..errors import ConfigError
from .app import Arg, Opt, check_choice, command, keep_inputs, patterns_app, say, show_progress

T = TypeVar("T")
CATALOG = "JSONL, CSV, TSV or Parquet: a file, a folder or a quoted glob; may be repeated"
TEMPERATURE = "Names are drawn with popularity ** (1 / temperature); inf draws all alike"
_SHOWN = 5  # patterns that gave nothing
NOISE_KINDS = "Comma-separated: lower, unpunctuated, unaccented, spoken [default: all]"


@command(patterns_app, "populate")
def populate_cli(
    source: Path = Arg(..., metavar="PATTERNS", help="Pattern file; those accepted or edited are used"),
    outputs: list[Path] = Arg(..., metavar="OUT...", help=".jsonl, .spacy, or a folder of DocBin shards"),
    catalog: list[str] = Opt(..., "--catalog", "-c", help=CATALOG),
    size: int = Opt(4000, "--size", min=1, help="Utterances to make"),
    seed: int = Opt(0, "--seed", help="Another seed gives other utterances"),
    temperature: float = Opt(1.0, "--temperature", help=TEMPERATURE),
    rare_share: float = Opt(0.2, "--rare-share", help="Quota of draws for names below their label's median popularity"),
    foreign_share: float = Opt(0.0, "--foreign-share", help="Weight of names of another language, 0 to 1"),
    alias_share: float = Opt(0.0, "--alias-share", help="Share of draws in which an alias stands for its name"),
    weighting: str = Opt("even", "--weighting", help="Patterns: even, or frequency (as often as in the traffic)"),
    noise: float = Opt(0.0, "--noise", help="Share of utterances written in another way, 0 to 1"),
    noise_kinds: str | None = Opt(None, "--noise-kinds", help=NOISE_KINDS),
    lang: str | None = Opt(None, "--lang", help="Only patterns of this language; needed if the file has several"),
    style: str | None = Opt(None, "--style", help="Only patterns of this style: conversational or command"),
    labels: Path | None = Opt(None, "--labels", help="Label file (YAML): any other label is an error"),
    exclude: list[Path] = Opt([], "--exclude", help="Utterances that must not come out: .jsonl or .spacy"),
    exclude_entities: list[Path] = Opt([], "--exclude-entities", help="Names never drawn: .txt, .jsonl or .spacy"),
    tokenizer: str = Opt("xx", "--tokenizer", help="Language of the tokenizer; must be the pipelines'"),
) -> None:
    """Fill patterns with catalog names: annotated utterances with exact offsets, pattern and catalog ids.

    The same patterns, catalog, size and seed give the same utterances everywhere. No two are the same, and no name
    stands twice in one, unless the pattern says so (<Artist:1>).

    Example: convner patterns populate assets/patterns/en.jsonl corpus/conversational.en.spacy -c assets/catalogs

    Example: convner patterns populate patterns.jsonl out.jsonl out.spacy -c assets/catalogs --noise 0.3 --size 10000
    """
    from ..datagen.pattern_files import number_patterns
    from ..datagen.population.filling import make_frames
    from ..datagen.population.popularity_sampler import make_popularity_sampler
    from ..datagen.population.population import PopulationReport, Weighting, populate
    from ..datagen.population.writing import check_output, write_utterances
    from ..pipelines import blank_pipeline
    from ..records import normalize_text, read_utterances

    keep_inputs(outputs, [source, *(Path(path) for path in catalog), *exclude, *exclude_entities])
    check_choice("--weighting", weighting, get_args(Weighting))
    check_style(style)
    for output in outputs:
        check_output(output)
    sampler = make_popularity_sampler(temperature, rare_share, foreign_share, alias_share)
    surface_noise = make_noise(noise, noise_kinds)
    nlp = blank_pipeline(tokenizer, "--tokenizer")
    patterns = list(number_patterns(source))
    lang = lang or only_language(source, (pattern for _, pattern in patterns))
    sampler.fit(read_entries(catalog, labels, exclude_entities), lang)
    frames = make_frames(patterns, sampler.labels, path=source, lang=lang, style=style)  # type: ignore[arg-type]
    skip = {normalize_text(exemplar.text) for path in exclude for exemplar in read_any(path, read_utterances)}
    report = PopulationReport()
    how: Any = {"weighting": weighting, "noise": surface_noise, "skip": skip, "report": report}
    stream = populate(frames, sampler, size=size, nlp=nlp, seed=seed, **how)
    count = write_utterances(outputs, progress(stream, size), nlp)
    n_used, n_all = len(report.used), len(frames)
    used = f"{n_all:,}" if n_used == n_all else f"{n_used:,} of {n_all:,}"
    say(f"{', '.join(map(str, outputs))}: {count:,} utterances of {used} patterns ({lang})")
    empty = [frame for frame in frames if frame.id in report.unused]
    for frame in empty[:_SHOWN]:
        say(f"{source}:{frame.line}: gave nothing: {report.unused[frame.id]}")
    if len(empty) > _SHOWN:
        say(f"… and {len(empty) - _SHOWN:,} more patterns gave nothing")
    if untried := n_all - n_used - len(empty):
        say(f"{untried:,} patterns weren't tried: the others gave enough")
    if count < size:
        gave = f"; {len(empty):,} patterns gave nothing" if empty else ""
        say(f"{size:,} were asked for: there are no more different ones with these patterns and names{gave}")
    elif report.exhausted:
        say(f"{len(report.exhausted):,} patterns gave fewer than the others: no more different utterances")


def read_entries(catalogs: Sequence[str], labels: Path | None, exclude: Sequence[Path] = ()) -> Iterator[Any]:
    """YIELDS (CatalogEntry): Of all catalogs, without excluded names. RAISES: DataError for an unknown label."""
    from ..catalog.index.storage import is_index
    from ..catalog.sources.records import read_catalogs, without_names
    from ..errors import DataError
    from ..leaks import read_names
    from ..records import read_labels

    for catalog in catalogs:
        if is_index(Path(catalog)):
            raise ConfigError(f"--catalog: {catalog} is an index; give the files that it was built from")
    known = read_labels(labels) if labels is not None else None
    for entry in without_names(read_catalogs(catalogs), read_names(list(exclude))):
        if known is not None and entry.label not in known:
            hint = "known labels: " + ", ".join(known)
            raise DataError(f"unknown label {entry.label!r} of {entry.text!r:.60}", field="label", hint=hint)
        yield entry


def read_any(path: Path, read_jsonl: Any) -> Iterable[Any]:
    """RETURNS (Iterable[Exemplar]): Of DocBins, else what ``read_jsonl`` reads from the file."""
    from ..docbin import read_docbin_exemplars

    return read_docbin_exemplars(path) if path.suffix == ".spacy" or path.is_dir() else read_jsonl(path)


def make_noise(share: float, kinds: str | None) -> Any:
    """RETURNS (SurfaceNoise | None): None for a share of 0. RAISES: ConfigError."""
    from ..datagen.population.surface_noise import SurfaceNoise

    noise = SurfaceNoise(share, [kind.strip() for kind in (kinds or "").split(",") if kind.strip()])
    return noise if share else None


def only_language(path: Path, patterns: Iterable[Any]) -> str:
    """RETURNS (str): The one language of patterns. RAISES: ConfigError if there are several."""
    langs: list[str] = sorted({pattern.lang for pattern in patterns})
    if len(langs) > 1:
        raise ConfigError(f"{path} has patterns in {', '.join(langs)}; choose one with --lang")
    return langs[0]


def check_style(style: str | None) -> None:
    """RAISES: ConfigError for an unknown style."""
    from ..datagen.ty import STYLES

    check_choice("--style", style, STYLES)


def progress(stream: Iterable[T], total: int | None) -> Iterable[T]:
    """RETURNS (Iterable): The stream, with a progress bar on a terminal."""
    from tqdm import tqdm

    return tqdm(stream, total=total, unit=" utterances", unit_scale=True) if show_progress() else stream
