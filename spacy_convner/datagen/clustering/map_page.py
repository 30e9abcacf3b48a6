"""A page that shows clusters as a map: one file that loads nothing and sends nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup


def render_map(data: dict[str, Any], title: str) -> str:
    """data (dict): Of ``make_map_data``. title (str): Name of what was clustered. RETURNS (str): HTML.

    Utterances are anybody's text: they come as JSON in which no tag can close or open, and the script shows them as
    text. Only this script may run, by its hash.
    """
    env = Environment(
        loader=PackageLoader("spacy_convner.datagen.clustering"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    script = env.get_template("clusters.js.jinja").render()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf8")).digest()).decode("ascii")
    return env.get_template("clusters.html.jinja").render(
        data=data, title=title, script=Markup(script), script_source=f"'sha256-{digest}'"
    )
