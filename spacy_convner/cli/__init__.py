"""``convner`` and ``spacy convner``: a file a room; each parses, calls a room, prints."""

from spacy.cli._util import app as _spacy_app

from .app import app
from . import evaluate, report  # noqa: F401  (register their commands)

_spacy_app.add_typer(app, name="convner")


def main() -> None:
    """Console script ``convner``."""
    app(prog_name="convner")
