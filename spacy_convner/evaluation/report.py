"""One self-contained HTML page out of a folder of metrics files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from . import views
from .drawing import draw
from .metrics_files import Metrics, is_number, read_metrics

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
    # The pooled set comes first here: it is what people look at.
    label_tables = [(name, rows) for name in reversed(names) if (rows := views.label_table(metrics, name))]
    heat_maps = [
        (system, name, heat)
        for name in reversed(names)
        for system, data in metrics.systems.items()
        if (heat := views.heat_map(data["sets"].get(name, {})))
    ]
    return {
        "metrics": metrics,
        "headline": views.headline(metrics),
        "sets": set_views,
        "axis": views.score_axis(set_views),
        "tones": views.tones(metrics),
        "label_tables": label_tables,
        "label_names": [(name, views.title_of(name)) for name, _ in label_tables],
        "heat_maps": heat_maps,
        "heat_systems": [(name, name) for name in dict.fromkeys(system for system, _, _ in heat_maps)],
        "heat_sets": [(name, views.title_of(name)) for name in dict.fromkeys(name for _, name, _ in heat_maps)],
        "errors": views.error_data(metrics),
        "title_of": views.title_of,
        "draw": draw,
        "created": max((str(data.get("created") or "") for data in metrics.systems.values()), default=""),
    }


def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("spacy_convner.evaluation"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        points=_points, count=_count, number=_number, megabytes=_megabytes, mapping=_mapping, label_counts=_label_counts
    )
    return env


def _points(score: object) -> str:
    """A score of 0..1 on the scale of 0 to 100."""
    return f"{100 * score:.1f}" if is_number(score) else NONE


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
