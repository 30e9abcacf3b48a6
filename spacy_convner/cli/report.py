"""``convner report``: metrics files in, one HTML page out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from .app import Arg, Opt, app, command, say


@command(app, "report")
def report_cli(
    metrics_dir: Annotated[
        Path, Arg(metavar="METRICS_DIR", help="Folder with what evaluate, catalog stats and label wrote (*.json)")
    ],
    output: Annotated[Path, Opt("--output", "-o", help="HTML file to write")] = Path("report.html"),
) -> None:
    """Write one self-contained HTML page: scores, confusions, errors to browse, sizes and timings.

    Example: convner report metrics --output report.html
    """
    from ..atomic import write_text
    from ..evaluation.report import render_report

    page = render_report(metrics_dir)
    write_text(output, page)
    say(f"Wrote {output} ({len(page.encode('utf8')) / 1024:,.0f} kB)")
