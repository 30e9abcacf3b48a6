"""An ablation as a picture: strict F1 of each setting with its interval, a panel for each test set."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from .ablation import set_names

_ROW, _LEFT, _WIDTH, _TOP, _GAP = 22, 150, 420, 34, 26
_COLORS = {"ICL": "#b07aa1", "SF": "#4e79a7", "SF+DER": "#59a14f"}


def plot_svg(result: Mapping[str, Any]) -> str:
    """result (Mapping): What ``run_ablation`` gave. RETURNS (str): An SVG file."""
    rows = result["rows"]
    names = set_names(result)
    panel = _TOP + _ROW * len(rows) + _GAP
    width, height = _LEFT + _WIDTH + 70, panel * len(names)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, name in enumerate(names):
        parts += _panel(result, name, number * panel)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(result: Mapping[str, Any], name: str, top: float) -> list[str]:
    parts = [f'<text x="{_LEFT}" y="{top + 20}" font-weight="bold">{escape(name)}: strict F1</text>']
    bottom = top + _TOP + _ROW * len(result["rows"])
    for tick in range(0, 101, 20):
        x = _LEFT + _WIDTH * tick / 100
        parts.append(f'<line x1="{x}" x2="{x}" y1="{top + _TOP - 6}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle" fill="#666">{tick}</text>')
    for number, row in enumerate(result["rows"]):
        strict = row["sets"][name]["strict"]
        y = top + _TOP + _ROW * number
        color = _COLORS.get(row["method"].removesuffix("+PS"), "#888")
        opacity = 1 if row["method"].endswith("+PS") else 0.55
        label = f"{row['method']}, k = {row['k']}"
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>')
        bar = f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH * strict["f"]:.1f}" height="{_ROW - 7}"'
        parts.append(f'{bar} fill="{color}" fill-opacity="{opacity}"/>')
        if strict.get("ci95"):
            low, high = (_LEFT + _WIDTH * value for value in strict["ci95"])
            middle = y + (_ROW - 7) / 2
            parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#222"/>')
        parts.append(f'<text x="{_LEFT + _WIDTH + 8}" y="{y + 12}">{100 * strict["f"]:.1f}</text>')
    base = result["baseline"]["sets"].get(name)
    if base:
        x = _LEFT + _WIDTH * base["f"]
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + _TOP - 6}" y2="{bottom}" stroke="#d62728" '
            f'stroke-dasharray="4 3"><title>{escape(result["baseline"]["name"])}</title></line>'
        )
    return parts
