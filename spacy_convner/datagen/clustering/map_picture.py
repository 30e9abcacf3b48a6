"""A picture of clusters as PNG."""

from __future__ import annotations

import colorsys
import io
from typing import Any

from ...errors import MissingExtraError
from .map_data import SCALE

LABELLED = 24  # clusters of a map that get their words, where there is room
PAGE, INK, SOFT, NOISE_COLOR = "#fbfaf8", "#1d2126", "#626b75", "#c9c7c1"
GOLDEN = 0.381966  # a step round the colour circle that never comes near an earlier one soon


def draw_map(data: dict[str, Any], title: str) -> bytes:
    """Draw the maps side by side, labels where they don't cover one another.

    data (dict): Of ``make_map_data``. title (str): Name of what was clustered.
    RETURNS (bytes): PNG. RAISES: MissingExtraError.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        raise MissingExtraError("convner cluster --plot", err.name or "matplotlib", "datagen") from err
    import matplotlib

    maps = [one for one in data["maps"] if one["x"]]
    # Texts are anybody's: "$" must not start a formula.
    with matplotlib.rc_context({"text.parse_math": False, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(9 * max(len(maps), 1), 8.4), dpi=130, facecolor=PAGE)
        FigureCanvasAgg(figure)
        for i, one in enumerate(maps):
            axes = figure.add_axes((i / len(maps) + 0.01, 0.02, 1 / len(maps) - 0.02, 0.89))
            _draw_one(axes, one, data["clusters"])
            if len(maps) > 1:
                axes.set_title(one["lang"] or "no language", color=SOFT, fontsize=12)
        noise = f"{data['noise']:,} in none ({data['noise'] / max(data['utterances'], 1):.0%}, grey)"
        head = f"{_plain(title)}: {data['utterances']:,} utterances, {len(data['clusters'])} clusters, {noise}"
        if data["drawn"] < data["texts"]:
            head += f"; {data['drawn']:,} drawn"
        figure.text(0.02, 0.965, head, color=INK, fontsize=13, va="center")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", facecolor=PAGE, metadata={"Software": None})
    return buffer.getvalue()


def cluster_color(cluster: int) -> tuple[float, float, float]:
    """RETURNS (tuple[float, float, float]): Red, green, blue, 0..1; neighbours in number differ most."""
    return colorsys.hls_to_rgb((0.58 + cluster * GOLDEN) % 1, (0.42, 0.54, 0.34)[cluster % 3], 0.62)


def _draw_one(axes: Any, one: dict[str, Any], clusters: list[dict[str, Any]]) -> None:
    import numpy as np

    x, y, label = (np.array(one[name]) for name in ("x", "y", "cluster"))
    size = float(np.clip(9000 / len(x), 3, 26))
    axes.set_facecolor(PAGE)
    axes.axis("off")
    margin = SCALE * 0.04
    axes.set_xlim(-margin, SCALE + margin)
    axes.set_ylim(-margin, max(int(y.max()), 1) + margin)
    axes.set_aspect("equal")
    none = label < 0
    axes.scatter(x[none], y[none], s=size * 0.6, c=NOISE_COLOR, linewidths=0)
    colors = np.array([cluster_color(cluster) for cluster in label[~none].tolist()]).reshape(-1, 3)
    axes.scatter(x[~none], y[~none], s=size, c=colors, linewidths=0, alpha=0.85)
    figure = axes.figure
    figure.canvas.draw()
    placed: list[Any] = []
    renderer = figure.canvas.get_renderer()
    for cluster in sorted(set(label[~none].tolist()))[:LABELLED]:
        members = label == cluster
        words = _plain("  ".join(clusters[cluster]["words"][:3])) or str(cluster)
        text = axes.text(
            float(np.median(x[members])),
            float(np.median(y[members])),
            words,
            color=INK,
            fontsize=9.5 if cluster else 10.5,
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.22", "facecolor": PAGE, "edgecolor": cluster_color(cluster), "alpha": 0.86},
        )
        box = text.get_window_extent(renderer).expanded(1.1, 1.5)
        if any(box.overlaps(other) for other in placed):
            text.remove()
        else:
            placed.append(box)


def _plain(text: str) -> str:
    """What the font has: other letters would be drawn as boxes, with a warning for each."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family=["DejaVu Sans"]))).get_charmap()
    return "".join(letter if ord(letter) in known else "·" for letter in " ".join(text.split()))[:80]
