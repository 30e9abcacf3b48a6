"""``convner report``: metrics files in, one HTML page out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from .app import Arg, Opt, app, command, say


@command(app, "report")
def report_cli(
    metrics_dir: Annotated[
        Path, Arg(metavar="METRICS_DIR", help="Folder with what evaluate, benchmark, compare, label … wrote (*.json)")
    ],
    output: Annotated[Path, Opt("--output", "-o", help="HTML file to write")] = Path("report.html"),
) -> None:
    """Write one self-contained HTML page: scores by label and slice, two systems side by side, errors to browse.

    With calibration, partial matches, confusions, sizes and timings; benchmark results with their protocol and
    learning curve. Of the errors a page keeps a sample, the same every time; the metrics files have all.

    Example: convner report metrics --output report.html
    """
    from ..atomic import write_text
    from ..evaluation.report import render_report

    page = render_report(metrics_dir)
    write_text(output, page)
    say(f"Wrote {output} ({len(page.encode('utf8')) / 1024:,.0f} kB)")
