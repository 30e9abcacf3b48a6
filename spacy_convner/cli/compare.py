"""``convner compare``: whether one system is better than another, or only luckier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from .app import Arg, Opt, app, command, keep_inputs, say


@command(app, "compare")
def compare_cli(
    a: Annotated[Path, Arg(metavar="A.json", help="Metrics file of convner evaluate")],
    b: Annotated[Path, Arg(metavar="B.json", help="Another, of a system scored on the same utterances")],
    output: Annotated[Path | None, Opt("--output", "-o", help="Write the comparison to this JSON file")] = None,
    n_resamples: Annotated[int, Opt(min=100, help="Draws of each test")] = 10_000,
    seed: Annotated[int, Opt(min=0, help="Of the draws")] = 0,
) -> None:
    """Compare two systems on every set that both were scored on: strict F1, difference, its 95 % interval, p.

    The interval and one p are of the paired bootstrap over utterances, the other p of approximate randomization.

    Example: convner compare metrics/teacher.json metrics/student.json --output comparison.json
    """
    import json

    from ..atomic import write_text
    from ..evaluation.comparison import compare_systems, comparison_record, read_system
    from .score_tables import show_comparison

    keep_inputs([output], [a, b])
    systems = read_system(a), read_system(b)
    compared = compare_systems(*systems, n_resamples=n_resamples, seed=seed)
    if output is not None:
        write_text(output, json.dumps(comparison_record(*systems, compared), ensure_ascii=False, indent=1) + "\n")
    first, second = (f"{system.name} ({system.path})" for system in systems)
    show_comparison(first, second, compared)
    for name in dict.fromkeys([*systems[0].sets, *systems[1].sets]):
        if name not in compared:
            say(f"only one of them was scored on {name}: left out")
    if output is not None:
        say(f"Wrote {output}")
