"""One self-contained HTML page out of a folder of metrics files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from . import views
from .benchmark_view import SCALE, benchmarks
from .calibration_view import diagrams
from .comparison_view import both_ways, compared_pairs, gap_axis
from .curve_view import curve_figures
from .drawing import draw
from .error_data import error_data
from .evaluate import POOLED
from .metrics_checks import is_number
from .metrics_files import Metrics, read_metrics
from .mistakes_view import kind_rows, partial_rows
from .side_by_side import label_groups, slice_groups, systems_in

NONE = "–"


def render_report(metrics_dir: Path) -> str:
    """Draw the report. It shows what is there: a missing file leaves its section out.

    metrics_dir (Path): Folder with the files of ``convner evaluate``, ``catalog stats``, ``label`` and the wheel.
    RETURNS (str): A whole HTML page that asks for nothing from anywhere: style, script and data are inside.
    RAISES: DataError for a missing folder, one without metrics, or a broken metrics file.
    """
    metrics = read_metrics(Path(metrics_dir))
    env = _environment()
    script = env.get_template("report.js.jinja").render()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf8")).digest()).decode("ascii")
    page = env.get_template("report.html.jinja").render(
        **_context(metrics),
        script=Markup(script),
        # Only this script may run, so even markup that slipped through the escaping would stay dead.
        script_source=f"'sha256-{digest}'",
    )
    # JSON can hold lone surrogates, UTF-8 can't.
    return page.encode("utf8", "replace").decode("utf8")


def _context(metrics: Metrics) -> dict[str, Any]:
    set_views = views.set_views(metrics)
    names = views.set_names(metrics)
    tones = views.tones(metrics)
    # The pooled set comes first here: it is what people look at.
    order = [name for name in names if name == POOLED] + [name for name in names if name != POOLED]
    heat_maps = [
        (system, name, heat)
        for name in order
        for system, data in metrics.systems.items()
        if (heat := views.heat_map(data["sets"].get(name, {})))
    ]
    pairs = compared_pairs(metrics)
    # The first two, if they can be compared.
    shown = next((pair for pair in pairs if pair.rows), pairs[0] if pairs else None)
    return {
        "metrics": metrics,
        "headline": views.headline(metrics),
        "sets": set_views,
        "main": views.main_view(set_views),
        "axis": views.score_axis(set_views),
        "with_macro": any(row.macro_f is not None for view in set_views for row in view.rows),
        "tones": tones,
        "benchmarks": benchmarks(metrics, tones),
        "scale": SCALE,
        "curves": curve_figures(metrics),
        "pairs": both_ways(pairs),
        "shown": shown,
        "paired": list(dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b))),
        "gap_axis": gap_axis,
        "label_tables": _by_set(order, label_groups, metrics),
        "slice_tables": _by_set(order, slice_groups, metrics),
        "partial_tables": _by_set(order, partial_rows, metrics),
        "kind_tables": _by_set(order, kind_rows, metrics),
        "calibrations": _by_set(order, diagrams, metrics),
        "heat_maps": heat_maps,
        "heat_systems": [(name, name) for name in dict.fromkeys(system for system, _, _ in heat_maps)],
        "heat_sets": [(name, views.title_of(name)) for name in dict.fromkeys(name for _, name, _ in heat_maps)],
        "errors": error_data(metrics),
        "title_of": views.title_of,
        "by_title": _by_title,
        "systems_in": systems_in,
        "doubled": _doubled,
        "draw": draw,
        "created": max((str(data.get("created") or "") for data in metrics.systems.values()), default=""),
    }


def _by_set(names: Sequence[str], view: Callable[[Metrics, str], Sequence[Any]], metrics: Metrics) -> list[Any]:
    """RETURNS (list[tuple]): (set, what the view shows of it), without sets of which it shows nothing."""
    return [(name, rows) for name in names if (rows := view(metrics, name))]


def _by_title(tables: Sequence[tuple[str, Any]]) -> list[tuple[str, str]]:
    """RETURNS (list[tuple]): (set, what people read), for a picker."""
    return [(name, views.title_of(name)) for name, _ in tables]


def _doubled(names: Sequence[str]) -> list[tuple[str, str]]:
    """RETURNS (list[tuple]): Names that are shown as they are, for a picker."""
    return [(name, name) for name in names]


def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("spacy_convner.evaluation"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        points=_points,
        gap=_gap,
        p_value=_p_value,
        count=_count,
        number=_number,
        megabytes=_megabytes,
        mapping=_mapping,
        label_counts=_label_counts,
        script_json=_script_json,
    )
    return env


def _points(score: object) -> str:
    """A score of 0..1 on the scale of 0 to 100."""
    return f"{100 * score:.1f}" if is_number(score) else NONE


def _gap(difference: float) -> str:
    """A difference of scores in points, with its sign; one that rounds to 0 has none."""
    shown = f"{100 * difference:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown.replace("-", "−")


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _script_json(data: object) -> Markup:
    """JSON for a script element: without < nothing in it can end the element or begin a comment."""
    return Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def _count(value: object) -> str:
    return f"{value:,.0f}" if is_number(value) else NONE


def _number(value: object, digits: int = 2) -> str:
    if not is_number(value):
        return NONE
    size = abs(value)
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else digits}f}"


def _megabytes(value: object) -> str:
    if not is_number(value):
        return NONE
    size = value / 1e6
    return f"{size:,.2f} MB" if size < 10 else f"{size:,.1f} MB"


def _mapping(value: object) -> Mapping[str, Any]:
    """What should be an object, or an empty one: the report leaves out what it can't read."""
    return value if isinstance(value, Mapping) else {}


def _label_counts(labels: object) -> dict[str, float]:
    """Names of each label of a catalog, whether given as a number or as {"names": number, ...}."""
    counts = {}
    for label, value in _mapping(labels).items():
        names = value.get("names") if isinstance(value, Mapping) else value
        if is_number(names):
            counts[label] = names
    return counts
